"""A picture's reference side is prepared once for all images of a quartet."""

from dataclasses import replace

import pytest
import torch
from tournaments import play, small_plan

from madcore import Metric
from madcore.plan import Picture
from madcore.tournament.preparations import remember_preparations

COUNTED = """
from pathlib import Path


class Counted:
    def __call__(self, image, mad_image):
        return (mad_image - image).square().mean((1, 2, 3))

    def prepare(self, image):
        with open("{log}", "a") as log:
            log.write(f"{{image.dtype}} {{len(image)}}\\n")
        return lambda mad_image: self(image, mad_image)
"""


@pytest.fixture
def log(tmp_path):
    (tmp_path / "mine.py").write_text(COUNTED.format(log=tmp_path / "log"))
    return tmp_path / "log"


@pytest.mark.parametrize("batch", [1, 2])
def test_a_reference_image_is_prepared_once_for_each_dtype(tmp_path, log, batch):
    plan = small_plan((f"{tmp_path / 'mine.py'}:Counted", "mae"), (), max_iter=3)
    plan = replace(plan, pictures=[Picture("camera", size="32"), Picture("moon", size="32")])
    assert play(plan, tmp_path / "store", batch=batch).finished == 2
    prepared = [line for line in log.read_text().splitlines() if line.endswith(f" {batch}")]
    assert sorted(prepared) == sorted([f"torch.float32 {batch}", f"torch.float64 {batch}"] * (2 // batch))


def test_what_was_prepared_for_other_images_is_not_used():
    metric = remember_preparations(Metric(Scaled()), 2)
    first, second = torch.rand(2, 2, 1, 4, 4).unbind()
    for image in (first, second, first.double(), second[:1], first):
        torch.testing.assert_close(metric.prepare(image)(image + 0.5), torch.full((len(image),), 0.5).to(image))


class Scaled:
    def __call__(self, image, mad_image):
        return (mad_image - image).flatten(1).mean(1)

    def prepare(self, image):
        return lambda mad_image: self(image, mad_image)

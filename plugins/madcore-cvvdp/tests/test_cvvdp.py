"""ColorVideoVDP with its own weights, which come in its wheel."""

import importlib.metadata
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import madcore
from madcore.testing import MetricContract, check_arguments

torch.set_num_threads(1)


class TestContract(MetricContract):
    name = "cvvdp.cvvdp"


def test_the_order_of_pictures_is_judged():
    verdict = check_arguments("cvvdp.cvvdp,pixels_per_degree=40")
    assert (verdict.outcome, "as the oracle" in verdict.measured) == ("passed", True)


@pytest.fixture(scope="module")
def metric():
    return madcore.create_metric("cvvdp.cvvdp")


@pytest.fixture(scope="module")
def pair():
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(2, 3, 32, 40, generator=generator)
    return image, (image + 0.1 * torch.randn(image.shape, generator=generator)).clamp(0, 1)


def test_it_is_not_symmetric(metric):
    picture = madcore.read_image("dead_leaves_color", size=(32, 32))
    dim = 0.7 * picture
    assert metric(picture, dim).item() != pytest.approx(metric(dim, picture).item(), rel=1e-3)


def test_other_range_of_pixels(metric, pair):
    torch.testing.assert_close(metric.for_range(0, 255)(255 * pair[0], 255 * pair[1]), metric(*pair))
    with pytest.raises(madcore.InputError, match=r"needs pixels from 0 to 1; got .* metric.for_range\(LOW, HIGH\)$"):
        metric(2 * pair[0] - 1, 2 * pair[1] - 1)


def test_the_range_is_checked_once(metric, pair, monkeypatch):
    checked = []
    monkeypatch.setattr("madcore_cvvdp.visibility.require_range", lambda *given: checked.append(given))
    comparison = metric.prepare(pair[0])
    for _ in range(2):
        comparison.value_and_gradient(pair[1])
    assert len(checked) == 1


def test_one_value_for_one_picture(metric, pair):
    assert metric(pair[0][:1], pair[1][:1]).shape == (1,)


def test_sizes_take_turns(metric, pair):
    whole = metric(*pair)
    part = metric(*(each[..., :24] for each in pair))
    assert torch.equal(metric(*pair), whole)
    assert torch.equal(metric(*(each[..., :24] for each in pair)), part)


def test_grey_is_colour_without_colour(metric, pair):
    grey = [each.mean(1, keepdim=True) for each in pair]
    torch.testing.assert_close(metric(*grey), metric(*(each.repeat(1, 3, 1, 1) for each in grey)), rtol=1e-6, atol=0)


@pytest.mark.parametrize("values", [(0.5, 0.501), (0.0, 1.0)])
def test_dead_zone_that_the_caveats_tell(metric, values):
    one, other = (torch.full((1, 3, 16, 16), value) for value in values)
    value, gradient = metric.prepare(one).value_and_gradient(other)
    assert value.item() == 0
    assert gradient.isfinite().all()


def test_the_display_matters(pair):
    values = [
        madcore.create_metric(f"cvvdp.cvvdp{options}")(*pair)[0].item()
        for options in ("", ",display=standard_phone", ",pixels_per_degree=20")
    ]
    assert len(set(values)) == 3


@pytest.mark.parametrize("display", ["standard_hdr_pq", "television"])
def test_a_display_that_does_not_show_srgb_is_refused(display):
    with pytest.raises(madcore.InputError, match=f"one that shows sRGB: standard_4k, .*; got '{display}'"):
        madcore.create_metric(f"cvvdp.cvvdp,display={display}")


def test_pixels_per_degree_must_be_positive():
    with pytest.raises(madcore.InputError, match="must be above 0; got 0"):
        madcore.create_metric("cvvdp.cvvdp,pixels_per_degree=0")


def test_float64_is_refused(metric, pair):
    with pytest.raises(madcore.InputError, match="float32 only"):
        metric(*(each.double() for each in pair))


@pytest.fixture
def warnings_of_its_own(metric, pair):
    """What makes ColorVideoVDP warn twice: pictures that are dark and outside the range."""
    return lambda: metric(0 * pair[0] - 1e-7, 0 * pair[1])


def test_the_root_logger_is_not_set_up(warnings_of_its_own, monkeypatch):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    warnings_of_its_own()
    assert logging.getLogger().handlers == []


def test_the_root_logger_passes_on_what_others_say(warnings_of_its_own, caplog):
    warnings_of_its_own()
    assert not caplog.records
    logging.warning("of someone else")
    assert [record.message for record in caplog.records] == ["of someone else"]


@pytest.mark.parametrize("minmax", ["min", "max"])
@pytest.mark.parametrize("names", [("cvvdp.cvvdp", "mse"), ("mse", "cvvdp.cvvdp")])
def test_mad_against_mse(names, minmax):
    picture = madcore.read_image("dead_leaves_color", size=(32, 32))
    result = madcore.synthesize(picture, *names, minmax, level="noise:0.2", max_iter=20, tolerance=1e-5)
    assert result.mad_image.isfinite().all()
    assert result.precision == torch.float32
    assert result.held_error.item() <= 1e-5
    assert (result.optimized_value - result.initial_value).item() * (1 if minmax == "max" else -1) > 0


def test_declaring_imports_no_torch():
    program = "import sys, madcore_cvvdp as it; it.madcore_metrics(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_changelog_has_the_version():
    version = importlib.metadata.version("madcore-cvvdp")
    assert f"## {version}\n" in Path(__file__).parents[1].joinpath("CHANGELOG.md").read_text()


def test_nothing_is_written_where_there_is_a_compiler_of_cuda_and_no_device(tmp_path):
    environment = {**os.environ, "CUDA_HOME": str(tmp_path), "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-c", "import madcore_cvvdp.visibility"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stderr) == (0, "")

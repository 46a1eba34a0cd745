"""Foreign code that raises: it is named, in one line, and types that do not go together are told apart."""

import functools

import pytest
import torch
from torch import nn

import madcore
from madcore.cli import run
from madcore.penalties import Penalty

SINGLE, DOUBLE, HALF = torch.float32, torch.float64, torch.float16


class Network(nn.Module):
    """A distance with numbers of one type."""

    def __init__(self, dtype):
        super().__init__()
        self.layer = nn.Conv2d(1, 2, 3, dtype=dtype).requires_grad_(False)

    def forward(self, image, mad_image):
        return (self.layer(image) - self.layer(mad_image)).square().flatten(1).mean(1)


class Holder:
    """No module, but it has one."""

    def __init__(self, dtype):
        self.network = Network(dtype)

    def __call__(self, image, mad_image):
        return self.network(image, mad_image)

    def method(self, image, mad_image):
        return self.network(image, mad_image)


def closure(dtype):
    network = Network(dtype)
    return lambda image, mad_image: network(image, mad_image)


def kernel(dtype):
    weight = torch.ones(1, 1, 3, 3, dtype=dtype)

    def filtered(image, mad_image):
        return nn.functional.conv2d(image - mad_image, weight).square().flatten(1).mean(1)

    return filtered


MAKERS = {
    "module": Network,
    "holder": Holder,
    "method": lambda dtype: Holder(dtype).method,
    "partial": lambda dtype: functools.partial(Network(dtype)),
    "closure": closure,
    "kernel": kernel,
    "representation": lambda dtype: madcore.Metric.from_model(Network(dtype).layer),
}
PAIRS = [(SINGLE, DOUBLE), (DOUBLE, SINGLE)]


def picture(dtype):
    return torch.rand(1, 1, 12, 12, generator=torch.Generator().manual_seed(3)).to(dtype)


def word(dtype):
    return str(dtype).removeprefix("torch.")


def refusal(action):
    with pytest.raises(madcore.ContractError) as caught:
        action()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def assert_told(said, what, own, given):
    own, given = word(own), word(given)
    assert said.startswith(what)
    assert f" computes in {own} and was given {given} images: " in said
    assert f"image.to(torch.{own}) or --dtype {own}, or the {what.split()[0]}, .to(torch.{given}) (" in said


@pytest.mark.parametrize(("own", "given"), PAIRS)
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_metric_of_another_type_than_the_images_is_told_apart(make, own, given):
    metric, image = make(own), picture(given)
    for optimized, held in ((metric, "mse"), ("mse", metric)):
        said = refusal(lambda pair=(optimized, held): madcore.synthesize(image, *pair, "max", max_iter=2))
        assert_told(said, "metric ", own, given)
    assert_told(refusal(lambda: madcore.create_metric(metric)(image, image)), "metric ", own, given)


@pytest.mark.parametrize(("own", "given"), PAIRS)
def test_a_competition_tells_the_types_apart_too(own, given):
    network, image = Network(own), picture(given)

    def distance(image, mad_image):
        return network(image, mad_image).mean()

    for metrics in ((distance, "mse"), ("mse", distance)):
        said = refusal(lambda metrics=metrics: madcore.MADCompetition(image, *metrics, "max", 1.0))
        assert_told(said, "metric distance ", own, given)


@pytest.mark.parametrize(("own", "given"), PAIRS)
def test_a_penalty_of_another_type_than_the_images_is_told_apart(own, given):
    network, image = Network(own), picture(given)

    def roughness(mad_image):
        return network(mad_image, mad_image).mean()

    said = refusal(lambda: madcore.synthesize(image, "mse", "mae", "max", penalty=roughness, max_iter=2))
    assert_told(said, "penalty roughness ", own, given)
    said = refusal(lambda: madcore.MADCompetition(image, "mse", "mae", "max", 1.0, roughness))
    assert_told(said, "penalty roughness ", own, given)


def test_a_type_that_images_cannot_have_is_not_proposed_for_them():
    said = refusal(lambda: madcore.synthesize(picture(SINGLE), Network(HALF), "mse", "max", max_iter=2))
    assert "computes in float16 and was given float32 images: convert the metric, .to(torch.float32) (" in said


def test_nothing_is_refused_where_torch_computes_with_both():
    weight = torch.ones(12)

    def weighted(image, mad_image):
        return (weight * (image - mad_image)).square().mean((1, 2, 3))

    assert madcore.synthesize(picture(DOUBLE), weighted, "mae", "max", max_iter=2).mad_image.dtype == DOUBLE


def test_other_errors_of_a_module_keep_their_words():
    class Sized(Network):
        def forward(self, image, mad_image):
            raise ValueError("too small")

    image = picture(DOUBLE)
    said = refusal(lambda: madcore.synthesize(image, Sized(SINGLE), "mse", "max", max_iter=2))
    assert said == "metric Sized raised ValueError: too small"
    said = refusal(lambda: madcore.synthesize(image[..., :2, :2], Network(DOUBLE), "mse", "max", max_iter=2))
    assert said.startswith("metric Network raised RuntimeError: ")


@pytest.mark.parametrize(
    ("penalty", "words"),
    [
        (lambda mad_image: mad_image.no_such_thing, "penalty <lambda> raised AttributeError: "),
        (lambda mad_image: 0.0, "penalty <lambda> must return a tensor; it returned float"),
    ],
)
def test_a_penalty_that_fails_is_named(penalty, words):
    assert refusal(lambda: Penalty(penalty)(picture(SINGLE))).startswith(words)


def test_the_launcher_says_so_in_one_line(tmp_path, capsys):
    (tmp_path / "mine.py").write_text(
        "import torch\n\n\n"
        "class Network(torch.nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.layer = torch.nn.Conv2d(1, 2, 3).requires_grad_(False)\n\n"
        "    def forward(self, image, mad_image):\n"
        "        return (self.layer(image) - self.layer(mad_image)).square().flatten(1).mean(1)\n\n\n"
        "def penalty(mad_image):\n"
        "    raise ValueError('no such thing')\n"
    )
    mine, out = str(tmp_path / "mine.py"), str(tmp_path / "out")
    common = ["dead_leaves", "--size", "16", "--max-iter", "2", "--minmax", "max", "-o", out]
    assert run(["synth", f"{mine}:Network", "mse", *common, "--dtype", "float64"]) == 3
    assert run(["synth", "mse", "mae", *common, "--penalty", f"{mine}:penalty"]) == 3
    first, second = capsys.readouterr().err.splitlines()
    assert_told(first.removeprefix("madcore: error: "), f"metric {mine}:Network ", SINGLE, DOUBLE)
    assert second == f"madcore: error: penalty {mine}:penalty raised ValueError: no such thing"


def test_another_error_is_not_taken_for_one_of_types():
    network = Network(SINGLE)

    def cast(image, mad_image):
        return network(image.float(), mad_image.float()) + torch.ones(3) @ torch.ones(4)

    with pytest.raises(madcore.ContractError, match=r"^metric cast raised RuntimeError: "):
        madcore.Metric(cast, "cast")(*torch.rand(2, 1, 1, 8, 8, dtype=DOUBLE))


def test_a_variable_without_a_value_is_the_metrics_own_error():
    def outer():
        def distance(image, mad_image):
            return late * (image - mad_image).square().flatten(1).mean(1)

        if distance is None:
            late = 1
        return distance

    with pytest.raises(madcore.ContractError, match=r"^metric late raised NameError: "):
        madcore.Metric(outer(), "late")(*torch.rand(2, 1, 1, 8, 8))


def test_memory_that_does_not_suffice_is_nobodys_fault():
    said = "DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes"

    def hungry(image, mad_image):
        raise RuntimeError(said)

    with pytest.raises(RuntimeError, match=r"^DefaultCPUAllocator"):
        madcore.Metric(hungry, "hungry")(*torch.rand(2, 1, 1, 8, 8))

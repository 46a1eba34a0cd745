"""The contract catches metrics that are wrong in each of the ways in which metrics are wrong."""

import random

import pytest
import torch
from torch import nn

from madcore import Metric, MetricSpec, hookimpl
from madcore.loading import Candidate
from madcore.registry import Registry
from madcore.testing import Outcome, as_subject, check_device, check_smallest, examine_metric, examine_penalty
from madcore.testing.contracts import METRIC_CLAUSES, MetricContract
from madcore.testing.subject import differentiate


def error(image, mad_image):
    return (mad_image - image).square().flatten(1).mean(1)


def contrast_error(image, mad_image):
    """Asymmetric: relative to the contrast of the reference image."""
    return error(image, mad_image) / image.flatten(1).var(1).clamp_min(1e-3)


class SwappedInCall:
    def __call__(self, image, mad_image):
        return contrast_error(mad_image, image)

    def prepare(self, image):
        return lambda mad_image: contrast_error(image, mad_image)


def distorted_first(distorted, reference):
    return contrast_error(reference, distorted)


class GivesAwayItsWorkSpace:
    def __call__(self, image, mad_image):
        return error(image, mad_image)

    def prepare(self, image):
        return PreparedInWorkSpace(image)


class PreparedInWorkSpace:
    def __init__(self, image):
        self.image, self.gradient = image, torch.empty_like(image)

    def __call__(self, mad_image):
        return error(self.image, mad_image)

    def value_and_gradient(self, mad_image):
        values, gradient = differentiate(self, mad_image)
        return values, self.gradient.copy_(gradient)


class DistortedFirst(nn.Module):
    def forward(self, test, ref_image):
        return contrast_error(ref_image, test)


def batch_mean(image, mad_image):
    return error(image, mad_image).mean().expand(len(image))


def one_number(image, mad_image):
    return error(image, mad_image).mean()


def detached(image, mad_image):
    return error(image, mad_image.detach())


def half_detached(image, mad_image):
    return (mad_image - image).flatten(1).mul((mad_image.detach() - image).flatten(1)).mean(1)


def dropout(image, mad_image):
    return error(image, nn.functional.dropout(mad_image, 0.1))


def own_randomness(image, mad_image):
    return error(image, mad_image) * (1 + 0.01 * random.Random().random())


def untrained():
    weights = torch.randn(3, generator=torch.Generator().manual_seed(random.SystemRandom().randrange(2**31)))
    return lambda image, mad_image: ((mad_image - image).square().mean((2, 3)) * weights.to(image).square()).sum(1)


def in_place(image, mad_image):
    return mad_image.detach().sub_(image).square().flatten(1).mean(1) + error(image, mad_image)


def seeds_the_generator(image, mad_image):
    torch.manual_seed(0)
    return error(image, mad_image)


def sets_default_dtype(image, mad_image):
    torch.set_default_dtype(torch.float64)
    return error(image, mad_image)


def allows_gradients(image, mad_image):
    torch.set_grad_enabled(True)
    return error(image, mad_image)


def stops_gradients(image, mad_image):
    torch.set_grad_enabled(False)
    return error(image, mad_image)


class RemembersTheFirst:
    scale = None

    def __call__(self, image, mad_image):
        self.scale = self.scale or float(image.shape[-1])
        RemembersTheFirst.calls = getattr(RemembersTheFirst, "calls", 0) + 1
        return error(image, mad_image) * RemembersTheFirst.calls


def on_the_processor(image, mad_image):
    return error(image, mad_image) * torch.ones(len(image))


def always_on_the_processor(image, mad_image):
    return torch.zeros(len(image)) if image.device.type != "cpu" else error(image, mad_image)


def single_precision(image, mad_image):
    return error(image.float(), mad_image.float()).to(image.dtype)


def returns_single_precision(image, mad_image):
    return error(image, mad_image).float()


def similarity(image, mad_image):
    return 1 / (1 + error(image, mad_image))


def offset(image, mad_image):
    return error(image, mad_image) + 1e-5


def root(image, mad_image):
    return error(image, mad_image).sqrt()


def backwards(image, mad_image):
    distance = error(image, mad_image)
    return distance * torch.exp(-50 * distance)


def prints(image, mad_image):
    print("measuring")
    return error(image, mad_image)


WRONG = {
    SwappedInCall(): "prepared",
    GivesAwayItsWorkSpace(): "prepared",
    distorted_first: "arguments",
    DistortedFirst(): "arguments",
    batch_mean: "batch",
    one_number: "shape",
    detached: "gradient",
    half_detached: "differences",
    dropout: "deterministic",
    own_randomness: "deterministic",
    in_place: "inputs",
    seeds_the_generator: "settings",
    sets_default_dtype: "settings",
    allows_gradients: "settings",
    stops_gradients: "settings",
    RemembersTheFirst(): "deterministic",
    on_the_processor: "device",
    always_on_the_processor: "device",
    single_precision: "float64",
    returns_single_precision: "shape",
    similarity: "identity",
    offset: "identity",
    root: "gradient",
    backwards: "noise",
    prints: "output",
}


def outcomes(verdicts):
    return {verdict.clause: verdict.outcome for verdict in verdicts}


@pytest.mark.parametrize(("metric", "clause"), WRONG.items(), ids=lambda value: getattr(value, "__name__", None))
def test_wrong_metric_breaks_its_clause(metric, clause):
    broken = [verdict for verdict in examine_metric(metric) if verdict.outcome is Outcome.FAILED]
    assert clause in [verdict.clause for verdict in broken], broken
    assert all(verdict.measured for verdict in broken)


def test_right_metric_breaks_none():
    assert Outcome.FAILED not in outcomes(examine_metric(error)).values()


def test_wrong_metrics_leave_the_tests_after_them_alone():
    for metric in (sets_default_dtype, stops_gradients):
        examine_metric(metric)
    assert torch.get_default_dtype() == torch.float32
    assert torch.is_grad_enabled()


def test_an_oracle_finds_swapped_arguments():
    def swapped(image, mad_image):
        return contrast_error(mad_image, image)

    alone, known = (outcomes(examine_metric(swapped, **more))["arguments"] for more in ({}, {"oracle": contrast_error}))

    class Prepared:
        __call__ = staticmethod(swapped)

        def prepare(self, image):
            return lambda mad_image: swapped(image, mad_image)

    assert (alone, known) == (Outcome.SKIPPED, Outcome.FAILED)
    assert outcomes(examine_metric(Prepared()))["arguments"] is Outcome.SKIPPED
    assert outcomes(examine_metric(Prepared(), oracle=contrast_error))["arguments"] is Outcome.FAILED
    assert outcomes(examine_metric(contrast_error, oracle=contrast_error))["arguments"] is Outcome.PASSED


def declared(build, **more):
    """A registry with one plugin that declares one metric."""

    class Plugin:
        @hookimpl
        def madcore_metrics(self):
            return [MetricSpec("metric", build, **{"higher_is_better": False, "perfect": 0.0, **more})]

    return Registry(lambda: [Candidate("some", "madcore-some", "1.0", Plugin)])


def test_a_declared_oracle_finds_swapped_arguments():
    def swapped(*, floor: float = 1e-3):
        return lambda image, mad_image: error(image, mad_image) / mad_image.flatten(1).var(1).clamp_min(floor)

    def plain(*, floor):
        return lambda image, mad_image: error(image, mad_image) / image.flatten(1).var(1).clamp_min(floor)

    for build, oracle, outcome in (
        (swapped, plain, Outcome.FAILED),
        (swapped, None, Outcome.SKIPPED),
        (swapped, swapped, Outcome.PASSED),
    ):
        registry = declared(build, oracle=oracle)
        for name in ("some.metric", "some.metric,floor=0.002"):
            assert outcomes(examine_metric(name, registry=registry))["arguments"] is outcome


def test_a_declared_oracle_is_made_once_and_only_if_it_is_asked():
    made = []

    def make():
        made.append("a network is loaded")
        return error

    subject = as_subject("some.metric", registry=declared(lambda: error, oracle=make))
    assert not made
    for _ in range(2):
        assert subject.oracle(*subject.pair()).shape == (1,)
    assert len(made) == 1


def windowed(image, mad_image):
    return nn.functional.avg_pool2d((mad_image - image).square(), 5).flatten(1).mean(1)


def nan_when_small(image, mad_image):
    return error(image, mad_image) * (0.0 if min(image.shape[-2:]) >= 20 else float("nan")) + error(image, mad_image)


@pytest.mark.parametrize(
    ("metric", "declaration", "clause"),
    [
        (windowed, {"min_side": 3}, "smallest"),
        (nan_when_small, {"min_side": 16}, "smallest"),
        (lambda image, mad_image: error(image[:, 2], mad_image[:, 2]), {}, "channels"),
        (similarity, {}, "identity"),
        (similarity, {"higher_is_better": True, "perfect": 2.0}, "identity"),
        (error, {"higher_is_better": True, "perfect": 0.0}, "identity"),
    ],
)
def test_wrong_declaration_breaks_its_clause(metric, declaration, clause):
    verdicts = examine_metric("some.metric", registry=declared(lambda: metric, **declaration))
    assert outcomes(verdicts)[clause] is Outcome.FAILED


def test_right_declarations():
    for metric, declaration in ((windowed, {"min_side": 5}), (similarity, {"higher_is_better": True, "perfect": 1.0})):
        verdicts = examine_metric("some.metric", registry=declared(lambda metric=metric: metric, **declaration))
        assert Outcome.FAILED not in outcomes(verdicts).values(), verdicts


def test_weights_that_are_drawn_anew():
    verdicts = examine_metric("some.metric", registry=declared(untrained, channels=(3,)))
    assert outcomes(verdicts)["deterministic"] is Outcome.FAILED


def test_a_single_pixel_is_one():
    metric = Metric(lambda image, mad_image: (image - mad_image).detach().square().flatten(1).mean(1), channels=(1, 3))
    assert check_smallest(metric).measured.startswith("declares 1 pixel a side, but there it fails")


def test_what_measures_nothing_has_no_smallest_size_and_no_channels():
    broken = outcomes(examine_metric(lambda image: error(image, image)))
    assert (broken["smallest"], broken["channels"]) == (Outcome.FAILED, Outcome.FAILED)


def test_noise_of_building():
    def build():
        print("loading weights")
        return error

    assert outcomes(examine_metric("some.metric", registry=declared(build)))["output"] is Outcome.FAILED


def test_what_cannot_be_built_is_one_broken_clause():
    (verdict,) = examine_metric("some.metric", registry=declared(lambda: 1 / 0))
    assert (verdict.clause, verdict.outcome) == ("build", Outcome.FAILED)
    assert "ZeroDivisionError" in verdict.measured


def test_penalties_are_examined_too():
    assert (
        outcomes(examine_penalty(lambda mad_image: mad_image.mean().expand(len(mad_image))))["batch"] is Outcome.FAILED
    )
    assert outcomes(examine_penalty(lambda mad_image: mad_image.detach().flatten(1).mean(1)))["shape"] is Outcome.PASSED


def test_a_module_of_weights_must_follow_the_images():
    class Weighted(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("weight", torch.ones(3, 1, 1))

        def forward(self, image, mad_image):
            return error(image, mad_image) + ((mad_image - image) * self.weight).square().flatten(1).mean(1)

    assert check_device(as_subject(Metric(Weighted()))).outcome is Outcome.FAILED


def test_what_does_follow_the_images():
    weights = nn.Conv2d(3, 4, 3, bias=False, dtype=torch.float64).requires_grad_(False)

    def follows(image, mad_image):
        moved = weights.to(image)
        scale = torch.tensor([1.0, 2.0, 3.0, 4.0], device=image.device).to(image) + image.new_tensor([0.5]) + 1
        features = [moved(each) * scale[:, None, None] for each in (image, mad_image)]
        features[1][..., 0, :].mul_(2.0)
        value = error(*features)
        return value if float(value.max()) < 1e9 else value * 0

    assert check_device(Metric(follows, channels=(3,))).outcome is Outcome.PASSED


def test_one_test_for_each_clause_and_waivers_that_must_be_true():
    class Contract(MetricContract):
        waived = {"differences": "half of it is detached", "batch": "none at all"}  # noqa: RUF012

        def make(self):
            return half_detached

    contract = Contract()
    assert len([name for name in dir(contract) if name.startswith("test_")]) == len(METRIC_CLAUSES)
    contract.test_differences()
    with pytest.raises(AssertionError, match="remove the waiver"):
        contract.test_batch()

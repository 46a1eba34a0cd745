import importlib.metadata
from pathlib import Path

import pytest
import torch
from madcore_procs.measures import Drift, GradientDistance

import madcore
from madcore.testing import MetricContract, PenaltyContract


class TestGradient(MetricContract):
    name = "procs.gradient"


class TestGradientOfThreeSteps(MetricContract):
    name = "procs.gradient,step=3,norm=l1"


class TestCorrelation(MetricContract):
    name = "procs.correlation"

    def oracle(self, image, mad_image):
        """Another way to the same numbers; where a metric is not symmetric it tells that the arguments are in order."""
        pairs = zip(image.flatten(1), mad_image.flatten(1), strict=True)
        matrices = [torch.cov(torch.stack(pair), correction=0) + 1e-6 for pair in pairs]
        return torch.stack([1 - each[0, 1] / (each[0, 0] * each[1, 1]).sqrt() for each in matrices])


class TestDrift(PenaltyContract):
    name = "procs.drift"


@pytest.fixture
def image():
    return torch.rand(2, 3, 8, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_installed_under_the_names_that_users_write():
    mine = [name for name in madcore.list_metrics() if name.startswith("procs.")]
    assert mine == ["procs.gradient", "procs.correlation"]


def test_gradient_does_not_see_luminance(image):
    torch.testing.assert_close(GradientDistance()(image, image + 0.1), torch.zeros(2, dtype=torch.float64))


def test_gradient_of_a_ramp():
    ramp = torch.arange(5.0).expand(1, 1, 5, 5)
    torch.testing.assert_close(GradientDistance(step=2, norm="l1")(torch.zeros_like(ramp), ramp), torch.tensor([1.0]))


def test_smallest_side_follows_the_step():
    assert madcore.create_metric("procs.gradient,step=5").min_side == 6


def test_correlation_sees_no_contrast(image):
    metric = madcore.create_metric("procs.correlation,epsilon=0")
    torch.testing.assert_close(metric(image, 0.2 + 0.5 * image), torch.zeros(2, dtype=torch.float64))


def test_drift_is_the_squared_change_of_the_mean(image):
    torch.testing.assert_close(Drift().prepare(image)(image + 0.2), torch.full((2,), 0.04, dtype=torch.float64))


def test_changelog_has_the_version():
    version = importlib.metadata.version("madcore-procs")
    assert f"## {version}\n" in Path(__file__).parents[1].joinpath("CHANGELOG.md").read_text()

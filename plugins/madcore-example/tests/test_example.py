import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from madcore_example.measures import Drift, GradientDistance

import madcore

METRICS = ["example.gradient", "example.gradient,step=3", "example.correlation"]


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(0)
    return torch.rand(2, 2, 3, 8, 9, generator=generator, dtype=torch.float64).unbind()


def test_installed_under_the_name_that_users_write():
    assert [name for name in madcore.list_metrics() if name.startswith("example.")] == [
        "example.gradient",
        "example.correlation",
    ]


@pytest.mark.parametrize("name", METRICS)
def test_zero_for_identical_images(name, pair):
    torch.testing.assert_close(madcore.create_metric(name)(pair[0], pair[0]), torch.zeros(2, dtype=torch.float64))


@pytest.mark.parametrize("name", METRICS)
def test_more_noise_is_farther(name, pair):
    metric = madcore.create_metric(name)
    assert (metric(pair[0], pair[0] + 0.1 * pair[1]) < metric(pair[0], pair[0] + 0.3 * pair[1])).all()


@pytest.mark.parametrize("name", METRICS)
def test_gradient_is_that_of_finite_differences(name, pair):
    prepared = madcore.create_metric(name).prepare(pair[0])
    assert torch.autograd.gradcheck(prepared, pair[1].requires_grad_())


@pytest.mark.parametrize("name", METRICS)
def test_batch_is_as_one_by_one(name, pair):
    metric = madcore.create_metric(name)
    singles = [metric(pair[0][index : index + 1], pair[1][index : index + 1]) for index in range(2)]
    torch.testing.assert_close(metric(*pair), torch.cat(singles))


def test_gradient_does_not_see_luminance(pair):
    torch.testing.assert_close(GradientDistance()(pair[0], pair[0] + 0.1), torch.zeros(2, dtype=torch.float64))


def test_gradient_of_a_ramp():
    ramp = torch.arange(5.0).expand(1, 1, 5, 5)
    torch.testing.assert_close(GradientDistance(step=2, norm="l1")(torch.zeros_like(ramp), ramp), torch.tensor([1.0]))


def test_smallest_side_follows_the_step():
    assert madcore.create_metric("example.gradient,step=5").min_side == 6


def test_drift_is_the_squared_change_of_the_mean(pair):
    torch.testing.assert_close(Drift().prepare(pair[0])(pair[0] + 0.2), torch.full((2,), 0.04, dtype=torch.float64))
    assert madcore.create_penalty("example.drift")(pair[0]).shape == (2,)


def test_declaring_imports_no_torch():
    program = "import sys, madcore_example; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_changelog_has_the_version():
    version = importlib.metadata.version("madcore-example")
    assert f"## {version}\n" in Path(__file__).parents[1].joinpath("CHANGELOG.md").read_text()

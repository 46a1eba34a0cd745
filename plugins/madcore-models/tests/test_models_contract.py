"""The contract of metrics, and MAD in both directions, on small networks with seeded random weights."""

import importlib.metadata
from pathlib import Path

import pytest

import madcore
from madcore.testing import MetricContract

NET = f"models.features,model={Path(__file__).parent / 'networks_for_tests.py'}:Net"
METRICS = [
    f"{NET},layers=norm",
    f"{NET},layers=first+second,layer_weights=1+0.5,distance=gram",
    f"{NET},layers=norm,distance=cosine",
    f"{NET},layers=first,distance=normalized",
]


class TestL2(MetricContract):
    name = METRICS[0]


class TestGram(MetricContract):
    name = METRICS[1]


class TestCosine(MetricContract):
    name = METRICS[2]


class TestNormalized(MetricContract):
    name = METRICS[3]


class TestPublished(MetricContract):
    name = "models.features,model=torchvision:squeezenet1_1,weights=none,layers=features.1"


@pytest.fixture
def picture():
    return madcore.read_image("dead_leaves_color", size=(32, 32))


@pytest.mark.parametrize("minmax", ["min", "max"])
@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("name", METRICS)
def test_mad_against_mse(name, held, minmax, picture):
    names = ("mse", name) if held else (name, "mse")
    result = madcore.synthesize(picture, *names, minmax, max_iter=20)
    assert result.mad_image.isfinite().all()
    assert result.held_error.item() <= 1e-6
    sign = 1 if minmax == "min" else -1
    assert sign * result.optimized_value.item() < sign * result.initial_value.item()


def test_changelog_has_the_version():
    version = importlib.metadata.version("madcore-models")
    assert f"## {version}\n" in Path(__file__).parents[1].joinpath("CHANGELOG.md").read_text()

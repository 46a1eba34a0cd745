"""Every registered metric, of the core and of all installed plugins, can be optimised and held, on a small picture."""

import sys
from pathlib import Path

import pytest

import madcore
from madcore.testing import check_arguments

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from every_metric import picture, registered

SIDE = 32
STEPS, FEW_STEPS = 6, 2  # short runs: some only find out how far they may step
METRICS = registered()
MADE = {name: metric for name, metric in METRICS.items() if isinstance(metric, madcore.Metric)}
SAME_AS_MSE = {"mse", "lp"}  # their level sets are those of MSE
FLOAT32_ONLY = 1e-5  # what is held in float32 cannot be held more finely


@pytest.mark.parametrize("name", [name for name in MADE if name not in SAME_AS_MSE])
def test_optimised_and_held(name):
    metric = MADE[name]
    steps = FEW_STEPS if "weights" in name or metric.min_side > 100 else STEPS
    quartet = madcore.quartet(picture(metric, SIDE), metric, "mse", max_iter=steps)
    tolerance = 1e-6 if "float64" in metric.dtypes else FLOAT32_ONLY
    moved = {}
    for key, result in quartet.items():
        start, value = result.initial_value.item(), result.optimized_value.item()
        assert result.held_error.item() <= tolerance, key
        moved[key] = value < start if key.endswith("min") else value > start
        assert moved[key] or value == pytest.approx(start, rel=1e-6), key
    assert len(moved) == 4
    assert sum(moved.values()) >= 2, moved


@pytest.mark.parametrize("name", [name for name in MADE if "weights" not in name])
def test_the_order_of_images_is_judged(name):
    verdict = check_arguments(name)
    assert verdict.outcome == "passed", verdict


def test_what_cannot_be_made_says_what_to_do():
    reasons = [reason for reason in METRICS.values() if isinstance(reason, str)]
    assert all("madcore fetch" in reason or "pip install" in reason for reason in reasons)


@pytest.mark.parametrize("name", MADE)
def test_grey_pictures_are_measured_by_every_metric(name):
    metric = MADE[name]
    grey = picture(metric, SIDE, channels=1)
    assert metric.channels == (1, 3)
    assert metric(grey, (grey + 0.1).clamp(0, 1)).shape == (1,)
    assert metric(grey, grey).item() == pytest.approx(0, abs=1e-5)

"""Returning proposals to the level costs few values of the held metric, and keeps images near it."""

from dataclasses import replace

import pytest
import torch
from pictures import wave_picture

import madcore
from madcore.prepared import PreparedMetric
from madcore.problem import MADProblem, signs
from madcore.solvers import LevelSet


def begun(optimized, held, minmax):
    image = wave_picture(48, 48, 1)
    metrics = madcore.create_metric(optimized), (madcore.create_metric(held),)
    problem = MADProblem.create(image, *metrics, signs(minmax, 1))
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0), dtype=image.dtype)
    start = problem.bounds.clamp((image + 0.1 * noise).flatten(1))
    solver, level = LevelSet(), problem.held_values(start)
    return problem, solver, solver.init(problem, start, level), level


@pytest.mark.parametrize("bend", [-1.0, 1e6, float("nan")])
def test_a_forecast_that_was_wrong_is_not_followed(bend):
    problem, solver, state, _ = begun("mse", "ssim", "max")
    for _ in range(5):
        state = solver.step(problem, state)
    wrong = replace(state, bend=torch.full_like(state.bend, bend), surprise=torch.full_like(state.surprise, 0.8))
    without = replace(state, bend=torch.zeros_like(state.bend), surprise=torch.full_like(state.surprise, torch.inf))
    moved, expected = (solver.step(problem, each).point for each in (wrong, without))
    assert torch.equal(moved, expected)
    assert not torch.equal(moved, state.point)


@pytest.mark.parametrize(("optimized", "held", "minmax"), [("mse", "ssim", "max"), ("nlpd", "mse", "min")])
def test_most_steps_foresee_the_held_metric(optimized, held, minmax, monkeypatch):
    problem, solver, state, level = begun(optimized, held, minmax)
    values, errors = [], []
    value = PreparedMetric.__call__
    monkeypatch.setattr(PreparedMetric, "__call__", lambda *given: values.append(0) or value(*given))
    for _ in range(100):
        state = solver.step(problem, state)
        errors.append(float(abs(state.evaluation.held / level - 1)))
    assert len(values) < 85
    assert max(errors) < 1e-2
    # where the last forecast was wrong the metric is looked at
    values.clear()
    solver.step(problem, replace(state, surprise=torch.ones_like(state.surprise)))
    assert values

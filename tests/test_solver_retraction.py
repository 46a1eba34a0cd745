"""Returning proposals to the level costs few values of the held metric, and keeps images near it."""

from dataclasses import replace

import pytest
import torch
from pictures import wave_picture

import madcore
from madcore.metric import PreparedMetric
from madcore.problem import MADProblem, signs
from madcore.solvers import LevelSet


@pytest.mark.parametrize(("optimized", "held", "minmax"), [("mse", "ssim", "max"), ("nlpd", "mse", "min")])
def test_most_steps_foresee_the_held_metric(optimized, held, minmax, monkeypatch):
    image = wave_picture(48, 48, 1)
    metrics = madcore.create_metric(optimized), (madcore.create_metric(held),)
    problem = MADProblem.create(image, *metrics, signs(minmax, 1))
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0), dtype=image.dtype)
    start = problem.bounds.clamp((image + 0.1 * noise).flatten(1))
    solver, level = LevelSet(), problem.held_values(start)
    state, values, errors = solver.init(problem, start, level), [], []
    value = PreparedMetric.value
    monkeypatch.setattr(PreparedMetric, "value", lambda *given: values.append(0) or value(*given))
    for _ in range(100):
        state = solver.step(problem, state)
        errors.append(float(abs(state.evaluation.held / level - 1)))
    assert len(values) < 85
    assert max(errors) < 1e-2
    # where the last forecast was wrong the metric is looked at
    values.clear()
    solver.step(problem, replace(state, surprise=torch.ones_like(state.surprise)))
    assert values

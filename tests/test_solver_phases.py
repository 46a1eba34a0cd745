"""No step of the solver gets lost in rounding."""

from dataclasses import replace

import torch
from pictures import wave_picture

import madcore
from madcore.problem import MADProblem, signs
from madcore.solvers import LevelSet


def begin(optimized, held, minmax, dtype):
    image = wave_picture(40, 40, 1).to(dtype)
    metrics = madcore.create_metric(optimized), (madcore.create_metric(held),)
    problem = MADProblem.create(image, *metrics, signs(minmax, 1))
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0), dtype=dtype)
    start = problem.bounds.clamp((image + 0.1 * noise).flatten(1))
    return problem, LevelSet().init(problem, start, problem.held_values(start))


def test_radius_grows_again_where_gains_drown_in_rounding():
    problem, state = begin("ssim", "mse", "max", torch.float32)
    for _ in range(30):
        state = LevelSet().step(problem, state)
    state = replace(state, radius=1e-6 * state.size)
    for _ in range(12):
        state = LevelSet().step(problem, state)
    assert state.radius.item() >= 1e-4 * state.size.item()

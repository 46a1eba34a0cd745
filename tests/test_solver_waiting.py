"""On a device that computes by itself nobody may wait for it at every step."""

from collections import Counter

import pytest
import torch
from pictures import wave_picture
from torch.utils._python_dispatch import TorchDispatchMode

import madcore
from madcore.problem import MADProblem, signs
from madcore.solvers import LevelSet, numbers

WAITS = {"aten._local_scalar_dense.default", "aten.nonzero.default", "aten.is_nonzero.default"}


class CountWaits(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.found = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.found[str(function)] += str(function) in WAITS
        return function(*args, **(kwargs or {}))


def run(held, steps=40):
    image = wave_picture(32, 32, 1).expand(2, -1, -1, -1).contiguous()
    metrics = tuple(madcore.create_metric(name) for name in held)
    problem = MADProblem.create(image, madcore.create_metric("ssim"), metrics, signs("max", 2))
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0), dtype=image.dtype)
    start = (image + 0.1 * noise).clamp(0, 1).flatten(1)
    solver = LevelSet()
    state = solver.init(problem, start, problem.held_values(start))
    problem.bounds.common  # noqa: B018 - found once
    with CountWaits() as waits:
        for _ in range(steps):
            state = solver.step(problem, state)
    return state, waits.found.total()


@pytest.mark.parametrize("held", [("mse",), ("mse", "mae")], ids=["one held", "two held"])
def test_steps_do_not_wait(held, monkeypatch):
    monkeypatch.setattr(numbers, "at_hand", lambda values: False)
    monkeypatch.setattr("madcore.solvers.retraction.at_hand", lambda values: False)
    monkeypatch.setattr("madcore.compiled.at_hand", lambda images: False)
    state, waits = run(held)
    assert waits == 0
    assert torch.isfinite(state.best_merit).all()


def test_as_good_as_where_it_can_look(monkeypatch):
    looking, _ = run(("mse",), steps=60)
    monkeypatch.setattr(numbers, "at_hand", lambda values: False)
    monkeypatch.setattr("madcore.solvers.retraction.at_hand", lambda values: False)
    monkeypatch.setattr("madcore.compiled.at_hand", lambda images: False)
    blind, _ = run(("mse",), steps=60)
    torch.testing.assert_close(blind.best_merit, looking.best_merit, rtol=1e-3, atol=0)


def test_the_counter_sees_waiting():
    with CountWaits() as waits:
        bool(torch.ones(1).all())
    assert waits.found.total() == 1

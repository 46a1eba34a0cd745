"""On a device that computes by itself nobody may wait for it at every step."""

from collections import Counter

import pytest
import torch
from pictures import wave_picture
from torch.utils._python_dispatch import TorchDispatchMode

import madcore
from madcore.problem import MADProblem, signs
from madcore.solvers import LevelSet

WAITS = {"aten._local_scalar_dense.default", "aten.nonzero.default", "aten.is_nonzero.default"}


class Count(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.found = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.found[str(function)] += 1
        return function(*args, **(kwargs or {}))

    def waits(self):
        return sum(self.found[name] for name in WAITS)


def run(held, steps=40):
    image = wave_picture(32, 32, 1).expand(2, -1, -1, -1).contiguous()
    metrics = tuple(madcore.create_metric(name) for name in held)
    problem = MADProblem.create(image, madcore.create_metric("ssim"), metrics, signs("max", 2))
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0), dtype=image.dtype)
    start = (image + 0.1 * noise).clamp(0, 1).flatten(1)
    solver = LevelSet()
    state = solver.init(problem, start, problem.held_values(start))
    problem.bounds.common  # noqa: B018 - found once
    with Count() as count:
        for _ in range(steps):
            state = solver.step(problem, state)
    return state, count


@pytest.mark.usefixtures("unseen")
@pytest.mark.parametrize("held", [("mse",), ("mse", "mae")], ids=["one held", "two held"])
def test_hardly_a_step_waits(held):
    state, count = run(held, steps=40)
    assert count.waits() == 2  # at steps 30 and 40: before 24 it is known what moves the images
    assert torch.isfinite(state.best_merit).all()


def test_as_good_as_where_it_can_look(request):
    looking, _ = run(("mse",), steps=60)
    request.getfixturevalue("unseen")
    unseen, _ = run(("mse",), steps=60)
    torch.testing.assert_close(unseen.best_merit, looking.best_merit, rtol=1e-3, atol=0)


def test_costs_no_more_transforms_than_where_it_can_look(request):
    _, looking = run(("mse",), steps=24)
    request.getfixturevalue("unseen")
    _, unseen = run(("mse",), steps=24)
    assert unseen.found["aten._fft_r2c.default"] == looking.found["aten._fft_r2c.default"] > 0


def test_the_counter_sees_waiting():
    with Count() as count:
        bool(torch.ones(1).all())
    assert count.waits() == 1

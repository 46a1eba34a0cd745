"""The compiled passes of the solver do what those in torch do."""

from dataclasses import fields

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import madcore
from madcore import compiled
from madcore.problem import MADProblem, signs
from madcore.solvers import LevelSet
from madcore.solvers.pair_passes import TorchPairPasses, fastest_pair_passes
from madcore.solvers.passes import TorchPasses, fastest_passes, look_ahead
from madcore.solvers.secant_scale import SecantScale

TOLERANCES = {torch.float64: {"rtol": 1e-10, "atol": 1e-13}, torch.float32: {"rtol": 2e-4, "atol": 2e-6}}


def begun(channels=1, dtype=torch.float64, steps=6, held=("ssim",), side=17, minmax="max", **bounds):
    generator = torch.Generator().manual_seed(3)
    image = torch.rand(2, channels, side, 22, generator=generator, dtype=torch.float64)
    noise = torch.randn(image.shape, generator=generator, dtype=torch.float64)
    image = image.to(dtype)
    metrics = madcore.create_metric("mse"), tuple(madcore.create_metric(name) for name in held)
    problem = MADProblem.create(image, *metrics, signs(minmax, 2), **bounds)
    start = problem.bounds.clamp((image + 0.3 * noise.to(dtype)).flatten(1))
    solver = LevelSet(momentum_steps=24 if steps < 24 else 4, slow=1e9)
    state = solver.init(problem, start, problem.held_values(start))
    for _ in range(steps):
        state = solver.step(problem, state)
    return problem, state


def assert_alike(theirs, ours, dtype):
    if hasattr(theirs, "__dataclass_fields__"):
        theirs, ours = ([getattr(each, field.name) for field in fields(each)] for each in (theirs, ours))
    if isinstance(theirs, list | tuple):
        assert len(theirs) == len(ours)
        for one, other in zip(theirs, ours, strict=True):
            assert_alike(one, other, dtype)
        return
    one, other = (torch.as_tensor(each).double() for each in (theirs, ours))
    scale = one.abs().amax().clamp_min(torch.finfo(dtype).tiny)
    torch.testing.assert_close(other / scale, one / scale, **TOLERANCES[dtype])


@pytest.mark.skipif(not compiled.at_hand(torch.zeros(1)), reason="numba is not installed or switched off")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("channels", [1, 3])
def test_compiled_like_torch(channels, dtype):
    problem, state = begun(channels, dtype)
    ours, theirs = fastest_passes(problem, state), TorchPasses()
    assert type(ours) is not type(theirs)
    assert 0 < (state.at_bounds != 0).sum() < state.at_bounds.numel()
    assert_alike(theirs.renew_momentum(state, 0.9), ours.renew_momentum(state, 0.9), dtype)
    direction = theirs.descend(state, state.filtered(state.placed(state.slope)))
    assert_alike(direction, ours.descend(state, state.filtered(state.placed(state.slope))), dtype)
    length, over = np.array([0.4, 3.0], state.merit.numpy().dtype), np.array([1.0, 0.3], state.merit.numpy().dtype)
    proposal, ahead = theirs.propose(problem, state, direction[0], length, over)
    assert_alike((proposal, ahead), ours.propose(problem, state, direction[0], length, over), dtype)
    trial = theirs.on_ray(problem, proposal, length)
    assert_alike(trial, ours.on_ray(problem, proposal, length), dtype)
    evaluation = problem.evaluate(trial)
    assert_alike(theirs.inside(problem, trial, evaluation), ours.inside(problem, trial, evaluation), dtype)
    found, other = (each.compare(state, trial, evaluation, state.multiplier) for each in (theirs, ours))
    assert_alike(found, other, dtype)


@pytest.mark.skipif(not compiled.at_hand(torch.zeros(1)), reason="numba is not installed or switched off")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("channels", [1, 3])
def test_compiled_pairs_like_torch(channels, dtype):
    _, state = begun(channels, dtype, steps=25, side=40, minmax="min")
    assert (state.pairs.valid.sum(1) > 3).all()
    ours, theirs = fastest_pair_passes(state), TorchPairPasses()
    assert type(ours) is not type(theirs)
    products, along = theirs.products(state)
    assert_alike((products, along), ours.products(state), dtype)
    weights = torch.linspace(-1.0, 2.0, state.pairs.memory, dtype=torch.float64).expand(2, -1)
    weights = weights * along[:, :1].double() / products.diagonal(dim1=1, dim2=2).double().abs().amax()
    weighted, factor = theirs.subtract(state, weights), torch.tensor([0.5, 2.0], dtype=dtype)
    assert_alike(weighted, ours.subtract(state, weights), dtype)
    moved = theirs.move(state, state.filtered(weighted), factor)
    assert_alike(moved, ours.move(state, state.filtered(weighted), factor), dtype)
    assert_alike(theirs.add(state, moved[0], weights), ours.add(state, moved[0], weights), dtype)


@given(st.floats(-2.0, 3.0), st.floats(0.0, 3.0))
@settings(max_examples=20, deadline=None)
def test_looks_ahead_at_what_was_proposed(length, over):
    problem, state = begun(steps=3)
    passes = fastest_passes(problem, state)
    step = -state.slope * (state.at_bounds * state.slope >= 0)
    proposal, ahead = passes.propose(problem, state, step, np.full(2, length), np.full(2, over))
    assert_alike(look_ahead(problem, state, proposal), ahead, torch.float64)
    inside = (state.at_bounds == 0) | (state.at_bounds * state.slope >= 0)
    torch.testing.assert_close(proposal[inside], (state.point + length * step)[inside])


@pytest.mark.parametrize(
    ("held", "bounds"),
    [(("ssim", "mae"), {}), (("ssim",), {"high": torch.linspace(0.9, 1.0, 22, dtype=torch.float64)})],
    ids=["two held metrics", "a range for each pixel"],
)
def test_others_are_left_to_torch(held, bounds):
    assert isinstance(fastest_passes(*begun(steps=0, held=held, **bounds)), TorchPasses)


@pytest.mark.parametrize("held", ["ssim", "mae"])
def test_a_run_is_the_same_without_compiling(held, monkeypatch):
    _, ours = begun(steps=30, held=(held,))
    monkeypatch.setattr("madcore.solvers.level_set.fastest_passes", lambda problem, state: TorchPasses())
    _, theirs = begun(steps=30, held=(held,))
    torch.testing.assert_close(ours.best_merit, theirs.best_merit, rtol=1e-6, atol=0)


def test_a_pixel_that_stays_at_its_kink_is_not_moved_by_others():
    problem, state = begun(steps=8, held=("mae",))
    stays = (state.point == problem.reference) & (state.slope == 0)
    assert stays.any()
    assert not state.filtered(torch.where(stays, 0.0, state.slope))[stays].any()


@pytest.mark.skipif(not compiled.at_hand(torch.zeros(1)), reason="numba is not installed or switched off")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 32, 48), (3, 17, 22), (1, 9, 35), (3, 33, 15)], ids=str)
def test_learned_metric_like_torch(shape, dtype):
    generator = torch.Generator().manual_seed(5)
    error, slope, step, change = torch.randn(4, 2, int(np.prod(shape)), generator=generator, dtype=dtype)
    image, free, yes = torch.empty(2, *shape, dtype=dtype), torch.ones_like(error), torch.ones(2, dtype=torch.bool)
    ours, theirs = SecantScale.of(image), SecantScale(image.shape[1:], image)
    assert type(ours) is not type(theirs)
    begun = [each.first(error, slope, free) for each in (theirs, ours)]
    assert_alike(*begun, dtype)
    assert_alike(theirs.learn(begun[0], step, change, yes), ours.learn(begun[1], step, change, yes), dtype)


def test_gradients_that_are_yet_to_be_negated():
    def held(image, mad_image):
        error = torch.complex(torch.zeros_like(image), mad_image - image).conj()
        return torch.view_as_real(error.resolve_conj()).square().flatten(1).mean(1)

    image = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    assert madcore.Metric(held).prepare(image).value_and_gradient(1 - image)[1].is_neg()
    found = madcore.synthesize(image, "mae", held, "max", max_iter=5)
    same = madcore.synthesize(image, "mae", "mse", "max", max_iter=5)
    torch.testing.assert_close(found.optimized_value, same.optimized_value)

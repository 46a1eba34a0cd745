"""Clauses about solvers, on a problem whose extremes are known in closed form.

Optimized is a weighted sum of squared differences, held is the mean of the squared differences.  At a level c, and as
long as no pixel meets its bounds, the first lies between c times the smallest and c times the largest weight.
"""

from __future__ import annotations

import dataclasses
import functools
import pickle
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from madcore.api import synthesize
from madcore.metric import Metric
from madcore.problem import MADProblem, signs
from madcore.results import Result
from madcore.solvers import Solver
from madcore.testing.pictures import standard_noise, texture
from madcore.testing.settings import changed_settings
from madcore.testing.values import difference
from madcore.testing.verdict import Broken, Verdict, judged

__all__ = ["SOLVER_CLAUSES", "examine_solver"]

SIDE, STEPS, DEVIATION = 8, 200, 0.05
SMALLEST, LARGEST = 1.0, 4.0
LEAST_SHARE = 0.5  # of the way to the extreme, after 200 steps
AnySolver = Solver[Any]


def _mean_squared(image: Tensor, mad_image: Tensor) -> Tensor:
    return (mad_image - image).square().flatten(1).mean(1)


def _weighted(image: Tensor, mad_image: Tensor) -> Tensor:
    count = mad_image[0].numel()
    weight = torch.linspace(SMALLEST, LARGEST, count, dtype=image.dtype, device=image.device)
    return ((mad_image - image).square().flatten(1) * weight).mean(1)


def _pictures(count: int) -> tuple[Tensor, Tensor]:
    image = texture(count, 1, SIDE, SIDE)
    return image, (image + DEVIATION * standard_noise(image.shape, 5)).clamp(0, 1)


def _problem(count: int, minmax: str = "min") -> tuple[MADProblem, Tensor, Tensor]:
    image, start = _pictures(count)
    problem = MADProblem.create(image, Metric(_weighted), (Metric(_mean_squared),), signs(minmax, count))
    point = start.flatten(1)
    return problem, point, problem.held_values(point)


def _run(solver: AnySolver, problem: MADProblem, start: Tensor, level: Tensor, steps: int) -> Any:
    state = solver.init(problem, start, level)
    for _ in range(steps):
        state = solver.step(problem, state)
    return state


def _solve(solver: AnySolver, minmax: Any, count: int = 2) -> Result:
    image, start = _pictures(count)
    return synthesize(image, _weighted, _mean_squared, minmax, initial_image=start, solver=solver, max_iter=STEPS)


def _clause(judge: Callable[[AnySolver], str]) -> Callable[[AnySolver], Verdict]:
    clause = judge.__name__.removeprefix("check_solver_")

    @functools.wraps(judge)
    def check(solver: AnySolver) -> Verdict:
        return judged(getattr(solver, "name", repr(solver)), clause, functools.partial(judge, solver))

    return check


@_clause
def check_solver_value(solver: AnySolver) -> str:
    """Check that a solver is a value: frozen options with a name and a revision, equal to its copy."""
    if not isinstance(solver.name, str) or not isinstance(solver.revision, int):
        raise Broken(f"needs a name and a whole revision; has {solver.name!r} and {solver.revision!r}")
    parameters = getattr(solver, "__dataclass_params__", None)
    if parameters is None or not parameters.frozen:
        raise Broken("is not a frozen dataclass")
    if pickle.loads(pickle.dumps(solver)) != solver:
        raise Broken("is not equal to its copy")
    return f"{solver.name}, revision {solver.revision}"


@_clause
def check_solver_holds(solver: AnySolver) -> str:
    """Check that finished images hold the level and stay inside the range."""
    worst = 0.0
    for minmax in ("min", "max"):
        result = _solve(solver, minmax)
        worst = max(worst, float(result.held_error.max()))
        if worst > result.tolerance:
            raise Broken(f"{minmax}: held error {worst:.1e}, {result.status[0]}")
        if not 0 <= float(result.mad_image.min()) <= float(result.mad_image.max()) <= 1:
            raise Broken(f"{minmax}: pixels from {result.mad_image.min():.3g} to {result.mad_image.max():.3g}")
    return f"held error at most {worst:.0e}, inside the range"


@_clause
def check_solver_extremes(solver: AnySolver) -> str:
    """Check that the solver gets at least half of the way to the known extremes, in both directions."""
    shares = []
    for minmax, weight in (("min", SMALLEST), ("max", LARGEST)):
        result = _solve(solver, minmax)
        level, start = result.level[:, 0], result.initial_value
        share = float(((result.optimized_value - start) / (weight * level - start)).min())
        if share < LEAST_SHARE:
            raise Broken(f"{minmax}: {share:.0%} of the way to the extreme in {STEPS} steps")
        shares.append(f"{minmax} {share:.0%}")
    return f"{', '.join(shares)} of the way in {STEPS} steps"


@_clause
def check_solver_state(solver: AnySolver) -> str:
    """Check that the state says what the loop reads, at the beginning and later."""
    problem, start, level = _problem(2)
    state = solver.init(problem, start, level)
    if not torch.equal(state.point, start) or len(state.history) != 1:
        raise Broken("init must begin at the start image, with one entry of history")
    state = _run(solver, problem, start, level, 5)
    if len(state.history) != 6:
        raise Broken(f"history has {len(state.history)} entries after 5 steps, not 6")
    for name, shape in (("point", start.shape), ("best", start.shape), ("promised", (2,)), ("stalled", (2,))):
        if getattr(state, name).shape != shape:
            raise Broken(f"{name} is of shape {tuple(getattr(state, name).shape)}, not {tuple(shape)}")
    apart = difference(state.evaluation.held, problem.held_values(state.point))
    if apart > 1e-12:
        raise Broken(f"evaluation is not that of the point: differs by {apart:.1e}")
    return "point, best, level, history and evaluation agree"


@_clause
def check_solver_history(solver: AnySolver) -> str:
    """Check that the history is that of the best merit: it falls or stays."""
    rises = []
    for minmax in ("min", "max"):
        merits = torch.stack(list(_run(solver, *_problem(2, minmax), 20).history))
        rises.append(float((merits[1:] - merits[:-1]).max() / merits.abs().max()))
    if max(rises) > 1e-12:
        raise Broken(f"rises by {max(rises):.1e}")
    return "falls or stays over 20 steps"


@_clause
def check_solver_evaluations(solver: AnySolver) -> str:
    """Check that every evaluation of the metrics is counted."""
    problem, start, level = _problem(1)
    calls = 0

    class Counting(MADProblem):
        def evaluate(self, point: Tensor) -> Any:
            nonlocal calls
            calls += 1
            return super().evaluate(point)

    counting = Counting(**{field.name: getattr(problem, field.name) for field in dataclasses.fields(problem)})
    state = _run(solver, counting, start, level, 10)
    if state.evaluations != calls:
        raise Broken(f"says {state.evaluations}, did {calls}")
    return f"{calls} in 10 steps"


@_clause
def check_solver_batch(solver: AnySolver) -> str:
    """Check that images of a batch do not influence one another."""
    problem, start, level = _problem(3)
    together = _run(solver, problem, start, level, 10).point
    alone = []
    for row in range(3):
        index = torch.tensor([row])
        alone.append(_run(solver, problem.take(index), start[index], level[index], 10).point)
    apart = difference(together, torch.cat(alone))
    if apart > 1e-9:
        raise Broken(f"3 images together differ from one by one by {apart:.1e}")
    return f"to {apart:.0e} after 10 steps"


@_clause
def check_solver_take(solver: AnySolver) -> str:
    """Check that going on with some of the images gives what going on with all gives."""
    problem, start, level = _problem(3)
    index = torch.tensor([0, 2])
    everyone = _run(solver, problem, start, level, 12).point[index]
    some = solver.take(_run(solver, problem, start, level, 6), index)
    smaller = problem.take(index)
    for _ in range(6):
        some = solver.step(smaller, some)
    apart = difference(everyone, some.point)
    if apart > 1e-9:
        raise Broken(f"differs by {apart:.1e}")
    return f"to {apart:.0e} after 6 more steps"


@_clause
def check_solver_deterministic(solver: AnySolver) -> str:
    """Check that the same problem gives the same images, whatever the global generator's state."""
    first = _run(solver, *_problem(2), 10).point
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(99)
        again = _run(solver, *_problem(2), 10).point
    if not torch.equal(first, again):
        raise Broken(f"differs by {difference(first, again):.1e}")
    return "the same to the last bit"


@_clause
def check_solver_inputs(solver: AnySolver) -> str:
    """Check that the start, the level, the reference and everything global stay as they were."""
    problem, start, level = _problem(2)
    given = (problem.image, start, level)
    copies = [each.clone() for each in given]
    changed = changed_settings(lambda: _run(solver, problem, start, level, 10))
    changed += [
        name
        for name, one, other in zip(("image", "start", "level"), given, copies, strict=True)
        if not one.equal(other)
    ]
    if changed:
        raise Broken(f"changes {', '.join(changed)}")
    return "as before"


SOLVER_CLAUSES = (
    check_solver_value,
    check_solver_state,
    check_solver_history,
    check_solver_evaluations,
    check_solver_holds,
    check_solver_extremes,
    check_solver_batch,
    check_solver_take,
    check_solver_deterministic,
    check_solver_inputs,
)


def examine_solver(solver: AnySolver) -> list[Verdict]:
    """Check every clause of the contract of solvers."""
    return [check(solver) for check in SOLVER_CLAUSES]

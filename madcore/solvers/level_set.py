"""The level-set solver: hold the held metrics exactly and optimise on what is left.  No trade-off, no learning rate.

Every proposal is returned to the level along the ray from the reference image.  With the ray's own multiplier the
Lagrangian's gradient is exactly that of the objective composed with this return, so the problem is an unconstrained
one: momentum steps first, limited-memory BFGS with a trust radius where these bring little more, both in a metric that
is learned from the run (`SecantScale`).  With several held metrics steps are taken in the tangent space and corrected
by Newton steps.  Every image of a batch has its own multipliers, trust radius, free pixels and memory.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from madcore.problem import Evaluation, MADProblem
from madcore.solvers.directions import Direction, find_direction
from madcore.solvers.judgement import judge, merits
from madcore.solvers.kinks import Kinks
from madcore.solvers.level_set_state import LevelSetState, choose, chosen
from madcore.solvers.levels import held_error
from madcore.solvers.limited_memory import Pairs
from madcore.solvers.multipliers import (
    free_pixels,
    lagrangian,
    least_squares_multiplier,
    ray_multiplier,
    solve_normal,
)
from madcore.solvers.numbers import Numbers, column, dot, namespace, numbers, tensor
from madcore.solvers.passes import Ahead, Compared, Passes, TorchPasses, fastest_passes, look_ahead
from madcore.solvers.retraction import learn_level, return_to_level
from madcore.solvers.secant_scale import SecantScale

__all__ = ["LevelSet"]

VALUES_IN_CACHE = 1 << 15  # of one picture
LOOK_EVERY = 10  # steps between two looks at which images go on with momentum, each of which waits for the device


@dataclass(frozen=True)
class LevelSet:
    """Options of the solver; all have been measured to need no tuning.

    Parameters
    ----------
    memory : int, optional
        Pairs that limited-memory BFGS remembers; by default 8, for pictures whose pairs outgrow a core's cache 4, which
        are nearly as good and take half the time.
    momentum_steps : int
        Steps before it may take over from momentum, as it may at every tenth step.
    momentum : tuple of float
        Smallest and largest share of the last direction that momentum keeps; it grows with the steps.
    slow : float
        Share of all that was gained so far: an image to which the last ten steps brought less is left to L-BFGS, which
        needs fewer steps near the end, and more before.
    learn_every : int
        Steps between two updates of the learned metric's weights of places.
    learn_rings_every : int
        Steps between two updates of its weights of frequencies, a multiple of `learn_every`.
    """

    memory: int | None = None
    momentum_steps: int = 24
    momentum: tuple[float, float] = (0.85, 0.98)
    slow: float = 5e-4
    learn_every: int = 2
    learn_rings_every: int = 8
    name: str = "level_set"
    revision: int = 1

    def init(self, problem: MADProblem, start: Tensor, level: Tensor) -> LevelSetState:
        """Begin at images (N, n) on the levels (N, k)."""
        kinks = Kinks.find(problem, start)
        evaluation = problem.evaluate(start)
        error_image = start - problem.reference
        at_bounds, multiplier, degree = _multiplier(problem, TorchPasses(), start, evaluation, None)
        slope = _slope(problem, kinks, start, lagrangian(evaluation, multiplier), multiplier)
        size = error_image.square().mean(1).sqrt()
        flagged = torch.zeros_like(size, dtype=torch.bool) if kinks is None else kinks.flagged
        free, operator = free_pixels(at_bounds, slope), _operator(problem)
        scale = None if operator is None else operator.first(error_image, slope * free, free)
        merit = tensor(merits(evaluation, multiplier, level)[0])
        yes = torch.ones_like(size, dtype=torch.bool)
        return LevelSetState(
            point=start,
            at_bounds=at_bounds,
            evaluation=evaluation,
            level=level,
            multiplier=multiplier,
            degree=degree,
            slope=slope,
            bend=torch.zeros_like(size),
            surprise=torch.full_like(size, torch.inf),
            merit=merit,
            error=held_error(problem, evaluation.held, level),
            radius=size.clone(),
            size=size,
            momentum=torch.zeros_like(start),
            quasi=flagged,
            some_momentum=True,
            some_quasi=kinks is not None,
            pairs=Pairs.empty(start, self.memory or (8 if start.shape[1] <= VALUES_IN_CACHE else 4)),
            operator=operator,
            scale=scale,
            kinks=kinks,
            best=start,
            best_merit=merit,
            promised=torch.full_like(size, torch.inf),
            at_best=yes,
            exact=yes,
            refusals=torch.zeros_like(size, dtype=torch.long),
            stalled=~yes,
            history=(merit,),
            evaluations=3 if kinks is None else 5,
        )

    def step(self, problem: MADProblem, state: LevelSetState) -> LevelSetState:
        """Propose, return to the level, evaluate, judge, remember: one evaluation of all metrics."""
        passes = fastest_passes(problem, state)
        direction, state = find_direction(state, passes, self.momentum)
        if level_count(state) > 1:
            direction = _tangential(state, direction)
        proposal, ahead = passes.propose(problem, state, direction.step, _length(state, direction), direction.over)
        if state.kinks is not None:
            proposal = state.kinks.stop_at_reference(problem, state.point, proposal)
            ahead = look_ahead(problem, state, proposal)
        trial, surprise = return_to_level(problem, passes, state, proposal, ahead)
        evaluation = problem.evaluate(trial)
        return self._judge(problem, passes, state, ahead, trial, evaluation, surprise)

    def take(self, state: LevelSetState, index: Tensor) -> LevelSetState:
        """Go on with the images at `index` only."""
        return state.take(index)

    def _judge(
        self,
        problem: MADProblem,
        passes: Passes,
        state: LevelSetState,
        ahead: Ahead,
        trial: Tensor,
        evaluation: Evaluation,
        surprise: Numbers,
    ) -> LevelSetState:
        at_bounds, multiplier, degree = _multiplier(problem, passes, trial, evaluation, state.multiplier)
        measured = passes.compare(state, trial, evaluation, multiplier)
        bend, surprise = learn_level(state, evaluation, measured, surprise)
        found = judge(state, problem.error_scale(state.level), evaluation, multiplier, ahead.slope, measured)
        state = self._remember(state, measured, found.store)
        state.pairs.forget(found.clear)
        slope = _slope(problem, state.kinks, trial, measured.slope, multiplier)
        moved = chosen(
            ~found.refused, state, trial, at_bounds, evaluation, multiplier, degree, found.merit, found.error, slope
        )
        after = replace(
            moved,
            bend=bend,
            surprise=surprise,
            merit=moved.merit.masked_fill(found.restart, torch.inf),
            radius=found.radius,
            best=choose(found.better, trial, state.best),
            best_merit=found.best_merit,
            at_best=found.at_best,
            exact=found.exact,
            refusals=found.refusals,
            stalled=found.stalled,
            history=(*state.history, found.best_merit),
            evaluations=state.evaluations + 1,
        )
        return self._hand_over(after) if after.steps % LOOK_EVERY == 0 else after

    def _hand_over(self, state: LevelSetState) -> LevelSetState:
        """Leave the images to L-BFGS to which the last steps brought little."""
        if state.steps < self.momentum_steps:
            return state
        first, last, best = (state.history[index] for index in (0, -1 - LOOK_EVERY, -1))
        slow = last - best <= self.slow * (first - best)
        return replace(state, quasi=state.quasi | slow).looked()

    def _remember(self, state: LevelSetState, measured: Compared, keep: Tensor) -> LevelSetState:
        pairs, scale = state.pairs, state.scale
        step, change = measured.step, measured.change
        if state.some_quasi:
            pairs = pairs.store(step, change, tensor(measured.moved * measured.changed), keep & state.quasi)
        operator = state.operator
        due, rings_due = (
            state.steps < 4 or state.steps % every == every - 1 for every in (self.learn_every, self.learn_rings_every)
        )
        if operator is not None and scale is not None and due:
            scale = operator.learn(scale, step, change, keep, rings=rings_due)
        return replace(state, pairs=pairs, scale=scale)


def level_count(state: LevelSetState) -> int:
    """Return the number of held metrics."""
    return state.level.shape[1]


def _slope(problem: MADProblem, kinks: Kinks | None, point: Tensor, plain: Tensor, multiplier: Tensor) -> Tensor:
    """Return the Lagrangian's gradient, (N, n), by the rule for pixels at a kink where there are kinks."""
    return plain if kinks is None else kinks.correct(problem, point, plain, multiplier)


def _operator(problem: MADProblem) -> SecantScale | None:
    """Return the learned metric, or None for inputs that are not pictures of some size: the identity serves there."""
    if problem.image.ndim != 4 or min(problem.image.shape[-2:]) < 8:
        return None
    return SecantScale.of(problem.image)


@np.errstate(all="ignore")
def _multiplier(
    problem: MADProblem, passes: Passes, point: Tensor, evaluation: Evaluation, last: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return which pixels of the point are at bounds, (N, n), its multipliers, (N, k), and the degree, (N,)."""
    if evaluation.held.shape[1] > 1:
        multiplier = least_squares_multiplier(problem, point, evaluation)
        return problem.bounds.at_bounds(point), multiplier, torch.ones_like(evaluation.objective)
    at_bounds, gain, growth = passes.inside(problem, point, evaluation)
    before = _along_whole_ray(problem, point, evaluation) if last is None else numbers(last)[:, 0]
    multiplier, degree = ray_multiplier(gain, growth, numbers(evaluation.held)[:, 0], before)
    return at_bounds, column(multiplier, point), tensor(degree, point)


def _along_whole_ray(problem: MADProblem, point: Tensor, evaluation: Evaluation) -> Numbers:
    error = point - problem.reference
    return dot(evaluation.gradient, error) / dot(evaluation.jacobian[:, 0], error)


def _tangential(state: LevelSetState, direction: Direction) -> Direction:
    """Take off a direction what would change the held values to first order."""
    jacobian, free = state.evaluation.jacobian, free_pixels(state.at_bounds, state.slope)
    weighted = jacobian * free[:, None]
    along = solve_normal(jacobian, free, (weighted @ direction.step[..., None])[..., 0])
    step = direction.step - (along[:, None] @ weighted)[:, 0]
    return replace(direction, step=step, square=dot(step, step))


@np.errstate(all="ignore")
def _length(state: LevelSetState, direction: Direction) -> Numbers:
    """Return how many times a direction to go, (N,): as far as it goes itself, or the radius."""
    radius, size = numbers(state.radius), (direction.square / state.point.shape[1]) ** 0.5
    xp = namespace(size)
    size = xp.clip(size, torch.finfo(state.point.dtype).tiny, None)
    whole = numbers(state.exact) | ~numbers(direction.trusted)
    return xp.where(whole, radius, xp.minimum(size, radius)) / size

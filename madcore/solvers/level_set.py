"""The level-set solver: hold the held metrics exactly and optimise on what is left.  No trade-off, no learning rate.

Every proposal is returned to the level along the ray from the reference image.  With the ray's own multiplier the
Lagrangian's gradient is exactly that of the objective composed with this return, so the problem is an unconstrained
one: momentum steps first, limited-memory BFGS with a trust radius where these bring little more, both in a metric that
is learned from the run (`SecantScale`).  With several held metrics steps are taken in the tangent space and corrected
by Newton steps.  Every image of a batch has its own multipliers, trust radius, free pixels and memory.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from madcore.problem import Evaluation, MADProblem
from madcore.solvers.directions import Direction, find_direction
from madcore.solvers.judgement import Measured, judge, merits
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
from madcore.solvers.numbers import column, dot, namespace, none_of, norm, numbers, tensor
from madcore.solvers.retraction import along_ray, by_newton
from madcore.solvers.secant_scale import SecantScale

__all__ = ["LevelSet"]

VALUES_IN_CACHE = 1 << 15  # of one picture


@dataclass(frozen=True)
class LevelSet:
    """Options of the solver; all have been measured to need no tuning.

    Parameters
    ----------
    memory : int, optional
        Pairs that limited-memory BFGS remembers; by default 8, for pictures whose pairs outgrow a core's cache 4, which
        are nearly as good and take half the time.
    momentum_steps : int
        Steps before it may take over from momentum.
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
        error_image, at_bounds = start - problem.reference, problem.bounds.at_bounds(start)
        multiplier, degree = _multiplier(problem, start, error_image, at_bounds, evaluation, None)
        slope = lagrangian(evaluation, multiplier)
        if kinks is not None:
            slope = kinks.correct(problem, start, slope, multiplier)
        size = error_image.square().mean(1).sqrt()
        free = free_pixels(at_bounds, slope)
        operator, scale = _operator(problem), None
        if operator is not None:
            plain = torch.zeros_like(size, dtype=torch.bool) if kinks is None else kinks.flagged
            scale = operator.first(error_image, slope * free, free, plain)
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
            merit=merit,
            error=held_error(problem, evaluation.held, level),
            radius=size.clone(),
            size=size,
            momentum=torch.zeros_like(start),
            quasi=torch.zeros_like(yes) if kinks is None else kinks.flagged,
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
        free = free_pixels(state.at_bounds, state.slope)
        direction, state = find_direction(state, free, self.momentum, begins=self._begins(state))
        if level_count(state) > 1:
            step = direction.step - _tangential(state.evaluation.jacobian, free, direction.step)
            direction = replace(direction, step=step)
        proposal = _proposal(state, direction)
        if state.kinks is not None:
            proposal = state.kinks.stop_at_reference(problem, state.point, proposal)
        trial = _retract(problem, state, proposal)
        evaluation = problem.evaluate(trial)
        return self._judge(problem, state, proposal, trial, evaluation)

    def take(self, state: LevelSetState, index: Tensor) -> LevelSetState:
        """Go on with the images at `index` only."""
        return state.take(index)

    def _begins(self, state: LevelSetState) -> bool:
        """Tell whether it is known without looking that momentum moves every image."""
        return state.kinks is None and state.steps < self.momentum_steps

    def _judge(
        self, problem: MADProblem, state: LevelSetState, proposal: Tensor, trial: Tensor, evaluation: Evaluation
    ) -> LevelSetState:
        step = trial - state.point
        at_bounds = problem.bounds.at_bounds(trial)
        multiplier, degree = _multiplier(
            problem, trial, trial - problem.reference, at_bounds, evaluation, state.multiplier
        )
        slope = lagrangian(evaluation, multiplier)
        change = slope - lagrangian(state.evaluation, multiplier)
        measured = Measured(
            ahead=dot(state.slope, problem.bounds.clamp(proposal).sub_(state.point)),
            predicted=dot(state.slope, step),
            curvature=dot(step, change),
            moved=norm(step),
            changed=norm(change),
        )
        found = judge(state, problem.error_scale(state.level), evaluation, multiplier, measured)
        state = self._remember(state, step, change, tensor(measured.moved * measured.changed), found.store)
        state.pairs.forget(found.clear)
        if state.kinks is not None:
            slope = state.kinks.correct(problem, trial, slope, multiplier)
        moved = chosen(
            ~found.refused, state, trial, at_bounds, evaluation, multiplier, degree, found.merit, found.error, slope
        )
        return replace(
            moved,
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
            quasi=state.quasi | self._slow(state, found.best_merit),
        )

    def _slow(self, state: LevelSetState, best: Tensor) -> Tensor:
        """Tell to which images the last ten steps brought little, (N,)."""
        if state.steps < max(10, self.momentum_steps):
            return torch.zeros_like(state.quasi)
        return state.history[-10] - best <= self.slow * (state.history[0] - best)

    def _remember(
        self, state: LevelSetState, step: Tensor, change: Tensor, size: Tensor, keep: Tensor
    ) -> LevelSetState:
        pairs, scale = state.pairs, state.scale
        if not (self._begins(state) or none_of(state.quasi)):
            pairs = pairs.store(step, change, size, keep & state.quasi)
        operator = state.operator
        due, rings_due = (
            state.steps < 4 or state.steps % every == every - 1 for every in (self.learn_every, self.learn_rings_every)
        )
        if operator is not None and scale is not None and due:
            plain = torch.zeros_like(keep) if state.kinks is None else state.kinks.flagged
            scale = operator.learn(scale, step, change, keep, plain, rings=rings_due)
        return replace(state, pairs=pairs, scale=scale)


def level_count(state: LevelSetState) -> int:
    """Return the number of held metrics."""
    return state.level.shape[1]


def _operator(problem: MADProblem) -> SecantScale | None:
    """Return the learned metric, or None for inputs that are not pictures of some size: the identity serves there."""
    if problem.image.ndim != 4 or min(problem.image.shape[-2:]) < 8:
        return None
    return SecantScale.of(problem.image)


def _multiplier(
    problem: MADProblem,
    point: Tensor,
    error_image: Tensor,
    at_bounds: Tensor,
    evaluation: Evaluation,
    last: Tensor | None,
) -> tuple[Tensor, Tensor]:
    if evaluation.held.shape[1] == 1:
        return ray_multiplier(error_image, at_bounds, evaluation, last)
    return least_squares_multiplier(problem, point, evaluation), torch.ones_like(evaluation.objective)


def _tangential(jacobian: Tensor, free: Tensor, direction: Tensor) -> Tensor:
    """Compute the part of a direction that would change the held values to first order."""
    weighted = jacobian * free[:, None]
    return (solve_normal(jacobian, free, (weighted @ direction[..., None])[..., 0])[:, None] @ weighted)[:, 0]


def _proposal(state: LevelSetState, direction: Direction) -> Tensor:
    """Step as long as the direction itself or the radius.

    Pixels may leave the range here: those that are held at a bound stay there when the ray shrinks the image's error.
    """
    step, radius = direction.step, numbers(state.radius)
    size = norm(step) / step.shape[1] ** 0.5
    xp = namespace(size)
    size = xp.clip(size, torch.finfo(step.dtype).tiny, None)
    length = xp.where(numbers(state.exact) | ~numbers(direction.trusted), radius, xp.minimum(size, radius))
    return torch.addcmul(state.point, direction.overshoot.add(step), column(length / size, step))


def _retract(problem: MADProblem, state: LevelSetState, proposal: Tensor) -> Tensor:
    if level_count(state) > 1:
        return by_newton(problem, proposal, state.level, state.point, state.evaluation.jacobian)
    enough = torch.where(state.refusals > 0, 0.003, 0.03)
    return along_ray(problem, proposal, state.level[:, 0], state.degree, enough)

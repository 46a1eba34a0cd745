"""The level-set solver: hold the held metrics exactly and optimise on what is left.  No trade-off, no learning rate.

Every proposal is returned to the level along the ray from the reference image.  With the ray's own multiplier the
Lagrangian's gradient is exactly that of the objective composed with this return, so the problem is an unconstrained
one: momentum steps first, limited-memory BFGS with a trust radius afterwards, both in a metric that is learned from the
run (`SecantScale`).  With several held metrics steps are taken in the tangent space and corrected by Newton steps.
Every image of a batch has its own multipliers, trust radius, free pixels and memory.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from madcore.problem import Evaluation, MADProblem
from madcore.solvers.kinks import Kinks
from madcore.solvers.level_set_state import LevelSetState, chosen
from madcore.solvers.levels import held_error
from madcore.solvers.limited_memory import Pairs
from madcore.solvers.multipliers import (
    free_pixels,
    lagrangian,
    least_squares_multiplier,
    ray_multiplier,
    solve_normal,
)
from madcore.solvers.retraction import along_ray, by_newton
from madcore.solvers.secant_scale import SecantScale

__all__ = ["LevelSet"]

LARGEST_RADIUS = 2.0  # in units of the root mean square of the start's error, as all radii
SMALLEST_RADIUS = 1e-6
MAY_BE_BEST = 3e-3  # held error at which an image may become the best one
TOO_FAR = 1e-2  # held error at which a step is refused


@dataclass(frozen=True)
class LevelSet:
    """Options of the solver; all have been measured to need no tuning.

    Parameters
    ----------
    memory : int
        Pairs that limited-memory BFGS remembers.
    momentum_steps : int
        Evaluations before it takes over from momentum.
    momentum : float
        Share of the last direction that momentum keeps.
    learn_every : int
        Steps between two updates of the learned metric.
    """

    memory: int = 8
    momentum_steps: int = 25
    momentum: float = 0.85
    learn_every: int = 2
    name: str = "level_set"
    revision: int = 1

    def init(self, problem: MADProblem, start: Tensor, level: Tensor) -> LevelSetState:
        """Begin at images (N, n) on the levels (N, k)."""
        kinks = Kinks.find(problem, start)
        evaluation = problem.evaluate(start)
        multiplier, degree = _multiplier(problem, start, evaluation, None)
        slope = _slope(problem, start, evaluation, multiplier, kinks)
        error_image = start - problem.reference
        size = error_image.square().mean(1).sqrt()
        free = free_pixels(problem, start, slope)
        operator, scale = _operator(problem), None
        if operator is not None:
            plain = torch.zeros_like(size, dtype=torch.bool) if kinks is None else kinks.flagged
            scale = operator.first(error_image, slope * free, free, plain)
        merit = _merit(evaluation, multiplier, level, 0.3)
        yes = torch.ones_like(size, dtype=torch.bool)
        return LevelSetState(
            point=start,
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
            pairs=Pairs.empty(start, self.memory),
            operator=operator,
            scale=scale,
            kinks=kinks,
            best=start,
            best_merit=merit,
            first_merit=merit,
            promised=torch.full_like(size, torch.inf),
            at_best=yes,
            exact=yes,
            refusals=torch.zeros_like(size, dtype=torch.long),
            stalled=~yes,
            history=(merit,),
            evaluations=1 if kinks is None else 5,
        )

    def step(self, problem: MADProblem, state: LevelSetState) -> LevelSetState:
        """Propose, return to the level, evaluate, judge, remember: one evaluation of all metrics."""
        free = free_pixels(problem, state.point, state.slope)
        direction, overshoot, newton, state = self._direction(state, free)
        if level_count(state) > 1:
            direction = direction - _tangential(state.evaluation.jacobian, free, direction)
        proposal = _proposal(state, direction, overshoot, newton)
        if state.kinks is not None:
            proposal = state.kinks.stop_at_reference(problem, state.point, proposal)
        trial = _retract(problem, state, proposal)
        evaluation = problem.evaluate(trial)
        return self._judge(problem, state, proposal, trial, evaluation)

    def take(self, state: LevelSetState, index: Tensor) -> LevelSetState:
        """Go on with the images at `index` only."""
        return state.take(index)

    def _direction(self, state: LevelSetState, free: Tensor) -> tuple[Tensor, Tensor, Tensor, LevelSetState]:
        """Return direction, overshoot of pixels at their bounds, whether its length can be trusted, and the state."""
        operator, memory = state.operator, state.scale

        def scaled(vector: Tensor) -> Tensor:
            return vector if operator is None or memory is None else operator.apply(memory, vector)

        slope = state.slope * free
        overshoot = -state.slope * (1 - free)
        if operator is not None and memory is not None:
            overshoot = overshoot * operator.places(memory)
        no = torch.zeros_like(state.at_best)
        begun = state.evaluations < self.momentum_steps
        if begun:
            momentum = free * torch.add(slope, state.momentum, alpha=self.momentum)
            state = replace(state, momentum=momentum)
            direction = -free * scaled(momentum)
            descends = _dot(direction, slope) < 0
            direction = (
                direction if bool(descends.all()) else torch.where(descends[:, None], direction, -free * scaled(slope))
            )
            if state.kinks is None:
                return direction, overshoot, no, state
        quasi, gamma, usable = state.pairs.direction(slope, free, scaled)
        descent = _dot(quasi, slope)
        good = (descent < -1e-10 * quasi.norm(dim=1) * slope.norm(dim=1)) & torch.isfinite(quasi).all(1)
        quasi = torch.where(good[:, None], quasi, -free * scaled(slope))
        quasi_overshoot = torch.where(good[:, None], gamma[:, None] * overshoot, overshoot)
        usable = usable & good
        promised = torch.where(state.at_best & usable, -0.5 * descent, state.promised)
        state = replace(state, promised=promised)
        if begun and state.kinks is not None:
            flagged = state.kinks.flagged
            quasi = torch.where(flagged[:, None], quasi, direction)
            quasi_overshoot = torch.where(flagged[:, None], quasi_overshoot, overshoot)
            usable = usable & flagged
        return quasi, quasi_overshoot, usable, state

    def _judge(
        self, problem: MADProblem, state: LevelSetState, proposal: Tensor, trial: Tensor, evaluation: Evaluation
    ) -> LevelSetState:
        old = state.evaluation
        step = trial - state.point
        multiplier, degree = _multiplier(problem, trial, evaluation, state.multiplier)
        error = held_error(problem, evaluation.held, state.level)
        merit = _merit(evaluation, multiplier, state.level, 0.3)
        stuck = _dot(state.slope, problem.clamp(proposal) - state.point) >= 0
        ratio = _gain_ratio(state, merit, _dot(state.slope, step))
        finite = torch.isfinite(merit) & torch.isfinite(evaluation.gradient).all(1)
        finite &= torch.isfinite(evaluation.jacobian).flatten(1).all(1)
        refused = ~finite | ((error > TOO_FAR) & (error > 0.7 * state.error)) | ~(ratio >= -0.5) | stuck
        change = lagrangian(evaluation, multiplier) - lagrangian(old, multiplier)
        curvature = _dot(step, change)
        curved = curvature > 1e-6 * step.norm(dim=1) * change.norm(dim=1)
        state = self._remember(state, step, change, curved & ~refused)
        used = step.square().mean(1).sqrt()
        radius = _next_radius(state, refused, ratio, used)
        refusals = torch.where(refused, state.refusals + 1, 0)
        clear = (refusals >= 3) | stuck
        state.pairs.forget(clear)
        moved = chosen(~refused, state, trial, evaluation, multiplier, degree, merit, error)
        slope = _slope(problem, moved.point, moved.evaluation, moved.multiplier, state.kinks)
        restart = clear & refused
        candidate = _merit(moved.evaluation, moved.multiplier, state.level, 1.0)
        better = ~refused & (moved.error <= MAY_BE_BEST) & (candidate < state.best_merit)
        best_merit = torch.where(better, candidate, state.best_merit)
        smallest = radius <= 1.01 * SMALLEST_RADIUS * state.size
        return replace(
            moved,
            slope=slope,
            merit=torch.where(restart, torch.inf, moved.merit),
            radius=torch.where(restart, torch.maximum(radius, 0.01 * state.size), radius),
            best=torch.where(better[:, None], moved.point, state.best),
            best_merit=best_merit,
            at_best=better | (state.at_best & refused),
            exact=torch.where(refused, state.exact, ~curved) | clear,
            refusals=torch.where(clear, 0, refusals),
            stalled=smallest,
            history=(*state.history, best_merit),
            evaluations=state.evaluations + 1,
        )

    def _remember(self, state: LevelSetState, step: Tensor, change: Tensor, keep: Tensor) -> LevelSetState:
        pairs, scale = state.pairs, state.scale
        if state.kinks is not None or state.evaluations >= self.momentum_steps - self.memory:
            pairs = pairs.store(step, change, keep)
        operator = state.operator
        early = state.evaluations <= 4
        if operator is not None and scale is not None and (early or state.evaluations % self.learn_every == 0):
            plain = torch.zeros_like(keep) if state.kinks is None else state.kinks.flagged
            scale = operator.learn(scale, step, change, keep, plain)
        return replace(state, pairs=pairs, scale=scale)


def level_count(state: LevelSetState) -> int:
    """Return the number of held metrics."""
    return state.level.shape[1]


def _operator(problem: MADProblem) -> SecantScale | None:
    """Return the learned metric, or None for inputs that are not pictures of some size: the identity serves there."""
    if problem.image.ndim != 4 or min(problem.image.shape[-2:]) < 8:
        return None
    return SecantScale(problem.image.shape[1:], problem.image)


def _multiplier(
    problem: MADProblem, point: Tensor, evaluation: Evaluation, last: Tensor | None
) -> tuple[Tensor, Tensor]:
    if evaluation.held.shape[1] == 1:
        return ray_multiplier(problem, point, evaluation, last)
    return least_squares_multiplier(problem, point, evaluation), torch.ones_like(evaluation.objective)


def _slope(
    problem: MADProblem, point: Tensor, evaluation: Evaluation, multiplier: Tensor, kinks: Kinks | None
) -> Tensor:
    slope = lagrangian(evaluation, multiplier)
    return slope if kinks is None else kinks.correct(problem, point, slope, multiplier)


def _merit(evaluation: Evaluation, multiplier: Tensor, level: Tensor, weight: float) -> Tensor:
    """Objective on the level to first order, plus a share of what the distance from the level is worth."""
    missing = multiplier * (evaluation.held - level)
    return evaluation.objective - missing.sum(1) + weight * missing.abs().sum(1)


def _tangential(jacobian: Tensor, free: Tensor, direction: Tensor) -> Tensor:
    """Compute the part of a direction that would change the held values to first order."""
    weighted = jacobian * free[:, None]
    return (solve_normal(jacobian, free, (weighted @ direction[..., None])[..., 0])[:, None] @ weighted)[:, 0]


def _proposal(state: LevelSetState, direction: Tensor, overshoot: Tensor, newton: Tensor) -> Tensor:
    """Step as long as the direction itself or the radius.

    Pixels may leave the range here: those that are held at a bound stay there when the ray shrinks the image's error.
    """
    size = direction.square().mean(1).sqrt().clamp_min(torch.finfo(direction.dtype).tiny)
    length = torch.where(state.exact | ~newton, state.radius, torch.minimum(size, state.radius))
    return state.point + (length / size)[:, None] * (direction + overshoot)


def _retract(problem: MADProblem, state: LevelSetState, proposal: Tensor) -> Tensor:
    if level_count(state) > 1:
        return by_newton(problem, proposal, state.level, state.point, state.evaluation.jacobian)
    enough = torch.where(state.refusals > 0, 0.003, 0.03)
    return along_ray(problem, proposal, state.level[:, 0], state.degree, enough)


def _gain_ratio(state: LevelSetState, merit: Tensor, predicted: Tensor) -> Tensor:
    """Actual over predicted decrease; 0.5 where the decrease drowns in rounding."""
    rounding = 1e-6 if merit.dtype == torch.float32 else 1e-12
    size = state.evaluation.objective.abs() + (state.multiplier.abs() * state.level.abs()).sum(1)
    gained = merit - state.merit
    uphill = torch.where(gained < 0, 0.5, -1.0)
    ratio = torch.where(predicted < 0, gained / predicted.clamp(max=-torch.finfo(merit.dtype).tiny), uphill)
    return torch.where(gained.abs() <= rounding * size, 0.5, ratio)


def _next_radius(state: LevelSetState, refused: Tensor, ratio: Tensor, used: Tensor) -> Tensor:
    grown = torch.where((ratio > 0.7) & (used > state.radius / 2), 2.0, 1.0)
    factor = torch.where(refused, 0.3, torch.where(ratio < 0.2, 0.5, grown))
    smallest = SMALLEST_RADIUS * state.size
    base = torch.where(refused, torch.minimum(state.radius, torch.maximum(used, smallest)), state.radius)
    return torch.minimum(torch.maximum(base * factor, smallest), LARGEST_RADIUS * state.size)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return torch.linalg.vecdot(a, b)

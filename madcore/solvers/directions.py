"""Where to go next: momentum, or limited-memory BFGS for images to which momentum brings little more.

Both in the learned metric, on free pixels.  Momentum costs less a step and is as good far from the end; the other
converges.  Its share grows with the steps, as in Nesterov's method (1983).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from madcore.solvers.level_set_state import LevelSetState, choose
from madcore.solvers.numbers import dot, none_of, tensor, true_of_all

__all__ = ["Direction", "find_direction"]

LAG = 2.5  # momentum keeps 1 - LAG / step of the last direction


@dataclass(frozen=True)
class Direction:
    """Directions of N images.

    Attributes
    ----------
    step : Tensor
        The direction on free pixels, 0 elsewhere, (N, n).
    overshoot : Tensor
        What pixels at their bounds would do, (N, n).
    trusted : Tensor
        Whether the direction's own length is that of the best step, (N,).
    """

    step: Tensor
    overshoot: Tensor
    trusted: Tensor


def find_direction(
    state: LevelSetState, free: Tensor, share: tuple[float, float], *, begins: bool
) -> tuple[Direction, LevelSetState]:
    """Return the directions, and the state with its momentum renewed.

    Parameters
    ----------
    free : Tensor
        1 for pixels that may move, 0 for others, (N, n).
    share : tuple of float
        Smallest and largest share of the last direction that momentum keeps.
    begins : bool
        Whether it is known without looking that momentum moves every image.
    """
    slope = state.slope * free
    overshoot = slope - state.slope
    if state.operator is not None and state.scale is not None:
        overshoot *= state.operator.places(state.scale)
    if true_of_all(state.quasi):
        return _quasi_newton(state, slope, free, overshoot)
    direction, state = _momentum(state, slope, free, overshoot, share)
    if begins or none_of(state.quasi):
        return direction, state
    other, judged = _quasi_newton(state, slope, free, overshoot)
    mixed = Direction(
        choose(state.quasi, other.step, direction.step),
        choose(state.quasi, other.overshoot, overshoot),
        other.trusted & state.quasi,
    )
    return mixed, replace(state, promised=torch.where(state.quasi, judged.promised, state.promised))


def _momentum(
    state: LevelSetState, slope: Tensor, free: Tensor, overshoot: Tensor, share: tuple[float, float]
) -> tuple[Direction, LevelSetState]:
    kept = max(share[0], min(share[1], 1 - LAG / (state.steps + 1)))
    momentum = torch.add(slope, state.momentum, alpha=kept).mul_(free)
    step = torch.neg(free).mul_(_scaled(state, momentum))
    descends = dot(step, slope) < 0
    if not true_of_all(descends):
        step = choose(tensor(descends), step, -free * _scaled(state, slope))
    return Direction(step, overshoot, torch.zeros_like(state.quasi)), replace(state, momentum=momentum)


def _quasi_newton(
    state: LevelSetState, slope: Tensor, free: Tensor, overshoot: Tensor
) -> tuple[Direction, LevelSetState]:
    step, gamma, pairs = state.pairs.direction(
        slope, free, lambda vector: _scaled(state, vector), renew=state.steps % 2 == 0
    )
    descent = torch.linalg.vecdot(step, slope)
    # false also where the direction is not finite
    good = descent < -1e-10 * step.norm(dim=1) * slope.norm(dim=1)
    if not true_of_all(good):
        step = choose(good, step, -free * _scaled(state, slope))
    # few pairs know too little of the curvature to promise anything
    tells = state.at_best & good & (pairs >= state.pairs.memory // 2)
    promised = torch.where(tells, -0.5 * descent, state.promised)
    overshoot = overshoot * torch.where(good, gamma, 1.0)[:, None]
    return Direction(step, overshoot, good & (pairs > 0)), replace(state, promised=promised)


def _scaled(state: LevelSetState, vector: Tensor) -> Tensor:
    """Compute K v, (N, n)."""
    if state.operator is None or state.scale is None:
        return vector
    return state.operator.apply(state.scale, vector)

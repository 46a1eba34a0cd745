"""Where to go next: momentum, or limited-memory BFGS for images to which momentum brings little more.

Both in the learned metric, on free pixels.  Momentum costs less a step and is as good far from the end; the other
converges.  Its share grows with the steps, as in Nesterov's method (1983).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from madcore.solvers.level_set_state import LevelSetState, choose
from madcore.solvers.multipliers import free_pixels
from madcore.solvers.numbers import Numbers, namespace, numbers, tensor, true_of_all
from madcore.solvers.pair_passes import fastest_pair_passes
from madcore.solvers.passes import Passes
from madcore.solvers.quasi_newton import quasi_newton

__all__ = ["Direction", "find_direction"]

LAG = 2.5  # momentum keeps 1 - LAG / step of the last direction


@dataclass(frozen=True)
class Direction:
    """Directions of N images.

    Attributes
    ----------
    step : Tensor
        The direction on free pixels, 0 elsewhere, (N, n).
    square : Numbers
        Its squared length, (N,).
    over : Numbers
        How far pixels that are held at a bound would follow their slope, scaled by the weights of places, (N,).
    trusted : Tensor
        Whether the direction's own length is that of the best step, (N,).
    """

    step: Tensor
    square: Numbers
    over: Numbers
    trusted: Tensor


def find_direction(state: LevelSetState, passes: Passes, share: tuple[float, float]) -> tuple[Direction, LevelSetState]:
    """Return the directions, and the state with its momentum renewed.

    Parameters
    ----------
    share : tuple of float
        Smallest and largest share of the last direction that momentum keeps.
    """
    if not state.some_momentum:
        return _quasi_newton(state, passes)
    direction, state = _momentum(state, passes, share)
    if not state.some_quasi:
        return direction, state
    other, judged = _quasi_newton(state, passes)
    quasi = numbers(state.quasi)
    xp = namespace(quasi)
    mixed = Direction(
        choose(state.quasi, other.step, direction.step),
        xp.where(quasi, other.square, direction.square),
        xp.where(quasi, other.over, direction.over),
        other.trusted & state.quasi,
    )
    return mixed, replace(state, promised=torch.where(state.quasi, judged.promised, state.promised))


def _momentum(state: LevelSetState, passes: Passes, share: tuple[float, float]) -> tuple[Direction, LevelSetState]:
    kept = max(share[0], min(share[1], 1 - LAG / (state.steps + 1)))
    momentum, weighted = passes.renew_momentum(state, kept)
    step, descent, square = passes.descend(state, state.filtered(weighted))
    if not true_of_all(descent < 0):
        other, _, other_square = _steepest(state, passes)
        step = choose(tensor(descent < 0), step, other)
        square = namespace(square).where(descent < 0, square, other_square)
    over = namespace(square).ones_like(square)
    return Direction(step, square, over, torch.zeros_like(state.quasi)), replace(state, momentum=momentum)


def _quasi_newton(state: LevelSetState, passes: Passes) -> tuple[Direction, LevelSetState]:
    # it begins at even steps, so that the factor is there with the first pair
    found = quasi_newton(state, fastest_pair_passes(state), renew=state.steps % 2 == 1)
    step, square, descent = found.step, found.square, tensor(found.descent)
    slope = state.slope * free_pixels(state.at_bounds, state.slope)
    # false also where the direction is not finite
    good = descent < -1e-10 * tensor(square).sqrt() * slope.norm(dim=1)
    if not true_of_all(good):
        other, _, other_square = _steepest(state, passes)
        step, square = choose(good, step, other), namespace(square).where(numbers(good), square, other_square)
    # few pairs know too little of the curvature to promise anything
    tells = state.at_best & good & (found.pairs >= state.pairs.memory // 2)
    promised = torch.where(tells, -0.5 * descent, state.promised)
    over = numbers(torch.where(good, found.gamma, 1.0))
    return Direction(step, square, over, good & (found.pairs > 0)), replace(state, promised=promised)


def _steepest(state: LevelSetState, passes: Passes) -> tuple[Tensor, Numbers, Numbers]:
    """Return the direction of steepest descent, its product with the slope and its square.

    With the weights of places alone: where nobody looks it is computed at every step, and transforms cost time.
    """
    slope = state.slope * free_pixels(state.at_bounds, state.slope)
    return passes.descend(state, state.placed(slope))

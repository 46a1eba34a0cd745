"""Rounded images back on their level: pixels are moved by one unit in the last place of their type.

In float32 the rounding of all pixels together can move a held value by more than is allowed, while that of one pixel
moves it much less.
"""

from __future__ import annotations

import torch
from torch import Tensor

from madcore.problem import MADProblem
from madcore.solvers.levels import held_error

__all__ = ["nudge"]

ROUNDS = 6


def nudge(problem: MADProblem, point: Tensor, level: Tensor, tolerance: float) -> Tensor:
    """Return images whose one held metric is on its level, to `tolerance`; those that are stay as they are.

    Parameters
    ----------
    problem : MADProblem
        In a type of more digits than that of the images.
    point : Tensor
        Rounded images, (N, n).
    level : Tensor
        Wanted values, (N, 1).
    """
    best, best_error = point, torch.full_like(level[:, 0], torch.inf)
    for _ in range(ROUNDS):
        evaluation = problem.evaluate(point.to(level.dtype))
        error = held_error(problem, evaluation.held, level)
        nearer = error < best_error
        best, best_error = torch.where(nearer[:, None], point, best), torch.where(nearer, error, best_error)
        going = nearer & (error > tolerance)
        if not bool(going.any()):
            break
        missing, slope = (level - evaluation.held)[:, 0], evaluation.jacobian[:, 0]
        moved = _neighbours(problem, point, missing[:, None] * slope)
        gain = (moved.to(level.dtype) - point).abs() * slope.abs()
        chosen = torch.stack([_largest_that_fit(*each) for each in zip(gain, missing.abs(), strict=True)])
        point = torch.where(chosen & going[:, None], moved, point)
    return best


def _neighbours(problem: MADProblem, point: Tensor, way: Tensor) -> Tensor:
    """Return for each pixel the next number in that way, inside its bounds; itself where there is none."""
    moved = torch.nextafter(point, torch.where(way > 0, torch.inf, -torch.inf).to(point))
    allowed = (way != 0) & (moved >= problem.bounds.low) & (moved <= problem.bounds.high)
    return torch.where(allowed, moved, point)


def _largest_that_fit(gain: Tensor, need: Tensor) -> Tensor:
    """Choose as few pixels, (n,), as give about what is needed and not more; the one that gives least if all do."""
    useful = gain > 0
    small = useful & (gain <= need)
    if not bool(small.any()):
        return useful & (gain == gain[useful].amin()) if bool(useful.any()) else useful
    order = (gain * small).argsort(descending=True)
    chosen = (gain * small)[order].cumsum(0) <= need
    return torch.empty_like(small).scatter_(0, order, chosen) & small

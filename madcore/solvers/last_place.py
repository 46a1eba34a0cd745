"""Rounding images to a type of fewer digits so that they stay on their levels.

In float32 the rounding of all pixels together can move a held value by more than is allowed.  Half of the pixels are
rounded, and the others make up for it; then half of these, until those few are left whose rounding moves it least.
"""

from __future__ import annotations

import torch
from torch import Tensor

from madcore.problem import MADProblem
from madcore.solvers.levels import held_error, take_newton_steps

__all__ = ["round_on_level"]

# At an extreme most pixels can have the same error, where the held gradients are parallel: these pixels could not make
# up for one that has another.  A little nearer to the start they can, and the value is hardly worse.
TOWARDS_START = (0.0, 1e-3, 1e-2)
FEW = 4
WEAK = 0.01  # of the mean effect: such a pixel cannot make up for others


def round_on_level(
    problem: MADProblem, point: Tensor, level: Tensor, start: Tensor, aim: float, tolerance: float, dtype: torch.dtype
) -> Tensor:
    """Round images that are on their levels; those that leave them by that are rounded in parts.

    Parameters
    ----------
    problem : MADProblem
        In a type of more digits than `dtype`.
    point, level, start : Tensor
        Images (N, n), wanted values (N, k), and the images from which the run began, (N, n).
    aim, tolerance : float
        Held error for which to strive before the last pixels are rounded, and the largest that is allowed after.
    dtype : torch.dtype
        Type of the rounded images.
    """
    best = point.to(dtype)
    error = held_error(problem, problem.held_values(best.to(point)), level)
    for share in TOWARDS_START:
        off = error > tolerance
        if not bool(off.any()):
            break
        nearer_start = torch.lerp(point, start, share * problem.bounds.interior(point))
        rounded = _in_parts(problem, nearer_start, level, aim, dtype)
        found = held_error(problem, problem.held_values(rounded.to(point)), level)
        nearer = off & (found < error)
        best, error = torch.where(nearer[:, None], rounded, best), torch.where(nearer, found, error)
    return best


def _in_parts(problem: MADProblem, point: Tensor, level: Tensor, aim: float, dtype: torch.dtype) -> Tensor:
    slope = problem.evaluate(point).jacobian / problem.error_scale(level)[..., None]
    effect = slope.norm(dim=1) * point.abs()
    interior = problem.bounds.interior(point)
    useful = interior * effect > WEAK * effect.mean(1, keepdim=True)
    rank = torch.where(useful, effect, torch.inf).argsort(dim=1, descending=True).argsort(dim=1)
    count = left = point.shape[1]
    while left > FEW:
        left //= 2
        last = rank >= count - left
        point = torch.where(last, point, point.to(dtype).to(point))
        point, _ = take_newton_steps(problem, problem, point, level, aim, interior * last)
    return point.to(dtype)

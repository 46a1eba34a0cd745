"""Rounded images back on their levels: pixels are moved by one unit in the last place of their type.

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
CHOICES = 100  # in a round
NEAR_ENOUGH = 0.5  # of the tolerance: a round sees to first order only


def nudge(problem: MADProblem, point: Tensor, level: Tensor, tolerance: float) -> Tensor:
    """Return images whose held metrics are on their levels, to `tolerance`; those that are stay as they are.

    Parameters
    ----------
    problem : MADProblem
        In a type of more digits than that of the images.
    point : Tensor
        Rounded images, (N, n).
    level : Tensor
        Wanted values, (N, k).
    """
    best, best_error = point, torch.full_like(level[:, 0], torch.inf)
    allowed = tolerance * problem.error_scale(level)
    for _ in range(ROUNDS):
        evaluation = problem.evaluate(point.to(level.dtype))
        error = held_error(problem, evaluation.held, level)
        nearer = error < best_error
        best, best_error = torch.where(nearer[:, None], point, best), torch.where(nearer, error, best_error)
        going = nearer & (error > tolerance)
        if not bool(going.any()):
            break
        up, down = (_neighbours(problem, point, way) for way in (torch.inf, -torch.inf))
        steps = torch.stack([up, down], 1).to(level.dtype) - point[:, None]
        slope, missing = evaluation.jacobian / allowed[..., None], (level - evaluation.held) / allowed
        nudged = point.clone()
        for row in going.nonzero()[:, 0].tolist():
            raised, lowered = _choose(slope[row, :, None] * steps[row], missing[row])
            nudged[row] = torch.where(raised, up[row], torch.where(lowered, down[row], point[row]))
        point = nudged
    return best


def _neighbours(problem: MADProblem, point: Tensor, way: float) -> Tensor:
    """Return for each pixel the next number in that way, inside its bounds; itself where there is none."""
    moved = torch.nextafter(point, torch.full_like(point, way))
    return torch.where((moved >= problem.bounds.low) & (moved <= problem.bounds.high), moved, point)


def _choose(gain: Tensor, missing: Tensor) -> Tensor:
    """Choose moves whose gains together come near to what is missing, (2, n).

    The moves are ordered by how much nearer each alone comes, and as many of the first are taken as come nearest
    together; then again, of the pixels that are left, for what is missing still.

    Parameters
    ----------
    gain : Tensor
        Change of the k held values by each pixel's move up and its move down, (k, 2, n), in units of what is allowed.
    missing : Tensor
        Wanted change, (k,).
    """
    size = gain.square().sum(0)
    chosen = torch.zeros_like(size, dtype=torch.bool)
    for _ in range(CHOICES):
        if bool(missing.abs().amax() <= NEAR_ENOUGH):
            break
        nearer = 2 * torch.einsum("k,kwn->wn", missing, gain) - size
        useful = (nearer > 0) & ~chosen.any(0)
        order = torch.where(useful, nearer, 0.0).flatten().argsort(descending=True)[: int(useful.sum())]
        if not len(order):
            break
        left = missing[:, None] - gain.flatten(1)[:, order].cumsum(1)
        count = int(left.square().sum(0).argmin()) + 1
        missing = left[:, count - 1]
        chosen.view(-1)[order[:count]] = True
    return chosen

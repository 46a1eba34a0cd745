"""Returning a proposal to the level well enough to go on from it; the last digits wait for the end of the run."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from madcore.problem import MADProblem
from madcore.solvers.levels import held_error, newton_correct
from madcore.solvers.numbers import Numbers, at_hand, namespace, none_of, numbers, true_of_all
from madcore.solvers.passes import Passes

__all__ = ["along_ray", "by_newton"]

SHARES = math.log(0.3), math.log(3.0)  # smallest and largest factor of a proposal's error, as logarithms
ENOUGH = 1e-3  # relative held error at which Newton steps end


@np.errstate(all="ignore")
def along_ray(
    problem: MADProblem,
    passes: Passes,
    proposal: Tensor,
    level: Tensor,
    degree: Tensor,
    expected: Numbers,
    trusted: Numbers,
    enough: Numbers,
) -> tuple[Tensor, Numbers]:
    """Scale the error of proposals (N, n) so that the one held metric is near its level: none to three of its values.

    Parameters
    ----------
    level, degree : Tensor
        Wanted value, and degree of the metric along the ray, (N,) each.
    expected : Numbers
        What the held metric is expected to be at the proposals, (N,).
    trusted : Numbers
        Where that is enough to go by, (N,).
    enough : Numbers
        Relative correction below which to stop, (N,).

    Returns
    -------
    trial, surprise : Tensor, Numbers
        (N, n); and by how much, relatively, the metric missed its level at the first try, (N,), NaN where none of its
        values was computed.
    """
    wanted, slope = numbers(level), numbers(degree)
    xp = namespace(wanted)
    foreseen = xp.log(wanted / expected) / slope
    position = xp.clip(xp.where(xp.isfinite(foreseen), foreseen, 0.0), *SHARES)  # logarithm of the factor
    trial = passes.on_ray(problem, proposal, xp.exp(position))
    surprise = xp.full_like(wanted, xp.nan)
    moved = last_missing = xp.zeros_like(wanted)
    need = ~trusted
    for attempt in range(3):
        if none_of(need) or (attempt == 2 and not at_hand(trial)):
            break
        missing = xp.log(wanted / numbers(problem.held_values(trial))[:, 0])
        if attempt:
            measured = (last_missing - missing) / moved
            slope = xp.clip(xp.where((abs(moved) > 1e-3) & xp.isfinite(measured), measured, slope), 0.3, 6.0)
        else:
            surprise = xp.where(need, abs(missing), surprise)
        usable = need & xp.isfinite(missing)
        following = xp.clip(position + xp.where(usable, missing / slope, 0.0), *SHARES)
        moved, last_missing, position = following - position, missing, following
        trial = passes.on_ray(problem, proposal, xp.exp(position))
        need = need & (abs(slope * moved) >= enough)
    return trial, surprise


def by_newton(problem: MADProblem, proposal: Tensor, level: Tensor, point: Tensor, jacobian: Tensor) -> Tensor:
    """Take up to three Newton steps with the Jacobian (N, k, n) of the point before.

    The first image that is near enough, or the nearest, is returned.  `level` is (N, k); `point` (N, n) is where the
    proposal came from.
    """
    trial = problem.bounds.clamp(proposal)
    free = problem.bounds.interior(trial)
    cap = 0.5 * (point - problem.reference).norm(dim=1)
    best, best_error = trial, torch.full_like(level[:, 0], torch.inf)
    for _ in range(3):
        held = problem.held_values(trial)
        error = held_error(problem, held, level)
        nearer = (error < best_error) & (best_error >= ENOUGH)
        best = torch.where(nearer[:, None], trial, best)
        best_error = torch.where(nearer, error, best_error)
        if true_of_all(best_error < ENOUGH):
            break
        trial = newton_correct(problem, trial, jacobian, free, level - held, cap)
    return best

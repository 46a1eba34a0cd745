"""Returning a proposal to the level well enough to go on from it; the last digits wait for the end of the run."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from madcore.problem import MADProblem
from madcore.solvers.levels import held_error, newton_correct
from madcore.solvers.numbers import at_hand, column, namespace, none_of, numbers, true_of_all

__all__ = ["along_ray", "by_newton"]

SHARES = math.log(0.3), math.log(3.0)  # smallest and largest factor of a proposal's error, as logarithms
ENOUGH = 1e-3  # relative held error at which Newton steps end


@np.errstate(all="ignore")
def along_ray(problem: MADProblem, proposal: Tensor, level: Tensor, degree: Tensor, enough: Tensor) -> Tensor:
    """Scale the error of proposals (N, n) so that the one held metric is near its level: one to three of its values.

    Parameters
    ----------
    level, degree, enough : Tensor
        Wanted value, degree of the metric along the ray, and relative correction below which to stop, (N,) each.
    """
    error = proposal - problem.reference
    trial = problem.bounds.clamp(proposal)
    wanted, slope = numbers(level), numbers(degree)
    xp = namespace(wanted)
    position = moved = last_missing = xp.zeros_like(wanted)  # position: logarithm of the factor
    need = xp.ones_like(wanted) > 0
    for attempt in range(3):
        missing = xp.log(wanted / numbers(problem.held_values(trial))[:, 0])
        if attempt:
            measured = xp.nan_to_num((last_missing - missing) / moved, nan=1.0)
            slope = xp.clip(xp.where(abs(moved) > 1e-3, measured, slope), 0.3, 6.0)
        step = need * xp.nan_to_num(missing / slope, nan=0.0, posinf=0.0, neginf=0.0)
        following = xp.clip(position + step, *SHARES)
        moved, last_missing, position = following - position, missing, following
        trial = problem.bounds.clamp_(torch.addcmul(problem.reference, error, column(xp.exp(position), error)))
        need = need & (abs(slope * moved) >= numbers(enough))
        if none_of(need) or (attempt == 1 and not at_hand(trial)):
            break
    return trial


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

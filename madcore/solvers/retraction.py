"""Returning a proposal to the level well enough to go on from it; the last digits wait for the end of the run."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from madcore.problem import MADProblem
from madcore.solvers.levels import held_error, newton_correct

__all__ = ["along_ray", "by_newton"]

SHARES = math.log(0.3), math.log(3.0)  # smallest and largest factor of a proposal's error, as logarithms


def along_ray(problem: MADProblem, proposal: Tensor, level: Tensor, degree: Tensor, enough: Tensor) -> Tensor:
    """Scale the error of proposals (N, n) so that the one held metric is near its level: one to three of its values.

    Parameters
    ----------
    level, degree, enough : Tensor
        Wanted value, degree of the metric along the ray, and relative correction below which to stop, (N,) each.
    """
    error = proposal - problem.reference
    trial = problem.clamp(proposal)
    position = torch.zeros_like(level)  # logarithm of the factor
    need = torch.ones_like(level)
    moved = last_missing = position
    for attempt in range(3):
        missing = (level / problem.held_values(trial)[:, 0]).log_()
        if attempt:
            measured = ((last_missing - missing) / moved).nan_to_num_(1.0)
            degree = torch.where(moved.abs() > 1e-3, measured, degree).clamp_(0.3, 6.0)
        step = (missing / degree).nan_to_num_(0.0, 0.0, 0.0).mul_(need)
        following = (position + step).clamp_(*SHARES)
        moved, last_missing, position = following - position, missing, following
        trial = problem.clamp_(torch.addcmul(problem.reference, error, position.exp()[:, None]))
        if attempt == 2:
            break
        need *= (degree * moved).abs_() >= enough
        if not bool(need.any()):
            break
    return trial


def by_newton(problem: MADProblem, proposal: Tensor, level: Tensor, point: Tensor, jacobian: Tensor) -> Tensor:
    """Take up to three Newton steps with the Jacobian (N, k, n) of the point before; return the best image met.

    `level` is (N, k); `point` (N, n) is where the proposal came from.
    """
    trial = problem.clamp(proposal)
    free = problem.interior(trial)
    cap = 0.5 * (point - problem.reference).norm(dim=1)
    best, best_error = trial, torch.full_like(level[:, 0], torch.inf)
    for _ in range(3):
        held = problem.held_values(trial)
        error = held_error(problem, held, level)
        best = torch.where((error < best_error)[:, None], trial, best)
        best_error = torch.fmin(best_error, error)
        if bool((best_error < 1e-3).all()):
            break
        trial = newton_correct(problem, trial, jacobian, free, level - held, cap)
    return best

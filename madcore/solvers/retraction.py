"""Returning a proposal to the level well enough to go on from it; the last digits wait for the end of the run."""

from __future__ import annotations

import torch
from torch import Tensor

from madcore.problem import MADProblem
from madcore.solvers.levels import held_error, newton_correct

__all__ = ["along_ray", "by_newton"]


def along_ray(problem: MADProblem, proposal: Tensor, level: Tensor, degree: Tensor, enough: Tensor) -> Tensor:
    """Scale the error of proposals (N, n) so that the one held metric is near its level: one to three of its values.

    Parameters
    ----------
    level, degree, enough : Tensor
        Wanted value, degree of the metric along the ray, and relative correction below which to stop, (N,) each.
    """
    error = proposal - problem.reference
    factor = torch.ones_like(level)
    trial = problem.clamp(proposal)
    last_log, last_held = factor, factor
    need = torch.ones_like(level, dtype=torch.bool)
    for attempt in range(3):
        held = problem.held_values(trial)[:, 0]
        if attempt:
            measured = ((held / last_held).log() / last_log).nan_to_num(1.0)
            degree = torch.where(last_log.abs() > 1e-3, measured, degree).clamp(0.3, 6.0)
        wanted = (level / held).log() / degree
        following = torch.where(need & torch.isfinite(wanted), (factor * wanted.exp()).clamp(0.3, 3.0), factor)
        last_log, last_held, factor = (following / factor).log(), held, following
        trial = problem.clamp(problem.reference + factor[:, None] * error)
        need = need & ((degree * last_log).abs() >= enough)
        if attempt == 2 or not bool(need.any()):
            break
    return trial


def by_newton(problem: MADProblem, proposal: Tensor, level: Tensor, point: Tensor, jacobian: Tensor) -> Tensor:
    """Take up to three Newton steps with the Jacobian (N, k, n) of the point before; return the best image met.

    `level` is (N, k); `point` (N, n) is where the proposal came from.
    """
    trial = problem.clamp(proposal)
    free = problem.interior(trial).to(trial.dtype)
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

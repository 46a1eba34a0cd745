"""Returning a proposal to the level well enough to go on from it; the last digits wait for the end of the run."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from madcore.problem import Evaluation, MADProblem
from madcore.solvers.level_set_state import LevelSetState
from madcore.solvers.levels import held_error
from madcore.solvers.multipliers import solve_normal
from madcore.solvers.numbers import Numbers, namespace, none_of, numbers, readable, tensor, true_of_all
from madcore.solvers.passes import Ahead, Compared, Passes

__all__ = ["learn_level", "return_to_level"]

SHARES = math.log(0.3), math.log(3.0)  # smallest and largest factor of a proposal's error, as logarithms
ENOUGH = 1e-3  # relative held error at which Newton steps end
TRUSTED = 3e-4  # relative error of a forecast below which the next one is taken unseen
BELIEVED = 0.5  # above it the next one is not even tried


def return_to_level(
    problem: MADProblem, passes: Passes, state: LevelSetState, proposal: Tensor, ahead: Ahead
) -> tuple[Tensor, Numbers]:
    """Return proposals (N, n) to their levels.

    With one held metric along the ray, to where it is foreseen to be from its gradient and its bend, if the last
    forecast was good enough, else to where it is seen to be; with several by Newton steps.

    Parameters
    ----------
    ahead : Ahead
        What the proposals would do inside the range.

    Returns
    -------
    trial, surprise : Tensor, Numbers
        (N, n); and by how much, relatively, the forecast missed the level, (N,), NaN where nobody looked.
    """
    if state.level.shape[1] > 1:
        trial = _by_newton(problem, proposal, state.level, state.point, state.evaluation.jacobian)
        return trial, numbers(state.surprise)
    refusals = numbers(state.refusals)
    xp = namespace(refusals)
    expected = numbers(state.evaluation.held)[:, 0] + ahead.held + numbers(state.bend) * ahead.square
    surprise = numbers(state.surprise)
    trusted, believed = (surprise < TRUSTED) & (refusals == 0), surprise < BELIEVED
    enough = xp.where(refusals > 0, 0.003, 0.03)
    return _along_ray(problem, passes, proposal, state.level[:, 0], state.degree, expected, believed, trusted, enough)


@np.errstate(all="ignore")
def learn_level(
    state: LevelSetState, evaluation: Evaluation, measured: Compared, surprise: Numbers
) -> tuple[Tensor, Tensor]:
    """Return how the held metric bends along steps, and how wrong the last forecast of it was, (N,) each.

    `surprise` is what `return_to_level` saw of the latter.
    """
    if state.level.shape[1] > 1:
        return state.bend, state.surprise
    held, bend = numbers(evaluation.held)[:, 0], numbers(state.bend)
    xp = namespace(held)
    found = (held - numbers(state.evaluation.held)[:, 0] - measured.held) / measured.moved**2
    missed = abs(xp.log(held / numbers(state.level)[:, 0]))
    bend = xp.where(xp.isfinite(found), found, bend)
    return tensor(bend, state.bend), tensor(xp.where(xp.isnan(surprise), missed, surprise), state.bend)


@np.errstate(all="ignore")
def _along_ray(
    problem: MADProblem,
    passes: Passes,
    proposal: Tensor,
    level: Tensor,
    degree: Tensor,
    expected: Numbers,
    believed: Numbers,
    trusted: Numbers,
    enough: Numbers,
) -> tuple[Tensor, Numbers]:
    """Scale the error of proposals (N, n) so that the one held metric is near its level: none to four of its values.

    Parameters
    ----------
    level, degree : Tensor
        Wanted value, and degree of the metric along the ray, (N,) each.
    expected : Numbers
        What the held metric is expected to be at the proposals, (N,).
    believed, trusted : Numbers
        Where that is worth a try, and where it is enough to go by, (N,).
    enough : Numbers
        Relative correction below which to stop, (N,).

    Returns
    -------
    trial, surprise : Tensor, Numbers
        (N, n); and how wrong, relatively, the expectation was, (N,), NaN where no value of the metric was computed.
    """
    wanted, slope = numbers(level), numbers(degree)
    xp = namespace(wanted)
    foreseen = xp.log(wanted / expected)
    believed = believed & xp.isfinite(foreseen)
    position = xp.clip(xp.where(believed, foreseen / slope, 0.0), *SHARES)  # logarithm of the factor
    trial = passes.on_ray(problem, proposal, xp.exp(position))
    surprise = xp.full_like(wanted, xp.nan)
    moved = last_missing = xp.zeros_like(wanted)
    need = ~trusted
    for attempt in range(4):
        if none_of(need) or (attempt == 2 and not readable(trial)):
            break
        missing = xp.log(wanted / numbers(problem.held_values(trial))[:, 0])
        if attempt:
            measured = (last_missing - missing) / moved
            slope = xp.clip(xp.where((abs(moved) > 1e-3) & xp.isfinite(measured), measured, slope), 0.3, 6.0)
        else:
            # what was not tried says nothing of the ray: the next one is looked at
            untried = xp.clip(abs(missing - foreseen), TRUSTED, None)
            surprise = xp.where(need, xp.where(believed, abs(missing), untried), surprise)
        usable = need & xp.isfinite(missing)
        following = xp.clip(position + xp.where(usable, missing / slope, 0.0), *SHARES)
        moved, last_missing, position = following - position, missing, following
        trial = passes.on_ray(problem, proposal, xp.exp(position))
        need = need & (abs(slope * moved) >= enough)
    return trial, surprise


def _by_newton(problem: MADProblem, proposal: Tensor, level: Tensor, point: Tensor, jacobian: Tensor) -> Tensor:
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
        trial = _correct(problem, trial, jacobian, free, level - held, cap)
    return best


def _correct(
    problem: MADProblem, point: Tensor, jacobian: Tensor, free: Tensor, missing: Tensor, cap: Tensor
) -> Tensor:
    """Step in the span of the held gradients on the free pixels so that the held values change by `missing`, (N, k).

    `cap`, (N,), bounds the length of the step.
    """
    step = (solve_normal(jacobian, free, missing)[:, None] @ (jacobian * free[:, None]))[:, 0]
    length = step.norm(dim=1).clamp_min(torch.finfo(step.dtype).tiny)
    return problem.bounds.clamp(point + step * (cap / length).clamp(max=1.0)[:, None])

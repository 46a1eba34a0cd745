"""Judging a trial: whether to go there, how far to trust the next step, and what to forget."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from madcore.problem import Evaluation
from madcore.solvers.level_set_state import LevelSetState
from madcore.solvers.numbers import Numbers, namespace, numbers, tensor
from madcore.solvers.passes import Compared

__all__ = ["SMALLEST_RADIUS", "Judgement", "judge", "merits"]

LARGEST_RADIUS = 2.0  # in units of the root mean square of the start's error, as all radii
SMALLEST_RADIUS = 1e-6
MAY_BE_BEST = 3e-3  # held error at which an image may become the best one
TOO_FAR = 1e-2  # held error at which a step is refused


@dataclass(frozen=True)
class Judgement:
    """What follows from a trial, tensors (N,).

    Attributes
    ----------
    refused, better : Tensor
        Whether the image stays where it was; whether the trial is the best image so far.
    store, clear : Tensor
        Whether the pair of step and change is worth remembering; whether all pairs are to be forgotten.
    merit, error, best_merit, radius, refusals, at_best, exact, stalled : Tensor
        The state's fields of these names; `merit` and `error` are the trial's.
    restart : Tensor
        Whether the next trial is to be taken whatever its merit.
    """

    refused: Tensor
    better: Tensor
    store: Tensor
    clear: Tensor
    restart: Tensor
    merit: Tensor
    error: Tensor
    best_merit: Tensor
    radius: Tensor
    refusals: Tensor
    at_best: Tensor
    exact: Tensor
    stalled: Tensor


@np.errstate(all="ignore")
def judge(
    state: LevelSetState,
    error_scale: Tensor,
    evaluation: Evaluation,
    multiplier: Tensor,
    proposed: Numbers,
    measured: Compared,
) -> Judgement:
    """Compare what a step gained with what it promised.

    Parameters
    ----------
    state : LevelSetState
        Before the step.
    error_scale : Tensor
        What makes the error of each held value relative, (N, k).
    evaluation, multiplier : Evaluation, Tensor
        At the trial.
    proposed : Numbers
        Slope times the step as it was proposed, before it was returned to the level, (N,).
    measured : Compared
        What the trial shows.
    """
    old_error, size, radius = numbers(state.error), numbers(state.size), numbers(state.radius)
    at_best, exact, refusals = numbers(state.at_best), numbers(state.exact), numbers(state.refusals)
    xp = namespace(size)
    off = abs(numbers(evaluation.held) - numbers(state.level))
    error = xp.amax(off / numbers(error_scale), 1)
    merit, candidate = merits(evaluation, multiplier, state.level)
    ratio = _gain_ratio(state, merit, measured)
    stuck = proposed >= 0
    finite = xp.isfinite(merit) & xp.isfinite(measured.changed)  # a norm sees any pixel that is not
    refused = ~finite | ((error > TOO_FAR) & (error > 0.7 * old_error)) | ~(ratio >= -0.5) | stuck
    curved = measured.curvature > 1e-6 * measured.moved * measured.changed
    refusals = xp.where(refused, refusals + 1, 0)
    clear = (refusals >= 3) | stuck
    restart = clear & refused
    used = measured.moved / state.point.shape[1] ** 0.5
    factor = 1.0 + ((ratio > 0.7) & (used > 0.5 * radius)) - 0.5 * (ratio < 0.2)
    radius = xp.where(refused, 0.3 * xp.minimum(radius, used), radius * factor)
    radius = xp.clip(radius, SMALLEST_RADIUS * size, LARGEST_RADIUS * size)
    best_merit = numbers(state.best_merit)
    better = ~refused & (error <= MAY_BE_BEST) & (candidate < best_merit)
    like = state.merit
    return Judgement(
        refused=tensor(refused),
        better=tensor(better),
        store=tensor(curved & ~refused),
        clear=tensor(clear),
        restart=tensor(restart),
        merit=tensor(merit, like),
        error=tensor(error, like),
        best_merit=tensor(xp.where(better, candidate, best_merit), like),
        radius=tensor(xp.where(restart, xp.maximum(radius, 0.01 * size), radius), like),
        refusals=tensor(xp.where(clear, 0, refusals)),
        at_best=tensor(better | (at_best & refused)),
        exact=tensor(xp.where(refused, exact, ~curved) | clear),
        stalled=tensor(radius <= 1.01 * SMALLEST_RADIUS * size),
    )


@np.errstate(all="ignore")
def merits(evaluation: Evaluation, multiplier: Tensor, level: Tensor) -> tuple[Numbers, Numbers]:
    """Objective on the level to first order, plus what the distance from the level is worth: a share of it, and all."""
    missing = numbers(multiplier) * (numbers(evaluation.held) - numbers(level))
    on_level, worth = numbers(evaluation.objective) - missing.sum(1), abs(missing).sum(1)
    return on_level + 0.3 * worth, on_level + worth


def _gain_ratio(state: LevelSetState, merit: Numbers, measured: Compared) -> Numbers:
    """Actual over predicted decrease; where that drowns in rounding, by the slopes at both ends of the step.

    Such a step is never refused, and the radius grows where they agree: a small one would stay small for ever.
    """
    rounding = 1e-6 if state.point.dtype == torch.float32 else 1e-12
    xp, predicted = namespace(merit), measured.predicted
    value = abs(numbers(state.multiplier) * numbers(state.level)).sum(1) + abs(numbers(state.evaluation.objective))
    gained = merit - numbers(state.merit)
    falls = xp.clip(predicted, None, -torch.finfo(state.point.dtype).tiny)
    ratio = xp.where(predicted < 0, gained / falls, -0.6 * xp.sign(gained))
    sloped = xp.where(predicted < 0, xp.clip(1 + 0.5 * measured.curvature / falls, 0.0, None), 0.5)
    return xp.where(abs(gained) <= rounding * value, sloped, ratio)

"""One run from each of several start images, all on the same level; for each image of the batch the best is kept."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from madcore.problem import MADProblem
from madcore.results import Result, Status, best_of
from madcore.starts import Seed, put_on_level, start_images
from madcore.synthesis import Run, finish

__all__ = ["best_attempt"]


def best_attempt(
    problem: MADProblem,
    run_from: Callable[[Tensor, Tensor], Run],
    first: Tensor,
    levels: Tensor | None,
    minmax: str,
    *,
    starts: int,
    seed: Seed,
    tolerance: float,
) -> Result:
    """Run from every start image and return the best images.

    Parameters
    ----------
    problem : MADProblem
        N problems with k held metrics.
    run_from : callable
        Runs the solver from start images (N, n) on levels (N, k).
    first : Tensor
        The first start images, (N, n), after which the others are sized.
    levels : Tensor, optional
        Values to hold, (N, k); those of the first start images by default.
    minmax : {"min", "max"}
        Which end is better.
    starts : int
        How many start images; a run that was interrupted is the last.
    seed : int or sequence of int
        Seed of the start images that are noise.
    tolerance : float
        Largest relative error of the held values.

    Raises
    ------
    LevelError
        If the only start cannot be moved to the levels.
    """
    if starts > 1:
        first, levels = _shared_level(problem, first, levels, tolerance)
    results = []
    for start in start_images(problem, first, levels, starts, seed):
        results.append(_attempt(problem, run_from, start, levels, minmax, tolerance, starts > 1))
        if Status.INTERRUPTED in results[-1].status:
            break
    return best_of(results, minmax)


def _shared_level(problem: MADProblem, first: Tensor, levels: Tensor | None, tolerance: float) -> tuple[Tensor, Tensor]:
    """Let all starts hold the same levels, and put the first, after which the others are sized, on them."""
    if levels is None:
        precise = problem.precise
        levels = precise.held_values(first.to(precise.image.dtype))
    return put_on_level(problem, first, levels, tolerance, forgiving=True)[0], levels


def _attempt(
    problem: MADProblem,
    run_from: Callable[[Tensor, Tensor], Run],
    start: Tensor,
    levels: Tensor | None,
    minmax: str,
    tolerance: float,
    forgiving: bool,
) -> Result:
    """Run from one start image, (N, n), moved to the levels; `forgiving` starts may miss them."""
    if levels is None:
        precise = problem.precise
        levels = precise.held_values(start.to(precise.image.dtype))
        off = torch.zeros(len(start), dtype=torch.bool)
    else:
        start, off = put_on_level(problem, start, levels, tolerance, forgiving)
    run = run_from(start, levels.to(problem.image.dtype))
    finished = finish(problem, run, start, levels, tolerance)
    # a start that missed the level matters only if the end did, too
    status = [
        Status.INFEASIBLE if missed and ended == Status.OFF_LEVEL else ended
        for missed, ended in zip(off.tolist(), finished.pop("status"), strict=True)
    ]
    return Result(
        **finished,
        image=problem.image,
        initial_image=start.view_as(problem.image),
        level=levels.to(finished["precision"]),
        initial_value=problem.optimized.value(start.view_as(problem.image)),
        status=tuple(status),
        iterations=run.evaluations,
        evaluations=run.evaluations,
        seconds=run.seconds,
        trace=run.trace(),
        minmax=minmax,
        optimized_metric=problem.optimized_metric,
        reference_metrics=problem.reference_metrics,
        tolerance=tolerance,
        start_values=finished["optimized_value"][:, None],
        pixel_range=(problem.low, problem.high),
    )

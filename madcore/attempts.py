"""One run from each of several start images, all on the same level; for each image of the batch the best is kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from madcore.arguments import refuse_similarities
from madcore.levels import Level, names_noise, noise_of, wanted_levels
from madcore.problem import MADProblem
from madcore.results import Result, Status, best_of
from madcore.solvers import Solver
from madcore.starts import Seed, first_start, put_on_level, start_images
from madcore.synthesis import Progress, Run, finish, run_solver

__all__ = ["solve"]


def solve(
    problem: MADProblem,
    width: float,
    *,
    level: Level,
    initial_image: Tensor | None,
    initial_noise: float | Sequence[float] | None,
    seed: Seed,
    starts: int,
    solver: Solver[Any],
    max_iter: int,
    tolerance: float,
    store_progress: int,
    progress: Callable[[Progress], bool | None] | None,
) -> Result:
    """Run from every start image and return the best images; a run that was interrupted is the last.

    `Result.seconds` is for the caller to tell, who knows what came before.

    Parameters
    ----------
    problem : MADProblem
        N problems with k held metrics.
    width : float
        Width of the pixel range, the unit of noise.
    level, initial_image, initial_noise, seed, starts, max_iter, tolerance, store_progress, progress
        As for `madcore.synthesize`; what is given for each image, for each of the problems.
    solver : Solver
        What runs.

    Raises
    ------
    InputError
        If a start or a level cannot be used.
    LevelError
        If the only start cannot be moved to the levels.
    """
    if initial_noise is None and initial_image is None and names_noise(level):
        initial_noise = noise_of(level) if isinstance(level, str) else [noise_of(each) for each in level]
    first = first_start(problem, initial_image, initial_noise, seed, width)
    refuse_similarities(problem, first)
    levels = wanted_levels(problem, level, first, seed, width)
    if starts > 1:
        first, levels = _shared_level(problem, first, levels, tolerance)
    run_from = partial(run_solver, problem, solver, max_iter=max_iter, progress=progress, store_progress=store_progress)
    results = []
    for start in start_images(problem, first, levels, starts, seed):
        results.append(_attempt(problem, run_from, start, levels, tolerance, starts > 1))
        if Status.INTERRUPTED in results[-1].status:
            break
    settings: dict[str, Any] = {"seed": seed, "starts": starts, "max_iter": max_iter}
    settings |= {"solver": solver.name, "solver_revision": solver.revision}
    return dataclasses.replace(best_of(results, problem.sign), settings=settings)


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
        initial_value=problem.optimized_values(start),
        status=tuple(status),
        iterations=run.evaluations,
        evaluations=run.evaluations,
        seconds=run.seconds,
        trace=run.trace(),
        minmax="min" if problem.sign[0] > 0 else "max",
        optimized_metric=problem.optimized_metric,
        reference_metrics=problem.reference_metrics,
        tolerance=tolerance,
        start_values=finished["optimized_value"][:, None],
        pixel_range=(problem.bounds.low, problem.bounds.high),
    )

"""The four problems of a quartet as one batch, in which they share what the steps of small pictures cost."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from madcore.arguments import chosen_solver
from madcore.attempts import solve
from madcore.errors import InputError, LevelError
from madcore.metric import Metric
from madcore.posing import pose_problem
from madcore.results import Quartet, Result, Status
from madcore.room import room_for

__all__ = ["four_fit", "solve_four"]

POSED = ("pixel_range", "mask", "keep_mean", "penalty", "penalty_lambda", "device", "dtype")
SHARED = ("starts", "max_iter", "tolerance", "progress")
FOR_EACH = ("initial_image", "initial_noise", "seed")  # each may be given for each image


def four_fit(image: Tensor, device: object) -> bool:
    """Tell whether a batch of the four problems of each image (N, C, H, W) is faster than one after the other."""
    if not isinstance(image, Tensor) or image.ndim != 4 or 0 in image.shape:
        return False
    on_gpu = image.is_cuda if device is None else str(device).startswith("cuda")
    return room_for(image[0].numel(), on_gpu) >= 4 * len(image)


def solve_four(
    image: Tensor, first: Metric, second: Metric, levels: tuple[Any, Any], given: Mapping[str, Any]
) -> dict[str, Result]:
    """Return the results of `madcore.quartet`, whose time is shared among them.

    Parameters
    ----------
    image : Tensor
        Reference images, (N, C, H, W).
    first, second : Metric
        Metrics a and b.
    levels : tuple
        Where they are held.
    given : mapping
        All other arguments of `madcore.synthesize`.

    Raises
    ------
    MadcoreError
        Whatever is wrong with any of the four; it may be told of the wrong one.
    """
    begun = time.perf_counter()
    problem, width = pose_problem(image, first, second, "min", **{name: given[name] for name in POSED})
    count = len(problem.image)
    together = solve(
        problem.fourfold(),
        width,
        level=_levels_of_four(levels, count),
        solver=chosen_solver(given["solver"]),
        store_progress=int(given["store_progress"]),
        **{name: _four_times(given[name], count) for name in FOR_EACH},
        **{name: given[name] for name in SHARED},
    )
    seconds = (time.perf_counter() - begun) / len(Quartet.KEYS)
    one, other, *more = problem.optimized_metric, *problem.reference_metrics
    assert isinstance(other, Metric)
    results = {}
    for position, name in enumerate(Quartet.KEYS):
        part = together.take(torch.arange(count) + position * count)
        if all(status == Status.INFEASIBLE for status in part.status):
            raise LevelError(f"the level of {name} is not reachable")
        side, _, minmax = name.partition("_")
        optimized, held = (one, other) if side == "a" else (other, one)
        results[name] = dataclasses.replace(
            part,
            minmax=minmax,
            optimized_metric=optimized,
            reference_metrics=(held, *more),
            seconds=seconds,
            settings={**together.settings, "seed": given["seed"]},
        )
    return results


def _levels_of_four(levels: tuple[Any, Any], count: int) -> Any:
    """Return levels of a and b for the rows of the batch, which hold b, b, a and a."""
    if all(level is None for level in levels):
        return None
    if all(isinstance(level, str) for level in levels):
        return [levels[1]] * 2 * count + [levels[0]] * 2 * count
    if any(level is None or isinstance(level, str) for level in levels):
        raise InputError("levels of different kinds are held one by one")
    a, b = (torch.as_tensor(level, dtype=torch.float64).cpu().reshape(-1).expand(count) for level in levels)
    return torch.cat([b, b, a, a])


def _four_times(value: Any, count: int) -> Any:
    """Repeat what is given for each image."""
    if isinstance(value, Tensor) and len(value) == count:
        return value.repeat(4, *[1] * (value.ndim - 1))
    return list(value) * 4 if isinstance(value, list | tuple) else value

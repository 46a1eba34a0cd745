"""The public verbs: names, callables, numbers and defaults become MAD problems, which are solved and finished."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor

from madcore.arguments import (
    MetricLike,
    check_numbers,
    checked_image,
    chosen_solver,
    listed,
    pixel_bounds,
    refuse_similarities,
    warn_if_same,
)
from madcore.attempts import best_attempt
from madcore.levels import Level, names_noise, noise_of, quartet_levels, wanted_levels
from madcore.lookup import create_metric, create_penalty
from madcore.metric import Metric
from madcore.penalties import Penalty
from madcore.problem import MADProblem, MeanLuminance, signs
from madcore.results import Quartet, Result, Status
from madcore.solvers import Solver
from madcore.starts import Seed, first_start
from madcore.synthesis import Progress, run_solver

__all__ = ["quartet", "synthesize"]


def synthesize(
    image: Tensor,
    optimized_metric: MetricLike,
    reference_metric: MetricLike | Sequence[MetricLike],
    minmax: Literal["min", "max"],
    *,
    level: Level = None,
    initial_image: Tensor | None = None,
    initial_noise: float | Sequence[float] | None = None,
    seed: Seed = 0,
    starts: int = 1,
    pixel_range: tuple[float | Tensor, float | Tensor] = (0.0, 1.0),
    mask: Tensor | None = None,
    keep_mean: bool = False,
    penalty: str | Penalty | Callable[[Tensor], Tensor] | None = None,
    penalty_lambda: float = 0.1,
    solver: str | Solver[Any] | None = None,
    max_iter: int = 200,
    tolerance: float = 1e-6,
    store_progress: int = 0,
    progress: Callable[[Progress], bool | None] | None = None,
    device: str | torch.device | None = None,
    dtype: torch.dtype | None = None,
) -> Result:
    """Synthesise MAD images: extremes of one metric among the images that another calls equally different.

    Parameters
    ----------
    image : Tensor
        Reference images (N, C, H, W), floating point, inside `pixel_range`.
    optimized_metric : str, Metric or callable
        The metric that is minimised or maximised: a name with options ("ssim,window=uniform"), a `Metric`, or any
        callable or module ``(image, mad_image) -> (N,)`` that is a distance.
    reference_metric : str, Metric, callable, or a sequence of them
        The metric whose value is held constant, or several.
    minmax : {"min", "max"}
        Whether to minimise or maximise.
    level : number, tensor (N,), sequence or str, optional
        Value at which to hold the metric, one for each of several; ``"noise:S"`` or ``"equivalent_noise:S"``, or a
        list with one of these for each image; by default its value at the start image.
    initial_image : Tensor, optional
        Start image, shape of `image`; moved to the level before the first step.
    initial_noise : float, optional
        Without `initial_image`, the standard deviation of the Gaussian noise that makes the start image, in units of
        the width of the pixel range, or one for each image; 0.1 by default.
    seed : int or sequence of int
        Seed of the noise, the same for all images, or one for each.
    starts : int
        How many start images to try; the best result is kept for each image, `Result.start_values` tells all.
    pixel_range : tuple of float or Tensor
        Smallest and largest value of the pixels; tensors of the image's shape give each pixel its own.
    mask : Tensor, optional
        Pixels, broadcast to `image`, that keep the reference's value exactly where it is true.
    keep_mean : bool
        Also hold the mean luminance of each image at the reference's.
    penalty : str, Penalty or callable, optional
        Added to what is minimised, `penalty_lambda` times.
    penalty_lambda : float
        Weight of the penalty, 0 or more.
    solver : {"level_set", "penalty"} or Solver, optional
        The level-set solver by default.
    max_iter : int
        Largest number of steps for each start.
    tolerance : float
        Largest relative error of the held value.
    store_progress : int
        Keep the image of every so many steps in `Result.trace`, for figures of the way there; 0 keeps none.
    progress : callable, optional
        Told about the run every ten steps with a `Progress`; returns True to stop it.
    device, dtype : optional
        Where and in which type to compute; by default those of `image`.

    Returns
    -------
    Result
        The images and what is known about them.

    Raises
    ------
    InputError
        If an argument cannot be used.
    LevelError
        If no image with the wanted level was found.
    ContractError
        If a metric does not return one finite value and gradient for each image.

    References
    ----------
    Wang & Simoncelli (2008), Maximum differentiation (MAD) competition, doi:10.1167/8.12.8.
    """
    begun = time.perf_counter()
    check_numbers(
        starts=starts,
        max_iter=max_iter,
        tolerance=tolerance,
        penalty_lambda=penalty_lambda,
        store_progress=store_progress,
    )
    image = checked_image(image, device, dtype)
    low, high = pixel_bounds(image, pixel_range, mask)
    width = float(high.amax() - low.amin())
    width = width if width < float("inf") else 1.0
    problem = MADProblem.create(
        image,
        *_metrics(optimized_metric, reference_metric, keep_mean, width),
        signs(minmax, len(image)),
        low=low,
        high=high,
        penalty=None if penalty is None else create_penalty(penalty),
        penalty_lambda=penalty_lambda,
    )
    if initial_noise is None and initial_image is None and names_noise(level):
        initial_noise = noise_of(level) if isinstance(level, str) else [noise_of(each) for each in level]
    first = first_start(problem, initial_image, initial_noise, seed, width)
    refuse_similarities(problem, first)
    levels = wanted_levels(problem, level, first, seed, width)
    chosen = chosen_solver(solver)
    run_from = partial(
        run_solver, problem, chosen, max_iter=max_iter, progress=progress, store_progress=int(store_progress)
    )
    best = best_attempt(problem, run_from, first, levels, minmax, starts=starts, seed=seed, tolerance=tolerance)
    settings: dict[str, Any] = {"seed": seed, "starts": starts, "max_iter": max_iter}
    settings |= {"solver": chosen.name, "solver_revision": chosen.revision}
    return dataclasses.replace(best, seconds=time.perf_counter() - begun, settings=settings)


def quartet(
    image: Tensor,
    metric_a: MetricLike,
    metric_b: MetricLike,
    *,
    level: str | Mapping[str, float] | Sequence[float | Tensor] | None = None,
    initial_noise: float | None = None,
    on_result: Callable[[str, Result], None] | None = None,
    **options: Any,
) -> Quartet:
    """Synthesise the four MAD images of two metrics: each minimised and maximised while the other is held.

    Parameters
    ----------
    image : Tensor
        Reference images (N, C, H, W).
    metric_a, metric_b : str, Metric or callable
        The two metrics.
    level : str, mapping or pair, optional
        ``"noise:S"``: each metric is held at its value at ``clamp(image + S z)``, z the noise of `seed` (the default,
        with S = `initial_noise`); ``"equivalent_noise:S"``: at the mean of its values for noise of standard deviation
        S; or one value for each metric, by name or as a pair.
    initial_noise : float, optional
        Standard deviation of the noise of the start image, in units of the pixel range; 0.1 by default.
    on_result : callable, optional
        Given the name ("a_min", ...) and the `Result` of each of the four as soon as it is finished.
    **options
        As for `synthesize`.

    Returns
    -------
    Quartet
        Of the results that were finished: all four unless the run was stopped.
    """
    first, second = create_metric(metric_a), create_metric(metric_b)
    levels = quartet_levels(level, first, second)
    results: dict[str, Result] = {}
    for optimized, held, held_level, side in ((first, second, levels[1], "a"), (second, first, levels[0], "b")):
        for minmax in ("min", "max"):
            result = synthesize(
                image, optimized, held, minmax, level=held_level, initial_noise=initial_noise, **options
            )
            results[f"{side}_{minmax}"] = result
            if on_result is not None:
                on_result(f"{side}_{minmax}", result)
            if Status.INTERRUPTED in result.status:
                return Quartet(first, second, results)
    return Quartet(first, second, results)


def _metrics(
    optimized_metric: MetricLike, reference_metric: MetricLike | Sequence[MetricLike], keep_mean: bool, width: float
) -> tuple[Metric, tuple[Metric | MeanLuminance, ...]]:
    """Find the metric to optimise and those to hold, for a pixel range of this width."""
    optimized = create_metric(optimized_metric).for_range(width)
    held: list[Metric | MeanLuminance] = [create_metric(each).for_range(width) for each in listed(reference_metric)]
    warn_if_same(optimized, held)
    return optimized, (*held, MeanLuminance()) if keep_mean else tuple(held)

"""The public verbs: names, callables, numbers and defaults become MAD problems, which are solved and finished."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from madcore.arguments import MetricLike, check_numbers, chosen_solver
from madcore.attempts import solve
from madcore.errors import MadcoreError
from madcore.fours import four_fit, solve_four
from madcore.levels import Level, quartet_levels
from madcore.lookup import create_metric
from madcore.penalties import Penalty
from madcore.posing import pose_problem
from madcore.results import Quartet, Result, Status
from madcore.solvers import Solver
from madcore.starts import Seed
from madcore.synthesis import Progress

__all__ = ["quartet", "synthesize"]

NUMBERS = ("starts", "max_iter", "tolerance", "penalty_lambda", "store_progress")


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
        Smallest and largest value of the pixels; tensors of the image's shape give each pixel its own.  Metrics that
        depend on the range take it for that of the picture, from black to white, unless it is inside [0, 1]: then it
        only forbids a part of it.
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
    problem, width = pose_problem(
        image,
        optimized_metric,
        reference_metric,
        minmax,
        pixel_range=pixel_range,
        mask=mask,
        keep_mean=keep_mean,
        penalty=penalty,
        penalty_lambda=penalty_lambda,
        device=device,
        dtype=dtype,
    )
    result = solve(
        problem,
        width,
        level=level,
        initial_image=initial_image,
        initial_noise=initial_noise,
        seed=seed,
        starts=starts,
        solver=chosen_solver(solver),
        max_iter=max_iter,
        tolerance=tolerance,
        store_progress=int(store_progress),
        progress=progress,
    )
    return dataclasses.replace(result, seconds=time.perf_counter() - begun)


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
        Of the results that there are: all four, unless the run was stopped.

    Notes
    -----
    The four run together, as one batch, where that is faster: small pictures, and on a GPU.  They are then finished at
    the same time, `progress` is told of all at once, and a stop stops them all.
    """
    first, second = create_metric(metric_a), create_metric(metric_b)
    levels = quartet_levels(level, first, second)
    given = inspect.signature(synthesize).bind(image, first, second, "min", initial_noise=initial_noise, **options)
    given.apply_defaults()
    check_numbers(**{name: given.arguments[name] for name in NUMBERS})
    results: dict[str, Result] = {}
    if four_fit(image, given.arguments["device"]):
        # what cannot be done together is tried one by one, which tells whose fault it is
        with contextlib.suppress(MadcoreError, RuntimeError, ValueError, MemoryError):
            results = solve_four(image, first, second, levels, given.arguments)
    found = iter(results.items()) if results else _one_by_one(given, levels)
    results = {}
    for name, result in found:
        results[name] = result
        if on_result is not None:
            on_result(name, result)
    return Quartet(first, second, results)


def _one_by_one(given: inspect.BoundArguments, levels: tuple[Any, Any]) -> Iterator[tuple[str, Result]]:
    """Synthesise the images of a quartet in turn; one that was interrupted is the last."""
    image, first, second, _ = given.args
    for side, optimized, held, level in (("a", first, second, levels[1]), ("b", second, first, levels[0])):
        for minmax in ("min", "max"):
            result = synthesize(image, optimized, held, minmax, **{**given.kwargs, "level": level})
            yield f"{side}_{minmax}", result
            if Status.INTERRUPTED in result.status:
                return

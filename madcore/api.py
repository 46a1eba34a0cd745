"""The public verbs: names, callables, numbers and defaults become MAD problems, which are solved and finished."""

from __future__ import annotations

import dataclasses
import math
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from madcore.certificate import in_double
from madcore.errors import InputError, LevelError
from madcore.lookup import create_metric, create_penalty
from madcore.metric import Metric
from madcore.penalties import Penalty
from madcore.problem import MADProblem, MeanLuminance, signs
from madcore.solvers import LevelSet, PenaltyMethod, Solver
from madcore.solvers.levels import held_error, move_along_ray, restore
from madcore.starts import noise_like, start_images
from madcore.synthesis import Progress, Quartet, Result, Status, finish, run_solver

__all__ = ["quartet", "synthesize"]

MetricLike = str | Metric | Callable[[Tensor, Tensor], Tensor]
Level = None | float | Tensor | Sequence[float | Tensor] | str
DEFAULT_NOISE = 0.1  # standard deviation in units of the pixel range, as in plenoptic's class
NOISE_CURVE_SEEDS = (0, 1, 2)


def synthesize(
    image: Tensor,
    optimized_metric: MetricLike,
    reference_metric: MetricLike | Sequence[MetricLike],
    minmax: str,
    *,
    level: Level = None,
    initial_image: Tensor | None = None,
    initial_noise: float | None = None,
    seed: int = 0,
    starts: int = 1,
    pixel_range: tuple[float | Tensor, float | Tensor] = (0.0, 1.0),
    mask: Tensor | None = None,
    keep_mean: bool = False,
    penalty: str | Penalty | Callable[[Tensor], Tensor] | None = None,
    penalty_lambda: float = 0.1,
    solver: str | Solver[Any] | None = None,
    max_iter: int = 200,
    tolerance: float = 1e-6,
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
        Value at which to hold the metric, one for each of several; ``"noise:S"`` or ``"equivalent_noise:S"``; by
        default its value at the start image.
    initial_image : Tensor, optional
        Start image, shape of `image`; moved to the level before the first step.
    initial_noise : float, optional
        Without `initial_image`, the standard deviation of the Gaussian noise that makes the start image, in units of
        the width of the pixel range; 0.1 by default.
    seed : int
        Seed of the noise.
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
    image = _checked_image(image, device, dtype)
    low, high = _bounds(image, pixel_range, mask)
    width = float(high.amax() - low.amin()) if math.isfinite(float(high.amax() - low.amin())) else 1.0
    optimized = create_metric(optimized_metric).for_range(width)
    held: list[Metric | MeanLuminance] = [create_metric(m).for_range(width) for m in _listed(reference_metric)]
    _warn_if_same(optimized, held)
    held += [MeanLuminance()] if keep_mean else []
    _check_numbers(starts=starts, max_iter=max_iter, tolerance=tolerance, penalty_lambda=penalty_lambda)
    problem = MADProblem.create(
        image,
        optimized,
        tuple(held),
        signs(minmax, len(image)),
        low=low,
        high=high,
        penalty=None if penalty is None else create_penalty(penalty),
        penalty_lambda=penalty_lambda,
    )
    first = _first_start(problem, initial_image, initial_noise, level, seed, width)
    levels = _levels(problem, level, first, width)
    chosen = _solver(solver)
    results = []
    for start in start_images(problem, first, starts, seed):
        results.append(_solve(problem, chosen, start, levels, minmax, max_iter, tolerance, progress, bool(starts > 1)))
        if Status.INTERRUPTED in results[-1].status:
            break
    settings = {"seed": seed, "starts": starts, "max_iter": max_iter, "solver": chosen.name, "solver_revision": chosen.revision}
    best = _best(results, minmax, starts)
    return dataclasses.replace(best, seconds=time.perf_counter() - begun, settings=settings)


def quartet(
    image: Tensor,
    metric_a: MetricLike,
    metric_b: MetricLike,
    *,
    level: None | str | Mapping[str, float] | Sequence[float | Tensor] = None,
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
    if isinstance(level, str):
        initial_noise = _noise_of(level) if initial_noise is None else initial_noise
    levels = _quartet_levels(level, first, second)
    results: dict[str, Result] = {}
    for optimized, held, held_level, side in ((first, second, levels[1], "a"), (second, first, levels[0], "b")):
        for minmax in ("min", "max"):
            result = synthesize(image, optimized, held, minmax, level=held_level, initial_noise=initial_noise, **options)
            results[f"{side}_{minmax}"] = result
            if on_result is not None:
                on_result(f"{side}_{minmax}", result)
            if Status.INTERRUPTED in result.status:
                return Quartet(first, second, results)
    return Quartet(first, second, results)


def _solve(
    problem: MADProblem,
    solver: Solver[Any],
    start: Tensor,
    levels: Tensor | None,
    minmax: str,
    max_iter: int,
    tolerance: float,
    progress: Callable[[Progress], bool | None] | None,
    forgiving: bool,
) -> Result:
    """Run from one start image, (N, n), moved to the levels; `forgiving` starts may miss them."""
    if levels is None:
        precise = in_double(problem) or problem
        levels = precise.held_values(start.to(precise.image.dtype))
        off = torch.zeros(len(start), dtype=torch.bool)
    else:
        start, off = _on_level(problem, start, levels, tolerance, forgiving)
    working = levels.to(problem.image.dtype)
    run = run_solver(problem, solver, start, working, max_iter=max_iter, progress=progress)
    finished = finish(problem, run, start, levels, tolerance)
    status = [Status.INFEASIBLE if bad else good for bad, good in zip(off.tolist(), finished.pop("status"), strict=True)]
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


def _on_level(
    problem: MADProblem, start: Tensor, levels: Tensor, tolerance: float, forgiving: bool
) -> tuple[Tensor, Tensor]:
    """Move start images to the levels; along another ray, to the corner of the range, where theirs ends before."""
    precise = in_double(problem) or problem
    dtype = precise.image.dtype
    wanted, point = levels.to(dtype), start.to(dtype)
    if levels.shape[1] > 1:
        moved = restore(precise, point, wanted, point, tolerance)
    else:
        moved = move_along_ray(precise, point, wanted, tolerance)
    error = held_error(precise, precise.held_values(moved), wanted)
    off = ~(error <= 1e-4)
    if levels.shape[1] == 1 and bool(off.any()):
        corner = torch.where(problem.high - problem.reference >= problem.reference - problem.low, problem.high, problem.low)
        corner = torch.where(corner.isfinite(), corner, problem.reference + 1e6 * (start - problem.reference)).to(dtype)
        other = move_along_ray(precise, corner, wanted, tolerance)
        nearer = held_error(precise, precise.held_values(other), wanted) < error
        moved = torch.where(nearer[:, None], other, moved)
        off = ~(held_error(precise, precise.held_values(moved), wanted) <= 1e-4)
        if bool(off.all()) and not forgiving:
            largest = precise.held_values(corner)[:, 0]
            names = problem.reference_metrics[0].name
            raise LevelError(
                f"level {_short(levels[:, 0])} of {names} is not reachable inside the pixel range on this picture: "
                f"0 to {_short(largest)} is; choose a level in between"
            )
    elif bool(off.all()) and not forgiving:
        names = " and ".join(metric.name for metric in problem.reference_metrics)
        raise LevelError(
            f"no image with levels {levels[0].tolist()} of {names} was found; the closest has "
            f"{precise.held_values(moved)[0].tolist()}"
        )
    return problem.clamp(moved.to(start.dtype)), off


def _first_start(
    problem: MADProblem, initial_image: Tensor | None, noise: float | None, level: Level, seed: int, width: float
) -> Tensor:
    reference = problem.reference
    if initial_image is not None:
        if noise is not None:
            raise InputError("give initial_image or initial_noise, not both")
        start = initial_image.to(reference)
        if start.shape != problem.image.shape:
            raise InputError(
                f"initial_image must have the shape of image, {tuple(problem.image.shape)}; got {tuple(start.shape)}"
            )
        start = start.flatten(1)
        if bool((start != problem.clamp(start)).any()) and bool((problem.low < problem.high).all()):
            raise InputError(f"initial_image must be inside the pixel range; got {float(start.amin()):g} to {float(start.amax()):g}")
        start = problem.clamp(start)
    else:
        if noise is None:
            noise = _noise_of(level) if isinstance(level, str) else DEFAULT_NOISE
        if not (math.isfinite(noise) and noise > 0):
            raise InputError(f"initial_noise must be a positive number; got {noise}")
        start = problem.clamp(reference + noise * width * noise_like(problem.image, seed).flatten(1))
    if bool((start == reference).all(1).any()):
        raise InputError("the start image equals the reference image: there is nothing to hold; give noise or another start")
    return start


def _levels(problem: MADProblem, level: Level, first: Tensor, width: float) -> Tensor | None:
    """Return the wanted levels, (N, k), or None for the values at the start image."""
    if level is None or (isinstance(level, str) and level.startswith("noise:")):
        return None if not _holds_mean(problem) else _with_mean(problem, None, first)
    precise = in_double(problem) or problem
    if isinstance(level, str):
        noise = _noise_of(level) * width
        clean = precise.reference
        curves = [
            precise.held_values(precise.clamp(clean + noise * noise_like(precise.image, seed).flatten(1)))
            for seed in NOISE_CURVE_SEEDS
        ]
        wanted = torch.stack(curves).mean(0)
        return _with_mean(problem, wanted, first) if _holds_mean(problem) else wanted
    given = list(level) if isinstance(level, (list, tuple)) else [level]
    count = len(problem.held) - _holds_mean(problem)
    if len(given) != count:
        raise InputError(f"level must have one value for each of the {count} held metrics; got {len(given)}")
    columns = []
    for value in given:
        column = torch.as_tensor(value, dtype=precise.image.dtype, device=problem.image.device).reshape(-1)
        if len(column) not in (1, len(problem.image)):
            raise InputError(f"level must be one number or one for each of the {len(problem.image)} images; got {len(column)}")
        if not bool((torch.isfinite(column) & (column > 0)).all()):
            raise InputError(f"level must be positive and finite; got {_short(column)}")
        columns.append(column.expand(len(problem.image)))
    wanted = torch.stack(columns, 1)
    return _with_mean(problem, wanted, first) if _holds_mean(problem) else wanted


def _holds_mean(problem: MADProblem) -> bool:
    return isinstance(problem.reference_metrics[-1], MeanLuminance)


def _with_mean(problem: MADProblem, wanted: Tensor | None, first: Tensor) -> Tensor:
    precise = in_double(problem) or problem
    at_start = precise.held_values(first.to(precise.image.dtype))
    mean = precise.reference.mean(1, keepdim=True)
    return torch.cat([at_start[:, :-1] if wanted is None else wanted[:, : at_start.shape[1] - 1], mean], 1)


def _best(results: list[Result], minmax: str, starts: int) -> Result:
    """Choose for each image the best of the results that are on the level."""
    values = torch.stack([result.optimized_value for result in results], 1)
    missed = torch.stack([result.held_error for result in results], 1) > results[0].tolerance
    values = torch.where(missed, torch.nan, values)
    ranked = values.nan_to_num(torch.inf) if minmax == "min" else -values.nan_to_num(-torch.inf)
    if len(results) == 1:
        return dataclasses.replace(results[0], start_values=values)
    winners = ranked.argmin(1)
    every = torch.arange(len(winners))
    parts = [results[int(winner)].take(every[index : index + 1]) for index, winner in enumerate(winners)]
    merged = parts[0] if len(parts) == 1 else _concatenate(parts)
    return dataclasses.replace(merged, start_values=values)


def _concatenate(parts: list[Result]) -> Result:
    from madcore.synthesis import Trace

    merged: dict[str, Any] = dict(vars(parts[0]))
    for name, value in merged.items():
        if isinstance(value, Tensor):
            merged[name] = torch.cat([getattr(part, name) for part in parts])
    longest = max(len(part.trace.optimized) for part in parts)

    def joined(name: str) -> Tensor:
        series = [getattr(part.trace, name) for part in parts]
        return torch.cat([torch.cat([s, s[-1:].expand(longest - len(s), *s.shape[1:])]) for s in series], 1)

    merged["trace"] = Trace(joined("optimized"), joined("reference"), joined("gradient_norm"))
    merged["status"] = tuple(status for part in parts for status in part.status)
    return Result(**merged)


def _checked_image(image: Tensor, device: str | torch.device | None, dtype: torch.dtype | None) -> Tensor:
    if not isinstance(image, Tensor):
        raise InputError(f"image must be a tensor (N, C, H, W); got {type(image).__name__}: see madcore.read_image")
    if not image.is_floating_point():
        raise InputError(f"image must be floating point in [0, 1]; got {image.dtype}: divide by its largest value, e.g. image / 255.0")
    if image.ndim != 4 or 0 in image.shape:
        raise InputError(f"image must have shape (N, C, H, W); got {tuple(image.shape)}")
    if dtype is not None and dtype not in (torch.float32, torch.float64):
        raise InputError(f"dtype must be torch.float32 or torch.float64; got {dtype}")
    if dtype is None and image.dtype not in (torch.float32, torch.float64):
        raise InputError(f"image must be float32 or float64; got {image.dtype}: give dtype=torch.float32")
    if not bool(torch.isfinite(image).all()):
        raise InputError(f"image has {int((~torch.isfinite(image)).sum())} pixels that are NaN or infinite")
    return image.detach().to(device=device, dtype=dtype)


def _bounds(
    image: Tensor, pixel_range: tuple[float | Tensor, float | Tensor], mask: Tensor | None
) -> tuple[Tensor, Tensor]:
    try:
        low, high = (torch.as_tensor(bound).to(image) for bound in pixel_range)
        low, high = torch.broadcast_to(low, image.shape), torch.broadcast_to(high, image.shape)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"pixel_range must be two numbers or two tensors of the image's shape; got {pixel_range!r}") from error
    if not bool((low <= high).all()):
        raise InputError("pixel_range must have its smaller bound first")
    if not bool(((image >= low) & (image <= high)).all()):
        raise InputError(
            f"image must be inside pixel_range {float(low.amin()):g} to {float(high.amax()):g}; "
            f"it has {float(image.amin()):g} to {float(image.amax()):g}"
        )
    if mask is not None:
        try:
            fixed = torch.broadcast_to(mask.to(image.device), image.shape) != 0
        except RuntimeError as error:
            raise InputError(f"mask must broadcast to {tuple(image.shape)}; it has {tuple(mask.shape)}") from error
        if bool(fixed.flatten(1).all(1).any()):
            raise InputError("mask keeps every pixel of an image: nothing is left to change")
        return torch.where(fixed, image, low), torch.where(fixed, image, high)
    if not isinstance(pixel_range[0], Tensor) and not isinstance(pixel_range[1], Tensor):
        return low.flatten()[:1].reshape(1, 1, 1, 1), high.flatten()[:1].reshape(1, 1, 1, 1)
    return low, high


def _listed(metrics: MetricLike | Sequence[MetricLike]) -> list[MetricLike]:
    listed = list(metrics) if isinstance(metrics, (list, tuple)) else [metrics]
    if not listed:
        raise InputError("reference_metric must name at least one metric to hold")
    return listed


def _warn_if_same(optimized: Metric, held: list[Metric | MeanLuminance]) -> None:
    for metric in held:
        if isinstance(metric, Metric) and (metric.function is optimized.function or metric == optimized):
            warnings.warn(f"{optimized.name} is both optimized and held: nothing can differ", UserWarning, stacklevel=3)


def _check_numbers(*, starts: int, max_iter: int, tolerance: float, penalty_lambda: float) -> None:
    if starts < 1 or int(starts) != starts:
        raise InputError(f"starts must be 1 or more; got {starts}")
    if max_iter < 1 or int(max_iter) != max_iter:
        raise InputError(f"max_iter must be 1 or more; got {max_iter}")
    if not 0 < tolerance < 1:
        raise InputError(f"tolerance must be between 0 and 1; got {tolerance}")
    if not (math.isfinite(penalty_lambda) and penalty_lambda >= 0):
        raise InputError(f"penalty_lambda must be 0 or more; got {penalty_lambda}")


def _solver(solver: str | Solver[Any] | None) -> Solver[Any]:
    if solver is None or solver == "level_set":
        return LevelSet()
    if solver == "penalty":
        return PenaltyMethod()
    if isinstance(solver, str):
        raise InputError(f'solver must be "level_set", "penalty" or a solver object; got {solver!r}')
    return solver


def _noise_of(level: str) -> float:
    kind, _, amount = level.partition(":")
    try:
        noise = float(amount)
    except ValueError:
        noise = math.nan
    if kind not in ("noise", "equivalent_noise") or not (math.isfinite(noise) and noise > 0):
        raise InputError(f'level must be a value, "noise:S" or "equivalent_noise:S" with S > 0; got {level!r}')
    return noise


def _quartet_levels(
    level: None | str | Mapping[str, float] | Sequence[float | Tensor], first: Metric, second: Metric
) -> tuple[Any, Any]:
    """Return the levels at which metric a and metric b are held."""
    if level is None or isinstance(level, str):
        return level, level
    if isinstance(level, Mapping):
        names = (first.name, second.name)
        if set(level) != set(names):
            raise InputError(f"level must give one value for each of {names[0]} and {names[1]}; got {', '.join(level) or 'none'}")
        return level[names[0]], level[names[1]]
    if len(level) != 2:
        raise InputError(f"level must have two values, for {first.name} and {second.name}; got {len(level)}")
    return level[0], level[1]


def _short(values: Tensor) -> str:
    numbers = [f"{value:.4g}" for value in values.flatten().tolist()]
    return ", ".join(numbers[:4]) + (", ..." if len(numbers) > 4 else "")

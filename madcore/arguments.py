"""Checks of what users pass to the public verbs: each refusal says what was given and what is allowed."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from madcore.errors import ContractError, InputError
from madcore.mean_luminance import MeanLuminance
from madcore.metric import NEGATIVE_TOLERANCE, Metric
from madcore.prepared import left_alone
from madcore.problem import MADProblem
from madcore.solvers import LevelSet, PenaltyMethod, Solver

__all__ = [
    "MetricLike",
    "check_numbers",
    "checked_image",
    "chosen_solver",
    "listed",
    "pixel_bounds",
    "refuse_similarities",
    "warn_if_same",
]

MetricLike = str | Metric | Callable[[Tensor, Tensor], Tensor]


def checked_image(image: Tensor, device: str | torch.device | None, dtype: torch.dtype | None) -> Tensor:
    """Return the reference images as they are to be computed with, or say what is wrong with them."""
    if not isinstance(image, Tensor):
        raise InputError(f"image must be a tensor (N, C, H, W); got {type(image).__name__}: see madcore.read_image")
    if not image.is_floating_point():
        raise InputError(
            f"image must be floating point in [0, 1]; got {image.dtype}: divide by its largest, e.g. image / 255.0"
        )
    if image.ndim != 4 or 0 in image.shape:
        raise InputError(f"image must have shape (N, C, H, W); got {tuple(image.shape)}")
    if dtype is not None and dtype not in (torch.float32, torch.float64):
        raise InputError(f"dtype must be torch.float32 or torch.float64; got {dtype}")
    if dtype is None and image.dtype not in (torch.float32, torch.float64):
        raise InputError(f"image must be float32 or float64; got {image.dtype}: give dtype=torch.float32")
    if not bool(torch.isfinite(image).all()):
        raise InputError(f"image has {int((~torch.isfinite(image)).sum())} pixels that are NaN or infinite")
    try:
        return image.detach().to(device=device, dtype=dtype, copy=True)  # no metric can spoil the user's own
    except (RuntimeError, AssertionError) as error:  # AssertionError: torch was built without CUDA
        if isinstance(error, torch.OutOfMemoryError):
            raise
        raise InputError(f"device must be one that this machine has, e.g. 'cpu'; got {str(device)!r}") from error


def pixel_bounds(
    image: Tensor, pixel_range: tuple[float | Tensor, float | Tensor], mask: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return the bounds of the pixels; where `mask` is true both are the reference's value."""
    try:
        low, high = (torch.as_tensor(bound, dtype=image.dtype, device=image.device).detach() for bound in pixel_range)
        low, high = torch.broadcast_to(low, image.shape), torch.broadcast_to(high, image.shape)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"pixel_range must be two numbers or two tensors of the image's shape; got {pixel_range!r}"
        ) from error
    if not bool((low <= high).all()):
        raise InputError("pixel_range must have its smaller bound first")
    if not bool(((image >= low) & (image <= high)).all()):
        raise InputError(
            f"image must be inside pixel_range {float(low.amin()):g} to {float(high.amax()):g}; "
            f"it has {float(image.amin()):g} to {float(image.amax()):g}"
        )
    if mask is not None:
        if not isinstance(mask, Tensor):
            raise InputError(f"mask must be a tensor, true where pixels are kept; got {type(mask).__name__}")
        try:
            fixed = torch.broadcast_to(mask.to(image.device), image.shape) != 0
        except RuntimeError as error:
            raise InputError(f"mask must broadcast to {tuple(image.shape)}; it has {tuple(mask.shape)}") from error
        if bool(fixed.flatten(1).all(1).any()):
            raise InputError("mask keeps every pixel of an image: nothing is left to change")
        return torch.where(fixed, image, low), torch.where(fixed, image, high)
    if all(not isinstance(bound, Tensor) or bound.numel() == 1 for bound in pixel_range):
        return low.flatten()[:1].reshape(1, 1, 1, 1), high.flatten()[:1].reshape(1, 1, 1, 1)
    return low, high


def listed(metrics: MetricLike | Sequence[MetricLike]) -> list[MetricLike]:
    """Return one metric or several as a list."""
    listed: list[Any] = list(metrics) if isinstance(metrics, (list, tuple)) else [metrics]
    if not listed:
        raise InputError("reference_metric must name at least one metric to hold")
    return listed


def warn_if_same(optimized: Metric, held: list[Metric | MeanLuminance]) -> None:
    """Warn if the optimized metric is also held."""
    for metric in held:
        if isinstance(metric, Metric) and (metric.function is optimized.function or metric == optimized):
            warnings.warn(f"{optimized.name} is both optimized and held: nothing can differ", UserWarning, stacklevel=5)


def refuse_similarities(problem: MADProblem, start: Tensor) -> None:
    """Raise ContractError if a metric is larger for identical images than at the start images, (N, n), or changes them.

    Negative values are left to the check of the contract, which says so.
    """
    metrics = (problem.optimized_metric, *problem.reference_metrics)
    for metric, prepared in zip(metrics, (problem.optimized, *problem.held), strict=True):
        if isinstance(metric, Metric):
            with left_alone(metric.name, problem.image, start):
                same, other = (prepared.value(images.view_as(problem.image)) for images in (problem.reference, start))
            rounding = NEGATIVE_TOLERANCE.get(same.dtype, 1e-5)
            if bool(((same > other + rounding) & (other >= 0)).all()):
                raise ContractError(
                    f"{metric.name} is {float(same[0]):.4g} for identical images but {float(other[0]):.4g} at the "
                    "start image: a metric must be a distance; for a similarity use Metric.from_similarity or declare "
                    "higher_is_better"
                )


def check_numbers(
    *, starts: int, max_iter: int, tolerance: float, penalty_lambda: float, store_progress: int = 0
) -> None:
    """Refuse what is no number, and numbers out of their ranges."""
    numbers = {"starts": starts, "max_iter": max_iter, "tolerance": tolerance, "penalty_lambda": penalty_lambda}
    for name, number in {**numbers, "store_progress": store_progress}.items():
        if not isinstance(number, Real) or isinstance(number, bool):
            raise InputError(f"{name} must be a number; got {number!r}")
    if starts < 1 or int(starts) != starts:
        raise InputError(f"starts must be a whole number from 1; got {starts}")
    if max_iter < 1 or int(max_iter) != max_iter:
        raise InputError(f"max_iter must be a whole number from 1; got {max_iter}")
    if not 0 < tolerance < 1:
        raise InputError(f"tolerance must be between 0 and 1; got {tolerance}")
    if not (math.isfinite(penalty_lambda) and penalty_lambda >= 0):
        raise InputError(f"penalty_lambda must be 0 or more; got {penalty_lambda}")
    if store_progress < 0 or int(store_progress) != store_progress:
        raise InputError(f"store_progress must be a whole number from 0; got {store_progress}")


def chosen_solver(solver: str | Solver[Any] | None) -> Solver[Any]:
    """Return a solver by its name, or the one given."""
    if solver is None or solver == "level_set":
        return LevelSet()
    if solver == "penalty":
        return PenaltyMethod()
    if isinstance(solver, str):
        raise InputError(f'solver must be "level_set", "penalty" or a solver object; got {solver!r}')
    return solver

"""Arguments as users write them, names of metrics among them, become a MAD problem."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from madcore.arguments import (
    MetricLike,
    checked_image,
    listed,
    pixel_bounds,
    warn_if_same,
)
from madcore.lookup import create_metric, create_penalty
from madcore.mean_luminance import MeanLuminance
from madcore.metric import Metric
from madcore.penalties import Penalty
from madcore.problem import MADProblem, signs

__all__ = ["pose_problem"]


def pose_problem(
    image: Tensor,
    optimized_metric: MetricLike,
    reference_metric: MetricLike | Sequence[MetricLike],
    minmax: str,
    *,
    pixel_range: tuple[float | Tensor, float | Tensor],
    mask: Tensor | None,
    keep_mean: bool,
    penalty: str | Penalty | Callable[[Tensor], Tensor] | None,
    penalty_lambda: float,
    device: str | torch.device | None,
    dtype: torch.dtype | None,
) -> tuple[MADProblem, float]:
    """Return the problem that the arguments of `madcore.synthesize` pose, and the width of the pixel range."""
    image = checked_image(image, device, dtype)
    low, high = pixel_bounds(image, pixel_range, mask)
    problem = MADProblem.create(
        image,
        *_metrics(optimized_metric, reference_metric, keep_mean, _range_of_pictures(*pixel_range)),
        signs(minmax, len(image)),
        low=low,
        high=high,
        penalty=None if penalty is None else create_penalty(penalty),
        penalty_lambda=penalty_lambda,
    )
    width = float(high.amax() - low.amin())
    return problem, width if math.isfinite(width) else 1.0


def _range_of_pictures(low: float | Tensor, high: float | Tensor) -> tuple[float, float] | None:
    """Return the pixel range that metrics are told: bounds inside [0, 1] only forbid a part of it.

    None where bounds of single pixels, or infinite ones, say nothing about it.
    """
    if any(isinstance(bound, Tensor) and bound.numel() > 1 for bound in (low, high)):
        return None
    low, high = float(low), float(high)
    if not math.isfinite(high - low):
        return None
    return (0.0, 1.0) if 0 <= low <= high <= 1 else (low, high)


def _metrics(
    optimized_metric: MetricLike,
    reference_metric: MetricLike | Sequence[MetricLike],
    keep_mean: bool,
    told: tuple[float, float] | None,
) -> tuple[Metric, tuple[Metric | MeanLuminance, ...]]:
    """Find the metric to optimise and those to hold, for the pixel range that they are told."""
    optimized, *others = (_told(create_metric(each), told) for each in (optimized_metric, *listed(reference_metric)))
    held: list[Metric | MeanLuminance] = [*others]
    warn_if_same(optimized, held)
    return optimized, (*held, MeanLuminance()) if keep_mean else tuple(held)


def _told(metric: Metric, told: tuple[float, float] | None) -> Metric:
    """Tell a metric the pixel range, unless its user has."""
    if told is None or (metric.low, metric.width) != (0.0, 1.0):
        return metric
    return metric.for_range(*told)

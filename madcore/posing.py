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
from madcore.metric import Metric
from madcore.penalties import Penalty
from madcore.problem import MADProblem, MeanLuminance, signs

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
    bounds = float(low.amin()), float(high.amax())
    problem = MADProblem.create(
        image,
        *_metrics(optimized_metric, reference_metric, keep_mean, _range_of_pictures(*bounds)),
        signs(minmax, len(image)),
        low=low,
        high=high,
        penalty=None if penalty is None else create_penalty(penalty),
        penalty_lambda=penalty_lambda,
    )
    width = bounds[1] - bounds[0]
    return problem, width if math.isfinite(width) else 1.0


def _range_of_pictures(low: float, high: float) -> tuple[float, float]:
    """Return the pixel range that metrics are told: bounds inside [0, 1] only forbid a part of it."""
    return (low, high) if math.isfinite(high - low) and not 0 <= low <= high <= 1 else (0.0, 1.0)


def _metrics(
    optimized_metric: MetricLike,
    reference_metric: MetricLike | Sequence[MetricLike],
    keep_mean: bool,
    told: tuple[float, float],
) -> tuple[Metric, tuple[Metric | MeanLuminance, ...]]:
    """Find the metric to optimise and those to hold, for the pixel range that they are told."""
    optimized = create_metric(optimized_metric).for_range(*told)
    held: list[Metric | MeanLuminance] = [create_metric(each).for_range(*told) for each in listed(reference_metric)]
    warn_if_same(optimized, held)
    return optimized, (*held, MeanLuminance()) if keep_mean else tuple(held)

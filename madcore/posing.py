"""Arguments as users write them, names of metrics among them, become a MAD problem."""

from __future__ import annotations

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
    return problem, width


def _metrics(
    optimized_metric: MetricLike, reference_metric: MetricLike | Sequence[MetricLike], keep_mean: bool, width: float
) -> tuple[Metric, tuple[Metric | MeanLuminance, ...]]:
    """Find the metric to optimise and those to hold, for a pixel range of this width."""
    optimized = create_metric(optimized_metric).for_range(width)
    held: list[Metric | MeanLuminance] = [create_metric(each).for_range(width) for each in listed(reference_metric)]
    warn_if_same(optimized, held)
    return optimized, (*held, MeanLuminance()) if keep_mean else tuple(held)

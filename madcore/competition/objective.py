"""What a competition makes small: the loss of one mad image and its parts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from madcore.metric import Metric
from madcore.penalties import Penalty
from madcore.prepared import PreparedMetric
from madcore.trunks import Together

__all__ = ["Objective", "Terms", "bind", "bind_penalty"]


@dataclass(frozen=True)
class Terms:
    """The parts of the objective at one image, each with one element."""

    loss: Tensor
    optimized_metric: Tensor
    reference_metric: Tensor
    penalty: Tensor

    def numbers(self) -> tuple[float, float, float, float]:
        """Return loss, optimized metric, reference metric and penalty as floats."""
        return self.loss.item(), self.optimized_metric.item(), self.reference_metric.item(), self.penalty.item()


@dataclass(frozen=True)
class Objective:
    """The loss t f + metric_tradeoff_lambda (level - g)^2 + penalty_lambda B of an image.

    Parameters
    ----------
    optimized_metric, reference_metric : callable
        f and g, with the reference image already bound.
    penalty_function : callable
        B; values of shape (N,), one for each image, are summed.
    sign : int
        t: 1 to minimise, -1 to maximise.
    metric_tradeoff_lambda, penalty_lambda : float
        Weights.
    level : float
        Value of the reference metric that is to be kept.
    image : Tensor
        The reference image.
    """

    optimized_metric: Callable[[Tensor], Tensor]
    reference_metric: Callable[[Tensor], Tensor]
    penalty_function: Callable[[Tensor], Tensor]
    sign: int
    metric_tradeoff_lambda: float
    penalty_lambda: float
    level: float
    image: Tensor

    def __call__(self, mad_image: Tensor) -> Terms:
        """Compute the loss and its parts; with an infinite trade-off the held term is left out, for it is held."""
        optimized, reference = self._metrics(mad_image)
        penalty = self.penalty_function(mad_image)
        if penalty.ndim == 1:
            penalty = penalty.sum()
        loss = self.sign * optimized  # then added in plenoptic's order, so that sums round as there
        if math.isfinite(self.metric_tradeoff_lambda):
            loss = loss + self.metric_tradeoff_lambda * (self.level - reference).square()
        return Terms(loss + self.penalty_lambda * penalty, optimized, reference, penalty)

    def _metrics(self, mad_image: Tensor) -> list[Tensor]:
        """Compute both metrics; of madcore's own, those that look at one network run it once."""
        optimized, reference = self.optimized_metric, self.reference_metric
        if isinstance(optimized, PreparedMetric) and isinstance(reference, PreparedMetric):
            return Together((optimized, reference))(mad_image)
        return [optimized(mad_image), reference(mad_image)]


def bind(metric: Callable[[Tensor, Tensor], Tensor], image: Tensor) -> Callable[[Tensor], Tensor]:
    """Fix the reference image of a metric: madcore's own metrics prepare it, other callables are used as they are."""
    if isinstance(metric, Metric):
        return metric.prepare(image)
    return lambda mad_image: metric(image, mad_image)


def bind_penalty(penalty: Callable[[Tensor], Tensor], image: Tensor) -> Callable[[Tensor], Tensor]:
    """Fix the reference image of a penalty, if it is one of madcore's; other callables are used as they are."""
    return penalty.prepare(image) if isinstance(penalty, Penalty) else penalty

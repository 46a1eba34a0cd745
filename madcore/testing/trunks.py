"""Metrics in the company of others that look at the same trunk: what each computes is what it computes alone."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from madcore.lookup import create_metric
from madcore.metric import Metric
from madcore.prepared import PreparedMetric
from madcore.testing.verdict import Broken
from madcore.trunks import OnTrunk, Together, Trunk, trunk_of

__all__ = ["evaluate_in_company", "evaluate_together"]


def evaluate_together(metrics: Sequence[str | Metric], image: Tensor, mad_image: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Compute values and gradients of metrics as every step of a synthesis does: equal trunks run once.

    For tests that two metrics share: count the runs of what they look at.

    Parameters
    ----------
    metrics : sequence of str or Metric
        Names as `madcore.create_metric` takes them, or metrics.
    image, mad_image : Tensor
        Reference images and others, (N, C, H, W).

    Returns
    -------
    list of (Tensor, Tensor)
        Distances, (N,), and their gradients, (N, C, H, W), for each metric.
    """
    prepared = tuple(create_metric(each).prepare(image) for each in metrics)
    return Together(prepared).values_and_gradients(mad_image)


def evaluate_in_company(prepared: PreparedMetric, mad_image: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Compute a metric's values and gradients through the trunk that it names; nothing if it names none.

    It is evaluated together with itself, which asks for the layers in the opposite order: once as the first, once as
    the last.  What the trunk raises, it raises here too.
    """
    function: Any = prepared.function
    if trunk_of(prepared) is None:
        return []
    backwards = replace(prepared, function=_Backwards(function))
    wanted = tuple(function.layers[::-1])
    given = len(function.trunk(prepared.metric.from_zero(mad_image), wanted))
    if given != len(wanted):
        raise Broken(f"its trunk, asked for the features of {len(wanted)} layers, returned {given}")
    both = (prepared, backwards), (backwards, prepared)
    return [result for company in both for result in Together(company).values_and_gradients(mad_image)]


@dataclass(frozen=True)
class _Backwards:
    """The same function, with its layers in the opposite order."""

    function: OnTrunk

    @property
    def trunk(self) -> Trunk:
        return self.function.trunk

    @property
    def layers(self) -> tuple[Hashable, ...]:
        return tuple(self.function.layers[::-1])

    def from_features(self, features: Sequence[Any]) -> Tensor:
        return self.function.from_features(features[::-1])

    def __call__(self, mad_image: Tensor) -> Tensor:
        return self.from_features(self.trunk(mad_image, self.layers))

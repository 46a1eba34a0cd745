"""Prepared metrics that look at one trunk, such as layers of one network, evaluated together: the trunk runs once.

What a metric's ``prepare`` returns may name its trunk, which makes features of images, the layers whose features it
wants, and how its values follow from them.  Of metrics with equal trunks the features are computed together; each
then has its gradient from its own layers.  A metric that names no trunk, or none that another has, is evaluated alone.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor

from madcore.errors import ContractError
from madcore.prepared import Prepared, PreparedMetric

__all__ = ["OnTrunk", "Together", "Trunk", "trunk_of"]

Found = TypeVar("Found")


class Trunk(Hashable, Protocol):
    """Whatever makes features of images; equal for metrics that may share it."""

    def __call__(self, images: Tensor, layers: tuple[Hashable, ...], /) -> Sequence[Any]:
        """Compute the features of images (N, C, H, W), one entry for each layer, in the order of `layers`."""


@runtime_checkable
class OnTrunk(Protocol):
    """What the function that a metric's ``prepare`` returns has, if its trunk is to be shared.

    Called with images, it returns ``from_features(trunk(images, layers))``.
    """

    @property
    def trunk(self) -> Trunk:
        """What makes the features."""

    @property
    def layers(self) -> tuple[Hashable, ...]:
        """Whose features are wanted."""

    def from_features(self, features: Sequence[Any], /) -> Tensor:
        """Compute the values, (N,), from the features of `layers`."""

    def __call__(self, mad_image: Tensor, /) -> Tensor:
        """Compute the values, (N,), of images (N, C, H, W)."""


@dataclass(frozen=True)
class Together:
    """Metrics whose values and gradients at the same images are wanted.

    Parameters
    ----------
    metrics : tuple of Prepared
        With the same reference images.
    """

    metrics: tuple[Prepared, ...]

    def values_and_gradients(self, mad_image: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Compute the values, (N,), and gradients, (N, ...), of each metric at images (N, ...), as it does alone."""
        return self._in_groups(_evaluate, mad_image)

    def values(self, mad_image: Tensor) -> list[Tensor]:
        """Compute the values, (N,), of each metric at images (N, ...), as it does alone."""
        with torch.no_grad():
            return self(mad_image)

    def __call__(self, mad_image: Tensor) -> list[Tensor]:
        """Compute the same, with a graph where torch is recording one."""
        return self._in_groups(_values, mad_image)

    def _in_groups(self, compute: Callable[[Sequence[Any], Tensor], list[Found]], mad_image: Tensor) -> list[Found]:
        results: dict[int, Found] = {}
        for group in self._groups:
            results.update(zip(group, compute([self.metrics[position] for position in group], mad_image), strict=True))
        return [results[position] for position in range(len(self.metrics))]

    @cached_property
    def _groups(self) -> list[list[int]]:
        """The positions of the metrics that share a trunk."""
        groups: dict[Hashable, list[int]] = {}
        for position, metric in enumerate(self.metrics):
            trunk = trunk_of(metric)
            groups.setdefault(position if trunk is None else trunk, []).append(position)
        return list(groups.values())


def trunk_of(metric: Prepared) -> Hashable:
    """Return what a metric looks at, with what it takes off the pixels before; None if it does not say."""
    if not isinstance(metric, PreparedMetric) or not isinstance(metric.function, OnTrunk):
        return None
    if hasattr(metric.function, "value_and_gradient"):
        return None  # faster alone
    try:
        hash(metric.function.trunk)
    except TypeError as error:
        raise ContractError(f"metric {metric.metric.name} names a trunk that cannot be compared: {error}") from None
    return metric.function.trunk, metric.metric.low


def _evaluate(metrics: Sequence[Any], mad_image: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Compute values and gradients of metrics that share a trunk, or of one."""
    with torch.enable_grad():
        variable = mad_image.detach().requires_grad_(True)
        features = _features(metrics, variable)
        if features is None:
            return [metric.value_and_gradient(mad_image) for metric in metrics]
        last = len(metrics) - 1
        return [
            metric.from_features(own, variable, keep_graph=index < last)
            for index, (metric, own) in enumerate(zip(metrics, features, strict=True))
        ]


def _values(metrics: Sequence[Any], mad_image: Tensor) -> list[Tensor]:
    """Compute values of metrics that share a trunk, or of one."""
    features = _features(metrics, mad_image)
    if features is None:
        return [each(mad_image) if isinstance(each, PreparedMetric) else each.value(mad_image) for each in metrics]
    return [metric.value_from_features(own) for metric, own in zip(metrics, features, strict=True)]


def _features(metrics: Sequence[Any], images: Tensor) -> list[list[Any]] | None:
    """Compute what each of the metrics wants of their trunk, in one run; None where each is to be evaluated alone."""
    if len(metrics) == 1:
        return None
    layers = tuple(dict.fromkeys(layer for metric in metrics for layer in metric.function.layers))
    try:
        run = metrics[0].function.trunk(metrics[0].metric.from_zero(images), layers)
        features = dict(zip(layers, run, strict=True))
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except (Exception, SystemExit):
        return None  # the metric whose layers are at fault raises, and is named
    return [[features[layer] for layer in metric.function.layers] for metric in metrics]

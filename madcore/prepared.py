"""A metric whose reference images are fixed: what a problem evaluates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from madcore.blame import blamed_on
from madcore.errors import ContractError

if TYPE_CHECKING:
    from madcore.metric import Metric

__all__ = ["Prepared", "PreparedMetric", "left_alone"]


class Prepared(Protocol):
    """What a problem asks of a metric whose reference images are fixed."""

    def value(self, mad_image: Tensor, /) -> Tensor:
        """Compute the values, (N,)."""

    def value_and_gradient(self, mad_image: Tensor, /) -> tuple[Tensor, Tensor]:
        """Compute the values, (N,), and their gradients, (N, ...)."""


@dataclass(frozen=True)
class PreparedMetric:
    """A metric with its reference images fixed; made by `Metric.prepare`."""

    metric: Metric
    function: Callable[[Tensor], Tensor]
    count: int

    def __call__(self, mad_image: Tensor) -> Tensor:
        """Compute the distances, (N,), of `mad_image` (N, C, H, W) from the reference images."""
        with self.metric.blamed(mad_image):
            values = self.function(self.metric.from_zero(mad_image))
        return self.metric.distances(values, self.count)

    def value_and_gradient(self, mad_image: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the distances, (N,), and the gradient of each with respect to its image, (N, C, H, W).

        Raises
        ------
        ContractError
            If the values do not depend on `mad_image` through differentiable operations, or an analytic gradient has
            another shape.
        """
        fast = getattr(self.function, "value_and_gradient", None)
        if fast is not None:
            return self._take_gradient(fast, mad_image)
        with torch.enable_grad():
            variable = mad_image.detach().requires_grad_(True)
            return self._differentiate(self(variable), variable)

    def from_features(
        self, features: Sequence[Any], mad_image: Tensor, *, keep_graph: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Compute the distances, (N,), and their gradients, (N, C, H, W), from what the trunk makes of `mad_image`.

        Parameters
        ----------
        features : sequence
            Of the layers that the metric wants.
        mad_image : Tensor
            The images that they were computed of, with their graph.
        keep_graph : bool
            Whether another metric goes through the same graph later.
        """
        return self._differentiate(self.value_from_features(features), mad_image, keep_graph)

    def value_from_features(self, features: Sequence[Any]) -> Tensor:
        """Compute the distances, (N,), from what the trunk makes of the images."""
        with blamed_on(f"metric {self.metric.name}"):
            values = self.function.from_features(features)  # type: ignore[attr-defined]
        return self.metric.distances(values, self.count)

    def _differentiate(self, values: Tensor, variable: Tensor, keep_graph: bool = False) -> tuple[Tensor, Tensor]:
        if not values.requires_grad:
            why = "torch.inference_mode is on" if torch.is_inference_mode_enabled() else "is it detached or rounded?"
            raise ContractError(f"{self.metric.name} has no gradient with respect to mad_image: {why}")
        (gradient,) = torch.autograd.grad(values.sum(), variable, retain_graph=keep_graph)
        return values.detach(), gradient

    def _take_gradient(self, fast: Callable[[Tensor], Any], mad_image: Tensor) -> tuple[Tensor, Tensor]:
        """Take what a metric computes itself."""
        name = self.metric.name
        with self.metric.blamed(mad_image):
            # parameters that want gradients would leave a graph
            values, gradient = (each.detach() for each in fast(self.metric.from_zero(mad_image)))
        if gradient.shape != mad_image.shape:
            shapes = f"{tuple(gradient.shape)} for images of {tuple(mad_image.shape)}"
            raise ContractError(f"{name} must return gradients of the shape of the images; it returned {shapes}")
        return self.metric.distances(values, self.count), -gradient if self.metric.similarity else gradient

    def value(self, mad_image: Tensor) -> Tensor:
        """Compute the distances, (N,), without a graph."""
        with torch.no_grad():
            return self(mad_image)


@contextmanager
def left_alone(name: str, *images: Tensor) -> Iterator[None]:
    """Raise ContractError, which names the metric, if it changes images that it was given."""
    before = [each.clone() for each in images]
    yield
    if not all(map(torch.equal, images, before)):
        raise ContractError(f"{name} changes the images that it is given: let it work on a copy, image.clone()")

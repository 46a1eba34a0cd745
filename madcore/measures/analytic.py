"""A measure whose gradient is known in closed form, and how autograd sees it.

The gradient is computed together with the value, while the maps that both need are at hand.  Second derivatives, and
derivatives with respect to the reference image, go through `Measure.compose`: the same formula in operations that
autograd knows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor

from madcore.errors import InputError

__all__ = ["Measure", "Prepared", "check_images"]


class Measure(ABC):
    """A distance between images, for all its options fixed."""

    @abstractmethod
    def check(self, image: Tensor) -> None:
        """Raise InputError unless images of this shape and type can be measured."""

    @abstractmethod
    def prepare(self, image: Tensor) -> Prepared:
        """Compute once what depends on the reference images (N, C, H, W) alone."""

    @abstractmethod
    def compose(self, image: Tensor, mad_image: Tensor) -> Tensor:
        """Compute the distances, (N,), by operations that can be differentiated any number of times in both images."""

    def __call__(self, image: Tensor, mad_image: Tensor) -> Tensor:
        """Compute the distances, (N,), of `mad_image` from the reference images, both (N, C, H, W)."""
        if not (torch.is_grad_enabled() and image.requires_grad):
            return self.prepare(image)(mad_image)
        self.check(image)
        _check_alike(image, mad_image)
        return self.compose(image, mad_image)


class Prepared(ABC):
    """A measure with its reference images fixed.  It owns its work space: use one in each thread."""

    def __init__(self, measure: Measure, image: Tensor) -> None:
        measure.check(image)
        self.measure, self.image = measure, image.detach()

    @abstractmethod
    def evaluate(self, mad_image: Tensor, *, gradient: bool) -> tuple[Tensor, Tensor]:
        """Compute the distances, (N,), and if wanted their gradients, (N, C, H, W), as new tensors without a graph."""

    def __call__(self, mad_image: Tensor) -> Tensor:
        """Compute the distances, (N,), of `mad_image` (N, C, H, W) from the reference images."""
        _check_alike(self.image, mad_image)
        if torch.is_grad_enabled() and mad_image.requires_grad:
            values: Tensor = _Differentiable.apply(mad_image, self)
            return values
        return self.evaluate(mad_image, gradient=False)[0]

    def value_and_gradient(self, mad_image: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the distances, (N,), and the gradient of each with respect to its image, (N, C, H, W).

        There is no autograd graph.  Later calls leave the returned tensors alone.
        """
        _check_alike(self.image, mad_image)
        with torch.no_grad():
            return self.evaluate(mad_image.detach(), gradient=True)


class _Differentiable(torch.autograd.Function):
    """The node of the graph: its gradient is known from the forward pass."""

    @staticmethod
    def forward(ctx: Any, mad_image: Tensor, prepared: Prepared) -> Tensor:
        values, gradient = prepared.evaluate(mad_image.detach(), gradient=True)
        ctx.prepared = prepared
        ctx.save_for_backward(mad_image, gradient)
        return values

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor, None]:
        mad_image, gradient = ctx.saved_tensors
        if not torch.is_grad_enabled():
            return gradient * outer[0].view(-1, *[1] * (gradient.ndim - 1)), None
        # the gradient is to be differentiated itself
        values = ctx.prepared.measure.compose(ctx.prepared.image, mad_image)
        (slope,) = torch.autograd.grad(values, mad_image, outer[0], create_graph=True)
        return slope, None


def check_images(measure: str, image: Tensor, smallest: int) -> None:
    """Raise InputError unless images are (N, C, H, W), of 32 or 64 bits, with at least `smallest` pixels a side."""
    if image.dtype not in (torch.float32, torch.float64):
        raise InputError(f"{measure} needs float32 or float64 images; got {image.dtype}: convert, e.g. image.float()")
    if image.ndim != 4 or min(image.shape[-2:]) < smallest:
        needed = f"images (N, C, H, W) of at least {smallest} pixels a side"
        raise InputError(f"{measure} needs {needed}; got {tuple(image.shape)}")


def _check_alike(image: Tensor, mad_image: Tensor) -> None:
    kinds = [(tuple(each.shape), each.dtype, str(each.device)) for each in (image, mad_image)]
    if kinds[0] != kinds[1]:
        needed, given = (f"{shape} {dtype} on {device}" for shape, dtype, device in kinds)
        raise InputError(f"mad_image must be like the reference image, {needed}; got {given}")

"""What all measures share: values with an analytic gradient that take part in autograd, to any order."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

__all__ = ["AnalyticMeasure", "analytic"]


class AnalyticMeasure(Protocol):
    """A measure with its reference images fixed."""

    def value_and_gradient(self, mad_image: Tensor, *, need_gradient: bool = True) -> tuple[Tensor, Tensor]:
        """Compute the values, (N,), and the gradient of each with respect to its image, without a graph."""

    def differentiable(self, mad_image: Tensor) -> Tensor:
        """Compute the same values, (N,), by operations that autograd can differentiate any number of times."""


def analytic(measure: AnalyticMeasure, mad_image: Tensor) -> Tensor:
    """Compute the values, (N,); their first derivative is analytic, higher ones take the slower path."""
    if torch.is_grad_enabled() and mad_image.requires_grad:
        values: Tensor = _Analytic.apply(mad_image, measure)
        return values
    return measure.value_and_gradient(mad_image, need_gradient=False)[0]


class _Analytic(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, mad_image: Tensor, measure: AnalyticMeasure) -> Tensor:
        values, gradient = measure.value_and_gradient(mad_image.detach())
        ctx.save_for_backward(mad_image, gradient)
        ctx.measure = measure
        return values

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, None]:
        mad_image, gradient = ctx.saved_tensors
        if not torch.is_grad_enabled():
            return gradient * outer[0].view(-1, *[1] * (gradient.ndim - 1)), None
        values = ctx.measure.differentiable(mad_image)
        (slope,) = torch.autograd.grad(values, mad_image, outer[0], create_graph=True)
        return slope, None

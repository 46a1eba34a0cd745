"""Distances that compare pixel by pixel: mean squared error, mean absolute error and power means of the error."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from madcore.errors import InputError
from madcore.measures.prepared import analytic

__all__ = ["Lp", "Mae", "Mse", "lp", "mae", "mse"]


def mse(image: Tensor, mad_image: Tensor) -> Tensor:
    """Compute the mean squared error.

    Parameters
    ----------
    image, mad_image : Tensor
        Images (N, ...) of one shape.

    Returns
    -------
    Tensor
        One value for each image, (N,), in squared units of the pixels.
    """
    return (mad_image - image).square().flatten(1).mean(1)


def mae(image: Tensor, mad_image: Tensor) -> Tensor:
    """Compute the mean absolute error, (N,), in units of the pixels; arguments as for `mse`."""
    return (mad_image - image).abs().flatten(1).mean(1)


def lp(image: Tensor, mad_image: Tensor, *, p: float = 2.0) -> Tensor:
    """Compute the power mean of order `p` of the absolute error, ``mean(|d|^p)^(1/p)``.

    Parameters
    ----------
    image, mad_image : Tensor
        Images (N, ...) of one shape.
    p : float
        Order, 1 or more; ``inf`` gives the largest error.

    Returns
    -------
    Tensor
        One value for each image, (N,), in units of the pixels; its gradient at identical images is 0.
    """
    return Lp(p)(image, mad_image)


@dataclass(frozen=True)
class _Pixelwise:
    """A measure of the difference of two images alone."""

    def __call__(self, image: Tensor, mad_image: Tensor) -> Tensor:
        if torch.is_grad_enabled() and image.requires_grad:
            return self.of_difference(mad_image - image)
        return self.prepare(image)(mad_image)

    def prepare(self, image: Tensor) -> _PreparedPixelwise:
        """Fix the reference images."""
        return _PreparedPixelwise(image.detach(), self.of_difference, self.with_gradient)

    def of_difference(self, difference: Tensor) -> Tensor:
        """Compute the values, (N,), differentiably."""
        raise NotImplementedError

    def with_gradient(self, difference: Tensor) -> tuple[Tensor, Tensor]:
        """Compute values, (N,), and gradients; may overwrite `difference`."""
        raise NotImplementedError


@dataclass(frozen=True)
class _PreparedPixelwise:
    image: Tensor
    of_difference: Callable[[Tensor], Tensor]
    with_gradient: Callable[[Tensor], tuple[Tensor, Tensor]]

    def __call__(self, mad_image: Tensor) -> Tensor:
        return analytic(self, mad_image)

    def value_and_gradient(self, mad_image: Tensor, *, need_gradient: bool = True) -> tuple[Tensor, Tensor]:
        difference = mad_image - self.image
        return self.with_gradient(difference) if need_gradient else (self.of_difference(difference), difference)

    def differentiable(self, mad_image: Tensor) -> Tensor:
        return self.of_difference(mad_image - self.image)


@dataclass(frozen=True)
class Mse(_Pixelwise):
    """Mean squared error."""

    def of_difference(self, difference: Tensor) -> Tensor:
        """Compute the values, (N,), differentiably."""
        flat = difference.flatten(1)
        return torch.linalg.vecdot(flat, flat) / flat.shape[1]

    def with_gradient(self, difference: Tensor) -> tuple[Tensor, Tensor]:
        """Compute values, (N,), and gradients; overwrites `difference`."""
        return self.of_difference(difference), difference.mul_(2 / difference[0].numel())


@dataclass(frozen=True)
class Mae(_Pixelwise):
    """Mean absolute error."""

    def of_difference(self, difference: Tensor) -> Tensor:
        """Compute the values, (N,), differentiably."""
        return difference.abs().flatten(1).mean(1)

    def with_gradient(self, difference: Tensor) -> tuple[Tensor, Tensor]:
        """Compute values, (N,), and gradients; overwrites `difference`."""
        return self.of_difference(difference), difference.sign_().div_(difference[0].numel())


@dataclass(frozen=True)
class Lp(_Pixelwise):
    """Power mean of order `p` of the absolute error."""

    p: float = 2.0

    def __post_init__(self) -> None:
        """Refuse orders that are no norm."""
        if not self.p >= 1:
            raise InputError(f"lp needs p of 1 or more; got {self.p:g}")

    def of_difference(self, difference: Tensor) -> Tensor:
        """Compute the values, (N,), differentiably."""
        flat = difference.abs().flatten(1)
        largest = flat.amax(1)
        if math.isinf(self.p):
            return largest
        # relative to the largest error, so that no power under- or overflows
        scale = torch.where(largest > 0, largest, 1.0).detach()
        total = (flat / scale[:, None]).pow(self.p).mean(1)
        return scale * torch.where(total > 0, total, 1.0).pow(1 / self.p) * (total > 0)

    def with_gradient(self, difference: Tensor) -> tuple[Tensor, Tensor]:
        """Compute values, (N,), and gradients."""
        values = self.of_difference(difference)
        shape = (-1, *[1] * (difference.ndim - 1))
        safe = torch.where(values > 0, values, 1.0).view(shape)
        if math.isinf(self.p):
            at_largest = (difference.abs() == safe).to(difference)
            share = at_largest / at_largest.flatten(1).sum(1).clamp_min(1).view(shape)
            return values, difference.sign() * share
        relative = difference / safe
        return values, relative.sign() * relative.abs().pow(self.p - 1) / difference[0].numel()

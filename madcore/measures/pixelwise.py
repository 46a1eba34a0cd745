"""Distances that compare pixel by pixel: mean squared error, mean absolute error and power means of the error."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from madcore.errors import InputError
from madcore.measures.analytic import Measure, Prepared

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

    Raises
    ------
    InputError
        If the images differ in shape or type, or are not of floating point.
    """
    return Mse()(image, mad_image)


def mae(image: Tensor, mad_image: Tensor) -> Tensor:
    """Compute the mean absolute error, (N,), in units of the pixels; arguments and errors as for `mse`.

    The gradient at a pixel without error is 0.
    """
    return Mae()(image, mad_image)


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

    Raises
    ------
    InputError
        If `p` is below 1, or as for `mse`.
    """
    return Lp(p)(image, mad_image)


@dataclass(frozen=True)
class _Pixelwise(Measure):
    """A measure of the difference of two images alone."""

    def check(self, image: Tensor) -> None:
        """Raise InputError unless the images are of floating point, with one dimension or more."""
        if not image.is_floating_point() or image.ndim == 0 or image.numel() == 0:
            kind = f"{tuple(image.shape)} {image.dtype}"
            raise InputError(f"{type(self).__name__.lower()} needs floating-point images (N, ...); got {kind}")

    def prepare(self, image: Tensor) -> _PreparedPixelwise:
        """Fix the reference images."""
        return _PreparedPixelwise(self, image)

    def compose(self, image: Tensor, mad_image: Tensor) -> Tensor:
        """Compute the distances, (N,), by operations that autograd knows."""
        return self.of_difference(mad_image - image)

    @abstractmethod
    def of_difference(self, difference: Tensor) -> Tensor:
        """Compute the distances, (N,), differentiably."""

    @abstractmethod
    def with_gradient(self, difference: Tensor) -> tuple[Tensor, Tensor]:
        """Compute distances, (N,), and gradients; may overwrite `difference`."""


class _PreparedPixelwise(Prepared):
    measure: _Pixelwise

    def evaluate(self, mad_image: Tensor, *, gradient: bool) -> tuple[Tensor, Tensor]:
        difference = mad_image - self.image
        return (
            self.measure.with_gradient(difference) if gradient else (self.measure.of_difference(difference), difference)
        )


@dataclass(frozen=True)
class Mse(_Pixelwise):
    """Mean squared error."""

    def of_difference(self, difference: Tensor) -> Tensor:
        """Compute the distances, (N,), differentiably."""
        flat = difference.flatten(1)
        return torch.linalg.vecdot(flat, flat) / flat.shape[1]

    def with_gradient(self, difference: Tensor) -> tuple[Tensor, Tensor]:
        """Compute distances, (N,), and gradients; overwrites `difference`."""
        return self.of_difference(difference), difference.mul_(2 / difference[0].numel())


@dataclass(frozen=True)
class Mae(_Pixelwise):
    """Mean absolute error."""

    def of_difference(self, difference: Tensor) -> Tensor:
        """Compute the distances, (N,), differentiably."""
        return difference.abs().flatten(1).mean(1)

    def with_gradient(self, difference: Tensor) -> tuple[Tensor, Tensor]:
        """Compute distances, (N,), and gradients; overwrites `difference`."""
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
        """Compute the distances, (N,), differentiably."""
        flat = difference.abs().flatten(1)
        largest = flat.amax(1)
        if math.isinf(self.p):
            return largest
        # relative to the largest error, so that no power under- or overflows
        scale = torch.where(largest > 0, largest, 1.0).detach()
        total = (flat / scale[:, None]).pow(self.p).mean(1)
        return scale * torch.where(total > 0, total, 1.0).pow(1 / self.p) * (total > 0)

    def with_gradient(self, difference: Tensor) -> tuple[Tensor, Tensor]:
        """Compute distances, (N,), and gradients; overwrites `difference`."""
        size = difference.abs().flatten(1)
        largest = size.amax(1, keepdim=True)
        sign = difference.sign_().flatten(1)
        if math.isinf(self.p):
            at_largest = (size == largest).to(size)
            return largest[:, 0], (sign * at_largest / at_largest.sum(1, keepdim=True)).view_as(difference)
        # relative to the largest error, so that no power under- or overflows
        relative = size.div_(torch.where(largest > 0, largest, 1.0))
        power = relative.pow(self.p - 1)
        mean = torch.linalg.vecdot(power, relative)[:, None] / relative.shape[1]
        mean = torch.where(mean > 0, mean, 1.0)
        slope = power.mul_(sign).mul_(mean.pow(1 / self.p - 1) / relative.shape[1])
        return (largest * mean.pow(1 / self.p))[:, 0], slope.view_as(difference)

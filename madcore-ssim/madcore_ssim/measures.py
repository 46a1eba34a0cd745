"""What the plugin computes: plain functions and callables of torch tensors, without a trace of madcore."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Drift", "GradientDistance", "correlation"]


@dataclass(frozen=True)
class GradientDistance:
    """Mean difference of the differences between pixels `step` apart, along rows and columns.

    Parameters
    ----------
    step : int
        Distance of the two pixels.
    norm : {"l1", "l2"}
        Absolute or squared difference.
    """

    step: int = 1
    norm: str = "l2"

    @property
    def min_side(self) -> int:
        """Smallest height and width in pixels."""
        return self.step + 1

    def __call__(self, image: Tensor, mad_image: Tensor) -> Tensor:
        """Compute the distances, (N,), of images (N, C, H, W)."""
        return self.prepare(image)(mad_image)

    def prepare(self, image: Tensor) -> Callable[[Tensor], Tensor]:
        """Compute the reference images' gradients once."""
        reference = self._gradients(image)

        def distance(mad_image: Tensor) -> Tensor:
            change = self._gradients(mad_image) - reference
            return (change.square() if self.norm == "l2" else change.abs()).mean(1)

        return distance

    def _gradients(self, image: Tensor) -> Tensor:
        rows = image[..., self.step :, :] - image[..., : -self.step, :]
        columns = image[..., self.step :] - image[..., : -self.step]
        return torch.cat([rows.flatten(1), columns.flatten(1)], dim=1)


def correlation(image: Tensor, mad_image: Tensor, *, epsilon: float = 1e-6) -> Tensor:
    """Compute the correlation of the pixels, (N,); 1 for identical images.

    Parameters
    ----------
    image, mad_image : Tensor
        Images (N, C, H, W).
    epsilon : float
        Added to covariance and variances, so that flat images have a gradient.
    """
    one = image.flatten(1) - image.flatten(1).mean(1, keepdim=True)
    other = mad_image.flatten(1) - mad_image.flatten(1).mean(1, keepdim=True)
    variances = (one.square().mean(1) + epsilon) * (other.square().mean(1) + epsilon)
    return ((one * other).mean(1) + epsilon) / variances.sqrt()


class Drift:
    """Squared change of the mean luminance; without a reference image, the distance of the mean from middle grey."""

    def __call__(self, mad_image: Tensor) -> Tensor:
        """Compute the penalty, (N,), of images (N, C, H, W)."""
        return (mad_image.flatten(1).mean(1) - 0.5).square()

    def prepare(self, image: Tensor) -> Callable[[Tensor], Tensor]:
        """Compute the reference images' means once."""
        mean = image.flatten(1).mean(1)
        return lambda mad_image: (mad_image.flatten(1).mean(1) - mean).square()

"""The mean luminance of an image: a quantity that can be held although it is no distance."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["MeanLuminance"]


@dataclass(frozen=True)
class MeanLuminance:
    """The mean over all pixels and channels."""

    name: str = "mean luminance"

    def prepare(self, image: Tensor) -> MeanLuminance:
        """Return itself: nothing depends on the reference image."""
        return self

    def value(self, mad_image: Tensor) -> Tensor:
        """Compute the means, (N,)."""
        return mad_image.flatten(1).mean(1)

    def value_and_gradient(self, mad_image: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the means, (N,), and their constant gradients."""
        return self.value(mad_image), torch.full_like(mad_image, 1 / mad_image[0].numel())

"""The histogram of a picture's values, compared with the reference's, without bins.

The Wasserstein distance between equally many values in one dimension pairs them by rank, so sorting is all it takes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from madcore import InputError

__all__ = ["HistogramDistance"]

LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class HistogramDistance:
    """Squared Wasserstein-2 distance between the values of two pictures, in squared units of the pixel range.

    Differentiable wherever no two values are equal; there the gradient is that of one of the ways to rank them.

    Parameters
    ----------
    colour : {"channels", "luma"}
        Compare each channel's values and take the mean, or those of luma (ITU-R BT.601).
    """

    colour: Literal["channels", "luma"] = "channels"

    def __call__(self, mad_image: Tensor) -> Tensor:
        """Refuse to judge pictures without a reference."""
        raise InputError("penalty histogram compares with a reference picture; use prepare(image)")

    def prepare(self, image: Tensor) -> Callable[[Tensor], Tensor]:
        """Sort the values of the reference pictures (N, C, H, W) once."""
        reference = self._ranked(image)
        return lambda mad_image: (self._ranked(mad_image) - reference).square().flatten(1).mean(1)

    def _ranked(self, image: Tensor) -> Tensor:
        if self.colour == "luma" and image.shape[1] == 3:
            weights = torch.tensor(LUMA, dtype=image.dtype, device=image.device)
            image = (image * weights[:, None, None]).sum(1, keepdim=True)
        # Stable, so that values at a bound keep one order from step to step.
        return image.flatten(2).sort(dim=2, stable=True).values

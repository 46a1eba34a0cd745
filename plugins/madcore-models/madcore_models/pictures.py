"""What a network is given of a picture: its number of channels, its size, its mean and standard deviation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from madcore import InputError

__all__ = ["PictureInput"]

LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class PictureInput:
    """Turn pictures into a network's input.

    Parameters
    ----------
    channels : int
        Channels that the network takes: a grey picture is repeated, a colour picture becomes its luma (ITU-R BT.601).
    size : tuple of int, optional
        Height and width that every picture is resized to, bilinear and antialiased; None leaves it as it is.
    mean, std : tuple of float
        Subtracted from pixels in [0, 1], and what the rest is divided by; one for each channel or one for all.
    data_range : float
        Largest value of the pictures' pixels, which is made 1; the smallest is 0.
    """

    channels: int = 3
    size: tuple[int, int] | None = None
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    data_range: float = 1.0

    def __post_init__(self) -> None:
        """Refuse statistics that cannot be."""
        if not all(value > 0 for value in self.std):
            raise InputError(f"std must be above 0; got {'+'.join(map(str, self.std))}")

    def __call__(self, images: Tensor) -> Tensor:
        """Return a new tensor (N, channels, H, W), differentiable in `images`."""
        if images.shape[1] == 1 and self.channels != 1:
            images = images.expand(-1, self.channels, -1, -1)
        elif images.shape[1] == 3 and self.channels == 1:
            images = (images * _column(LUMA, images)).sum(1, keepdim=True)
        if self.size is not None and images.shape[-2:] != self.size:
            images = interpolate(images, self.size, mode="bilinear", antialias=True, align_corners=False)
        return (images / self.data_range - _column(self.mean, images)) / _column(self.std, images)


def _column(values: tuple[float, ...], images: Tensor) -> Tensor:
    return torch.tensor(values, dtype=images.dtype, device=images.device)[:, None, None]

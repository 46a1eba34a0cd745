"""Pixels outside the gamut, or so near its edge that a print or a screen clips them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from madcore import InputError

__all__ = ["OutOfGamut"]


@dataclass(frozen=True)
class OutOfGamut:
    """Mean squared distance of pixels from the gamut less a margin.

    The level-set solver never leaves the pixel range; there it is the margin that keeps pixels from being saturated.
    Where the reference picture itself is beyond, pixels may be as far as it is.

    Parameters
    ----------
    margin : float
        How far inside the gamut pixels are to stay.
    low, high : float
        Edges of the gamut for each channel.
    """

    margin: float = 0.02
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a gamut without width."""
        if not self.low + self.margin < self.high - self.margin:
            raise InputError(
                f"gamut from {self.low:g} to {self.high:g} has no room left inside a margin of {self.margin:g}"
            )

    def __call__(self, mad_image: Tensor) -> Tensor:
        """Compute the penalty, (N,), of pictures (N, C, H, W) without a reference; 0 if every pixel is inside."""
        return _outside(mad_image, mad_image.clamp(self.low + self.margin, self.high - self.margin))

    def prepare(self, image: Tensor) -> Callable[[Tensor], Tensor]:
        """Let pixels be as far out as those of the reference pictures (N, C, H, W)."""
        low, high = image.clamp(max=self.low + self.margin), image.clamp(min=self.high - self.margin)
        return lambda mad_image: _outside(mad_image, mad_image.clamp(low, high))


def _outside(mad_image: Tensor, inside: Tensor) -> Tensor:
    return (mad_image - inside).square().flatten(1).mean(1)

"""The range of the pixels: what images must stay inside, and which pixels have come to its edges.

Images are flattened to n pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

__all__ = ["PixelBounds"]


@dataclass(frozen=True)
class PixelBounds:
    """Smallest and largest value of every pixel of N images.

    Attributes
    ----------
    low, high : Tensor
        (1, 1) where all pixels have the same, else (N, n).
    """

    low: Tensor
    high: Tensor

    @classmethod
    def of(cls, low: float | Tensor, high: float | Tensor, image: Tensor) -> PixelBounds:
        """Lay out one number for all pixels, or one for each, broadcast to images (N, ...)."""
        return cls(_laid_out(low, image), _laid_out(high, image))

    @cached_property
    def common(self) -> tuple[float, float] | None:
        """Smallest and largest value where all pixels have the same."""
        return (self.low.item(), self.high.item()) if self.low.numel() == self.high.numel() == 1 else None

    @cached_property
    def movable(self) -> Tensor | None:
        """1 for pixels whose bounds differ and 0 for others, (N, n) or (1, 1); None if all can move."""
        movable = (self.low < self.high).to(self.low.dtype)
        return None if bool(movable.all()) else movable

    @property
    def width(self) -> Tensor:
        """From the smallest value of any pixel to the largest, a number."""
        return self.high.amax() - self.low.amin()

    def clamp(self, point: Tensor) -> Tensor:
        """Move every pixel of (N, n) images to the nearest allowed value."""
        if self.common is not None:
            return point.clamp(*self.common)
        return torch.maximum(torch.minimum(point, self.high), self.low)

    def clamp_(self, point: Tensor) -> Tensor:
        """Do what `clamp` does in place."""
        if self.common is not None:
            return point.clamp_(*self.common)
        return torch.maximum(torch.minimum(point, self.high, out=point), self.low, out=point)

    def at_bounds(self, point: Tensor) -> Tensor:
        """Return -1 for pixels at their lower bound, 1 for those at their upper bound and 0 for others, (N, n)."""
        # comparisons into numbers run several times faster than into truth values
        low = torch.le(point, self.low, out=torch.empty_like(point))
        return torch.ge(point, self.high, out=torch.empty_like(point)).sub_(low)

    def interior(self, point: Tensor) -> Tensor:
        """Return 1 for pixels strictly between their bounds and 0 for others, (N, n)."""
        at_bounds = self.at_bounds(point)
        return at_bounds.mul_(at_bounds).neg_().add_(1.0)

    def farther(self, point: Tensor) -> Tensor:
        """Return the bound that is farther from each pixel, (N, n)."""
        return torch.where(self.high - point >= point - self.low, self.high, self.low)

    def take(self, index: Tensor) -> PixelBounds:
        """Return the bounds of the images at `index`."""
        low, high = (bound if len(bound) == 1 else bound[index] for bound in (self.low, self.high))
        return PixelBounds(low, high)

    def to(self, dtype: torch.dtype) -> PixelBounds:
        """Return the same bounds in another floating-point type."""
        return PixelBounds(self.low.to(dtype), self.high.to(dtype))


def _laid_out(bound: float | Tensor, image: Tensor) -> Tensor:
    if not isinstance(bound, Tensor) or bound.numel() == 1:
        return image.new_full((1, 1), float(bound))
    return torch.broadcast_to(bound.to(image), image.shape).reshape(len(image), -1)

"""Separable filtering of many maps at once by small dense matrix products, and its adjoint.

A line of pixels is cut into tiles; what a filter gives on a tile depends on the tile itself and on the next one, so that
filtering is two products of a tile-sized matrix with all tiles, without a copy.  The cost is linear in pixels, and
matrix products run near the speed of the machine.  Filters are "valid": an output pixel belongs to the window that
begins there.  What leaks over the end of a line lands in the last ``size - 1`` rows and columns, outside that region.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["TiledFilter", "gaussian_window", "uniform_window"]


def gaussian_window(size: int, sigma: float) -> Tensor:
    """Return a Gaussian of `size` taps and standard deviation `sigma` pixels, of sum 1, in float64."""
    position = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    weights = torch.exp(-0.5 * (position / sigma) ** 2)
    return weights / weights.sum()


def uniform_window(size: int) -> Tensor:
    """Return `size` equal taps of sum 1, in float64."""
    return torch.full((size,), 1 / size, dtype=torch.float64)


@dataclass(frozen=True)
class TiledFilter:
    """A separable filter for maps of one size, type and device.

    `inner` and `outer`, (tile, tile), hold what a tile's outputs take from the tile itself and from the next one.
    """

    inner: Tensor
    outer: Tensor
    taps: Tensor
    height: int
    width: int

    @classmethod
    def create(cls, taps: Tensor, height: int, width: int, like: Tensor) -> TiledFilter:
        """Lay out the matrices of a filter with these taps for maps of `height` x `width` pixels."""
        size = len(taps)
        tile = 16
        while tile < size - 1:
            tile *= 2
        offset = torch.arange(tile)[:, None] - torch.arange(tile)
        inner, outer = (
            torch.where((shift >= 0) & (shift < size), taps[shift.clamp(0, size - 1)], 0.0).to(like)
            for shift in (offset, offset + tile)
        )
        return cls(inner, outer, taps.to(like), height, width)

    @property
    def tile(self) -> int:
        """Pixels of a tile's side."""
        return len(self.inner)

    @property
    def padded(self) -> tuple[int, int]:
        """Height and width, rounded up to whole tiles, of the maps that `apply` and `adjoint` take."""
        return -(-self.height // self.tile) * self.tile, -(-self.width // self.tile) * self.tile

    @property
    def valid(self) -> tuple[int, int]:
        """Height and width of the region in which the filter's window is inside the map."""
        return self.height - len(self.taps) + 1, self.width - len(self.taps) + 1

    def pad(self, maps: Tensor) -> Tensor:
        """Copy maps (..., H, W) into zeros of the padded size."""
        if self.padded == (self.height, self.width):
            return maps.contiguous()
        padded = maps.new_zeros(*maps.shape[:-2], *self.padded)
        padded[..., : self.height, : self.width] = maps
        return padded

    def crop(self, maps: Tensor) -> Tensor:
        """Cut padded maps back to H x W."""
        return maps[..., : self.height, : self.width]

    def clear_invalid(self, maps: Tensor) -> Tensor:
        """Set padded maps to zero, in place, outside the valid region."""
        height, width = self.valid
        maps[..., height:, :] = 0
        maps[..., :, width:] = 0
        return maps

    def apply(self, maps: Tensor) -> Tensor:
        """Filter contiguous maps of the padded size, (..., Hp, Wp); only the valid region of the result means anything."""
        rows = maps.view(-1, self.tile)
        along_rows = rows @ self.inner
        along_rows[:-1].addmm_(rows[1:], self.outer)
        blocks = along_rows.view(-1, self.tile, maps.shape[-1])
        result = self.inner.T @ blocks
        result[:-1].baddbmm_(self.outer.T.expand(len(blocks) - 1, -1, -1), blocks[1:])
        return result.view_as(maps)

    def adjoint(self, maps: Tensor) -> Tensor:
        """Apply the transpose of the filter to maps that are zero outside the valid region."""
        blocks = maps.view(-1, self.tile, maps.shape[-1])
        along_columns = self.inner @ blocks
        along_columns[1:].baddbmm_(self.outer.expand(len(blocks) - 1, -1, -1), blocks[:-1])
        rows = along_columns.view(-1, self.tile)
        result = rows @ self.inner.T
        result[1:].addmm_(rows[:-1], self.outer.T)
        return result.view_as(maps)

    def differentiable(self, maps: Tensor) -> Tensor:
        """Filter maps (M, 1, H, W) by convolutions, which autograd can differentiate any number of times."""
        taps = self.taps
        along_rows = torch.nn.functional.conv2d(maps, taps.view(1, 1, 1, -1))
        return torch.nn.functional.conv2d(along_rows, taps.view(1, 1, -1, 1))

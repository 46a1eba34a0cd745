"""Separable filters of many maps at once as small dense matrix products, and their adjoints.

A line of pixels is cut into tiles of 16.  What a filter gives on a tile depends on that tile and on the first
``size - 1`` pixels of the next, so that filtering along the rows is two products of all tiles with a small matrix, and
along the columns a single one with overlapping bands of rows, without a copy.  The cost is linear in pixels, and matrix
products run near the speed of the machine.  Filters are "valid": an output pixel belongs to the window that begins
there.  What leaks over the end of a line lands in the last ``size - 1`` rows and columns, outside that region.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import conv2d

__all__ = ["Maps", "TiledFilter", "gaussian_window", "uniform_window"]

TILE = 16  # measured best of 4 to 48, for maps from 64 to 1024 pixels a side


def gaussian_window(size: int, sigma: float) -> Tensor:
    """Return a Gaussian of `size` taps and standard deviation `sigma` pixels, of sum 1, in float64."""
    position = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    weights = torch.exp(-0.5 * (position / sigma) ** 2)
    return weights / weights.sum()


def uniform_window(size: int) -> Tensor:
    """Return `size` equal taps of sum 1, in float64."""
    return torch.full((size,), 1 / size, dtype=torch.float64)


@dataclass(frozen=True)
class Maps:
    """Maps of one size in one piece of memory, each padded to whole tiles, between two margins that stay zero.

    Parameters
    ----------
    memory : Tensor
        All of it, in one dimension.
    padded : Tensor
        The view (maps, planes, padded height, padded width).
    pixels : Tensor
        The view (maps, planes, height, width).
    """

    memory: Tensor
    padded: Tensor
    pixels: Tensor

    @property
    def start(self) -> int:
        """Where the first map begins."""
        return int(self.padded.storage_offset())

    def clear_padding(self) -> None:
        """Set what lies beside the pixels to zero; left from earlier work, it could be not finite and spread."""
        height, width = self.pixels.shape[-2:]
        if height < self.padded.shape[-2]:
            self.padded[..., height:, :].zero_()
        if width < self.padded.shape[-1]:
            self.padded[..., width:].zero_()


@dataclass(frozen=True)
class TiledFilter:
    """A separable filter for maps of one size, type and device.

    Parameters
    ----------
    taps : Tensor
        Weights along rows and columns, (size,), float64; no longer than a side of a map.
    height, width : int
        Size of a map in pixels.
    like : Tensor
        Gives the type and device.
    gain : float
        Factor of the adjoint.
    """

    taps: Tensor
    height: int
    width: int
    like: Tensor = field(repr=False)
    gain: float = 1.0

    @property
    def reach(self) -> int:
        """How many pixels beyond its own an output looks."""
        return len(self.taps) - 1

    @property
    def valid(self) -> tuple[int, int]:
        """Height and width of the region in which the window is inside the map."""
        return self.height - self.reach, self.width - self.reach

    def allocate(self, count: int, planes: int) -> Maps:
        """Make `count` maps of `planes` planes, all zero."""
        height, width = (_whole_tiles(side, self._tile) for side in (self.height, self.width))
        margin, pixels = self._tile * width, count * planes * height * width
        memory = self.like.new_zeros(pixels + 2 * margin)
        padded = memory[margin : margin + pixels].view(count, planes, height, width)
        return Maps(memory, padded, padded[..., : self.height, : self.width])

    def apply(self, maps: Maps, scratch: Maps) -> None:
        """Filter `maps` in place; only the valid region of the result means anything."""
        maps.clear_padding()
        self._along_rows(maps, scratch, self._bands, 0)
        self._along_columns(scratch, maps, self._bands, 0)

    def adjoint(self, maps: Maps, scratch: Maps) -> None:
        """Apply the transpose of the filter, times the gain, in place to `maps` that are 0 outside the valid region.

        It is the filter with its taps reversed, begun ``size - 1`` pixels earlier.
        """
        self._along_rows(maps, scratch, self._gained_bands, self.reach)
        self._along_columns(scratch, maps, self._reversed_bands, self.reach)

    def differentiable(self, maps: Tensor) -> Tensor:
        """Filter maps (M, H, W) by convolutions, which autograd can differentiate any number of times."""
        taps = self.taps.to(maps)
        along_rows = conv2d(maps[:, None], taps.view(1, 1, 1, -1))
        return conv2d(along_rows, taps.view(1, 1, -1, 1))[:, 0]

    @cached_property
    def _tile(self) -> int:
        return _whole_tiles(max(self.reach, 1), TILE)

    @cached_property
    def _bands(self) -> Tensor:
        return self._banded(self.taps)

    @cached_property
    def _reversed_bands(self) -> Tensor:
        return self._banded(self.taps.flip(0))

    @cached_property
    def _gained_bands(self) -> Tensor:
        return self._reversed_bands * self.gain

    def _banded(self, taps: Tensor) -> Tensor:
        """Return the matrix (tile + size - 1, tile) that holds the taps in all their positions on a tile."""
        banded = taps.new_zeros(self._tile + self.reach, self._tile)
        for row in range(len(taps)):
            banded.diagonal(-row).fill_(taps[row])
        # products of denormal numbers cost 17 times as much; taps this small change no digit
        banded[banded.abs() < banded.abs().max() * torch.finfo(self.like.dtype).eps ** 2] = 0
        return banded.to(self.like)

    def _along_rows(self, source: Maps, target: Maps, bands: Tensor, earlier: int) -> None:
        tile, start = self._tile, source.start - earlier
        count = source.padded.numel() // tile
        own = source.memory.as_strided((count, tile), (tile, 1), start)
        out = torch.mm(own, bands[:tile], out=target.padded.view(count, tile))
        if self.reach:
            following = source.memory.as_strided((count, self.reach), (tile, 1), start + tile)
            out.addmm_(following, bands[tile:])

    def _along_columns(self, source: Maps, target: Maps, bands: Tensor, earlier: int) -> None:
        tile, width = self._tile, source.padded.shape[-1]
        start = source.start - earlier * width
        count = source.padded.numel() // (tile * width)
        rows = source.memory.as_strided((count, tile + self.reach, width), (tile * width, width, 1), start)
        torch.bmm(bands.T.expand(count, -1, -1), rows, out=target.padded.view(count, tile, width))


def _whole_tiles(side: int, tile: int) -> int:
    return -(-side // tile) * tile

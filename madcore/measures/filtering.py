"""Separable filters of many maps at once as small dense matrix products, and their adjoints.

A line of pixels is cut into tiles of 16.  What a filter gives on a tile depends on that tile and on the first
``size - 1`` pixels of the next, so that filtering along the rows is two products of all tiles with a small matrix, and
along the columns, in tiles of 8, a single one with overlapping bands of rows, without a copy.  The cost is linear in
pixels, and matrix products run near the speed of the machine.  Filters are "valid": an output pixel belongs to the
window that begins there.  What leaks over the end of a line lands in the last ``size - 1`` rows and columns, outside
that region.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import conv2d

__all__ = ["PIXELS_AT_ONCE", "TiledFilter", "convolve", "gaussian_window", "planes_at_once", "uniform_window"]

Product = Callable[[], Tensor]
PIXELS_AT_ONCE = 1 << 15  # of one map: a dozen pieces this long stay in the cache of a core
TILE, COLUMN_TILE = 16, 8  # measured best of 4 to 48, for maps from 64 to 1024 pixels a side


def gaussian_window(size: int, sigma: float) -> Tensor:
    """Return a Gaussian of `size` taps and standard deviation `sigma` pixels, of sum 1, in float64."""
    position = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    weights = torch.exp(-0.5 * (position / sigma) ** 2)
    return weights / weights.sum()


def uniform_window(size: int) -> Tensor:
    """Return `size` equal taps of sum 1, in float64."""
    return torch.full((size,), 1 / size, dtype=torch.float64)


class TiledFilter:
    """A separable filter of maps that it owns: fill `pixels`, call `apply` or `adjoint`, and find the result there.

    Parameters
    ----------
    taps : Tensor
        Weights along rows and columns, (size,), float64; no longer than a side of a map.
    shape : tuple of int
        Of the maps; the last two are height and width.
    like : Tensor
        Gives the type and device.
    gain : float
        Factor of the adjoint.

    Attributes
    ----------
    padded : Tensor
        The maps, height and width rounded up to whole tiles.
    pixels : Tensor
        The view of the given shape.
    valid : tuple of int
        Height and width of the region in which the window is inside the map.
    """

    def __init__(self, taps: Tensor, shape: tuple[int, ...], like: Tensor, gain: float = 1.0) -> None:
        *count, height, width = shape
        self.reach = len(taps) - 1
        self.valid = height - self.reach, width - self.reach
        self.tile = _whole_tiles(max(self.reach, 1), TILE)
        padded = (*count, _whole_tiles(height, self.tile), _whole_tiles(width, self.tile))
        # two of them, each between margins that stay zero
        margin, pixels = self.tile * padded[-1], math.prod(padded)
        memories = like.new_zeros(2, pixels + 2 * margin)
        maps, scratch = (memory[margin : margin + pixels].view(padded) for memory in memories)
        self.padded, self.pixels = maps, maps[..., :height, :width]
        self.beside = [maps[..., height:, :], maps[..., width:]]
        self.forward = self._along_rows(taps, 0, maps, scratch) + self._along_columns(taps, 0, scratch, maps)
        backward = taps.flip(0)
        self.reverse = self._along_rows(backward * gain, self.reach, maps, scratch)
        self.reverse += self._along_columns(backward, self.reach, scratch, maps)

    def apply(self) -> None:
        """Filter the maps in place; only the valid region of the result means anything."""
        for part in self.beside:
            part.zero_()  # left from earlier work, it could be not finite and spread
        for product in self.forward:
            product()

    def adjoint(self) -> None:
        """Apply the transpose of the filter, times the gain, in place to maps that are 0 outside the valid region.

        It is the filter with its taps reversed, begun ``size - 1`` pixels earlier.
        """
        for product in self.reverse:
            product()

    def _along_rows(self, taps: Tensor, earlier: int, source: Tensor, target: Tensor) -> list[Product]:
        tile, count = self.tile, source.numel() // self.tile
        bands, start = _bands(taps, tile, source), int(source.storage_offset()) - earlier
        own = source.as_strided((count, tile), (tile, 1), start)
        out = target.view(count, tile)
        products: list[Product] = [partial(torch.mm, own, bands[:tile], out=out)]
        if self.reach:
            following = source.as_strided((count, self.reach), (tile, 1), start + tile)
            products.append(partial(torch.addmm, out, following, bands[tile:], out=out))
        return products

    def _along_columns(self, taps: Tensor, earlier: int, source: Tensor, target: Tensor) -> list[Product]:
        width, tile = source.shape[-1], COLUMN_TILE
        count, start = source.numel() // (tile * width), int(source.storage_offset()) - earlier * width
        rows = source.as_strided((count, tile + self.reach, width), (tile * width, width, 1), start)
        bands = _bands(taps, tile, source).T.expand(count, -1, -1)
        return [partial(torch.bmm, bands, rows, out=target.view(count, tile, width))]


def planes_at_once(maps: Tensor) -> int:
    """Return how many maps are worked on together: on a CPU as many as fit its cache, and a divisor of their number."""
    count, most = len(maps), max(1, PIXELS_AT_ONCE // maps[0].numel())
    return count if maps.is_cuda else max(n for n in range(1, min(count, most) + 1) if count % n == 0)


def convolve(maps: Tensor, taps: Tensor) -> Tensor:
    """Filter maps (M, H, W) by convolutions, which autograd can differentiate any number of times."""
    taps = taps.to(maps)
    along_rows = conv2d(maps[:, None], taps.view(1, 1, 1, -1))
    return conv2d(along_rows, taps.view(1, 1, -1, 1))[:, 0]


def _bands(taps: Tensor, tile: int, like: Tensor) -> Tensor:
    """Return the matrix (tile + size - 1, tile) that holds the taps in all their positions on a tile."""
    bands = taps.new_zeros(tile + len(taps) - 1, tile)
    for row in range(len(taps)):
        bands.diagonal(-row).fill_(taps[row])
    # products of denormal numbers cost 17 times as much; taps this small change no digit
    bands[bands.abs() < bands.abs().max() * torch.finfo(like.dtype).eps ** 2] = 0
    return bands.to(like)


def _whole_tiles(side: int, tile: int) -> int:
    return -(-side // tile) * tile

"""Local contrast normalisation: each coefficient of a band divided by a constant plus its neighbours' magnitudes.

As for structure, images are compared through their difference d, so that nothing cancels for images that are nearly
alike.  With x a band of the reference, y = x + d, z = x / n(x) and n(x) = c + sum of w |neighbour of x|, the difference
of the normalised bands is

    e = y / n(y) - z = (d - z (n(y) - n(x))) / n(y)   and   de = (dy - (z + e) dn(y)) / n(y).
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["NormalizedBand", "normalize"]

Neighbours = dict[tuple[int, int], float]


class NormalizedBand:
    """A band of the reference images, and the comparison of other images' band with it.

    Parameters
    ----------
    band : Tensor
        The reference's band, (M, H, W).
    constant : float
        Semi-saturation.
    neighbours : dict
        Weights of the neighbours at offsets (row, column); those beyond the edge count as 0.
    work : Tensor
        Work space (3, M, H, W), which may be shared by bands of one size.
    """

    def __init__(self, band: Tensor, constant: float, neighbours: Neighbours, work: Tensor) -> None:
        self.band, self.neighbours, self.work = band, neighbours, work
        self.magnitude = band.abs()
        self.pool = _pool(self.magnitude, neighbours, torch.empty_like(band)).add_(constant)
        self.normalized = band / self.pool

    def compare(self, difference: Tensor, *, gradient: bool) -> Tensor:
        """Sum the squares of the difference of the normalised bands.

        Parameters
        ----------
        difference : Tensor
            What the other images' band has more, (M, H, W); is overwritten by half the gradient, if wanted.
        gradient : bool
            Whether the gradient is wanted.

        Returns
        -------
        Tensor
            One sum for each band, (M,).
        """
        other, change, pool = self.work
        torch.add(self.band, difference, out=other)
        torch.abs(other, out=change).sub_(self.magnitude)
        _pool(change, self.neighbours, pool)
        error = difference.addcmul_(self.normalized, pool, value=-1).div_(pool.add_(self.pool))
        flat = error.flatten(1)
        squares = torch.linalg.vecdot(flat, flat)
        if gradient:
            relative = torch.div(error, pool, out=change)
            on_pool = error.add_(self.normalized).mul_(relative)
            on_magnitude = _pool(on_pool, self.neighbours, pool, adjoint=True)
            torch.addcmul(relative, on_magnitude, other.sign_(), value=-1, out=difference)
        return squares


def normalize(band: Tensor, constant: float, neighbours: Neighbours) -> Tensor:
    """Normalise a band (M, H, W) by operations that autograd knows."""
    height, width = band.shape[-2:]
    padded = torch.nn.functional.pad(band.abs(), (2, 2, 2, 2))
    pool = torch.full_like(band, constant)
    for (row, column), weight in neighbours.items():
        pool = pool + weight * padded[..., 2 + row : 2 + row + height, 2 + column : 2 + column + width]
    return band / pool


def _pool(maps: Tensor, neighbours: Neighbours, out: Tensor, *, adjoint: bool = False) -> Tensor:
    """Sum the neighbours of each pixel by their weights into `out`; the adjoint looks the other way."""
    out.zero_()
    height, width = maps.shape[-2:]
    for (row, column), weight in neighbours.items():
        down, right = (-row, -column) if adjoint else (row, column)
        target = out[:, max(0, -down) : height - max(0, down), max(0, -right) : width - max(0, right)]
        source = maps[:, max(0, down) : height - max(0, -down), max(0, right) : width - max(0, -right)]
        target.add_(source, alpha=weight)
    return out

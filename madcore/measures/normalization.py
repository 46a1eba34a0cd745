"""Local contrast normalisation: each coefficient of a band divided by a constant plus its neighbours' magnitudes.

As for structure, images are compared through their difference d, so that nothing cancels for images that are nearly
alike.  With x a band of the reference, y = x + d, z = x / n(x) and n(x) = c + sum of w |neighbour of x|, the difference
of the normalised bands is

    e = y / n(y) - z = (d - z (n(y) - n(x))) / n(y)   and   de = (dy - (z + e) dn(y)) / n(y).
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

__all__ = ["ROUNDING", "Band", "BandSpace", "NormalizedBand", "NormalizedPyramid", "normalize", "smooth_root"]

REACH = 2  # of the neighbours, in pixels
ROUNDING = 1e-7  # of the root at 0, for a finite gradient there

Neighbours = dict[tuple[int, int], float]
Band = tuple[float, Neighbours]  # semi-saturation, and weights of the neighbours at offsets (row, column)


class NormalizedPyramid(Protocol):
    """Normalised bands of reference maps with which those of others can be compared."""

    def compare(self, difference: Tensor, *, gradient: bool = True) -> tuple[Tensor, Tensor]:
        """Return the distance of each map, (M,), and its gradient, (M, H, W)."""


class BandSpace:
    """Work space for bands of one size, and the sums over neighbours that are taken in it.

    Parameters
    ----------
    difference : Tensor
        Where the difference of two images' bands will be, contiguous, (M, H, W).
    neighbours : dict
        Weights of the neighbours at offsets (row, column); those beyond the edge count as 0.
    """

    def __init__(self, difference: Tensor, neighbours: Neighbours) -> None:
        self.difference, self.neighbours = difference, neighbours
        self.other, self.change, self.pool = difference.new_empty(3, *difference.shape)
        opposite = {(-row, -column): weight for (row, column), weight in neighbours.items()}
        self.terms = _terms(self.change, self.pool, neighbours)
        self.adjoint_terms = _terms(difference, self.pool, opposite)

    def pool_change(self) -> Tensor:
        """Sum the neighbours of each number in `change`."""
        return _summed(self.pool, self.terms)

    def pool_adjoint(self) -> Tensor:
        """Apply the transpose of that sum to `difference`."""
        return _summed(self.pool, self.adjoint_terms)


class NormalizedBand:
    """A band of the reference images, (M, H, W), and the comparison of other images' bands with it.

    Parameters
    ----------
    band : Tensor
        The reference's band; is not kept.
    constant : float
        Semi-saturation.
    space : BandSpace
        Work space of the band's size, which several references may share.
    """

    def __init__(self, band: Tensor, constant: float, space: BandSpace) -> None:
        self.band, self.space = band.clone(), space
        self.magnitude = band.abs()
        space.change.copy_(self.magnitude)
        self.pool = space.pool_change() + constant
        self.normalized = band / self.pool

    def compare(self, *, gradient: bool) -> Tensor:
        """Sum the squares of the difference of the normalised bands, (M,).

        The difference of the bands is read from the work space, and overwritten by half the gradient if that is wanted.
        """
        space = self.space
        other = torch.add(self.band, space.difference, out=space.other)
        torch.abs(other, out=space.change).sub_(self.magnitude)
        pool = space.pool_change()
        error = space.difference.addcmul_(self.normalized, pool, value=-1).div_(pool.add_(self.pool))
        flat = error.flatten(1)
        squares = torch.linalg.vecdot(flat, flat)
        if gradient:
            relative = torch.div(error, pool, out=space.change)
            error.add_(self.normalized).mul_(relative)
            on_magnitude = space.pool_adjoint()
            torch.addcmul(relative, on_magnitude, other.sign_(), value=-1, out=space.difference)
        return squares


def normalize(band: Tensor, constant: float, neighbours: Neighbours) -> Tensor:
    """Normalise a band (M, H, W) by operations that autograd knows."""
    height, width = band.shape[-2:]
    padded = torch.nn.functional.pad(band.abs(), (REACH,) * 4)
    pool = torch.full_like(band, constant)
    for (row, column), weight in neighbours.items():
        pool = pool + weight * padded[..., REACH + row : REACH + row + height, REACH + column : REACH + column + width]
    return band / pool


def smooth_root(squares: Tensor) -> Tensor:
    """Return the root, smooth at 0 and 0 there, without cancellation."""
    return squares / ((squares + ROUNDING**2).sqrt() + ROUNDING)


def _terms(source: Tensor, target: Tensor, neighbours: Neighbours) -> list[tuple[Tensor, Tensor, float]]:
    """Pair the parts of both buffers that are neighbours."""
    height, width = source.shape[-2:]
    terms = []
    for (row, column), weight in neighbours.items():
        near = target[:, max(0, -row) : height - max(0, row), max(0, -column) : width - max(0, column)]
        far = source[:, max(0, row) : height - max(0, -row), max(0, column) : width - max(0, -column)]
        terms.append((near, far, weight))
    return terms


def _summed(target: Tensor, terms: list[tuple[Tensor, Tensor, float]]) -> Tensor:
    target.zero_()
    for near, far, weight in terms:
        near.add_(far, alpha=weight)
    return target

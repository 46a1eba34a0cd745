"""Comparison of locally normalised bands as in `normalization`, compiled: the sums over neighbours in one pass each."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from madcore.compiled import compile_loops
from madcore.measures.normalization import REACH, BandSpace, NormalizedBand

__all__ = ["FusedBand"]

Array = np.ndarray[Any, Any]
NEIGHBOURS = 5  # of a coefficient, with what fills up: one program serves all bands


class FusedBand(NormalizedBand):
    """What `NormalizedBand` does, on the CPU; same parameters."""

    def __init__(self, band: Tensor, constant: float, space: BandSpace) -> None:
        super().__init__(band, constant, space)
        kind = self.band.numpy().dtype.type
        given = sorted(space.neighbours.items())
        given += [((0, 0), 0.0)] * (NEIGHBOURS - len(given))
        rows, columns, weights = zip(*((row, column, kind(weight)) for (row, column), weight in given), strict=True)
        self.neighbours = rows, columns, weights
        self.opposite = tuple(-row for row in rows), tuple(-column for column in columns), weights
        self.arrays = [each.numpy() for each in (self.band, self.pool, self.normalized)]

    def compare(self, *, gradient: bool) -> Tensor:
        """Sum the squares of the difference of the normalised bands, (M,); see `NormalizedBand.compare`."""
        squares = self.band.new_empty(len(self.band))
        work = [each.numpy() for each in (self.space.difference, self.space.other, *self.space.padded)]
        _compare(self.neighbours, self.opposite, gradient, *self.arrays, *work, squares.numpy())
        return squares


@compile_loops
def _compare(
    neighbours: tuple[Any, ...],
    opposite: tuple[Any, ...],
    gradient: bool,
    bands: Array,  # (M, H, W), as all but the last
    pools: Array,
    normalized: Array,
    differences: Array,  # read, and overwritten by half the gradient if it is wanted
    others: Array,
    change: Array,  # (H + 4, W + 4), as the next: work space whose margins are 0
    product: Array,
    squares: Array,  # (M,), written
) -> None:
    count, height, width = bands.shape
    summed = np.empty(width, bands.dtype)
    for n in range(count):
        total = 0.0
        for row in range(height):
            _change(bands[n, row], differences[n, row], others[n, row], change[row + REACH, REACH : REACH + width])
        for row in range(height):
            _sum_neighbours(change, row, neighbours, summed)
            inner = product[row + REACH, REACH : REACH + width]
            total += _error(summed, pools[n, row], normalized[n, row], differences[n, row], inner)
        squares[n] = total
        if gradient:
            for row in range(height):
                _sum_neighbours(product, row, opposite, summed)
                _pull_back(summed, others[n, row], differences[n, row])


@compile_loops
def _change(band: Array, difference: Array, other: Array, change: Array) -> None:
    """Add the difference to the reference; write by how much magnitudes change."""
    for c in range(len(band)):
        other[c] = band[c] + difference[c]
        change[c] = abs(other[c]) - abs(band[c])


@compile_loops
def _sum_neighbours(source: Array, row: int, neighbours: tuple[Any, ...], out: Array) -> None:
    """Sum the five neighbours of a row, each from a row of its own."""
    rows, columns, weights = neighbours
    a = source[row + REACH + rows[0], REACH + columns[0] :]
    b = source[row + REACH + rows[1], REACH + columns[1] :]
    c = source[row + REACH + rows[2], REACH + columns[2] :]
    d = source[row + REACH + rows[3], REACH + columns[3] :]
    e = source[row + REACH + rows[4], REACH + columns[4] :]
    v, w, x, y, z = weights
    for k in range(len(out)):
        out[k] = v * a[k] + w * b[k] + x * c[k] + y * d[k] + z * e[k]


@compile_loops
def _error(change: Array, pool: Array, normalized: Array, difference: Array, product: Array) -> Any:
    """Turn a row of differences into e / n(y), write what changes n(y), and sum the squares of e."""
    total = pool.dtype.type(0)
    for c in range(len(pool)):
        inverse = pool.dtype.type(1) / (pool[c] + change[c])
        error = (difference[c] - normalized[c] * change[c]) * inverse
        total += error * error
        difference[c] = error * inverse
        product[c] = (error + normalized[c]) * difference[c]
    return total


@compile_loops
def _pull_back(on_magnitude: Array, other: Array, relative: Array) -> None:
    """Write half the gradient of a row."""
    for c in range(len(other)):
        relative[c] -= on_magnitude[c] * np.sign(other[c])

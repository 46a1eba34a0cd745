"""Local dissimilarity of structure as in `structure`, in one pass over the picture, compiled.

Each row of pixels is filtered along itself and kept; as soon as the rows under the window are at hand they give the
local statistics of one row of places, its terms and their derivatives; these are filtered back along the row and kept,
and once the rows of places that saw a row of pixels are at hand they give its gradient.  What is kept, as many rows
as the window has, stays in the cache: the picture itself is read once and the gradient written once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from madcore.compiled import compile_loops

__all__ = ["FusedStructure"]

Array = np.ndarray[Any, Any]


class FusedStructure:
    """What `TiledStructure` does without weights of places, on the CPU; same parameters."""

    def __init__(self, image: Tensor, taps: Tensor, c1: float, c2: float, *, share: float = 1.0) -> None:
        self.image = image.contiguous()
        count, height, width = self.image.shape
        reach, weights = len(taps) - 1, tuple(taps.double().tolist())
        kind = self.image.numpy().dtype.type
        self.taps = tuple(kind(tap) for tap in weights)
        statistics = self.image.new_empty(3, count, height - reach, width - reach).numpy()
        _reference_statistics(weights, c1, c2, self.image.numpy(), *statistics)
        self.arrays = [self.image.numpy(), *statistics]
        self.gain = kind(2 * share / statistics[0, 0].size)

    def compare(self, difference: Tensor, *, luminance: bool = True, gradient: bool = True) -> tuple[Tensor, Tensor]:
        """Average the local dissimilarity of each map; see `TiledStructure.compare`."""
        values = difference.new_empty(len(difference))
        slopes = difference.new_empty(difference.shape if gradient else (0, 0, 0))
        arrays = difference.contiguous().numpy(), *self.arrays, values.numpy(), slopes.numpy()
        _compare(self.taps, self.taps[::-1], self.gain, luminance, gradient, *arrays)
        return values, slopes


@compile_loops
def _reference_statistics(
    taps: tuple[float, ...],
    c1: float,
    c2: float,
    images: Array,  # (M, H, W)
    means: Array,  # (M, H - size + 1, W - size + 1), written, as the next two
    luminances: Array,
    contrasts: Array,
) -> None:
    """Do what `structure.reference_statistics` does, in float64 until the results are written."""
    count, height, width = images.shape
    size = len(taps)
    columns = width - size + 1
    pixels = np.empty((2, width))
    filtered = np.empty((2, size, columns))
    local = np.empty((2, columns))
    for n in range(count):
        for row in range(height):
            for c in range(width):
                pixels[0, c] = images[n, row, c]
                pixels[1, c] = pixels[0, c] * pixels[0, c]
            for kind in range(2):
                _along(pixels[kind], taps, filtered[kind, row % size])
            place = row - size + 1
            if place < 0:
                continue
            for kind in range(2):
                _down(filtered[kind], place, taps, local[kind])
            for c in range(columns):
                square = local[0, c] * local[0, c]
                means[n, place, c] = local[0, c]
                luminances[n, place, c] = square + c1
                contrasts[n, place, c] = 2 * max(local[1, c] - square, 0.0) + c2


@compile_loops
def _compare(
    taps: tuple[Any, ...],
    backward: tuple[Any, ...],  # the taps in reverse order
    gain: Any,
    luminance: bool,
    gradient: bool,
    differences: Array,  # (M, H, W)
    images: Array,
    means: Array,  # (M, H - size + 1, W - size + 1), as the next two
    luminances: Array,
    contrasts: Array,
    values: Array,  # (M,), written
    slopes: Array,  # (M, H, W), written if the gradient is wanted
) -> None:
    count, height, width = images.shape
    size = len(taps)
    reach = size - 1
    rows, columns = height - reach, width - reach
    pixels = np.empty((3, width), images.dtype)
    filtered = np.empty((3, size, columns), images.dtype)
    local = np.empty((3, columns), images.dtype)
    derivatives = np.zeros((3, columns + 2 * reach), images.dtype)
    returned = np.empty((3, size, width), images.dtype)
    for n in range(count):
        total = 0.0
        returned[:] = 0
        for row in range(height):
            _products(differences[n, row], images[n, row], pixels)
            for kind in range(3):
                _along(pixels[kind], taps, filtered[kind, row % size])
            place = row - reach
            if place < 0:
                continue
            for kind in range(3):
                _down(filtered[kind], place, taps, local[kind])
            reference = means[n, place], luminances[n, place], contrasts[n, place]
            inner = derivatives[:, reach : reach + columns]
            total += _terms(luminance, local, reference[0], reference[1], reference[2], inner)
            if gradient:
                for kind in range(3):
                    _along(derivatives[kind], backward, returned[kind, place % size])
                _pull_back(returned, place, backward, pixels, differences[n, place], images[n, place], gain, slopes[n])
        values[n] = total / (rows * columns)
        if gradient:
            for row in range(rows, height):
                returned[:, row % size] = 0
                _pull_back(returned, row, backward, pixels, differences[n, row], images[n, row], gain, slopes[n])


@compile_loops
def _products(difference: Array, image: Array, pixels: Array) -> None:
    """Make what is averaged under the window: d, d^2 and d (2 x + d)."""
    first, second, third = pixels[0], pixels[1], pixels[2]
    for c in range(len(difference)):
        d = difference[c]
        first[c] = d
        second[c] = d * d
        third[c] = d * (d + image[c] + image[c])


@compile_loops
def _along(source: Array, taps: tuple[Any, ...], out: Array) -> None:
    """Filter a row: the taps being a tuple, their loop is unrolled and the one over pixels runs on vectors."""
    for c in range(len(out)):
        total = taps[0] * source[c]
        for k in range(1, len(taps)):
            total += taps[k] * source[c + k]
        out[c] = total


@compile_loops
def _down(kept: Array, first: int, taps: tuple[Any, ...], out: Array) -> None:
    """Filter columns, of rows kept in turn, the first one at `first` modulo their number."""
    size = len(taps)
    for c in range(len(out)):
        total = taps[0] * kept[first % size, c]
        for k in range(1, size):
            total += taps[k] * kept[(first + k) % size, c]
        out[c] = total


@compile_loops
def _terms(with_luminance: bool, local: Array, means: Array, luminances: Array, contrasts: Array, out: Array) -> Any:
    """Sum 1 - SSIM, or w alone, over a row; write half its derivative to p, that to q and minus that to m."""
    p, q, m = local[0], local[1], local[2]
    on_p, on_q, on_m = out[0], out[1], out[2]
    one = local.dtype.type(1)
    total = local.dtype.type(0)
    for c in range(len(means)):
        square = p[c] * p[c]
        own_mean = means[c] + p[c]
        inverse = one / (m[c] + contrasts[c] - square - (means[c] + means[c]) * p[c])
        w = (q[c] - square) * inverse
        if with_luminance:
            scale = one / (luminances[c] + own_mean * own_mean)
            u = square * scale
            rest = one - u
            total += u + w * rest
            inverse *= rest
            on_p[c] = (p[c] - u * own_mean) * (one - w) * scale - (p[c] - w * own_mean) * inverse
        else:
            total += w
            on_p[c] = (w * own_mean - p[c]) * inverse
        on_q[c] = inverse
        on_m[c] = w * inverse
    return total


@compile_loops
def _pull_back(
    returned: Array,
    row: int,
    backward: tuple[Any, ...],
    work: Array,
    difference: Array,
    image: Array,
    gain: Any,
    slopes: Array,
) -> None:
    """Write the gradient of one row of pixels."""
    for kind in range(3):
        _down(returned[kind], row + 1, backward, work[kind])
    on_p, on_q, on_m, out = work[0], work[1], work[2], slopes[row]
    for c in range(len(out)):
        out[c] = gain * (on_p[c] + difference[c] * (on_q[c] - on_m[c]) - image[c] * on_m[c])

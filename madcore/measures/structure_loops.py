"""The loops of `fused_structure`, in one pass over the picture.

Each row of pixels is filtered along itself and kept; as soon as the rows under the window are at hand they give the
local statistics of one row of places, its terms and their derivatives; these are filtered back along the row and kept,
and once the rows of places that saw a row of pixels are at hand they give its gradient.  What is kept, as many rows
as the window has, stays in the cache: the picture itself is read once and the gradient written once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from madcore.bands import rows_of
from madcore.compiled import compile_loops

__all__ = ["average", "compare", "reference_statistics"]

Array = np.ndarray[Any, Any]
LINE = 16  # numbers of 32 bits in a line of the cache


@compile_loops
def reference_statistics(
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
    wide = _whole_lines(columns)
    pixels = np.zeros((2, wide + size - 1))
    filtered = np.empty((2, size, wide))
    local = np.empty((2, wide))
    for n in range(count):
        for row in range(height):
            for c in range(width):
                pixels[0, c] = images[n, row, c]
                pixels[1, c] = pixels[0, c] * pixels[0, c]
            _along(pixels, taps, filtered, row % size)
            place = row - size + 1
            if place < 0:
                continue
            _down(filtered, place % size, taps, local)
            for c in range(columns):
                square = local[0, c] * local[0, c]
                means[n, place, c] = local[0, c]
                luminances[n, place, c] = square + c1
                contrasts[n, place, c] = 2 * max(local[1, c] - square, 0.0) + c2


@compile_loops
def compare(
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
    sums: Array,  # (M, H - size + 1), of rows of places, written
    slopes: Array,  # (M, H, W), written if the gradient is wanted
    first: int,
    last: int,
) -> None:
    """Do what `TiledStructure.compare` does, for a band of rows of all maps, up to the sums of rows."""
    height, width = images.shape[1:]
    size = len(taps)
    # rows are as wide as whole lines of the cache; what is beside the picture stays 0
    wide = _whole_lines(width - size + 1)
    wider = _whole_lines(wide + size - 1)
    pixels = np.zeros((3, wider), images.dtype)
    filtered = np.empty((3, size, wide), images.dtype)
    local = np.empty((3, wide), images.dtype)
    derivatives = np.zeros((3, _whole_lines(wider + size - 1)), images.dtype)
    returned = np.empty((3, size, wider), images.dtype)
    space = pixels, filtered, local, derivatives, returned
    maps = differences, images, means, luminances, contrasts
    for n in range(len(images)):
        begin, end = rows_of(n, height, first, last)
        if begin < end:
            _compare_rows(taps, backward, gain, luminance, gradient, maps, space, sums, slopes, n, begin, end)


@compile_loops
def _compare_rows(
    taps: tuple[Any, ...],
    backward: tuple[Any, ...],
    gain: Any,
    luminance: bool,
    gradient: bool,
    maps: tuple[Array, ...],
    space: tuple[Array, ...],
    sums: Array,
    slopes: Array,
    n: int,
    begin: int,
    end: int,
) -> None:
    """Do what `compare` does for some rows of one map."""
    differences, images, means, luminances, contrasts = maps
    pixels, filtered, local, derivatives, returned = space
    size, height = len(taps), images.shape[1]
    reach, (rows, columns) = size - 1, means.shape[1:]
    places = slice(reach, reach + columns)
    on_p, on_q, on_m = derivatives[0, places], derivatives[1, places], derivatives[2, places]
    returned[:] = 0
    # the first that sees one of the band's pixels
    first_place = max(begin - reach, 0) if gradient else begin
    for row in range(first_place, min(end + reach, height)):
        _products(differences, images, n, row, pixels)
        _along(pixels, taps, filtered, row % size)
        place = row - reach
        if place < first_place:
            continue
        _down(filtered, place % size, taps, local)
        total = _terms(luminance, local, means, luminances, contrasts, n, place, on_p, on_q, on_m)
        if gradient:
            _along(derivatives, backward, returned, place % size)
        if place < begin:
            continue
        sums[n, place] = total
        if gradient:
            _down(returned, (place + 1) % size, backward, pixels)
            _pull_back(pixels, differences, images, n, place, gain, slopes)
    if gradient:
        for row in range(max(rows, begin), end):
            returned[:, row % size] = 0
            _down(returned, (row + 1) % size, backward, pixels)
            _pull_back(pixels, differences, images, n, row, gain, slopes)


@compile_loops
def average(sums: Array, columns: int, values: Array) -> None:
    """Average sums of rows, (M, rows), of so many columns."""
    # numpy would take several times as long for so few numbers
    for n in range(len(sums)):
        total = 0.0
        for row in range(sums.shape[1]):
            total += sums[n, row]
        values[n] = total / (sums.shape[1] * columns)


@compile_loops
def _whole_lines(width: int) -> int:
    return -(-width // LINE) * LINE


@compile_loops
def _products(differences: Array, images: Array, n: int, row: int, pixels: Array) -> None:
    """Make what is averaged under the window: d, d^2 and d (2 x + d)."""
    for c in range(images.shape[2]):
        d = differences[n, row, c]
        x = images[n, row, c]
        pixels[0, c] = d
        pixels[1, c] = d * d
        pixels[2, c] = d * (d + x + x)


@compile_loops
def _along(source: Array, taps: tuple[Any, ...], kept: Array, slot: int) -> None:
    """Filter rows: the taps being a tuple, their loop is unrolled and the one over pixels runs on vectors."""
    for kind in range(len(kept)):
        for c in range(kept.shape[2]):
            total = taps[0] * source[kind, c]
            for k in range(1, len(taps)):
                total += taps[k] * source[kind, c + k]
            kept[kind, slot, c] = total


@compile_loops
def _down(kept: Array, first: int, taps: tuple[Any, ...], out: Array) -> None:
    """Filter columns, of rows kept in turn, the first one at `first` modulo their number."""
    size = len(taps)
    for kind in range(len(out)):
        for c in range(out.shape[1]):
            total = taps[0] * kept[kind, first, c]
            for k in range(1, size):
                total += taps[k] * kept[kind, first + k if first + k < size else first + k - size, c]
            out[kind, c] = total


@compile_loops
def _terms(
    with_luminance: bool,
    local: Array,
    means: Array,
    luminances: Array,
    contrasts: Array,
    n: int,
    row: int,
    on_p: Array,
    on_q: Array,
    on_m: Array,
) -> Any:
    """Sum 1 - SSIM, or w alone, over a row; write half its derivative to p, that to q and minus that to m."""
    one = local.dtype.type(1)
    total = local.dtype.type(0)
    for c in range(len(on_p)):
        p, q, m = local[0, c], local[1, c], local[2, c]
        mean = means[n, row, c]
        square = p * p
        own_mean = mean + p
        inverse = one / (m + contrasts[n, row, c] - square - (mean + mean) * p)
        w = (q - square) * inverse
        if with_luminance:
            scale = one / (luminances[n, row, c] + own_mean * own_mean)
            u = square * scale
            rest = one - u
            total += u + w * rest
            inverse *= rest
            on_p[c] = (p - u * own_mean) * (one - w) * scale - (p - w * own_mean) * inverse
        else:
            total += w
            on_p[c] = (w * own_mean - p) * inverse
        on_q[c] = inverse
        on_m[c] = w * inverse
    return total


@compile_loops
def _pull_back(on: Array, differences: Array, images: Array, n: int, row: int, gain: Any, slopes: Array) -> None:
    """Write the gradient of one row of pixels."""
    for c in range(images.shape[2]):
        d, x = differences[n, row, c], images[n, row, c]
        slopes[n, row, c] = gain * (on[0, c] + d * (on[1, c] - on[2, c]) - x * on[2, c])

"""The loops of `fused_pyramid`: one map after another, row by row.

Away from the edges all outputs of a halving have the same weights, and so have all pairs of outputs of a doubling:
these run on vectors.  A band is compared in one pass, in which the sums over neighbours of the difference, and those of
the gradient, follow a row behind what they sum.

One module holds all of them, since numba looks only at the module of what is called when it asks whether a program that
it has kept is still true.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from madcore.compiled import ONE, TWO, UNSIGNED, compile_loops
from madcore.measures.normalization import REACH, ROUNDING

__all__ = ["EDGE", "compare", "decompose", "place"]

Array = np.ndarray[Any, Any]
EDGE = 2  # outputs of a halving, or pairs of outputs of a doubling, whose weights may differ from those in the middle


@compile_loops
def compare(
    levels: Array,  # (levels, 3): where each begins in what is flat, height and width
    halvings: Array,  # (2, levels, 2, taps, places): forth and back, each down and across
    doublings: Array,
    offsets: Array,  # (levels, 2, neighbours): rows and columns
    weights: Array,  # (levels, neighbours)
    references: Array,  # (3, M, pixels of all levels): bands, their denominators, and normalised
    lows: Array,  # (pixels of all levels,), work space, as the next
    bands: Array,
    share: float,
    gradient: bool,
    differences: Array,  # (M, H, W)
    values: Array,  # (M,), written
    slopes: Array,  # (M, H, W), written if the gradient is wanted
    first: int,
    last: int,
) -> None:
    """Do what `TiledPyramid.compare` does, for maps from `first` to before `last`."""
    count = len(levels)
    factors = np.empty(count, differences.dtype)
    for n in range(first, last):
        decompose(levels, halvings, doublings, differences[n], lows, bands)
        total = 0.0
        for k in range(count):
            band = _level(bands, levels, k)
            given = (
                _level(references[0, n], levels, k),
                _level(references[1, n], levels, k),
                _level(references[2, n], levels, k),
            )
            mean = _compare_band(given, offsets[k], weights[k], gradient, band) / band.size
            root = np.sqrt(mean + ROUNDING**2)
            total += mean / (root + ROUNDING)
            factors[k] = share / (root * band.size * count)
        values[n] = total / count
        if gradient:
            _pull_back(levels, halvings, doublings, factors, lows, bands, slopes[n])


@compile_loops
def decompose(levels: Array, halvings: Array, doublings: Array, whole: Array, lows: Array, bands: Array) -> None:
    """Compute the bands of one map; the last is what remains."""
    one, low, last = whole.dtype.type(1), whole, len(levels) - 1
    for k in range(last):
        lower = _level(lows, levels, k + 1)
        _clear(lower)
        _add_halved(halvings[0, k], one, low, lower)
        _add_doubled(doublings[0, k], -one, lower, one, low, _level(bands, levels, k))
        low = lower
    _multiply(low, one, _level(bands, levels, last))


@compile_loops
def _pull_back(
    levels: Array, halvings: Array, doublings: Array, factors: Array, lows: Array, bands: Array, slopes: Array
) -> None:
    """Turn the bands, gradients with respect to them but for factors, into that to the map."""
    one, last = slopes.dtype.type(1), len(levels) - 1
    _multiply(_level(bands, levels, last), factors[last], _level(lows, levels, last))
    for k in range(last - 1, -1, -1):
        band, lower = _level(bands, levels, k), _level(lows, levels, k + 1)
        _add_halved(halvings[1, k], -factors[k], band, lower)
        _add_doubled(doublings[1, k], one, lower, factors[k], band, _level(lows, levels, k) if k > 0 else slopes)


@compile_loops
def _level(flat: Array, levels: Array, k: int) -> Array:
    start, height, width = levels[k, 0], levels[k, 1], levels[k, 2]
    return flat[start : start + height * width].reshape(height, width)


@compile_loops
def _clear(maps: Array) -> None:
    for row in range(maps.shape[0]):
        for c in range(maps.shape[1]):
            maps[row, c] = 0


@compile_loops
def _multiply(source: Array, factor: Any, target: Array) -> None:
    for row in range(source.shape[0]):
        for c in range(source.shape[1]):
            target[row, c] = factor * source[row, c]


@compile_loops
def place(c: int, count: int) -> int:
    """Return where the weights of an output, or of a pair, are: the first few, one of the middle, the last few."""
    return c if c < EDGE else max(EDGE, c - count + 2 * EDGE + 1)


@compile_loops
def _add_halved(taps: Array, factor: Any, source: Array, target: Array) -> None:
    """Add to the target the source at half its resolution, times a factor."""
    down, across = taps[0], taps[1]
    rows, columns = target.shape
    line = np.zeros(source.shape[1] + 7, source.dtype)  # between margins that stay 0
    for row in range(rows):
        _sum_six(source, 2 * row - 2, down, place(row, rows), line)
        for c in range(min(EDGE, columns)):
            target[row, c] += factor * _gather(line, 2 * c, across, c)
        for c in range(max(EDGE, columns - EDGE), columns):
            target[row, c] += factor * _gather(line, 2 * c, across, place(c, columns))
        _halve(line, across, factor, target, row)


@compile_loops
def _sum_six(source: Array, first: int, weights: Array, at: int, line: Array) -> None:
    """Sum six rows; those beyond the edges have no weight."""
    height, width = source.shape
    u, v, w = weights[at, 0], weights[at, 1], weights[at, 2]
    x, y, z = weights[at, 3], weights[at, 4], weights[at, 5]
    a, b, c = max(first, 0), max(first + 1, 0), first + 2
    d, e, f = min(first + 3, height - 1), min(first + 4, height - 1), min(first + 5, height - 1)
    for i in range(width):
        total = u * source[a, i] + v * source[b, i] + w * source[c, i]
        line[2 + i] = total + x * source[d, i] + y * source[e, i] + z * source[f, i]


@compile_loops
def _halve(line: Array, weights: Array, factor: Any, target: Array, row: int) -> None:
    """Add what is halved away from the edges, where the sixth weight is 0."""
    v, w, x, y, z = weights[EDGE, 0], weights[EDGE, 1], weights[EDGE, 2], weights[EDGE, 3], weights[EDGE, 4]
    out, line = target[row, EDGE : target.shape[1] - EDGE], line[2 * EDGE :]
    for c in range(UNSIGNED(len(out))):
        i = TWO * c
        j, k = i + TWO, i + TWO + TWO
        total = v * line[i] + w * line[i + ONE] + x * line[j] + y * line[j + ONE] + z * line[k]
        out[c] += factor * total


@compile_loops
def _add_doubled(taps: Array, factor: Any, source: Array, share: Any, beside: Array, target: Array) -> None:
    """Make the target the source at twice its resolution, times a factor, and a share of what is beside it."""
    down, across = taps[0], taps[1]
    rows, columns = target.shape
    line = np.zeros(source.shape[1] + 4, source.dtype)  # between margins that stay 0
    for row in range(rows):
        _sum_three(source, row // 2 - 1, down, 2 * place(row // 2, rows // 2) + row % 2, line)
        for c in range(min(2 * EDGE, columns)):
            target[row, c] = share * beside[row, c] + factor * _gather(line, c // 2, across, c)
        for c in range(2 * max(EDGE, columns // 2 - EDGE), columns):
            doubled = _gather(line, c // 2, across, 2 * place(c // 2, columns // 2) + c % 2)
            target[row, c] = share * beside[row, c] + factor * doubled
        _double(line, across, factor, share, beside, target, row)


@compile_loops
def _sum_three(source: Array, first: int, weights: Array, at: int, line: Array) -> None:
    """Sum three rows; those beyond the edges have no weight."""
    height, width = source.shape
    x, y, z = weights[at, 0], weights[at, 1], weights[at, 2]
    a, b, c = max(first, 0), first + 1, min(first + 2, height - 1)
    for i in range(width):
        line[1 + i] = x * source[a, i] + y * source[b, i] + z * source[c, i]


@compile_loops
def _double(line: Array, weights: Array, factor: Any, share: Any, beside: Array, target: Array, row: int) -> None:
    """Write what is doubled away from the edges."""
    u, v, w = weights[2 * EDGE, 0], weights[2 * EDGE, 1], weights[2 * EDGE, 2]
    x, y, z = weights[2 * EDGE + 1, 0], weights[2 * EDGE + 1, 1], weights[2 * EDGE + 1, 2]
    old, out, line = beside[row, 2 * EDGE :], target[row, 2 * EDGE :], line[EDGE:]
    for k in range(UNSIGNED(max(0, target.shape[1] // 2 - 2 * EDGE))):
        before, here, after = line[k], line[k + ONE], line[k + TWO]
        i = TWO * k
        out[i] = share * old[i] + factor * (u * before + v * here + w * after)
        out[i + ONE] = share * old[i + ONE] + factor * (x * before + y * here + z * after)


@compile_loops
def _gather(line: Array, first: int, weights: Array, at: int) -> Any:
    total = weights[at, 0] * line[first]
    for k in range(1, weights.shape[1]):
        total += weights[at, k] * line[first + k]
    return total


@compile_loops
def _compare_band(
    reference: tuple[Array, Array, Array],
    offsets: Array,
    weights: Array,
    gradient: bool,
    differences: Array,  # (H, W), read, and overwritten by half the gradient if it is wanted
) -> float:
    """Sum the squares of the difference of the normalised bands."""
    bands, pools, normalized = reference
    height, width = differences.shape
    # of each the last three rows; neighbours beyond the edges count as 0
    change = np.zeros((3, width + 2 * REACH), differences.dtype)
    product = np.zeros((3, width + 2 * REACH), differences.dtype)
    others = np.empty((3, width), differences.dtype)
    total = 0.0
    for row in range(height + 2):
        if row < height:
            _change(bands, differences, row, others, change)
        else:
            change[row % 3] = 0
        if 1 <= row <= height:
            total += _error(change, offsets, weights, pools, normalized, row - 1, differences, product)
        else:
            product[(row - 1) % 3] = 0
        if gradient and row >= 2:
            _pull_back_band(product, offsets, weights, others, row - 2, differences)
    return total


@compile_loops
def _change(bands: Array, differences: Array, row: int, others: Array, change: Array) -> None:
    """Add the difference to the reference; write by how much magnitudes change."""
    slot = row % 3
    for c in range(differences.shape[1]):
        band = bands[row, c]
        other = band + differences[row, c]
        others[slot, c] = other
        change[slot, REACH + c] = abs(other) - abs(band)


@compile_loops
def _error(
    change: Array,
    offsets: Array,
    weights: Array,
    pools: Array,
    normalized: Array,
    row: int,
    differences: Array,
    product: Array,
) -> Any:
    """Turn a row of differences into e / n(y), write what changes n(y), and sum the squares of e."""
    a = change[(row + offsets[0, 0]) % 3, REACH + offsets[1, 0] :]
    b = change[(row + offsets[0, 1]) % 3, REACH + offsets[1, 1] :]
    d = change[(row + offsets[0, 2]) % 3, REACH + offsets[1, 2] :]
    e = change[(row + offsets[0, 3]) % 3, REACH + offsets[1, 3] :]
    f = change[(row + offsets[0, 4]) % 3, REACH + offsets[1, 4] :]
    v, w, x, y, z = weights[0], weights[1], weights[2], weights[3], weights[4]
    one, total, slot = differences.dtype.type(1), differences.dtype.type(0), row % 3
    for c in range(differences.shape[1]):
        pooled = v * a[c] + w * b[c] + x * d[c] + y * e[c] + z * f[c]
        inverse, given = one / (pools[row, c] + pooled), normalized[row, c]
        error = (differences[row, c] - given * pooled) * inverse
        total += error * error
        differences[row, c] = error * inverse
        product[slot, REACH + c] = (error + given) * (error * inverse)
    return total


@compile_loops
def _pull_back_band(
    product: Array, offsets: Array, weights: Array, others: Array, row: int, differences: Array
) -> None:
    """Write half the gradient of a row: the neighbours are those on the other side."""
    a = product[(row - offsets[0, 0]) % 3, REACH - offsets[1, 0] :]
    b = product[(row - offsets[0, 1]) % 3, REACH - offsets[1, 1] :]
    d = product[(row - offsets[0, 2]) % 3, REACH - offsets[1, 2] :]
    e = product[(row - offsets[0, 3]) % 3, REACH - offsets[1, 3] :]
    f = product[(row - offsets[0, 4]) % 3, REACH - offsets[1, 4] :]
    v, w, x, y, z = weights[0], weights[1], weights[2], weights[3], weights[4]
    slot = row % 3
    for c in range(differences.shape[1]):
        pooled = v * a[c] + w * b[c] + x * d[c] + y * e[c] + z * f[c]
        differences[row, c] -= pooled * np.sign(others[slot, c])

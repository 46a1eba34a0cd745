"""Halving and doubling the resolution as in `pyramid`, compiled: each output sums its few inputs, row by row.

Away from the edges all outputs of a halving have the same weights, and so have all pairs of outputs of a doubling:
these run on vectors.  Which ones they are is read off the matrix, so that the same loops serve the transposes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from madcore.compiled import compile_loops

__all__ = ["FusedResampling"]

Array = np.ndarray[Any, Any]
REACH = 5  # inputs that an output of a halving may have; a pair of outputs of a doubling has three


class FusedResampling:
    """What `Resampling` does, on the CPU; same parameters, but no work space."""

    def __init__(self, vertical: Tensor, horizontal: Tensor, source: Tensor, target: Tensor) -> None:
        self.source, self.target = source.numpy(), target.numpy()
        kind, across = self.source.dtype, horizontal.numpy()
        self.weights = *_inputs(vertical.numpy(), kind), *_inputs(across, kind)
        halves = across.shape[0] < across.shape[1]
        self.inner = halves, *(_alike_halved(across, kind) if halves else _alike_doubled(across, kind))

    def __call__(self) -> None:
        """Fill the target."""
        _resample(*self.weights, *self.inner, self.source, self.target)


def _inputs(matrix: Array, kind: np.dtype[Any]) -> tuple[Array, Array]:
    """Return the inputs of each output of a banded matrix and their weights, (most inputs, outputs)."""
    most = int((matrix != 0).sum(1).max())
    # the largest weights first; where there are fewer, what is left has weight 0
    order = np.argsort(-abs(matrix), axis=1, kind="stable")[:, :most]
    weights = np.take_along_axis(matrix, order, 1)
    return np.ascontiguousarray(order.T, np.uint32), np.ascontiguousarray(weights.T, kind)


def _alike_halved(matrix: Array, kind: np.dtype[Any]) -> tuple[int, int, tuple[Any, ...]]:
    """Return the first of the outputs with the same weights, one past the last, and the weights from 2 c - 2 on."""
    padded = np.pad(matrix, ((0, 0), (2, REACH)))
    bands = np.stack([padded[c, 2 * c : 2 * c + REACH] for c in range(len(matrix))])
    return *_around_the_middle(bands), (*(kind.type(each) for each in bands[len(bands) // 2]), kind.type(0))


def _alike_doubled(matrix: Array, kind: np.dtype[Any]) -> tuple[int, int, tuple[Any, ...]]:
    """Return the same of pairs of outputs, (2 j, 2 j + 1), the weights of both from j - 1 on."""
    padded = np.pad(matrix, ((0, 0), (1, 3)))
    bands = np.stack([padded[2 * j : 2 * j + 2, j : j + 3].flatten() for j in range(len(matrix) // 2)])
    return *_around_the_middle(bands), tuple(kind.type(each) for each in bands[len(bands) // 2])


def _around_the_middle(bands: Array) -> tuple[int, int]:
    """Return the range of rows around the middle one that equal it, without the outermost, whose inputs may be none."""
    middle = len(bands) // 2
    first = last = middle
    while first > 1 and np.array_equal(bands[first - 1], bands[middle]):
        first -= 1
    while last < len(bands) - 1 and np.array_equal(bands[last], bands[middle]):
        last += 1
    return first, last


@compile_loops
def _resample(
    row_inputs: Array,
    row_weights: Array,
    column_inputs: Array,
    column_weights: Array,
    halves: bool,
    first: int,
    last: int,
    weights: tuple[Any, ...],
    source: Array,
    target: Array,
) -> None:
    line = np.empty(source.shape[2], source.dtype)
    begin, end = (first, last) if halves else (2 * first, 2 * last)
    for n in range(target.shape[0]):
        for row in range(target.shape[1]):
            line[:] = 0
            for k in range(len(row_inputs)):
                _add(row_weights[k, row], source[n, row_inputs[k, row]], line)
            out = target[n, row]
            _gather(column_inputs, column_weights, line, out, 0, begin)
            _gather(column_inputs, column_weights, line, out, end, len(out))
            if halves:
                _halve(line[2 * first - 2 :], weights, out[first:last])
            else:
                _double(line[first - 1 :], weights, out[2 * first : 2 * last])


@compile_loops
def _add(weight: Any, values: Array, out: Array) -> None:
    for c in range(len(out)):
        out[c] += weight * values[c]


@compile_loops
def _gather(inputs: Array, weights: Array, line: Array, out: Array, begin: int, end: int) -> None:
    for c in range(begin, end):
        total = weights[0, c] * line[inputs[0, c]]
        for k in range(1, len(inputs)):
            total += weights[k, c] * line[inputs[k, c]]
        out[c] = total


@compile_loops
def _halve(line: Array, weights: tuple[Any, ...], out: Array) -> None:
    a, b, c, d, e, _ = weights  # one program takes the weights of both
    for k in range(len(out)):
        j = 2 * k
        out[k] = a * line[j] + b * line[j + 1] + c * line[j + 2] + d * line[j + 3] + e * line[j + 4]


@compile_loops
def _double(line: Array, weights: tuple[Any, ...], out: Array) -> None:
    a, b, c, d, e, f = weights
    for k in range(len(out) // 2):
        before, here, after = line[k], line[k + 1], line[k + 2]
        out[2 * k] = a * before + b * here + c * after
        out[2 * k + 1] = d * before + e * here + f * after

"""The passes of `pair_passes`, compiled: all pairs of a row of pixels are met while that row is in the cache."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from madcore.bands import rows_of
from madcore.compiled import compile_loops
from madcore.solvers.image_rows import Array, ImageRows
from madcore.solvers.level_set_state import LevelSetState
from madcore.solvers.numbers import Numbers

__all__ = ["FusedPairPasses"]

SAMPLES = 1 << 15  # worth a thread, of a pass over all pairs


class FusedPairPasses:
    """What `TorchPairPasses` does, for images on the CPU with a learned metric.

    Parameters
    ----------
    shape : sequence of int
        Of the images, (N, C, H, W).
    """

    def __init__(self, shape: Sequence[int]) -> None:
        self.rows = ImageRows(shape, SAMPLES)

    def products(self, state: LevelSetState) -> tuple[Tensor, Tensor]:
        """Compute inner products; see `PairPasses`."""
        memory = state.pairs.memory
        arrays = self.rows.views(state.slope, state.at_bounds, state.pairs.steps, state.pairs.changes)
        sums = torch.from_numpy(self.rows.sums((memory, memory + 1), _products, *arrays))
        return sums[..., :-1], sums[..., -1]

    def subtract(self, state: LevelSetState, weights: Tensor) -> Tensor:
        """Take changes off the slope; see `PairPasses`."""
        weighted = torch.empty_like(state.slope)
        arrays = self.rows.views(state.slope, state.at_bounds, state.places, state.pairs.changes, weighted)
        self.rows.run(_subtract, _like(weights, arrays[0]), *arrays)
        return weighted

    def move(self, state: LevelSetState, filtered: Tensor, gamma: Tensor) -> tuple[Tensor, Tensor]:
        """Apply the rest of the initial matrix; see `PairPasses`."""
        moved = torch.empty_like(state.slope)
        arrays = self.rows.views(state.slope, state.at_bounds, state.places, state.pairs.changes, filtered, moved)
        sums = self.rows.sums((state.pairs.memory,), _move, _like(gamma, arrays[0]), *arrays)
        return moved, torch.from_numpy(sums)

    def add(self, state: LevelSetState, moved: Tensor, weights: Tensor) -> tuple[Tensor, Numbers, Numbers]:
        """Add steps; see `PairPasses`."""
        step = torch.empty_like(state.slope)
        arrays = self.rows.views(state.slope, state.at_bounds, state.pairs.steps, moved, step)
        sums = self.rows.sums((2,), _add, _like(weights, arrays[0]), *arrays)
        return step, *sums.T.astype(arrays[0].dtype, order="C")


def _like(values: Tensor, array: Array) -> Array:
    return values.numpy().astype(array.dtype)


@compile_loops
def _products(
    slopes: Array, at_bounds: Array, steps: Array, changes: Array, sums: Array, first: int, last: int
) -> None:
    zero = slopes.dtype.type(0)
    count, memory = steps.shape[:2]
    free = np.empty((memory + 1, slopes.shape[2]), slopes.dtype)  # changes on the free pixels, and the slope
    for n in range(count):
        for row in range(*rows_of(n, slopes.shape[1], first, last)):
            slope, at = slopes[n, row], at_bounds[n, row]
            for j in range(memory):
                change, kept = changes[n, j, row], free[j]
                for c in range(len(slope)):
                    kept[c] = change[c] if at[c] * slope[c] >= 0 else zero
            kept = free[memory]
            for c in range(len(slope)):
                kept[c] = slope[c] if at[c] * slope[c] >= 0 else zero
            for i in range(memory):
                for j in range(memory + 1):
                    sums[n, row, i, j] = _dot(steps[n, i, row], free[j])


@compile_loops
def _subtract(
    weights: Array,
    slopes: Array,
    at_bounds: Array,
    places: Array,
    changes: Array,
    weighted: Array,
    first: int,
    last: int,
) -> None:
    zero = slopes.dtype.type(0)
    for n in range(slopes.shape[0]):
        for row in range(*rows_of(n, slopes.shape[1], first, last)):
            slope, at, place, out = (
                slopes[n, row],
                at_bounds[n, row],
                places[n, row % places.shape[1]],
                weighted[n, row],
            )
            out[:] = slope
            for j in range(changes.shape[1]):
                _add_times(-weights[n, j], changes[n, j, row], out)
            for c in range(len(slope)):
                out[c] = out[c] * place[c] if at[c] * slope[c] >= 0 else zero


@compile_loops
def _move(
    gamma: Array,
    slopes: Array,
    at_bounds: Array,
    places: Array,
    changes: Array,
    filtered: Array,
    moved: Array,
    sums: Array,
    first: int,
    last: int,
) -> None:
    zero = slopes.dtype.type(0)
    for n in range(slopes.shape[0]):
        factor = gamma[n]
        for row in range(*rows_of(n, slopes.shape[1], first, last)):
            slope, at, place = slopes[n, row], at_bounds[n, row], places[n, row % places.shape[1]]
            values, out = filtered[n, row], moved[n, row]
            for c in range(len(slope)):
                out[c] = factor * place[c] * values[c] if at[c] * slope[c] >= 0 else zero
            for j in range(changes.shape[1]):
                sums[n, row, j] = _dot(changes[n, j, row], out)


@compile_loops
def _add(
    weights: Array,
    slopes: Array,
    at_bounds: Array,
    steps: Array,
    moved: Array,
    made: Array,
    sums: Array,
    first: int,
    last: int,
) -> None:
    zero = slopes.dtype.type(0)
    for n in range(slopes.shape[0]):
        for row in range(*rows_of(n, slopes.shape[1], first, last)):
            slope, at, out = slopes[n, row], at_bounds[n, row], made[n, row]
            out[:] = moved[n, row]
            for i in range(steps.shape[1]):
                _add_times(weights[n, i], steps[n, i, row], out)
            descent = square = zero
            for c in range(len(slope)):
                value = -out[c] if at[c] * slope[c] >= 0 else zero
                out[c] = value
                descent += value * slope[c]
                square += value * value
            sums[n, row, 0] = descent
            sums[n, row, 1] = square


@compile_loops
def _dot(a: Array, b: Array) -> Any:
    total = a.dtype.type(0)
    for c in range(len(a)):
        total += a[c] * b[c]
    return total


@compile_loops
def _add_times(factor: Any, values: Array, out: Array) -> None:
    for c in range(len(out)):
        out[c] += factor * values[c]

"""The passes of `pair_passes`, compiled: all pairs of a row of pixels are met while that row is in the cache."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from madcore.compiled import compile_loops
from madcore.solvers.level_set_state import LevelSetState
from madcore.solvers.numbers import Numbers

__all__ = ["FusedPairPasses"]

Array = np.ndarray[Any, Any]


class FusedPairPasses:
    """What `TorchPairPasses` does, for images on the CPU with a learned metric.

    Parameters
    ----------
    width : int
        Of the images.
    """

    def __init__(self, width: int) -> None:
        self.width = width

    def products(self, state: LevelSetState) -> tuple[Tensor, Tensor]:
        """Compute inner products; see `PairPasses`."""
        count, memory = state.pairs.valid.shape
        sums = torch.zeros(count, memory, memory + 1, dtype=torch.float64)
        arrays = self._rows(state.slope, state.at_bounds, state.pairs.steps, state.pairs.changes)
        _products(*arrays, sums.numpy())
        return sums[..., :-1], sums[..., -1]

    def subtract(self, state: LevelSetState, weights: Tensor) -> Tensor:
        """Take changes off the slope; see `PairPasses`."""
        weighted = torch.empty_like(state.slope)
        arrays = self._rows(state.slope, state.at_bounds, _places(state), state.pairs.changes, weighted)
        _subtract(_like(weights, arrays[0]), *arrays)
        return weighted

    def move(self, state: LevelSetState, filtered: Tensor, gamma: Tensor) -> tuple[Tensor, Tensor]:
        """Apply the rest of the initial matrix; see `PairPasses`."""
        moved, sums = torch.empty_like(state.slope), torch.zeros(state.pairs.valid.shape, dtype=torch.float64)
        arrays = self._rows(state.slope, state.at_bounds, _places(state), state.pairs.changes, filtered, moved)
        _move(_like(gamma, arrays[0]), *arrays, sums.numpy())
        return moved, sums

    def add(self, state: LevelSetState, moved: Tensor, weights: Tensor) -> tuple[Tensor, Numbers, Numbers]:
        """Add steps; see `PairPasses`."""
        step, sums = torch.empty_like(state.slope), np.zeros((2, len(moved)))
        arrays = self._rows(state.slope, state.at_bounds, state.pairs.steps, moved, step)
        _add(_like(weights, arrays[0]), *arrays, sums)
        descent, square = sums.astype(arrays[0].dtype)
        return step, descent, square

    def _rows(self, *images: Tensor) -> list[Array]:
        """View images (N, n) as (N, rows, W), pairs (N, m, n) as (N, m, rows, W)."""
        return [each.numpy().reshape(*each.shape[:-1], -1, self.width) for each in images]


def _places(state: LevelSetState) -> Tensor:
    assert state.scale is not None
    return state.scale.place.flatten(1)


def _like(values: Tensor, array: Array) -> Array:
    return values.numpy().astype(array.dtype)


@compile_loops
def _products(slopes: Array, at_bounds: Array, steps: Array, changes: Array, sums: Array) -> None:
    zero = slopes.dtype.type(0)
    count, memory = steps.shape[:2]
    free = np.empty((memory + 1, slopes.shape[2]), slopes.dtype)  # changes on the free pixels, and the slope
    for n in range(count):
        for row in range(slopes.shape[1]):
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
                    sums[n, i, j] += _dot(steps[n, i, row], free[j])


@compile_loops
def _subtract(weights: Array, slopes: Array, at_bounds: Array, places: Array, changes: Array, weighted: Array) -> None:
    zero = slopes.dtype.type(0)
    for n in range(slopes.shape[0]):
        for row in range(slopes.shape[1]):
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
) -> None:
    zero = slopes.dtype.type(0)
    for n in range(slopes.shape[0]):
        factor = gamma[n]
        for row in range(slopes.shape[1]):
            slope, at, place = slopes[n, row], at_bounds[n, row], places[n, row % places.shape[1]]
            values, out = filtered[n, row], moved[n, row]
            for c in range(len(slope)):
                out[c] = factor * place[c] * values[c] if at[c] * slope[c] >= 0 else zero
            for j in range(changes.shape[1]):
                sums[n, j] += _dot(changes[n, j, row], out)


@compile_loops
def _add(weights: Array, slopes: Array, at_bounds: Array, steps: Array, moved: Array, made: Array, sums: Array) -> None:
    zero = slopes.dtype.type(0)
    for n in range(slopes.shape[0]):
        for row in range(slopes.shape[1]):
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
            sums[0, n] += descent
            sums[1, n] += square


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

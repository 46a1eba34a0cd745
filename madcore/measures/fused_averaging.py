"""Halving the resolution as in `averaging`, compiled: each map is read once and written once."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from torch import Tensor

from madcore.bands import in_bands, rows_of
from madcore.compiled import ONE, TWO, UNSIGNED, compile_loops
from madcore.measures.averaging import Averaging

__all__ = ["FusedAveraging"]

Array = np.ndarray[Any, Any]
SAMPLES = 1 << 17  # worth a thread


class FusedAveraging(Averaging):
    """What `Averaging` does, on the CPU."""

    def halve(self, fine: Tensor, out: Tensor | None = None) -> Tensor:
        """Return the averages; see `Averaging.halve`."""
        count, height, width = fine.shape
        coarse = fine.new_empty(count, (height + 1) // 2, (width + 1) // 2) if out is None else out
        loop = partial(_halve, fine.contiguous().numpy(), coarse.numpy())
        in_bands(loop, count * coarse.shape[1], 2 * width, samples=SAMPLES)
        return coarse

    def pull_back(self, coarse: Tensor, fine: Tensor, factors: Tensor) -> None:
        """Multiply fine maps and add the transpose applied to coarse ones; see `Averaging.pull_back`."""
        count, height, width = fine.shape
        loop = partial(_pull_back, coarse.numpy(), fine.numpy(), factors.numpy())
        in_bands(loop, count * height, width, samples=SAMPLES)


@compile_loops
def _halve(fine: Array, coarse: Array, first: int, last: int) -> None:
    count, height, width = fine.shape
    quarter = fine.dtype.type(0.25)
    for n in range(count):
        for row in range(*rows_of(n, coarse.shape[1], first, last)):
            upper, lower = 2 * row, min(2 * row + 1, height - 1)
            _average(fine, n, upper, lower, quarter, coarse, row)
            if width % 2:
                coarse[n, row, width // 2] = 2 * quarter * (fine[n, upper, width - 1] + fine[n, lower, width - 1])


@compile_loops
def _average(fine: Array, n: int, upper: int, lower: int, quarter: Any, coarse: Array, row: int) -> None:
    for c in range(UNSIGNED(fine.shape[2] // 2)):
        i = TWO * c
        above = fine[n, upper, i] + fine[n, upper, i + ONE]
        coarse[n, row, c] = quarter * (above + fine[n, lower, i] + fine[n, lower, i + ONE])


@compile_loops
def _pull_back(coarse: Array, fine: Array, factors: Array, first: int, last: int) -> None:
    count, height, width = fine.shape
    quarter = fine.dtype.type(0.25)
    for n in range(count):
        for row in range(*rows_of(n, height, first, last)):
            # the last row of an odd height has counted twice, so has the last column
            share = quarter + quarter if row == 2 * (height // 2) else quarter
            _add_pairs(coarse, n, row // 2, share, factors[n], fine, row)
            if width % 2:
                added = (share + share) * coarse[n, row // 2, width // 2]
                fine[n, row, width - 1] = factors[n] * fine[n, row, width - 1] + added


@compile_loops
def _add_pairs(coarse: Array, n: int, above: int, share: Any, factor: Any, fine: Array, row: int) -> None:
    for c in range(UNSIGNED(fine.shape[2] // 2)):
        i, added = TWO * c, share * coarse[n, above, c]
        fine[n, row, i] = factor * fine[n, row, i] + added
        fine[n, row, i + ONE] = factor * fine[n, row, i + ONE] + added

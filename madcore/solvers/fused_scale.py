"""The learned metric of `secant_scale`, with compiled loops for what it gathers from images and spreads over them."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import Tensor

from madcore.bands import in_bands, rows_of
from madcore.compiled import compile_loops
from madcore.solvers.image_rows import Array
from madcore.solvers.secant_scale import POOL, SecantScale

__all__ = ["FusedSecantScale"]

SAMPLES = 1 << 17  # worth a thread


class FusedSecantScale(SecantScale):
    """What `SecantScale` does, on the CPU."""

    def _cells(self, vector: Tensor) -> Tensor:
        images = vector.contiguous().view(-1, *self.shape)
        cells = images.new_empty(len(images), len(self._rows), len(self._columns))
        loop = partial(_cells, *self._pool, images.numpy(), cells.numpy())
        in_bands(loop, len(cells) * cells.shape[1], images[0].numel() // cells.shape[1], samples=SAMPLES)
        return cells

    def _enlarged(self, coarse: Tensor) -> Tensor:
        fine = coarse.new_empty(len(coarse), 1, *self.shape[-2:])
        loop = partial(_enlarge, *self._pool, coarse.contiguous().numpy(), fine[:, 0].numpy())
        in_bands(loop, len(fine) * fine.shape[2], fine.shape[3], samples=SAMPLES)
        return fine

    def _ring_means(self, spectrum: Tensor) -> Tensor:
        count, channels, height, width = spectrum.shape
        parts = torch.view_as_real(spectrum).contiguous()
        sums = spectrum.new_zeros(count, height, len(self._ring_size), dtype=torch.float64)
        loop = partial(_add_power, parts.numpy(), self._ring.view(height, width).numpy(), sums.numpy())
        in_bands(loop, count * height, channels * width, samples=SAMPLES)
        return (sums.sum(1) / (channels * self._ring_size)).to(self._ring_size)


@compile_loops
def _cells(
    rows: int,
    columns: int,
    images: Array,  # (N, C, H, W)
    cells: Array,  # (N, h, w), written
    first: int,
    last: int,
) -> None:
    count, channels, height, width = images.shape
    line = np.empty(columns * cells.shape[2], images.dtype)
    for n in range(count):
        for cell in range(*rows_of(n, cells.shape[1], first, last)):
            line[:] = 0
            top, bottom = rows * cell, min(rows * cell + rows, height)
            for channel in range(channels):
                for row in range(top, bottom):
                    _add_squares(images[n, channel, row], line)
            out = cells[n, cell]
            for c in range(len(out)):
                total = line.dtype.type(0)
                for k in range(columns):
                    total += line[columns * c + k]
                out[c] = total / (channels * (bottom - top) * min(columns, width - columns * c))


@compile_loops
def _add_squares(values: Array, out: Array) -> None:
    for c in range(len(values)):
        out[c] += values[c] * values[c]


@compile_loops
def _enlarge(
    rows: int,
    columns: int,
    coarse: Array,  # (N, h, w)
    fine: Array,  # (N, H, W), written
    first: int,
    last: int,
) -> None:
    kind = coarse.dtype.type
    line = np.empty(coarse.shape[2], coarse.dtype)
    wide = np.empty(columns * coarse.shape[2], coarse.dtype)
    for n in range(fine.shape[0]):
        for row in range(*rows_of(n, fine.shape[1], first, last)):
            position = max((row + 0.5) / rows - 0.5, 0.0)
            above = min(int(position), coarse.shape[1] - 1)
            below = min(above + 1, coarse.shape[1] - 1)
            share = kind(position - above)
            upper, lower = coarse[n, above], coarse[n, below]
            for c in range(len(line)):
                line[c] = upper[c] + share * (lower[c] - upper[c])
            _widen(columns, line, wide)
            out = fine[n, row]
            for c in range(len(out)):
                out[c] = wide[c]


@compile_loops
def _widen(factor: int, line: Array, out: Array) -> None:
    """Interpolate a row: by four, the only other factor than one, with weights of eighths."""
    if factor != POOL:
        out[:] = line
        return
    kind = line.dtype.type
    out[:2] = line[0]
    out[-2:] = line[-1]
    for c in range(len(line) - 1):
        left = line[c]
        eighth = (line[c + 1] - left) * kind(0.125)
        out[4 * c + 2] = left + eighth
        out[4 * c + 3] = left + kind(3) * eighth
        out[4 * c + 4] = left + kind(5) * eighth
        out[4 * c + 5] = left + kind(7) * eighth


@compile_loops
def _add_power(
    parts: Array,  # (N, C, H, F, 2), real and imaginary
    ring: Array,  # (H, F), to which ring each frequency belongs
    sums: Array,  # (N, H, rings), that of each row is added
    first: int,
    last: int,
) -> None:
    for n in range(parts.shape[0]):
        for row in range(*rows_of(n, parts.shape[2], first, last)):
            for channel in range(parts.shape[1]):
                for f in range(parts.shape[3]):
                    real, imaginary = parts[n, channel, row, f, 0], parts[n, channel, row, f, 1]
                    sums[n, row, ring[row, f]] += real * real + imaginary * imaginary

"""Comparison of normalised Laplacian pyramids as in `tiled_pyramid`, compiled: one call for all maps and levels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from madcore.bands import in_bands
from madcore.measures.normalization import Band, BandSpace, NormalizedBand
from madcore.measures.pyramid import doubling, halving, level_sizes
from madcore.measures.pyramid_loops import EDGE, compare, decompose, place

__all__ = ["FusedPyramid"]

Array = np.ndarray[Any, Any]
SAMPLES = 1 << 15  # worth a thread
NEIGHBOURS = 5  # of a coefficient, with what fills up: one program serves all bands


class FusedPyramid:
    """What `TiledPyramid` does, on the CPU; same parameters."""

    def __init__(self, maps: Tensor, bands: tuple[Band, ...], share: float = 1.0) -> None:
        kind, self.share = maps.numpy().dtype, share
        sizes = level_sizes(maps, len(bands))
        *starts, length = np.cumsum([0, *(height * width for height, width in sizes)])
        self.levels = np.array([(start, *size) for start, size in zip(starts, sizes, strict=True)], np.int64)
        forth, back = ([_weights(make, size) for size in sizes[:-1]] for make in (halving, doubling))
        # the transpose of doubling halves
        self.halvings = np.array([[each[0] for each in forth], [each[1] for each in back]], kind)
        self.doublings = np.array([[each[0] for each in back], [each[1] for each in forth]], kind)
        given = [sorted(neighbours.items()) for _, neighbours in bands]
        filled = [each + [((0, 0), 0.0)] * (NEIGHBOURS - len(each)) for each in given]
        self.offsets = np.array([list(zip(*(offset for offset, _ in each), strict=True)) for each in filled], np.int64)
        self.weights = np.array([[weight for _, weight in each] for each in filled], kind)
        self.spaces = [tuple(np.empty((2, length), kind))]  # lows and bands of one map, for each thread
        self.references = self._references(maps, bands)

    def compare(self, difference: Tensor, *, gradient: bool = True) -> tuple[Tensor, Tensor]:
        """Average the distance over the bands of each map; see `TiledPyramid.compare`."""
        values = torch.empty(len(difference), dtype=torch.float64)
        slopes = difference.new_empty(difference.shape if gradient else (0, 0, 0))
        fixed = self.levels, self.halvings, self.doublings, self.offsets, self.weights, self.references
        arrays = difference.contiguous().numpy(), values.numpy(), slopes.numpy()

        def loop(first: int, last: int) -> None:
            try:
                space = self.spaces.pop()
            except IndexError:
                space = tuple(np.empty_like(self.references[:2, 0]))
            compare(*fixed, *space, self.share, gradient, *arrays, first, last)
            self.spaces.append(space)

        count, height, width = difference.shape
        in_bands(loop, count, height * width, samples=SAMPLES)
        return values, slopes

    def _references(self, maps: Tensor, bands: tuple[Band, ...]) -> Array:
        """Return the bands of the maps, their denominators and the normalised bands, (3, M, pixels of all levels)."""
        lows, values = self.spaces[0]
        references = maps.new_empty(3, len(maps), len(values))
        for one, kept in zip(maps.contiguous().numpy(), references[0], strict=True):
            decompose(self.levels, self.halvings, self.doublings, one, lows, values)
            kept.copy_(torch.from_numpy(values))
        for (start, height, width), (constant, neighbours) in zip(self.levels, bands, strict=True):
            parts = references[..., start : start + height * width].unflatten(2, (int(height), int(width)))
            band = parts[0].contiguous()
            normalized = NormalizedBand(band, constant, BandSpace(band, neighbours))
            parts[1], parts[2] = normalized.pool, normalized.normalized
        return references.numpy()


def _weights(make: Callable[[int], Tensor], size: tuple[int, int]) -> tuple[Array, Array]:
    """Return the weights down and across of a step from or to a level of this size, and those of its transpose."""
    down, across = (make(side).numpy() for side in size)
    return np.stack([_few(down), _few(across)]), np.stack([_few(down.T), _few(across.T)])


def _few(matrix: Array) -> Array:
    """Return the weights of the first outputs, one or a pair of those in the middle, and the last, (places, taps).

    They are those of the inputs from 2 c - 2 on for output c of a halving, and from c // 2 - 1 on in a doubling.
    """
    outputs, inputs = matrix.shape
    halves = outputs < inputs
    first, taps, each = (2, 6, 1) if halves else (1, 3, 2)
    padded = np.pad(matrix, ((0, 0), (first, taps)))
    few = np.zeros((each * 2 * (EDGE + 1), taps))
    for c in {*range(min(outputs, 3 * EDGE)), *range(max(0, outputs - 3 * EDGE), outputs)}:
        start = 2 * c if halves else c // 2
        few[each * place(c // each, outputs // each) + c % each] = padded[c, start : start + taps]
    return few

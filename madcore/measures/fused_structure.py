"""Local dissimilarity of structure as in `structure`, compiled."""

from __future__ import annotations

from functools import partial

import numpy as np
from torch import Tensor

from madcore.bands import in_bands
from madcore.measures.structure_loops import average, compare, reference_statistics

__all__ = ["FusedStructure"]

SAMPLES = 1 << 15  # worth a thread, and rows several times the window: those beside a band are filtered twice


class FusedStructure:
    """What `TiledStructure` does without weights of places, on the CPU; same parameters."""

    def __init__(self, image: Tensor, taps: Tensor, c1: float, c2: float, *, share: float = 1.0) -> None:
        self.image = image.contiguous()
        count, height, width = self.image.shape
        reach, weights = len(taps) - 1, tuple(taps.double().tolist())
        kind = self.image.numpy().dtype.type
        self.taps = tuple(kind(tap) for tap in weights)
        statistics = self.image.new_empty(3, count, height - reach, width - reach).numpy()
        reference_statistics(weights, c1, c2, self.image.numpy(), *statistics)
        self.arrays = [self.image.numpy(), *statistics]
        self.gain = kind(2 * share / statistics[0, 0].size)

    def compare(self, difference: Tensor, *, luminance: bool = True, gradient: bool = True) -> tuple[Tensor, Tensor]:
        """Average the local dissimilarity of each map; see `TiledStructure.compare`."""
        count, height, width = difference.shape
        values, sums = difference.new_empty(count), np.empty(self.arrays[1].shape[:2])
        slopes = difference.new_empty(difference.shape if gradient else (0, 0, 0))
        arrays = difference.contiguous().numpy(), *self.arrays, sums, slopes.numpy()
        loop = partial(compare, self.taps, self.taps[::-1], self.gain, luminance, gradient, *arrays)
        in_bands(loop, count * height, width, samples=max(SAMPLES, 4 * len(self.taps) * width))
        average(sums, self.arrays[1].shape[2], values.numpy())
        return values, slopes

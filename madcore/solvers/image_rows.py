"""Flattened images, (N, n), as the rows of pixels that compiled loops work on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from torch import Tensor

from madcore.bands import in_bands
from madcore.compiled import compile_loops

__all__ = ["Array", "ImageRows"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class ImageRows:
    """The rows of images, one below the other, those of all channels too.

    Parameters
    ----------
    shape : sequence of int
        Of the images, (N, C, H, W).
    samples : int
        The fewest that are worth a thread.
    """

    shape: Sequence[int]
    samples: int

    @property
    def count(self) -> int:
        """Number of images."""
        return self.shape[0]

    @property
    def rows(self) -> int:
        """Number of rows of each, in all channels."""
        return math.prod(self.shape[1:-1])

    @property
    def width(self) -> int:
        """Number of pixels in a row."""
        return self.shape[-1]

    def views(self, *images: Tensor) -> list[Array]:
        """View images (N, n) as (N, rows, W), and several for each, (N, m, n), as (N, m, rows, W)."""
        return [each.numpy().reshape(*each.shape[:-1], -1, self.width) for each in images]

    def run(self, loop: Callable[..., None], *arguments: Any) -> None:
        """Call a loop on bands of all rows: ``loop(*arguments, first, last)``."""
        in_bands(partial(loop, *arguments), self.count * self.rows, self.width, samples=self.samples)

    def sums(self, kinds: tuple[int, ...], loop: Callable[..., None], *arguments: Any) -> Array:
        """Run a loop that writes what it sums along rows, (N, rows, *kinds), to its last argument; sum that over rows.

        Returns
        -------
        numpy.ndarray
            (N, *kinds), float64.
        """
        sums, totals = np.empty((self.count, self.rows, *kinds)), np.zeros((self.count, *kinds))
        self.run(loop, *arguments, sums)
        _add(sums.reshape(self.count, self.rows, -1), totals.reshape(self.count, -1))
        return totals


@compile_loops
def _add(sums: Array, totals: Array) -> None:
    # numpy would take several times as long for so few numbers
    for n in range(sums.shape[0]):
        for row in range(sums.shape[1]):
            for kind in range(sums.shape[2]):
                totals[n, kind] += sums[n, row, kind]

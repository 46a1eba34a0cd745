"""Dead leaves: opaque discs that fall on one another, sizes by a power law, until they cover the picture.

The simplest random picture with the edges, occlusions and scale invariance of photographs, and one that needs no file:
a seed gives the same picture on every machine.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from madcore.errors import InputError

__all__ = ["draw_dead_leaves"]

SUPERSAMPLING = 2
SMALLEST, LARGEST = 1 / 160, 1 / 3  # radii, as shares of the picture's side
CHUNK = 4096
# Foliage in autumn, sRGB: what a leaf's own colour is mixed from.
PALETTE = np.array(
    [
        [0.20, 0.13, 0.07],
        [0.45, 0.27, 0.10],
        [0.72, 0.42, 0.13],
        [0.86, 0.66, 0.28],
        [0.58, 0.16, 0.09],
        [0.36, 0.40, 0.15],
        [0.80, 0.75, 0.63],
        [0.30, 0.31, 0.35],
    ]
)


def draw_dead_leaves(seed: int = 0, *, side: int = 512, color: bool = False) -> Tensor:
    """Draw a square picture of dead leaves.

    Parameters
    ----------
    seed : int
        Not negative; the same seed gives the same picture.
    side : int
        Height and width in pixels.
    color : bool
        Three channels in the colours of foliage instead of one with uniformly distributed greys.

    Returns
    -------
    Tensor
        The picture, (1, 1, side, side) or (1, 3, side, side), float32 in [0, 1].

    Raises
    ------
    InputError
        If `seed` or `side` is not such a number.

    References
    ----------
    Matheron (1968); Lee, Mumford & Huang (2001), doi:10.1023/A:1011109015675, who derive the density r^-3 of the radii
    from scale invariance.
    """
    if seed < 0 or side < 1:
        raise InputError(
            f"dead leaves need a seed of at least 0 and a side of at least 1; got seed {seed}, side {side}"
        )
    generator = np.random.default_rng(seed)
    fine = side * SUPERSAMPLING
    leaves = _top_leaves(generator, fine)
    shades = _shades(generator, leaves.max() + 1, color)
    picture = torch.from_numpy(shades[leaves]).permute(2, 0, 1)[None]
    smooth = torch.nn.functional.avg_pool2d(picture, SUPERSAMPLING)
    return smooth.to(torch.float32).clamp(0, 1)


def _top_leaves(generator: np.random.Generator, side: int) -> NDArray[np.int64]:
    """Tell for each pixel which leaf lies on top, (side, side).

    Leaves are laid from the top down: a pixel belongs to the first that reaches it, and the picture is exact as soon
    as no pixel is left.
    """
    top = np.full((side, side), -1)
    count = 0
    while (top < 0).any():
        for row, column, radius in _discs(generator, side):
            _lay(top, row, column, radius, count)
            count += 1
    return top


def _discs(generator: np.random.Generator, side: int) -> NDArray[np.float64]:
    """Draw centres (row, column) and radii, (CHUNK, 3), in pixels; centres may lie outside the picture."""
    uniform = generator.random((CHUNK, 3))
    margin = LARGEST * side
    centres = uniform[:, :2] * (side + 2 * margin) - margin
    # Inverse of the distribution function of the density r^-3 between the two bounds.
    share = uniform[:, 2:]
    radii = side * (SMALLEST**-2 - share * (SMALLEST**-2 - LARGEST**-2)) ** -0.5
    return np.concatenate([centres, radii], 1)


def _lay(top: NDArray[np.int64], row: float, column: float, radius: float, leaf: int) -> None:
    rows = slice(max(0, int(row - radius)), max(0, int(row + radius) + 2))
    columns = slice(max(0, int(column - radius)), max(0, int(column + radius) + 2))
    window = top[rows, columns]
    if not window.size or (window >= 0).all():
        return
    height = np.arange(window.shape[0])[:, None] + (rows.start - row)
    width = np.arange(window.shape[1]) + (columns.start - column)
    window[(window < 0) & (height**2 + width**2 <= radius**2)] = leaf


def _shades(generator: np.random.Generator, count: int, color: bool) -> NDArray[np.float64]:
    if not color:
        return 0.03 + 0.94 * generator.random((count, 1))
    weights = generator.random((count, len(PALETTE))) ** 8  # a high power: mostly one colour of the palette
    light = 0.45 + 0.8 * generator.random((count, 1))
    shades: NDArray[np.float64] = np.clip(weights @ PALETTE / weights.sum(1, keepdims=True) * light, 0, 1)
    return shades

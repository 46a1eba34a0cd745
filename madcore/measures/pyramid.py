"""Halving and doubling the resolution of images: the steps of a Laplacian pyramid (Burt & Adelson 1983).

The filter is binomial, (1, 4, 6, 4, 1) / 16, and images are mirrored at their edges (doi:10.1109/TCOM.1983.1095851).
Along a line either step is a banded matrix, which is applied in dense blocks along its diagonal: the cost is linear in
pixels, the adjoint is the transpose, and edges need no care of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Banded", "Resampling", "doubling", "halving"]

BINOMIAL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
BLOCK = 32  # pixels of the lower resolution in a block: more would waste products with zeros, fewer calls


def halving(side: int) -> Tensor:
    """Return the matrix, float64, that blurs a line of `side` pixels and keeps every second one."""
    matrix = torch.zeros((side + 1) // 2, side, dtype=torch.float64)
    for row in range(len(matrix)):
        for offset, weight in zip(range(-2, 3), BINOMIAL, strict=True):
            matrix[row, _mirrored(2 * row + offset, side)] += weight
    return matrix


def doubling(side: int) -> Tensor:
    """Return the matrix, float64, that puts zeros between pixels, to `side` in all, and blurs by twice the filter."""
    smaller = (side + 1) // 2
    matrix = torch.zeros(side, smaller, dtype=torch.float64)
    for row in range(side):
        for offset, weight in zip(range(-2, 3), BINOMIAL, strict=True):
            if (row + offset) % 2 == 0:
                matrix[row, _mirrored((row + offset) // 2, smaller)] += 2 * weight
    return matrix


@dataclass(frozen=True)
class Banded:
    """A banded matrix, cut into blocks of some outputs, the inputs that matter to them, and the weights."""

    matrix: Tensor
    blocks: tuple[tuple[slice, slice, Tensor], ...]

    @classmethod
    def create(cls, matrix: Tensor, like: Tensor) -> Banded:
        """Cut a matrix (outputs, inputs); a GPU is better at one large product."""
        outputs, inputs = matrix.shape
        size = outputs if like.is_cuda else BLOCK * max(1, round(outputs / inputs))
        blocks = []
        for start in range(0, outputs, size):
            rows = slice(start, min(start + size, outputs))
            used = matrix[rows].any(0).nonzero()
            columns = slice(int(used[0]), int(used[-1]) + 1)
            blocks.append((rows, columns, matrix[rows, columns].contiguous().to(like)))
        return cls(matrix.to(like), tuple(blocks))

    def along_rows(self, maps: Tensor, out: Tensor) -> Tensor:
        """Multiply each row of contiguous maps (M, H, inputs) into `out`, (M, H, outputs)."""
        lines, out_lines = maps.flatten(0, 1), out.flatten(0, 1)
        for rows, columns, block in self.blocks:
            torch.mm(lines[:, columns], block.T, out=out_lines[:, rows])
        return out

    def along_columns(self, maps: Tensor, out: Tensor) -> Tensor:
        """Multiply each column of maps (M, inputs, W) into `out`, (M, outputs, W)."""
        if len(self.blocks) == 1:
            return torch.matmul(self.matrix, maps, out=out)
        for source, target in zip(maps, out, strict=True):
            for rows, columns, block in self.blocks:
                torch.mm(block, source[columns], out=target[rows])
        return out


@dataclass(frozen=True)
class Resampling:
    """A step of resolution up or down, for contiguous maps (M, H, W), with the work space for it."""

    vertical: Banded
    horizontal: Banded
    between: Tensor

    @classmethod
    def create(cls, vertical: Tensor, horizontal: Tensor, like: Tensor) -> Resampling:
        """Make the step from its matrices (outputs, inputs) for as many maps as `like`, (M, ...), has."""
        (outputs, inputs), (width_out, width) = vertical.shape, horizontal.shape
        # columns, which are faster, are halved before and doubled after the rows
        shape = (outputs, width) if outputs < inputs else (inputs, width_out)
        between = like.new_empty(len(like), *shape)
        return cls(Banded.create(vertical, like), Banded.create(horizontal, like), between)

    def __call__(self, maps: Tensor, out: Tensor) -> Tensor:
        """Resample `maps` into `out`."""
        outputs, inputs = self.vertical.matrix.shape
        if outputs < inputs:
            return self.horizontal.along_rows(self.vertical.along_columns(maps, self.between), out)
        return self.vertical.along_columns(self.horizontal.along_rows(maps, self.between), out)


def _mirrored(position: int, side: int) -> int:
    position = abs(position)
    return 2 * (side - 1) - position if position >= side else position

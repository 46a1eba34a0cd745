"""Halving and doubling the resolution of images: the steps of a Laplacian pyramid (Burt & Adelson 1983).

The filter is binomial, (1, 4, 6, 4, 1) / 16, and images are mirrored at their edges (doi:10.1109/TCOM.1983.1095851).
Along a line either step is a banded matrix, which is applied in dense blocks along its diagonal: the cost is linear in
pixels, the adjoint is the transpose, and edges need no care of their own.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["Resampling", "doubling", "halving", "level_sizes"]

Product = Callable[..., Tensor]
BINOMIAL = torch.tensor([1, 4, 6, 4, 1], dtype=torch.float64) / 16
BLOCK = 32  # pixels of the lower resolution in a block: more would waste products with zeros, fewer calls


def level_sizes(images: Tensor, count: int) -> list[tuple[int, int]]:
    """Return height and width of each level of images (..., H, W), each half as large as the one before, rounded up."""
    sizes = [(images.shape[-2], images.shape[-1])]
    for _ in range(count - 1):
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    return sizes


def halving(side: int) -> Tensor:
    """Return the matrix, float64, that blurs a line of `side` pixels and keeps every second one."""
    matrix = torch.zeros((side + 1) // 2, side, dtype=torch.float64)
    rows = torch.arange(len(matrix))
    for offset, weight in zip(range(-2, 3), BINOMIAL, strict=True):
        columns = _mirrored(2 * rows + offset, side)
        matrix.index_put_((rows, columns), weight, accumulate=True)
    return matrix


def doubling(side: int) -> Tensor:
    """Return the matrix, float64, that puts zeros between pixels, to `side` in all, and blurs by twice the filter."""
    smaller = (side + 1) // 2
    matrix = torch.zeros(side, smaller, dtype=torch.float64)
    for offset, weight in zip(range(-2, 3), BINOMIAL, strict=True):
        rows = torch.arange(offset % 2, side, 2)  # those that find a pixel, not a zero, at this offset
        columns = _mirrored((rows + offset) // 2, smaller)
        matrix.index_put_((rows, columns), 2 * weight, accumulate=True)
    return matrix


class Resampling:
    """The product of matrices with the columns and rows of maps, from one buffer into another.

    Parameters
    ----------
    vertical, horizontal : Tensor
        Banded matrices (outputs, inputs), float64.
    source, target : Tensor
        Contiguous maps (M, H, W).
    between : Tensor
        Work space of as many numbers as fit: the higher resolution's width, the lower's height.
    """

    def __init__(self, vertical: Tensor, horizontal: Tensor, source: Tensor, target: Tensor, between: Tensor) -> None:
        self.products: list[tuple[Product, Tensor, Tensor, Tensor]] = []
        if len(vertical) < vertical.shape[1]:  # columns, which are faster, are halved before and doubled after rows
            self._columns(vertical, source, between)
            self._rows(horizontal, between, target)
        else:
            self._rows(horizontal, source, between)
            self._columns(vertical, between, target)

    def __call__(self) -> None:
        """Fill the target."""
        for product, left, right, out in self.products:
            product(left, right, out=out)

    def _rows(self, matrix: Tensor, source: Tensor, target: Tensor) -> None:
        lines, out = source.flatten(0, 1), target.flatten(0, 1)
        for outputs, inputs, block in _blocks(matrix, source):
            self.products.append((torch.mm, lines[:, inputs], block.T, out[:, outputs]))

    def _columns(self, matrix: Tensor, source: Tensor, target: Tensor) -> None:
        for outputs, inputs, block in _blocks(matrix, source):
            if source.is_cuda:
                self.products.append(
                    (torch.bmm, block.expand(len(source), -1, -1), source[:, inputs], target[:, outputs])
                )
                continue
            for one, out in zip(source, target, strict=True):
                self.products.append((torch.mm, block, one[inputs], out[outputs]))


def _blocks(matrix: Tensor, like: Tensor) -> list[tuple[slice, slice, Tensor]]:
    """Cut a banded matrix: some outputs, the inputs that matter to them, and the weights."""
    outputs, inputs = matrix.shape
    lower = min(outputs, inputs)
    # a GPU is better at one large product, and so is a CPU while it is small
    size = outputs if like.is_cuda or lower <= 2 * BLOCK else BLOCK * max(1, round(outputs / inputs))
    blocks = []
    for start in range(0, outputs, size):
        rows = slice(start, min(start + size, outputs))
        used = matrix[rows].any(0).nonzero()
        columns = slice(int(used[0]), int(used[-1]) + 1)
        blocks.append((rows, columns, matrix[rows, columns].contiguous().to(like)))
    return blocks


def _mirrored(position: Tensor, side: int) -> Tensor:
    return (side - 1) - (side - 1 - position.abs()).abs()

"""Halving the resolution of maps by averages over 2 x 2 pixels, and the adjoint of that."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

__all__ = ["Averaging"]


class Averaging:
    """Averages over 2 x 2 pixels of maps (M, H, W), an odd last row or column counting twice."""

    def halve(self, fine: Tensor, out: Tensor | None = None) -> Tensor:
        """Return the averages, (M, H / 2, W / 2) rounded up."""
        height, width = fine.shape[-2:]
        if height % 2 or width % 2:
            fine = pad(fine[None], (0, width % 2, 0, height % 2), mode="replicate")[0]
        rows = fine[:, ::2] + fine[:, 1::2]
        return torch.add(rows[..., ::2], rows[..., 1::2], out=out).mul_(0.25)

    def pull_back(self, coarse: Tensor, fine: Tensor, factors: Tensor) -> None:
        """Multiply fine maps by their factors, (M,), and add the transpose of `halve` applied to coarse ones."""
        height, width = fine.shape[-2:]
        if height % 2 or width % 2:
            coarse = coarse.clone()
            coarse[:, height // 2 :].mul_(2)  # the last of an odd side, none of an even one
            coarse[..., width // 2 :].mul_(2)
        fine.mul_(factors[:, None, None])
        for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
            part = fine[:, row::2, column::2]
            part.add_(coarse[:, : part.shape[1], : part.shape[2]], alpha=0.25)

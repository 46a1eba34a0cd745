"""Limited-memory BFGS for a batch of images, each with its own pairs and its own free pixels.

The compact form of the inverse (Byrd, Nocedal & Schnabel 1994, doi:10.1007/BF01582063) with an initial matrix
gamma M K M, M the free pixels: no loop over the pairs, and K and M may change at every step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from madcore.solvers.numbers import none_of, true_of_all

__all__ = ["Pairs"]


@dataclass(frozen=True)
class Pairs:
    """The last m secant pairs of N images in ring buffers, which `store` overwrites in place.

    `steps`, `changes` (N, m, n); `valid` (N, m); `scale` (N, m) is |s||y|; `position` (N,) is the oldest slot; `gamma`
    (N,) is the last factor of K, 0 where there is none.
    """

    steps: Tensor
    changes: Tensor
    valid: Tensor
    scale: Tensor
    position: Tensor
    gamma: Tensor

    @classmethod
    def empty(cls, like: Tensor, memory: int) -> Pairs:
        """Make room for `memory` pairs of images (N, n)."""
        count, pixels = like.shape
        return cls(
            steps=like.new_zeros(count, memory, pixels),
            changes=like.new_zeros(count, memory, pixels),
            valid=torch.zeros(count, memory, dtype=torch.bool, device=like.device),
            scale=torch.zeros(count, memory, dtype=torch.float64, device=like.device),
            position=torch.zeros(count, dtype=torch.long, device=like.device),
            gamma=torch.zeros(count, dtype=torch.float64, device=like.device),
        )

    @property
    def memory(self) -> int:
        """The number of pairs that are remembered."""
        return self.valid.shape[1]

    def take(self, index: Tensor) -> Pairs:
        """Keep the images at `index`."""
        return Pairs(**{name: value[index] for name, value in vars(self).items()})

    def store(self, step: Tensor, change: Tensor, size: Tensor, keep: Tensor) -> Pairs:
        """Overwrite the oldest pair of the images where `keep`, (N,); `size`, (N,), is |s||y|."""
        at = (torch.arange(len(step), device=step.device), self.position)
        if not true_of_all(keep):
            step = torch.where(keep[:, None], step, self.steps[at])
            change = torch.where(keep[:, None], change, self.changes[at])
            size = torch.where(keep, size, self.scale[at])
        self.steps[at], self.changes[at], self.scale[at] = step, change, size.double()
        self.valid[at] |= keep
        position = torch.where(keep, (self.position + 1) % self.memory, self.position)
        return replace(self, position=position)

    def forget(self, images: Tensor) -> None:
        """Drop all pairs of the images where `images`, (N,)."""
        self.valid.logical_and_(~images[:, None])
        self.gamma.mul_(~images)

    def direction(
        self, slope: Tensor, free: Tensor, scaled: Callable[[Tensor], Tensor], *, renew: bool = True
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Compute  -H slope  on the free pixels.

        Parameters
        ----------
        slope : Tensor
            Gradient, zero on pixels that are not free, (N, n).
        free : Tensor
            1 for pixels that may move, 0 for others, (N, n).
        scaled : callable
            The initial inverse Hessian K, (N, n) -> (N, n).
        renew : bool
            Whether to compute the factor of K again, which costs another call of it.

        Returns
        -------
        direction, gamma, pairs : Tensor
            (N, n); the factor of K, (N,); and the number of pairs with positive curvature, (N,).
        """
        order = (self.position[:, None] + torch.arange(self.memory, device=slope.device)) % self.memory
        rank = order.argsort(1)
        free_changes = self.changes * free[:, None]
        products = _sorted(self.steps @ free_changes.transpose(1, 2), order)
        products = _sorted(products.transpose(1, 2), order).transpose(1, 2)
        curvature = products.diagonal(dim1=1, dim2=2)
        usable = self.valid.gather(1, order) & (curvature > 1e-8 * self.scale.gather(1, order))
        mask = usable.double()
        pairs = usable.sum(1)
        missing = (pairs > 0) & (self.gamma <= 0)
        if renew or not none_of(missing):
            found = self._gamma(curvature, usable, order, free_changes, scaled)
            self.gamma.copy_(found if renew else torch.where(missing, found, self.gamma))
        gamma = torch.where(pairs > 0, self.gamma, 1.0)
        upper = torch.triu(products * mask[:, :, None] * mask[:, None]) + torch.diag_embed(1 - mask)
        right = _sorted(self.steps @ slope[..., None], order) * mask[..., None]
        w = torch.linalg.solve_triangular(upper, right, upper=True)
        inner = slope - (_unsorted(w, rank, slope).transpose(1, 2) @ free_changes)[:, 0]
        moved = gamma.to(slope)[:, None] * free * scaled(inner)
        right = mask[..., None] * (curvature[..., None] * w - _sorted(self.changes @ moved[..., None], order))
        u = torch.linalg.solve_triangular(upper.transpose(1, 2), right, upper=False)
        step = (_unsorted(u, rank, slope).transpose(1, 2) @ self.steps)[:, 0]
        return -(moved + free * step), gamma.to(slope), pairs

    def _gamma(
        self, curvature: Tensor, usable: Tensor, order: Tensor, free_changes: Tensor, scaled: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """Compute  s'y / y'K y,  (N,), of the last usable pair; 0 where there is none."""
        newest = (usable * torch.arange(1, usable.shape[1] + 1, device=usable.device)).max(1).indices[:, None]
        slot = order.gather(1, newest)[:, 0]
        change = free_changes[torch.arange(len(slot), device=slot.device), slot]
        denominator = torch.linalg.vecdot(change, scaled(change)).double().clamp_min(torch.finfo(torch.float64).tiny)
        return usable.any(1) * curvature.gather(1, newest)[:, 0] / denominator


def _sorted(values: Tensor, order: Tensor) -> Tensor:
    return values.double().gather(1, order[:, :, None].expand(-1, -1, values.shape[2]))


def _unsorted(values: Tensor, rank: Tensor, like: Tensor) -> Tensor:
    return values.gather(1, rank[..., None]).to(like.dtype)

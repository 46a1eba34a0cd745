"""What limited-memory BFGS remembers of a batch of images, each with its own pairs of step and change of slope."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from madcore.solvers.numbers import true_of_all

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

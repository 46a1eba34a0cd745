"""What limited-memory BFGS does with whole images, in torch; `fused_pair_passes` does the same, compiled.

All images are flattened, (N, n); of each m pairs are remembered.  H = gamma M K M + ..., see `quasi_newton`.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from madcore import compiled
from madcore.solvers.level_set_state import LevelSetState
from madcore.solvers.multipliers import free_pixels
from madcore.solvers.numbers import Numbers, dot

__all__ = ["PairPasses", "TorchPairPasses", "fastest_pair_passes"]


class PairPasses(Protocol):
    """The passes of one direction."""

    def products(self, state: LevelSetState) -> tuple[Tensor, Tensor]:
        """Return  s_i' M y_j  and  s_i' M slope,  (N, m, m) and (N, m)."""

    def subtract(self, state: LevelSetState, weights: Tensor) -> Tensor:
        """Return  h M (slope - sum_j w_j y_j),  (N, n), with h the weights of places."""

    def move(self, state: LevelSetState, filtered: Tensor, gamma: Tensor) -> tuple[Tensor, Tensor]:
        """Return  v = gamma M h filtered  and  y_j' v,  (N, n) and (N, m)."""

    def add(self, state: LevelSetState, moved: Tensor, weights: Tensor) -> tuple[Tensor, Numbers, Numbers]:
        """Return  d = -(moved + M sum_i w_i s_i),  its product with the slope and its square, (N, n) and (N,)."""


class TorchPairPasses:
    """The passes wherever torch computes."""

    def products(self, state: LevelSetState) -> tuple[Tensor, Tensor]:
        """Compute inner products; see `PairPasses`."""
        free, pairs = free_pixels(state.at_bounds, state.slope), state.pairs
        slope = state.slope * free
        products = pairs.steps @ (pairs.changes * free[:, None]).transpose(1, 2)
        return products, (pairs.steps @ slope[..., None])[..., 0]

    def subtract(self, state: LevelSetState, weights: Tensor) -> Tensor:
        """Take changes off the slope; see `PairPasses`."""
        inner = state.slope - _combined(weights, state.pairs.changes)
        return state.placed(inner.mul_(free_pixels(state.at_bounds, state.slope)))

    def move(self, state: LevelSetState, filtered: Tensor, gamma: Tensor) -> tuple[Tensor, Tensor]:
        """Apply the rest of the initial matrix; see `PairPasses`."""
        moved = state.placed(filtered).mul_(free_pixels(state.at_bounds, state.slope)).mul_(gamma[:, None])
        return moved, (state.pairs.changes @ moved[..., None])[..., 0]

    def add(self, state: LevelSetState, moved: Tensor, weights: Tensor) -> tuple[Tensor, Numbers, Numbers]:
        """Add steps; see `PairPasses`."""
        free = free_pixels(state.at_bounds, state.slope)
        step = torch.addcmul(moved, free, _combined(weights, state.pairs.steps)).neg_()
        return step, dot(step, state.slope), dot(step, step)


def fastest_pair_passes(state: LevelSetState) -> PairPasses:
    """Return the compiled passes where they work: on the CPU, with a learned metric."""
    if state.operator is None or not compiled.at_hand(state.point):
        return TorchPairPasses()
    # numba is imported only where it is used
    from madcore.solvers.fused_pair_passes import FusedPairPasses

    return FusedPairPasses((len(state.point), *state.operator.shape))


def _combined(weights: Tensor, images: Tensor) -> Tensor:
    return (weights.to(images.dtype)[:, None] @ images)[:, 0]

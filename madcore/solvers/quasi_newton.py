"""Limited-memory BFGS for a batch of images, each with its own pairs and its own free pixels.

The compact form of the inverse (Byrd, Nocedal & Schnabel 1994, doi:10.1007/BF01582063) with an initial matrix
gamma M K M, M the free pixels: no loop over the pairs, and K and M may change at every step.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from madcore.solvers.level_set_state import LevelSetState
from madcore.solvers.multipliers import free_pixels
from madcore.solvers.numbers import Numbers
from madcore.solvers.pair_passes import PairPasses

__all__ = ["QuasiNewton", "quasi_newton"]


@dataclass(frozen=True)
class QuasiNewton:
    """Directions of N images.

    Attributes
    ----------
    step : Tensor
        -H slope  on the free pixels, (N, n).
    descent, square : Numbers
        Its product with the slope, and its square, (N,).
    gamma : Tensor
        The factor of K, (N,).
    pairs : Tensor
        The number of pairs with positive curvature, (N,).
    """

    step: Tensor
    descent: Numbers
    square: Numbers
    gamma: Tensor
    pairs: Tensor


def quasi_newton(state: LevelSetState, passes: PairPasses, *, renew: bool) -> QuasiNewton:
    """Compute the directions.

    Parameters
    ----------
    renew : bool
        Whether to compute the factor of K again, which costs another call of it.
    """
    kept = state.pairs
    age = (torch.arange(kept.memory, device=state.slope.device) - kept.position[:, None]) % kept.memory  # 0: the oldest
    products, along_slope = (each.double() for each in passes.products(state))
    curvature = products.diagonal(dim1=1, dim2=2)
    usable = kept.valid & (curvature > 1e-8 * kept.scale)
    pairs = usable.sum(1)
    if renew:
        kept.gamma.copy_(_gamma(state, curvature, usable * (age + 1)))
    gamma = torch.where((pairs > 0) & (kept.gamma > 0), kept.gamma, 1.0).to(state.slope.dtype)
    # triangular in the order of age; rows and columns of pairs that are not used are those of the identity
    later = (age[:, :, None] <= age[:, None]) & usable[:, :, None] & usable[:, None]
    upper = torch.where(later, products, 0.0) + torch.diag_embed((~usable).double())
    w = _solve(upper, along_slope * usable)
    moved, along_moved = passes.move(state, state.filtered(passes.subtract(state, w)), gamma)
    u = _solve(upper.transpose(1, 2), (curvature * w - along_moved.double()) * usable)
    step, descent, square = passes.add(state, moved, u)
    return QuasiNewton(step, descent, square, gamma, pairs)


def _solve(matrix: Tensor, right: Tensor) -> Tensor:
    return torch.linalg.solve_ex(matrix, right[..., None])[0][..., 0]


def _gamma(state: LevelSetState, curvature: Tensor, recency: Tensor) -> Tensor:
    """Compute  s'y / y'K y,  (N,), of the pair with the largest `recency`, (N, m); 0 where all are 0."""
    most, slot = recency.max(1)
    images = torch.arange(len(slot), device=slot.device)
    change = state.pairs.changes[images, slot]
    change = state.placed(change * free_pixels(state.at_bounds, state.slope))
    denominator = torch.linalg.vecdot(change, state.filtered(change)).double()
    return (most > 0) * curvature[images, slot] / denominator.clamp_min(torch.finfo(torch.float64).tiny)

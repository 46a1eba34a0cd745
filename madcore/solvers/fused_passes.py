"""The passes of `passes`, compiled: each reads what it needs once, row by row, and sums as it goes.

A step in torch is some forty passes over memory; here it is six, and the Fourier transforms.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from madcore.problem import Evaluation, MADProblem
from madcore.solvers import pass_loops
from madcore.solvers.image_rows import Array, ImageRows
from madcore.solvers.level_set_state import LevelSetState
from madcore.solvers.numbers import Numbers
from madcore.solvers.passes import Ahead, Compared

__all__ = ["FusedPasses"]

SAMPLES = 1 << 17  # worth a thread


class FusedPasses:
    """What `TorchPasses` does, for images on the CPU with a learned metric and one range for all pixels.

    Parameters
    ----------
    shape : torch.Size
        Of the images, (N, C, H, W).
    """

    def __init__(self, shape: torch.Size) -> None:
        self.rows = ImageRows(shape, SAMPLES)

    def renew_momentum(self, state: LevelSetState, kept: float) -> tuple[Tensor, Tensor]:
        """Renew the momentum; see `Passes`."""
        momentum, weighted = torch.empty_like(state.slope), torch.empty_like(state.slope)
        arrays = self.rows.views(state.slope, state.at_bounds, state.momentum, state.places, momentum, weighted)
        self.rows.run(pass_loops.renew_momentum, arrays[0].dtype.type(kept), *arrays)
        return momentum, weighted

    def descend(self, state: LevelSetState, filtered: Tensor) -> tuple[Tensor, Numbers, Numbers]:
        """Return a direction of descent; see `Passes`."""
        step = torch.empty_like(state.slope)
        arrays = self.rows.views(state.slope, state.at_bounds, filtered, state.places, step)
        return step, *self.rows.sums((2,), pass_loops.descend, *arrays).T.astype(arrays[0].dtype, order="C")

    def propose(
        self, problem: MADProblem, state: LevelSetState, step: Tensor, length: Numbers, over: Numbers
    ) -> tuple[Tensor, Ahead]:
        """Go along a direction; see `Passes`."""
        proposal, jacobian = torch.empty_like(state.point), state.evaluation.jacobian[:, 0]
        arrays = self.rows.views(state.point, state.slope, state.at_bounds, jacobian, step, state.places, proposal)
        sums = self.rows.sums((3,), pass_loops.propose, length, over, *self._range(problem, arrays[0]), *arrays)
        return proposal, Ahead(*sums.T.astype(arrays[0].dtype, order="C"))

    def on_ray(self, problem: MADProblem, proposal: Tensor, factor: Numbers) -> Tensor:
        """Scale the error of proposals; see `Passes`."""
        trial = torch.empty_like(proposal)
        arrays = self.rows.views(problem.reference, proposal, trial)
        self.rows.run(pass_loops.on_ray, factor, *self._range(problem, arrays[0]), *arrays)
        return trial

    def inside(self, problem: MADProblem, point: Tensor, evaluation: Evaluation) -> tuple[Tensor, Numbers, Numbers]:
        """Compute slopes along the ray; see `Passes`."""
        at_bounds = torch.empty_like(point)
        arrays = self.rows.views(point, problem.reference, evaluation.gradient, evaluation.jacobian[:, 0], at_bounds)
        sums = self.rows.sums((2,), pass_loops.inside, *self._range(problem, arrays[0]), *arrays)
        return at_bounds, *sums.T.astype(arrays[0].dtype, order="C")

    def compare(self, state: LevelSetState, trial: Tensor, evaluation: Evaluation, multiplier: Tensor) -> Compared:
        """Compare a trial with the point before; see `Passes`."""
        made = slope, step, change = [torch.empty_like(trial) for _ in range(3)]
        old = state.evaluation
        gradients = evaluation.gradient, evaluation.jacobian[:, 0], old.gradient, old.jacobian[:, 0]
        arrays = self.rows.views(state.point, trial, *gradients, state.slope, *made)
        sums = self.rows.sums((5,), pass_loops.compare, multiplier[:, 0].numpy(), *arrays)
        sums[:, 3:] **= 0.5
        return Compared(slope, step, change, *sums.T.astype(arrays[0].dtype, order="C"))

    @staticmethod
    def _range(problem: MADProblem, like: Array) -> tuple[Any, Any]:
        assert problem.bounds.common is not None
        low, high = problem.bounds.common
        return like.dtype.type(low), like.dtype.type(high)

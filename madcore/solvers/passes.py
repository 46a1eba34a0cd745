"""What a step of the solver does with whole images, in torch; `fused_passes` does the same in one pass each, compiled.

All images are flattened, (N, n); sums over an image are `Numbers`, (N,).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from madcore import compiled
from madcore.problem import Evaluation, MADProblem
from madcore.solvers.level_set_state import LevelSetState
from madcore.solvers.multipliers import free_pixels, lagrangian
from madcore.solvers.numbers import Numbers, column, dot, norm

__all__ = ["Ahead", "Compared", "Passes", "TorchPasses", "fastest_passes", "look_ahead"]


@dataclass(frozen=True)
class Ahead:
    """Inner products of  a = clamp(proposal) - point,  (N,) each.

    Attributes
    ----------
    slope, held, square : Numbers
        With the slope, with the gradient of the (first) held metric, and with itself.
    """

    slope: Numbers
    held: Numbers
    square: Numbers


@dataclass(frozen=True)
class Compared:
    """What a trial shows when it is compared with the point before.

    Attributes
    ----------
    slope, step, change : Tensor
        The Lagrangian's gradient at the trial, the step that led there and the change of that gradient along it, with
        the multiplier of the trial, (N, n).
    predicted, held : Numbers
        Slope before, and gradient of the (first) held metric before, times the step, (N,).
    curvature : Numbers
        Step times change, (N,).
    moved, changed : Numbers
        Norms of step and change, (N,).
    """

    slope: Tensor
    step: Tensor
    change: Tensor
    predicted: Numbers
    held: Numbers
    curvature: Numbers
    moved: Numbers
    changed: Numbers


class Passes(Protocol):
    """The passes of one step."""

    def renew_momentum(self, state: LevelSetState, kept: float) -> tuple[Tensor, Tensor]:
        """Return  slope + kept momentum  on the free pixels, and that times the weights of places h."""

    def descend(self, state: LevelSetState, filtered: Tensor) -> tuple[Tensor, Numbers, Numbers]:
        """Return the direction  -h filtered  on the free pixels, its product with the slope and its square."""

    def propose(
        self, problem: MADProblem, state: LevelSetState, step: Tensor, length: Numbers, over: Numbers
    ) -> tuple[Tensor, Ahead]:
        """Go `length` times along a direction on the free pixels; pixels may leave the range.

        Those that are held at a bound go `over` times as far as their slope would have them, so that they stay there
        when the ray shrinks the image's error.
        """

    def on_ray(self, problem: MADProblem, proposal: Tensor, factor: Numbers) -> Tensor:
        """Return  r + factor (proposal - r)  inside the range, r the reference images."""

    def inside(self, problem: MADProblem, point: Tensor, evaluation: Evaluation) -> tuple[Tensor, Numbers, Numbers]:
        """Return which pixels are at bounds, and the gradients of objective and held metric along the ray.

        Their products with the image's error on the pixels inside their bounds.
        """

    def compare(self, state: LevelSetState, trial: Tensor, evaluation: Evaluation, multiplier: Tensor) -> Compared:
        """Compare a trial with the point before."""


class TorchPasses:
    """The passes wherever torch computes, for any problem."""

    def renew_momentum(self, state: LevelSetState, kept: float) -> tuple[Tensor, Tensor]:
        """Renew the momentum; see `Passes`."""
        free = free_pixels(state.at_bounds, state.slope)
        momentum = torch.add(state.slope, state.momentum, alpha=kept).mul_(free)
        return momentum, state.placed(momentum)

    def descend(self, state: LevelSetState, filtered: Tensor) -> tuple[Tensor, Numbers, Numbers]:
        """Return a direction of descent; see `Passes`."""
        step = state.placed(filtered).mul_(free_pixels(state.at_bounds, state.slope)).neg_()
        return step, dot(step, state.slope), dot(step, step)

    def propose(
        self, problem: MADProblem, state: LevelSetState, step: Tensor, length: Numbers, over: Numbers
    ) -> tuple[Tensor, Ahead]:
        """Go along a direction; see `Passes`."""
        held_back = free_pixels(state.at_bounds, state.slope).sub_(1.0).mul_(state.slope)
        held_back = state.placed(state.placed(held_back))
        step = torch.addcmul(step, held_back, column(over, step))
        proposal = torch.addcmul(state.point, step, column(length, step))
        return proposal, look_ahead(problem, state, proposal)

    def on_ray(self, problem: MADProblem, proposal: Tensor, factor: Numbers) -> Tensor:
        """Scale the error of proposals; see `Passes`."""
        scaled = torch.addcmul(problem.reference, proposal - problem.reference, column(factor, proposal))
        return problem.bounds.clamp_(scaled)

    def inside(self, problem: MADProblem, point: Tensor, evaluation: Evaluation) -> tuple[Tensor, Numbers, Numbers]:
        """Compute slopes along the ray; see `Passes`."""
        at_bounds, error = problem.bounds.at_bounds(point), point - problem.reference
        error = torch.addcmul(error, error * at_bounds, at_bounds, value=-1)
        return at_bounds, dot(evaluation.gradient, error), dot(evaluation.jacobian[:, 0], error)

    def compare(self, state: LevelSetState, trial: Tensor, evaluation: Evaluation, multiplier: Tensor) -> Compared:
        """Compare a trial with the point before; see `Passes`."""
        slope, step = lagrangian(evaluation, multiplier), trial - state.point
        change = slope - lagrangian(state.evaluation, multiplier)
        return Compared(
            slope=slope,
            step=step,
            change=change,
            predicted=dot(state.slope, step),
            held=dot(state.evaluation.jacobian[:, 0], step),
            curvature=dot(step, change),
            moved=norm(step),
            changed=norm(change),
        )


def look_ahead(problem: MADProblem, state: LevelSetState, proposal: Tensor) -> Ahead:
    """Compute the inner products of what a proposal would do inside the range."""
    ahead = problem.bounds.clamp(proposal).sub_(state.point)
    return Ahead(dot(state.slope, ahead), dot(state.evaluation.jacobian[:, 0], ahead), dot(ahead, ahead))


def fastest_passes(problem: MADProblem, state: LevelSetState) -> Passes:
    """Return the compiled passes where they work: on the CPU, one held metric, a learned metric, one range for all."""
    alike = problem.bounds.common is not None and state.level.shape[1] == 1 and state.scale is not None
    if not (alike and compiled.at_hand(state.point)):
        return TorchPasses()
    # numba is imported only where it is used
    from madcore.solvers.fused_passes import FusedPasses

    return FusedPasses(problem.image.shape)

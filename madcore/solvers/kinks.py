"""Metrics that have a kink where a pixel equals the reference image's, such as the mean absolute difference.

There the gradient says nothing about the pixel: it jumps by twice the kink's weight as the pixel crosses.  The weights
are found once, by comparing gradients on both sides; afterwards a pixel at the kink either stays (the slope is smaller
than the weight) or leaves (the objective is concave there).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from madcore.problem import MADProblem

__all__ = ["Kinks"]

JUMP = 0.1  # of the gradient elsewhere, above which a metric counts as kinked


@dataclass(frozen=True)
class Kinks:
    """Kink weights of N images.

    Attributes
    ----------
    objective : Tensor
        Weights of the objective's kinks, with its sign, (N, n).
    held : Tensor
        Weights of the held metrics' kinks, (N, k, n).
    flagged : Tensor
        Images with any, (N,).
    side : Tensor
        +1 or -1: the side of the reference on which the start image has each pixel, (N, n).
    """

    objective: Tensor
    held: Tensor
    flagged: Tensor
    side: Tensor

    @classmethod
    def find(cls, problem: MADProblem, point: Tensor) -> Kinks | None:
        """Test the metrics at the reference; None if they are smooth.  Two evaluations, four if any is kinked.

        Half of the pixels, at random, are moved a little to either side of the reference.  The jump of the gradient
        on them is compared with the gradient on the other half: compared with that on the moved half the test would
        flag the mean squared error, whose gradient also changes sign.
        """
        error = point - problem.reference
        generator = torch.Generator().manual_seed(0)
        half = (torch.rand(point.shape[1], generator=generator) < 0.5).to(point.device)
        jumps = _jumps(problem, error, half)
        if jumps is None:
            return None
        others = _jumps(problem, error, ~half)
        weights = jumps if others is None else jumps + others
        return cls(
            objective=problem.sign[:, None] * weights[:, 0],
            held=weights[:, 1:],
            flagged=(weights > 0).flatten(1).any(1),
            side=torch.where(error >= 0, 1.0, -1.0).to(point.dtype),
        )

    def take(self, index: Tensor) -> Kinks:
        """Keep the images at `index`."""
        return Kinks(**{name: value[index] for name, value in vars(self).items()})

    def to(self, dtype: torch.dtype) -> Kinks:
        """Return the same weights in another floating-point type."""
        return Kinks(self.objective.to(dtype), self.held.to(dtype), self.flagged, self.side.to(dtype))

    def correct(self, problem: MADProblem, point: Tensor, slope: Tensor, multiplier: Tensor) -> Tensor:
        """Replace the Lagrangian's gradient on pixels that sit on a kink by the slope that decides, (N, n).

        Where the kink is convex the slope shrinks by its weight, down to 0; where it is concave it grows by it.
        """
        weight = self.objective - (multiplier[:, None] @ self.held)[:, 0]
        size = weight.abs()
        stay = slope.sign() * (slope.abs() - size).clamp_min(0)
        leave = slope - size * torch.where(slope.abs() > 1e-6 * size, -slope.sign(), self.side)
        at_kink = (point == problem.reference) & self.flagged[:, None]
        return torch.where(at_kink, torch.where(weight >= 0, stay, leave), slope)

    def stop_at_reference(self, problem: MADProblem, point: Tensor, proposal: Tensor) -> Tensor:
        """Let no pixel of a flagged image jump over the reference in one step."""
        crossed = (proposal - problem.reference) * (point - problem.reference) < 0
        return torch.where(crossed & self.flagged[:, None], problem.reference, proposal)


def _jumps(problem: MADProblem, error: Tensor, half: Tensor) -> Tensor | None:
    """Return the jumps of objective and held metrics on half of the pixels, (N, 1 + k, n); None without any."""
    reference, size = problem.reference, error.square().mean(1, keepdim=True).sqrt()
    offset = (1e-3 if error.dtype == torch.float32 else 1e-5) * size
    inside = (reference + offset <= problem.bounds.high) & (reference - offset >= problem.bounds.low)
    movable, others = (half & inside).to(error), (~half).to(error)
    middle = torch.addcmul(reference, error, others)
    above, below = (_slopes(problem, torch.addcmul(middle, movable, offset, value=side)) for side in (1, -1))
    # a half with few movable pixels is compared with as few
    share = (movable.sum(1) / others.sum().clamp_min(1)).clamp(max=1.0).sqrt().clamp_min(1e-3)
    kinked = torch.stack(
        [
            0.5 * (up - down).mul_(movable).norm(dim=1)
            > JUMP * share * torch.maximum(up.abs(), down.abs()).mul_(others).norm(dim=1)
            for up, down in zip(above, below, strict=True)
        ],
        1,
    )
    kinked &= (movable > 0).any(1)[:, None]
    if not kinked.any():
        return None
    jumps = [0.5 * (up - down).abs_().mul_(movable) for up, down in zip(above, below, strict=True)]
    return torch.stack(jumps, 1) * kinked[..., None]


def _slopes(problem: MADProblem, point: Tensor) -> list[Tensor]:
    """Return the gradients of the objective, without its sign, and of the held metrics, (N, n) each."""
    evaluation = problem.evaluate(point)
    return [problem.sign[:, None] * evaluation.gradient, *evaluation.jacobian.unbind(1)]

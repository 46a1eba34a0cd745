"""What can be said of finished images by anyone who has them: held values, held error, range and optimality."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from madcore.problem import Evaluation, MADProblem
from madcore.solvers.kinks import Kinks
from madcore.solvers.levels import held_error
from madcore.solvers.multipliers import lagrangian, least_squares_multiplier, relative_residual

__all__ = ["Certificate", "certify", "optimality"]


@dataclass(frozen=True)
class Certificate:
    """Measurements of N images, k held metrics; float64 wherever the metrics allow it.

    Attributes
    ----------
    optimized_value : Tensor
        Value of the optimized metric, (N,).
    reference_value : Tensor
        Values of the held metrics, (N, k).
    held_error : Tensor
        Largest relative error of these, (N,).
    outside : Tensor
        Number of pixels outside their bounds, (N,).
    optimality : Tensor
        First-order residual relative to the gradient, (N,).
    precision : torch.dtype
        Type in which all this was computed.
    """

    optimized_value: Tensor
    reference_value: Tensor
    held_error: Tensor
    outside: Tensor
    optimality: Tensor
    precision: torch.dtype


def certify(problem: MADProblem, point: Tensor, level: Tensor, kinks: Kinks | None = None) -> Certificate:
    """Measure images (N, n) that claim to hold the levels (N, k).

    Parameters
    ----------
    problem : MADProblem
        The problem, best its `precise` form.
    kinks : Kinks, optional
        Kink weights of the metrics, without which the residual of an image with pixels at a kink is an upper bound.
    """
    point = point.to(problem.image.dtype)
    level = level.to(problem.image.dtype)
    evaluation = problem.evaluate(point)
    outside = (point < problem.bounds.low) | (point > problem.bounds.high)
    return Certificate(
        optimized_value=evaluation.optimized,
        reference_value=evaluation.held,
        held_error=held_error(problem, evaluation.held, level),
        outside=outside.sum(1),
        optimality=optimality(problem, point, evaluation, kinks),
        precision=problem.image.dtype,
    )


def optimality(problem: MADProblem, point: Tensor, evaluation: Evaluation, kinks: Kinks | None = None) -> Tensor:
    """Compute the relative first-order residual, (N,), with least-squares multipliers; 0 at a stationary point."""
    multiplier = least_squares_multiplier(problem, point, evaluation)
    slope = lagrangian(evaluation, multiplier)
    if kinks is not None:
        slope = kinks.to(point.dtype).correct(problem, point, slope, multiplier)
    return relative_residual(problem, point, slope, evaluation.gradient)

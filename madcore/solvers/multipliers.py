"""First-order conditions of a MAD problem: Lagrange multipliers, free pixels and the residual.

A point is stationary if  gradient f = sum_j lambda_j gradient g_j  on every pixel that is free to move; a pixel at a
bound is not free if it would have to leave the range to improve.  All images are flattened, (N, n).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from madcore.problem import Evaluation, MADProblem
from madcore.solvers.numbers import Numbers, namespace

__all__ = [
    "free_pixels",
    "lagrangian",
    "least_squares_multiplier",
    "ray_multiplier",
    "relative_residual",
    "solve_normal",
]


def lagrangian(evaluation: Evaluation, multiplier: Tensor) -> Tensor:
    """Compute  gradient f - sum_j lambda_j gradient g_j,  (N, n), for multipliers (N, k)."""
    if multiplier.shape[1] == 1:
        return torch.addcmul(evaluation.gradient, evaluation.jacobian[:, 0], multiplier, value=-1)
    return evaluation.gradient - (multiplier[:, None] @ evaluation.jacobian)[:, 0]


def free_pixels(at_bounds: Tensor, slope: Tensor) -> Tensor:
    """Return 1 where a step against `slope` stays in the range and 0 elsewhere, (N, n); of `PixelBounds.at_bounds`."""
    outwards = at_bounds * slope
    return torch.ge(outwards, 0.0, out=outwards)


@np.errstate(all="ignore")
def ray_multiplier(gain: Numbers, growth: Numbers, held: Numbers, before: Numbers) -> tuple[Numbers, Numbers]:
    """Compute the multiplier along the ray from the reference image, and the degree of the held metric along it.

    With  lambda = <gradient f, e> / <gradient g, e>,  e = x - r  on the pixels inside their bounds,  the Lagrangian's
    gradient is exactly that of f composed with the return to the level set along the ray.

    Parameters
    ----------
    gain, growth : Numbers
        <gradient f, e> and <gradient g, e>, (N,).
    held, before : Numbers
        Value of the held metric, and the multiplier before, which is kept where too few pixels are inside their bounds
        to tell, (N,).

    Returns
    -------
    multiplier, degree : Numbers
        (N,); the degree p, for which g grows like the p-th power of the distance, is between 0.3 and 6.
    """
    xp, weight = namespace(growth), 1e-3 * held
    multiplier = (xp.where(growth > 0, gain, 0.0) + weight * before) / (xp.clip(growth, 0.0, None) + weight)
    return multiplier, xp.clip(growth / held, 0.3, 6.0)


def least_squares_multiplier(problem: MADProblem, point: Tensor, evaluation: Evaluation, rounds: int = 3) -> Tensor:
    """Compute the multipliers, (N, k), that make the Lagrangian's gradient smallest on the free pixels."""
    at_bounds = problem.bounds.at_bounds(point)
    free = 1 - at_bounds.abs()
    for _ in range(rounds):
        right = ((evaluation.jacobian * free[:, None]) @ evaluation.gradient[..., None])[..., 0]
        multiplier = solve_normal(evaluation.jacobian, free, right)
        free = free_pixels(at_bounds, lagrangian(evaluation, multiplier))
    return multiplier


def relative_residual(problem: MADProblem, point: Tensor, slope: Tensor, gradient: Tensor) -> Tensor:
    """Compute the first-order residual, (N,): the Lagrangian's free gradient relative to that of the objective."""
    free = free_pixels(problem.bounds.at_bounds(point), slope)
    size = torch.maximum((gradient * free).norm(dim=1), 0.01 * gradient.norm(dim=1))
    return (slope * free).norm(dim=1) / size.clamp_min(torch.finfo(point.dtype).tiny)


def solve_normal(jacobian: Tensor, weight: Tensor, right: Tensor) -> Tensor:
    """Solve  (J W J') z = right  for each image; J (N, k, n), W diagonal (N, n), right (N, k)."""
    tiny = torch.finfo(jacobian.dtype).tiny
    matrix = (jacobian * weight[:, None]) @ jacobian.transpose(1, 2)
    unit = matrix.diagonal(dim1=1, dim2=2).clamp_min(tiny).rsqrt()
    if jacobian.shape[1] == 1:
        return right * unit * unit
    ridge = 1e-7 if jacobian.dtype == torch.float32 else 1e-13
    eye = torch.eye(jacobian.shape[1], dtype=jacobian.dtype, device=jacobian.device)
    scaled = matrix * unit[:, :, None] * unit[:, None, :] + ridge * eye
    return torch.linalg.solve_ex(scaled, (right * unit)[..., None])[0][..., 0] * unit

"""MAD images with 8 or 16 bits a sample that still hold the level.

Rounding changes a held metric: every pixel moves by up to half a step, and a mean squared error grows by a twelfth of
the squared step.  Rounding some pixels to their other neighbour instead brings the level back, and where that is done
for pixels near the middle between two codes, and for those that matter most to the held metric, few have to change.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from madcore.errors import InputError
from madcore.problem import MADProblem, signs
from madcore.quantization.flips import flip_prefixes, flip_singles, move_along_ray
from madcore.quantization.grid import Grid
from madcore.results import Result
from madcore.solvers.levels import held_error

__all__ = ["TOLERANCES", "Quantized", "quantize"]

TOLERANCES = {8: 1e-4, 16: 1e-5}  # of the held error, by bits
AIM = 0.9  # of the tolerance, so that a reader who computes a little differently finds it held


@dataclass(frozen=True)
class Quantized:
    """MAD images as integers, and what they hold; N images, k held metrics.

    Attributes
    ----------
    codes : Tensor
        Samples, 0 to ``2**bits - 1``, int32, (N, C, H, W).
    mad_image : Tensor
        The same as pixel values, (N, C, H, W): what a reader of the file gets.
    reference_value : Tensor
        Values of the held metrics at `mad_image`, (N, k).
    held_error : Tensor
        Largest relative error of these, (N,); above `tolerance` where flipping pixels could not reach it.
    optimized_value : Tensor
        Value of the optimized metric at `mad_image`, (N,).
    changed : Tensor
        How many samples are not the nearest to the exact image, (N,).
    rounded_error : Tensor
        Held error that rounding alone gives, (N,).
    tolerance : float
        The held error that was aimed at: 1e-4 for 8 bits, 1e-5 for 16.
    bits : int
        For each sample.
    code_range : tuple of float
        Pixel values of the smallest and the largest code.
    """

    codes: Tensor
    mad_image: Tensor
    reference_value: Tensor
    held_error: Tensor
    optimized_value: Tensor
    changed: Tensor
    rounded_error: Tensor
    tolerance: float
    bits: int
    code_range: tuple[float, float]


def quantize(result: Result, bits: int = 8, *, code_range: tuple[float, float] | None = None) -> Quantized:
    """Round MAD images to integers that hold the level.

    After rounding, the samples that cost least are flipped by one step until the held error is below the tolerance,
    or the smallest that was found in a bounded number of evaluations.  Samples between two codes are flipped first;
    one moves farther from the exact image only where these do not suffice, or matter much less to the held metric.
    Where no flips reach the level, the image's error is shrunk or stretched a little before it is rounded.  No sample
    leaves its bounds, and pixels that may not change do not.

    Parameters
    ----------
    result : Result
        The exact images.
    bits : {8, 16}
        For each sample.
    code_range : tuple of float, optional
        Pixel values that the smallest and largest code stand for.  By default the pixel range; where each pixel has
        its own, [0, 1] if that contains them all and else the smallest and largest bound.

    Returns
    -------
    Quantized
        The samples and what they hold.  Write ``quantized.mad_image`` with `madcore.write_image` and the same `bits`.

    Raises
    ------
    InputError
        If `bits` is neither 8 nor 16, or the code range is empty, unbounded, or does not contain the images.

    Examples
    --------
    >>> import madcore
    >>> picture = madcore.read_image("dead_leaves", size=64)
    >>> result = madcore.synthesize(picture, "ssim", "mse", "min", max_iter=20)
    >>> bool(madcore.quantize(result).held_error < 1e-4)
    True
    """
    if bits not in TOLERANCES:
        raise InputError(f"bits must be 8 or 16; got {bits!r}")
    problem = _problem(result)
    grid = Grid.around(result, problem, bits, code_range)
    tolerance = TOLERANCES[bits]
    level = result.level.to(problem.image)
    codes, error = flip_prefixes(problem, grid, level, AIM * tolerance, grid.nearest)
    if level.shape[1] == 1:
        codes, error = move_along_ray(problem, grid, level, AIM * tolerance, codes, error)
    codes = flip_singles(problem, grid, level, AIM * tolerance, codes, error)
    held = problem.held_values(grid.pixels(codes))
    rounded = problem.held_values(grid.pixels(grid.nearest))
    mad_image = grid.pixels(codes).view_as(result.image)
    return Quantized(
        codes=codes.to(torch.int32).view_as(result.image),
        mad_image=mad_image.to(result.mad_image.dtype),
        reference_value=held,
        held_error=held_error(problem, held, level),
        optimized_value=problem.optimized.value(mad_image),
        changed=(codes != grid.nearest).sum(1),
        rounded_error=held_error(problem, rounded, level),
        tolerance=tolerance,
        bits=bits,
        code_range=(grid.low, grid.high),
    )


def _problem(result: Result) -> MADProblem:
    low, high = (bound if bound.numel() == 1 else bound.view_as(result.image) for bound in result.pixel_range)
    sign = signs(result.minmax, len(result.image))
    metrics = (result.optimized_metric, result.reference_metrics)
    problem = MADProblem.create(result.image, *metrics, sign, low=low, high=high)
    return problem.precise

"""MAD images with 8 or 16 bits a sample that still hold the level.

Rounding changes a held metric: every pixel moves by up to half a step, and a mean squared error grows by a twelfth of
the squared step.  Rounding some pixels to their other neighbour instead brings the level back, and where that is done
for pixels near the middle between two codes, and for those that matter most to the held metric, few have to change.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from madcore.errors import InputError
from madcore.problem import MADProblem, signs
from madcore.results import Result
from madcore.solvers.levels import held_error
from madcore.solvers.multipliers import solve_normal

__all__ = ["TOLERANCES", "Quantized", "quantize"]

TOLERANCES = {8: 1e-4, 16: 1e-5}  # of the held error, by bits
ROUNDS = 10
AIM = 0.9  # of the tolerance, so that a reader who computes a little differently finds it held
SINGLE_ROUNDS, TRIES = 6, 8
WIDTHS = tuple(0.1 * 0.7**step for step in range(20))  # of the smoothing, in units of costs, which are around 1


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
    None leaves its bounds, and pixels that may not change do not.

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
    grid = _Grid.around(result, problem, bits, code_range)
    tolerance = TOLERANCES[bits]
    level = result.level.to(problem.image)
    codes, error = _flip_prefixes(problem, grid, level, AIM * tolerance)
    codes = _flip_singles(problem, grid, level, AIM * tolerance, codes, error)
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


@dataclass(frozen=True)
class _Grid:
    """The codes, and where the exact pixels are among them; everything (N, n) in float64."""

    low: float
    high: float
    top: int  # the largest code
    exact: Tensor  # pixels in units of codes
    lowest: Tensor
    highest: Tensor
    nearest: Tensor
    stored: torch.dtype  # type of the pixels that a reader gets
    computed: torch.dtype

    @classmethod
    def around(cls, result: Result, problem: MADProblem, bits: int, code_range: tuple[float, float] | None) -> _Grid:
        low, high = _code_range(result) if code_range is None else map(float, code_range)
        point, bounds = result.mad_image.flatten(1).double(), (problem.low, problem.high)
        if not (low < high and abs(low) + abs(high) < float("inf")):
            raise InputError(f"code_range must be two finite numbers, the smaller first; got {low:g} and {high:g}")
        if not bool(((point >= low) & (point <= high)).all()):
            raise InputError(f"code_range {low:g} to {high:g} must contain the images; give a wider one")
        empty = point.new_empty(0)
        top = 2**bits - 1
        grid = cls(low, high, top, empty, empty, empty, empty, result.mad_image.dtype, problem.image.dtype)
        exact = grid._positions(point)
        lowest, highest = (
            (grid._positions(bound.double()).clamp(-1, top + 1).round()).expand_as(point) for bound in bounds
        )
        # compared as pixels, so that a bound that is itself a code stays allowed
        lowest = (lowest + (grid.pixels(lowest) < problem.low).double()).clamp(0, top)
        highest = (highest - (grid.pixels(highest) > problem.high).double()).clamp(0, top)
        nearest = exact.round()
        inside = lowest <= highest  # a pixel that is kept at a value between two codes has none
        lowest, highest = torch.where(inside, lowest, nearest), torch.where(inside, highest, nearest)
        nearest = torch.maximum(torch.minimum(nearest, highest), lowest)
        return cls(low, high, top, exact, lowest, highest, nearest, grid.stored, grid.computed)

    def pixels(self, codes: Tensor) -> Tensor:
        """Return the pixel values of codes, exactly those that a reader gets."""
        share = codes / self.top
        return (self.low * (1 - share) + self.high * share).to(self.stored).to(self.computed)

    def allowed_way(self, codes: Tensor, push: Tensor) -> Tensor:
        """Return the way of `push`, +1 or -1; at a kink, where that is 0, every second sample's up; 0 at a bound."""
        either = torch.ones_like(codes)
        either[:, ::2] = -1
        either = torch.where((codes + either < self.lowest) | (codes + either > self.highest), -either, either)
        way = torch.where(push != 0, push.double(), either).sign()
        moved = codes + way
        return way * ((moved >= self.lowest) & (moved <= self.highest))

    def _positions(self, point: Tensor) -> Tensor:
        return (point - self.low) / (self.high - self.low) * self.top


def _problem(result: Result) -> MADProblem:
    low, high = (bound if bound.numel() == 1 else bound.view_as(result.image) for bound in result.pixel_range)
    sign = signs(result.minmax, len(result.image))
    metrics = (result.optimized_metric, result.reference_metrics)
    problem = MADProblem.create(result.image, *metrics, sign, low=low, high=high)
    return problem.precise


def _code_range(result: Result) -> tuple[float, float]:
    low, high = (float(bound) for bound in (result.pixel_range[0].amin(), result.pixel_range[1].amax()))
    if result.pixel_range[0].numel() > 1 and low >= 0 and high <= 1:
        return 0.0, 1.0
    return low, high


def _held(problem: MADProblem, point: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the held metrics, (N, k), and their gradients, (N, k, n)."""
    pairs = [metric.value_and_gradient(point.view_as(problem.image)) for metric in problem.held]
    return torch.stack([value for value, _ in pairs], 1), torch.stack([slope.flatten(1) for _, slope in pairs], 1)


def _flip_prefixes(problem: MADProblem, grid: _Grid, level: Tensor, tolerance: float) -> tuple[Tensor, Tensor]:
    """Flip as many of the cheapest samples as the held gradients say that it takes; again, while that helps."""
    codes = grid.nearest
    held = problem.held_values(grid.pixels(codes))
    error = held_error(problem, held, level)
    share = torch.ones_like(error)  # of what is missing, to be made up in one round
    for _ in range(ROUNDS):
        going = error > tolerance
        if not bool(going.any()):
            break
        missing = (level - held) * share[:, None]
        way, gains = _gains(problem, grid, codes, missing)
        cost = 1 - 2 * (grid.exact - codes) * way  # by how much the squared distance from the exact image grows
        scale = problem.error_scale(level)
        relative = zip(cost, gains / scale[..., None], missing / scale, strict=True)
        chosen = torch.stack([_prefix(c, g[0], m[0]) if len(g) == 1 else _together(c, g, m) for c, g, m in relative])
        trial = torch.where(going[:, None] & chosen, codes + way, codes)
        measured = problem.held_values(grid.pixels(trial))
        measured_error = held_error(problem, measured, level)
        better = measured_error < error
        codes, held = torch.where(better[:, None], trial, codes), torch.where(better[:, None], measured, held)
        error, share = torch.where(better, measured_error, error), torch.where(better, share, 0.5 * share)
    return codes, error


def _gains(problem: MADProblem, grid: _Grid, codes: Tensor, missing: Tensor) -> tuple[Tensor, Tensor]:
    """Return for each sample the way to flip it, (N, n), and how that changes the held metrics, (N, k, n).

    The gradients are taken half way, where they are right for squares too, and on this side of a kink.
    """
    _, jacobian = _held(problem, grid.pixels(codes))
    multiplier = solve_normal(jacobian, torch.ones_like(jacobian[:, 0]), missing)
    way = grid.allowed_way(codes, (multiplier[:, None] @ jacobian)[:, 0])
    _, jacobian = _held(problem, grid.pixels(codes + 0.5 * way))
    step = (grid.high - grid.low) / grid.top
    return way, (jacobian * way[:, None] * step).nan_to_num(0.0, 0.0, 0.0)


def _prefix(cost: Tensor, gain: Tensor, need: Tensor) -> Tensor:
    """Choose the samples, (n,), that cost least for what they gain, until that is `need`."""
    gain, need = gain * need.sign(), need.abs()
    useful = (gain > 0).nonzero()[:, 0]
    order = useful[(cost[useful] / gain[useful]).argsort()]
    count = int((gain[order].cumsum(0) < need).sum()) + 1
    chosen = torch.zeros_like(gain, dtype=torch.bool)
    chosen[order[:count]] = True
    return chosen


def _together(cost: Tensor, gains: Tensor, need: Tensor) -> Tensor:
    """Choose the samples, (n,), that cost least for changing k metrics by `need`, (k,); `gains` is (k, n).

    A linear programme: a sample is chosen if the gains, weighted with the dual variables, exceed its cost.  These are
    found by Newton's method on the dual, smoothed less and less.
    """
    cost, weights = cost.clamp_min(0.0), torch.zeros_like(need)
    lengths = [0.0, *(0.5**halving for halving in range(12))]

    def dual(trial: Tensor, width: float) -> Tensor:
        return trial @ need - width * softplus((trial @ gains - cost) / width).sum()

    for width in WIDTHS:
        share = ((weights @ gains - cost) / width).sigmoid()
        curvature = (gains * (share * (1 - share) / width)) @ gains.T
        unit = curvature.diagonal().clamp_min(torch.finfo(need.dtype).tiny).rsqrt()
        scaled = curvature * unit[:, None] * unit + 1e-9 * torch.eye(len(need)).to(need)
        newton = torch.linalg.solve_ex(scaled, (need - gains @ share) * unit)[0] * unit
        values = torch.stack([dual(weights + length * newton, width) for length in lengths])
        weights = weights + lengths[int(values.nan_to_num(-torch.inf).argmax())] * newton.nan_to_num()
    return weights @ gains > cost


def _flip_singles(
    problem: MADProblem, grid: _Grid, level: Tensor, tolerance: float, codes: Tensor, error: Tensor
) -> Tensor:
    """Flip one sample at a time: of the few that promise most, the one that measures best."""
    for _ in range(SINGLE_ROUNDS):
        if not bool((error > tolerance).any()):
            break
        before, start = error, codes
        for index, way in _promising(problem, grid, codes, level):
            trial = start.scatter_add(1, index[:, None], way[:, None])
            measured = held_error(problem, problem.held_values(grid.pixels(trial)), level)
            better = (measured < error) & (before > tolerance)
            codes, error = torch.where(better[:, None], trial, codes), torch.where(better, measured, error)
        if bool((error == before).all()):
            break
    return codes


def _promising(problem: MADProblem, grid: _Grid, codes: Tensor, level: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Return samples, (N,) each, and ways to flip them, best promise first."""
    missing = level - problem.held_values(grid.pixels(codes))
    way, gains = _gains(problem, grid, codes, missing)
    left = (missing[..., None] - gains).abs() / problem.error_scale(level)[..., None]
    promise = left.amax(1).masked_fill(way == 0, torch.inf).nan_to_num(torch.inf)
    chosen = promise.topk(min(TRIES, promise.shape[1]), dim=1, largest=False).indices
    return [(index, way.gather(1, index[:, None])[:, 0]) for index in chosen.T]

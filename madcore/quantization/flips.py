"""Which samples to round to their other neighbour so that the held metrics come back to their levels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from madcore.problem import MADProblem
from madcore.quantization.grid import Grid
from madcore.solvers.levels import held_error
from madcore.solvers.multipliers import solve_normal

__all__ = ["flip_prefixes", "flip_singles", "move_along_ray"]

ROUNDS = 10
ATTEMPTS = 24  # to find how many samples to flip in a round
SMALLEST_FACTOR, LARGEST_FACTOR, BISECTIONS = 0.8, 1.25, 40
SINGLE_ROUNDS, TRIES = 6, 8
WIDTHS = tuple(0.1 * 0.7**step for step in range(20))  # of the smoothing, in units of costs, which are around 1


@dataclass(frozen=True)
class _Candidates:
    """The codes, (N, n), and for each sample which way it may be flipped and what that costs; what it gains, (N, k, n).

    `missing`, (N, k), is what the held metrics lack.
    """

    codes: Tensor
    way: Tensor
    cost: Tensor
    gains: Tensor
    missing: Tensor


def flip_prefixes(
    problem: MADProblem, grid: Grid, level: Tensor, tolerance: float, codes: Tensor
) -> tuple[Tensor, Tensor]:
    """Flip as many of the cheapest samples as it takes to hold the level; again, with new gradients, as that helps.

    Returns the codes, (N, n), and their held error, (N,), as the functions below do.
    """
    held = problem.held_values(grid.pixels(codes))
    error = held_error(problem, held, level)
    share = torch.ones_like(error)  # of what is missing, to be made up in one round
    flip = _flip_until_held if level.shape[1] == 1 else _flip_together
    for _ in range(ROUNDS):
        going = error > tolerance
        if not bool(going.any()):
            break
        missing = (level - held) * share[:, None]
        way, gains = _gains(problem, grid, codes, missing)
        way = way * going[:, None]
        cost = 1 - 2 * (grid.exact - codes) * way  # by how much the squared distance from the exact image grows
        trial = flip(problem, grid, _Candidates(codes, way, cost, gains, missing), level, tolerance)
        measured = problem.held_values(grid.pixels(trial))
        measured_error = held_error(problem, measured, level)
        better = measured_error < error
        if level.shape[1] == 1 and not bool(better.any()):
            break  # how many to flip has been tried
        codes, held = torch.where(better[:, None], trial, codes), torch.where(better[:, None], measured, held)
        error, share = torch.where(better, measured_error, error), torch.where(better, share, 0.5 * share)
    return codes, error


def move_along_ray(
    problem: MADProblem, grid: Grid, level: Tensor, tolerance: float, codes: Tensor, error: Tensor
) -> tuple[Tensor, Tensor]:
    """Shrink or stretch the exact images' errors before they are rounded, where that comes nearer to the one level.

    Few samples change code for a small change of the factor, so that the held metric, rounding included, takes values
    that lie close together, whatever its gradients promise: bisection finds a factor between too little and too much.
    """
    reference = grid.positions(problem.reference.double())
    low, high = torch.full_like(error, SMALLEST_FACTOR), torch.full_like(error, LARGEST_FACTOR)
    for _ in range(BISECTIONS):
        if not bool((error > tolerance).any()):
            break
        factor = 0.5 * (low + high)
        trial = grid.rounded(reference + factor[:, None] * (grid.exact - reference))
        held = problem.held_values(grid.pixels(trial))
        measured = held_error(problem, held, level)
        better = (measured < error) & (error > tolerance)
        codes, error = torch.where(better[:, None], trial, codes), torch.where(better, measured, error)
        short = (held < level)[:, 0]
        low, high = torch.where(short, factor, low), torch.where(short, high, factor)
    return codes, error


def _gains(problem: MADProblem, grid: Grid, codes: Tensor, missing: Tensor) -> tuple[Tensor, Tensor]:
    """Return for each sample the way to flip it, (N, n), and how that changes the held metrics, (N, k, n).

    The gradients are taken half way, where they are right for squares too, and on this side of a kink.
    """
    _, jacobian = _held(problem, grid.pixels(codes))
    multiplier = solve_normal(jacobian, torch.ones_like(jacobian[:, 0]), missing)
    way = grid.allowed_way(codes, (multiplier[:, None] @ jacobian)[:, 0])
    _, jacobian = _held(problem, grid.pixels(codes + 0.5 * way))
    step = (grid.high - grid.low) / grid.top
    return way, (jacobian * way[:, None] * step).nan_to_num(0.0, 0.0, 0.0)


def _flip_until_held(problem: MADProblem, grid: Grid, given: _Candidates, level: Tensor, tolerance: float) -> Tensor:
    """Flip the samples that cost least for what they gain, and find by trying how many bring one metric to its level.

    The gradients say well which samples to flip, but not how far many of them lead where the metric has kinks.
    """
    side, short = given.missing[:, 0].sign(), given.missing[:, 0].abs()  # what is missing with too few flips
    rank, count = _ranks(given.cost, given.gains[:, 0] * side[:, None] * (given.way != 0), short)
    total = (rank < rank.shape[1]).sum(1)
    few, many = torch.zeros_like(total), total + 1  # too few, and perhaps too many
    over = torch.full_like(side, -torch.inf)  # and with too many
    best, best_error = given.codes, torch.full_like(side, torch.inf)
    for attempt in range(ATTEMPTS):
        trial = given.codes + given.way * (rank < count[:, None])
        held = problem.held_values(grid.pixels(trial))
        error = held_error(problem, held, level)
        best = torch.where((error < best_error)[:, None], trial, best)
        best_error = torch.fmin(best_error, error)
        left = (level - held)[:, 0] * side
        few, short = torch.where(left > 0, count, few), torch.where(left > 0, left, short)
        many, over = torch.where(left > 0, many, count), torch.where(left > 0, over, left)
        if bool(((best_error <= tolerance) | (many - few <= 1)).all()):
            break
        between = few + ((many - few) * (short / (short - over))).long() if attempt % 3 else (few + many) // 2
        between = torch.where(over.isinf(), 2 * count + 1, between)
        count = torch.minimum(torch.maximum(between, few + 1), torch.minimum(many, total))
    return best


def _ranks(cost: Tensor, gain: Tensor, need: Tensor) -> tuple[Tensor, Tensor]:
    """Rank samples, (N, n), by cost for gain, useless ones last, and count how many should give what is needed."""
    order = (cost / gain).masked_fill(gain <= 0, torch.inf).argsort(dim=1)
    useful = (gain > 0).sum(1)
    place = torch.arange(gain.shape[1], device=gain.device).expand_as(order)
    rank = torch.empty_like(order).scatter_(1, order, place)
    reached = gain.clamp_min(0).gather(1, order).cumsum(1)
    count = torch.minimum((reached < need[:, None]).sum(1) + 1, useful)
    return rank.masked_fill(rank >= useful[:, None], gain.shape[1]), count


def _flip_together(problem: MADProblem, grid: Grid, given: _Candidates, level: Tensor, tolerance: float) -> Tensor:
    """Flip the samples that several metrics' gradients choose, once."""
    scale = problem.error_scale(level)
    relative = zip(given.cost, given.gains / scale[..., None], given.missing / scale, strict=True)
    return given.codes + given.way * torch.stack([_together(*each) for each in relative])


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


def flip_singles(
    problem: MADProblem, grid: Grid, level: Tensor, tolerance: float, codes: Tensor, error: Tensor
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


def _promising(problem: MADProblem, grid: Grid, codes: Tensor, level: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Return samples, (N,) each, and ways to flip them, best promise first."""
    missing = level - problem.held_values(grid.pixels(codes))
    way, gains = _gains(problem, grid, codes, missing)
    left = (missing[..., None] - gains).abs() / problem.error_scale(level)[..., None]
    promise = left.amax(1).masked_fill(way == 0, torch.inf).nan_to_num(torch.inf)
    chosen = promise.topk(min(TRIES, promise.shape[1]), dim=1, largest=False).indices
    return [(index, way.gather(1, index[:, None])[:, 0]) for index in chosen.T]


def _held(problem: MADProblem, point: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the held metrics, (N, k), and their gradients, (N, k, n)."""
    pairs = [metric.value_and_gradient(point.view_as(problem.image)) for metric in problem.held]
    return torch.stack([value for value, _ in pairs], 1), torch.stack([slope.flatten(1) for _, slope in pairs], 1)

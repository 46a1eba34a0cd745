"""The codes of a picture's samples, and where the pixels of exact images lie among them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from madcore.errors import InputError
from madcore.problem import MADProblem
from madcore.results import Result

__all__ = ["Grid"]


@dataclass(frozen=True)
class Grid:
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
    def around(cls, result: Result, problem: MADProblem, bits: int, code_range: tuple[float, float] | None) -> Grid:
        """Find the codes of a result's images; InputError unless the code range is finite and contains them."""
        low, high = _code_range(result) if code_range is None else map(float, code_range)
        point, bounds = result.mad_image.flatten(1).double(), (problem.bounds.low, problem.bounds.high)
        if not (low < high and abs(low) + abs(high) < float("inf")):
            raise InputError(f"code_range must be two finite numbers, the smaller first; got {low:g} and {high:g}")
        if not bool(((point >= low) & (point <= high)).all()):
            raise InputError(f"code_range {low:g} to {high:g} must contain the images; give a wider one")
        empty = point.new_empty(0)
        top = 2**bits - 1
        grid = cls(low, high, top, empty, empty, empty, empty, result.mad_image.dtype, problem.image.dtype)
        exact = grid.positions(point)
        lowest, highest = (
            (grid.positions(bound.double()).clamp(-1, top + 1).round()).expand_as(point) for bound in bounds
        )
        # compared as pixels, so that a bound that is itself a code stays allowed
        lowest = (lowest + (grid.pixels(lowest) < problem.bounds.low).double()).clamp(0, top)
        highest = (highest - (grid.pixels(highest) > problem.bounds.high).double()).clamp(0, top)
        nearest = exact.round()
        inside = lowest <= highest  # a pixel that is kept at a value between two codes has none
        lowest, highest = torch.where(inside, lowest, nearest), torch.where(inside, highest, nearest)
        nearest = torch.maximum(torch.minimum(nearest, highest), lowest)
        return cls(low, high, top, exact, lowest, highest, nearest, grid.stored, grid.computed)

    def pixels(self, codes: Tensor) -> Tensor:
        """Return the pixel values of codes, exactly those that a reader gets."""
        share = codes / self.top
        return (self.low * (1 - share) + self.high * share).to(self.stored).to(self.computed)

    def rounded(self, positions: Tensor) -> Tensor:
        """Return the nearest codes that are allowed."""
        return torch.maximum(torch.minimum(positions.round(), self.highest), self.lowest)

    def allowed_way(self, codes: Tensor, push: Tensor) -> Tensor:
        """Return the way of `push`, +1 or -1; at a kink, where that is 0, every second sample's up; 0 at a bound."""
        either = torch.ones_like(codes)
        either[:, ::2] = -1
        either = torch.where((codes + either < self.lowest) | (codes + either > self.highest), -either, either)
        way = torch.where(push != 0, push.double(), either).sign()
        moved = codes + way
        return way * ((moved >= self.lowest) & (moved <= self.highest))

    def positions(self, point: Tensor) -> Tensor:
        """Return where pixel values lie among the codes."""
        return (point - self.low) / (self.high - self.low) * self.top


def _code_range(result: Result) -> tuple[float, float]:
    low, high = (float(bound) for bound in (result.pixel_range[0].amin(), result.pixel_range[1].amax()))
    if result.pixel_range[0].numel() > 1 and low >= 0 and high <= 1:
        return 0.0, 1.0
    return low, high

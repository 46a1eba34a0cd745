"""The passes of `passes`, compiled: each reads what it needs once, row by row, and sums as it goes.

A step in torch is some forty passes over memory; here it is six, and the Fourier transforms.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from madcore.bands import rows_of
from madcore.compiled import compile_loops
from madcore.problem import Evaluation, MADProblem
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
        arrays = self.rows.views(state.slope, state.at_bounds, state.momentum, self._places(state), momentum, weighted)
        self.rows.run(_renew_momentum, arrays[0].dtype.type(kept), *arrays)
        return momentum, weighted

    def descend(self, state: LevelSetState, filtered: Tensor) -> tuple[Tensor, Numbers, Numbers]:
        """Return a direction of descent; see `Passes`."""
        step = torch.empty_like(state.slope)
        arrays = self.rows.views(state.slope, state.at_bounds, filtered, self._places(state), step)
        return step, *self.rows.sums((2,), _descend, *arrays).T.astype(arrays[0].dtype, order="C")

    def propose(
        self, problem: MADProblem, state: LevelSetState, step: Tensor, length: Numbers, over: Numbers
    ) -> tuple[Tensor, Ahead]:
        """Go along a direction; see `Passes`."""
        proposal, jacobian = torch.empty_like(state.point), state.evaluation.jacobian[:, 0]
        arrays = self.rows.views(
            state.point, state.slope, state.at_bounds, jacobian, step, self._places(state), proposal
        )
        sums = self.rows.sums((3,), _propose, length, over, *self._range(problem, arrays[0]), *arrays)
        return proposal, Ahead(*sums.T.astype(arrays[0].dtype, order="C"))

    def on_ray(self, problem: MADProblem, proposal: Tensor, factor: Numbers) -> Tensor:
        """Scale the error of proposals; see `Passes`."""
        trial = torch.empty_like(proposal)
        arrays = self.rows.views(problem.reference, proposal, trial)
        self.rows.run(_on_ray, factor, *self._range(problem, arrays[0]), *arrays)
        return trial

    def inside(self, problem: MADProblem, point: Tensor, evaluation: Evaluation) -> tuple[Tensor, Numbers, Numbers]:
        """Compute slopes along the ray; see `Passes`."""
        at_bounds = torch.empty_like(point)
        arrays = self.rows.views(point, problem.reference, evaluation.gradient, evaluation.jacobian[:, 0], at_bounds)
        sums = self.rows.sums((2,), _inside, *self._range(problem, arrays[0]), *arrays)
        return at_bounds, *sums.T.astype(arrays[0].dtype, order="C")

    def compare(self, state: LevelSetState, trial: Tensor, evaluation: Evaluation, multiplier: Tensor) -> Compared:
        """Compare a trial with the point before; see `Passes`."""
        made = slope, step, change = [torch.empty_like(trial) for _ in range(3)]
        old = state.evaluation
        gradients = evaluation.gradient, evaluation.jacobian[:, 0], old.gradient, old.jacobian[:, 0]
        arrays = self.rows.views(state.point, trial, *gradients, state.slope, *made)
        sums = self.rows.sums((5,), _compare, multiplier[:, 0].numpy(), *arrays)
        sums[:, 3:] **= 0.5
        return Compared(slope, step, change, *sums.T.astype(arrays[0].dtype, order="C"))

    @staticmethod
    def _places(state: LevelSetState) -> Tensor:
        assert state.scale is not None
        return state.scale.place.flatten(1)

    @staticmethod
    def _range(problem: MADProblem, like: Array) -> tuple[Any, Any]:
        assert problem.bounds.common is not None
        low, high = problem.bounds.common
        return like.dtype.type(low), like.dtype.type(high)


# All arrays are (N, rows, W); places have as many rows as one channel.


@compile_loops
def _renew_momentum(
    kept: Any,
    slopes: Array,
    at_bounds: Array,
    momenta: Array,
    places: Array,
    made: Array,
    weighted: Array,
    first: int,
    last: int,
) -> None:
    for n in range(slopes.shape[0]):
        for row in range(*rows_of(n, slopes.shape[1], first, last)):
            slope, at, momentum = slopes[n, row], at_bounds[n, row], momenta[n, row]
            place, new, out = places[n, row % places.shape[1]], made[n, row], weighted[n, row]
            for c in range(len(slope)):
                free = at[c] * slope[c] >= 0
                value = slope[c] + kept * momentum[c] if free else slope.dtype.type(0)
                new[c] = value
                out[c] = value * place[c]


@compile_loops
def _descend(
    slopes: Array, at_bounds: Array, filtered: Array, places: Array, steps: Array, sums: Array, first: int, last: int
) -> None:
    zero = slopes.dtype.type(0)
    for n in range(slopes.shape[0]):
        for row in range(*rows_of(n, slopes.shape[1], first, last)):
            slope, at, values = slopes[n, row], at_bounds[n, row], filtered[n, row]
            place, step = places[n, row % places.shape[1]], steps[n, row]
            descent = square = zero
            for c in range(len(slope)):
                value = -place[c] * values[c] if at[c] * slope[c] >= 0 else zero
                step[c] = value
                descent += value * slope[c]
                square += value * value
            sums[n, row, 0] = descent
            sums[n, row, 1] = square


@compile_loops
def _propose(
    length: Array,
    over: Array,
    low: Any,
    high: Any,
    points: Array,
    slopes: Array,
    at_bounds: Array,
    jacobians: Array,
    steps: Array,
    places: Array,
    proposals: Array,
    sums: Array,
    first: int,
    last: int,
) -> None:
    zero = slopes.dtype.type(0)
    for n in range(points.shape[0]):
        factor, beyond = length[n], over[n]
        for row in range(*rows_of(n, points.shape[1], first, last)):
            point, slope, at = points[n, row], slopes[n, row], at_bounds[n, row]
            held, step = jacobians[n, row], steps[n, row]
            place, proposal = places[n, row % places.shape[1]], proposals[n, row]
            on_slope = on_held = square = zero
            for c in range(len(point)):
                direction = step[c] if at[c] * slope[c] >= 0 else -beyond * place[c] * place[c] * slope[c]
                value = point[c] + factor * direction
                proposal[c] = value
                ahead = min(max(value, low), high) - point[c]
                on_slope += slope[c] * ahead
                on_held += held[c] * ahead
                square += ahead * ahead
            sums[n, row, 0] = on_slope
            sums[n, row, 1] = on_held
            sums[n, row, 2] = square


@compile_loops
def _on_ray(
    factor: Array,
    low: Any,
    high: Any,
    references: Array,
    proposals: Array,
    trials: Array,
    first: int,
    last: int,
) -> None:
    for n in range(references.shape[0]):
        scale = factor[n]
        for row in range(*rows_of(n, references.shape[1], first, last)):
            reference, proposal, trial = references[n, row], proposals[n, row], trials[n, row]
            for c in range(len(reference)):
                value = reference[c] + scale * (proposal[c] - reference[c])
                trial[c] = min(max(value, low), high)


@compile_loops
def _inside(
    low: Any,
    high: Any,
    points: Array,
    references: Array,
    gradients: Array,
    jacobians: Array,
    at_bounds: Array,
    sums: Array,
    first: int,
    last: int,
) -> None:
    zero, one = points.dtype.type(0), points.dtype.type(1)
    for n in range(points.shape[0]):
        for row in range(*rows_of(n, points.shape[1], first, last)):
            point, reference, at = points[n, row], references[n, row], at_bounds[n, row]
            gradient, held = gradients[n, row], jacobians[n, row]
            on_objective = on_held = zero
            for c in range(len(point)):
                side = (one if point[c] >= high else zero) - (one if point[c] <= low else zero)
                error = point[c] - reference[c] if side == 0 else zero
                at[c] = side
                on_objective += gradient[c] * error
                on_held += held[c] * error
            sums[n, row, 0] = on_objective
            sums[n, row, 1] = on_held


@compile_loops
def _compare(
    multipliers: Array,
    points: Array,
    trials: Array,
    gradients: Array,
    jacobians: Array,
    old_gradients: Array,
    old_jacobians: Array,
    old_slopes: Array,
    slopes: Array,
    steps: Array,
    changes: Array,
    sums: Array,
    first: int,
    last: int,
) -> None:
    zero = points.dtype.type(0)
    for n in range(points.shape[0]):
        multiplier = multipliers[n]
        for row in range(*rows_of(n, points.shape[1], first, last)):
            point, trial, before = points[n, row], trials[n, row], old_slopes[n, row]
            gradient, held = gradients[n, row], jacobians[n, row]
            old_gradient, old_held = old_gradients[n, row], old_jacobians[n, row]
            slope, step, change = slopes[n, row], steps[n, row], changes[n, row]
            predicted = on_held = curvature = moved = changed = zero
            for c in range(len(point)):
                s = trial[c] - point[c]
                new = gradient[c] - multiplier * held[c]
                y = new - (old_gradient[c] - multiplier * old_held[c])
                slope[c] = new
                step[c] = s
                change[c] = y
                predicted += before[c] * s
                on_held += old_held[c] * s
                curvature += s * y
                moved += s * s
                changed += y * y
            sums[n, row, 0] = predicted
            sums[n, row, 1] = on_held
            sums[n, row, 2] = curvature
            sums[n, row, 3] = moved
            sums[n, row, 4] = changed

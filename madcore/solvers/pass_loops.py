"""The loops of `fused_passes`: each reads what it needs once, row by row, and leaves what it sums row by row.

Images are (N, rows, W), the rows of all channels one below the other; places have as many rows as one channel; sums
are (N, rows, kinds).  A loop works on the rows from `first` to before `last`, counted through all images.
"""

from __future__ import annotations

from typing import Any

from madcore.bands import rows_of
from madcore.compiled import compile_loops
from madcore.solvers.image_rows import Array

__all__ = ["compare", "descend", "inside", "on_ray", "propose", "renew_momentum"]


@compile_loops
def renew_momentum(
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
    """Write  slope + kept momentum  on the free pixels, and that times the weights of places."""
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
def descend(
    slopes: Array, at_bounds: Array, filtered: Array, places: Array, steps: Array, sums: Array, first: int, last: int
) -> None:
    """Write the direction  -h filtered  on the free pixels; sum its products with the slope and itself."""
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
def propose(
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
    """Go along directions; sum the products of what that does inside the range with slope, held gradient and itself."""
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
def on_ray(
    factor: Array,
    low: Any,
    high: Any,
    references: Array,
    proposals: Array,
    trials: Array,
    first: int,
    last: int,
) -> None:
    """Scale the error of proposals, inside the range."""
    for n in range(references.shape[0]):
        scale = factor[n]
        for row in range(*rows_of(n, references.shape[1], first, last)):
            reference, proposal, trial = references[n, row], proposals[n, row], trials[n, row]
            for c in range(len(reference)):
                value = reference[c] + scale * (proposal[c] - reference[c])
                trial[c] = min(max(value, low), high)


@compile_loops
def inside(
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
    """Write which pixels are at bounds; sum the products of both gradients with the error of the others."""
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
def compare(
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
    """Write slopes, steps and changes of slope; sum what `Compared` holds, its norms squared."""
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

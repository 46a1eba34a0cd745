"""Equivalent noise, the unit that all metrics share: the standard deviation of white noise that a metric rates alike.

A metric's noise curve on a picture is its value for white noise of growing standard deviation.  Read backwards it
turns any value of the metric on that picture into a noise.  Where the curve does not determine it, because the value
lies beyond the curve, in a dead zone, or where the curve turns back, the answer is an interval and never a guess.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Noise", "NoiseCurve", "doublings", "equivalent_noise", "read_curve"]

UNKNOWN = (0.0, math.inf)


@dataclass(frozen=True)
class Noise:
    """A standard deviation of noise that is known to lie between two bounds, equal where it is known exactly.

    Parameters
    ----------
    low, high : float
        Bounds, in units of the pixel range; `low` may be 0 and `high` infinite.
    """

    low: float
    high: float

    @property
    def exact(self) -> bool:
        """Whether the bounds meet."""
        return self.low == self.high


@dataclass(frozen=True)
class NoiseCurve:
    """A metric's values for white noise on a picture.

    Parameters
    ----------
    metric, image : str
        Name as written, and hash of the picture's pixels.
    deviations : tuple of float
        Standard deviations of the noise, growing.
    values : tuple of float
        Mean of the metric's values over the seeds.
    spread : tuple of float
        Largest less smallest value over the seeds.
    """

    metric: str
    image: str
    deviations: tuple[float, ...]
    values: tuple[float, ...]
    spread: tuple[float, ...]

    @property
    def dead_zone(self) -> float:
        """The largest noise up to which the metric sees none at all; 0 if there is none."""
        dead = 0.0
        for deviation, value in zip(self.deviations, self.values, strict=True):
            if value > 0:
                break
            dead = deviation
        return dead

    @property
    def monotone(self) -> bool:
        """Whether more noise never gives a smaller value, differences between seeds aside."""
        steps = zip(self.values, self.values[1:], self.spread, self.spread[1:], strict=False)
        return all(second - first >= -max(*spreads, 0.0) for first, second, *spreads in steps)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What to know before this curve is used as a unit, a phrase each."""
        dead = (f"sees no noise below {self.dead_zone:.3g}",) if self.dead_zone else ()
        return dead if self.monotone else (*dead, "not monotone in noise")


def read_curve(record: Mapping[str, Any]) -> NoiseCurve:
    """Make a curve of a store's record, without noises at which a value is not finite."""
    points = []
    for deviation, values in zip(record["standard_deviations"], record["values"], strict=True):
        if values and all(value is not None and math.isfinite(value) for value in values):
            points.append((deviation, math.fsum(values) / len(values), max(values) - min(values)))
    deviations, means, spread = zip(*sorted(points), strict=True) if points else ((), (), ())
    return NoiseCurve(record["metric"], record["image"], deviations, means, spread)


def equivalent_noise(curve: NoiseCurve, value: float) -> Noise:
    """Return the noise that a metric rates as it rates an image.

    Between the points of the curve it is interpolated in the logarithms.  A value below the curve gives an interval
    from 0 to the smallest noise, a value above it one from the largest noise to infinity; where several noises have
    this value, the interval holds them all.

    Parameters
    ----------
    curve : NoiseCurve
        Of the same metric on the same picture.
    value : float
        Of the metric.
    """
    points = list(zip(curve.deviations, curve.values, strict=True))
    if not points or not math.isfinite(value):
        return Noise(*UNKNOWN)
    first = next((index for index, point in enumerate(points) if point[1] >= value), None)
    last = next((index for index in reversed(range(len(points))) if points[index][1] <= value), None)
    low = points[-1][0] if first is None else _crossing(points, first - 1, value) if first else 0.0
    high = points[0][0] if last is None else math.inf
    if last is not None and last + 1 < len(points):
        high = _crossing(points, last, value)
    if first == last and first is not None:  # a point of the curve
        low = high = points[first][0]
    # of one segment both crossings are one number, apart from rounding
    return Noise(high, high) if math.isclose(low, high, rel_tol=1e-12) else Noise(low, high)


def doublings(small: Noise, large: Noise) -> tuple[float, float]:
    """Return bounds on how often the first noise must be doubled to give the second: log2(large / small).

    Negative where `large` is the smaller one; infinite where nothing bounds it.
    """
    return _ratio(large.low, small.high), _ratio(large.high, small.low)


def _ratio(above: float, below: float) -> float:
    if above == 0 or math.isinf(below):
        return -math.inf
    return math.inf if below == 0 or math.isinf(above) else math.log2(above / below)


def _crossing(points: Sequence[tuple[float, float]], index: int, value: float) -> float:
    """Interpolate between a point and the next: in logarithms, or where the curve is 0 in the values themselves."""
    (left, under), (right, over) = points[index], points[index + 1]
    if value == under or under == over:
        return left
    share = (value - under) / (over - under)
    if min(under, over, value) > 0:
        share = math.log(value / under) / math.log(over / under)
    return math.exp(math.log(left) + share * (math.log(right) - math.log(left)))

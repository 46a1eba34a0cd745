"""Medians of values that may be known as intervals only, with bootstrap intervals over pictures.

Half of the values lie below a median, so that it needs no more than the order of those beyond it: a value of which
only a bound is known enters with its bounds, and the median is exact wherever they do not matter.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Estimate", "estimate", "write_doublings"]

RESAMPLES = 2000
CONFIDENCE = 0.95
SEED = 0


@dataclass(frozen=True)
class Estimate:
    """A median over pictures.

    Parameters
    ----------
    low, high : float
        Bounds of the median, equal where it is exact.
    interval_low, interval_high : float
        Bootstrap interval of 95 %; NaN for a single picture.
    n : int
        Number of pictures.
    censored : int
        Number of pictures of which only bounds are known.
    """

    low: float
    high: float
    interval_low: float
    interval_high: float
    n: int
    censored: int

    @property
    def value(self) -> float:
        """The median, or the bound of it that is known: the lower one before the upper one."""
        return self.low if math.isfinite(self.low) else self.high

    @property
    def at_least(self) -> bool:
        """Whether the value is only a lower bound."""
        return self.low < self.high and math.isfinite(self.low)

    @property
    def coverage(self) -> float:
        """How often an interval from the least to the greatest of n values holds their median; no interval can more."""
        return 1 - 2.0 ** (1 - self.n)


def estimate(values: Iterable[tuple[str, float, float]]) -> Estimate | None:
    """Estimate the median over pictures.

    Parameters
    ----------
    values : iterable of tuple
        Picture, lower and upper bound.  Several of one picture are not independent: it enters with their median, and
        is drawn as one.

    Returns
    -------
    Estimate or None
        None if there are no values.

    Source: percentile bootstrap, Efron & Tibshirani (1993), An Introduction to the Bootstrap.
    """
    pictures: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for picture, low, high in values:
        pictures[picture].append((low, high))
    if not pictures:
        return None
    bounds = np.array([np.median(np.array(pictures[picture]), axis=0) for picture in sorted(pictures)])
    low, high = np.median(bounds, axis=0)
    interval = _interval(bounds) if len(bounds) > 1 else (math.nan, math.nan)
    censored = int(np.sum(bounds[:, 0] < bounds[:, 1]))
    return Estimate(float(low), float(high), *interval, n=len(bounds), censored=censored)


def _interval(bounds: NDArray[np.float64]) -> tuple[float, float]:
    drawn = np.random.default_rng(SEED).integers(0, len(bounds), (RESAMPLES, len(bounds)))
    medians = np.median(bounds[drawn], axis=1)
    tail = (1 - CONFIDENCE) / 2
    low = np.quantile(medians[:, 0], tail, method="lower")
    return float(low), float(np.quantile(medians[:, 1], 1 - tail, method="higher"))


def write_doublings(found: Estimate) -> str:
    """Write an estimate: ``6.1 doublings (5.5 to 6.6, n = 7)``."""
    if math.isinf(found.low) and math.isinf(found.high):
        return f"unknown (n = {found.n})"
    bound = "at least " if found.at_least else "at most " if math.isinf(found.low) else ""
    number = f"{found.value:.1f}"
    unit = "doubling" if number == "1.0" else "doublings"
    return f"{bound}{number} {unit} ({_write_interval(found)})"


def _write_interval(found: Estimate) -> str:
    if found.n == 1:
        return "n = 1"
    low = "below the curve" if math.isinf(found.interval_low) else f"{found.interval_low:.1f}"
    high = "beyond the curve" if math.isinf(found.interval_high) else f"{found.interval_high:.1f}"
    return f"{low} to {high}, n = {found.n}"

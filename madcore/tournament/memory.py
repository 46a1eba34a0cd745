"""Batches as large as fit: measured beforehand, and where the memory does not suffice all the same, half is tried."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import torch

from madcore.errors import Expired, is_exhaustion
from madcore.room import Appetite
from madcore.tournament.gauges import Gauge

__all__ = ["Portions", "in_parts", "release_memory"]

Thing = TypeVar("Thing")
Made = TypeVar("Made")
USABLE = 0.5  # of what is free: L-BFGS, which short trials do not reach, was seen to take as much again


@dataclass
class Portions:
    """Finds out how many things of a kind fit into memory together, and remembers it.

    Parameters
    ----------
    gauge : Gauge, optional
        Of the device; None where nothing can be measured, and everything is taken to fit.
    """

    gauge: Gauge | None
    _appetites: dict[Hashable, Appetite] = field(default_factory=dict)
    _most: dict[Hashable, int] = field(default_factory=dict)  # where more did not fit

    def fit(self, kind: Hashable, count: int, attempt: Callable[[int], object]) -> int:
        """Return how many of `count` things fit together, at least 1.

        Parameters
        ----------
        kind : hashable
            The same for things that need equally much.
        count : int
            As many are there.
        attempt : callable
            Does with so many of them, in little time, what needs about as much memory as the whole.  Called where
            several of a new kind are there: for one, and for two if as many times one were too much.  Where it fails
            for another reason than memory nothing is known of the kind, and 1 is returned.
        """
        if self.gauge is not None and count > 1:
            free = USABLE * self.gauge.free()
            if kind not in self._appetites:
                measured = _appetite(self.gauge, count, attempt, free)
                if measured is None:
                    return 1
                self._appetites[kind] = measured
            count = max(1, self._appetites[kind].fit(count, free))
        return min(count, self._most.get(kind, count))

    def halve(self, kind: Hashable, count: int) -> int:
        """Return how many to try of a kind of which `count` did not fit; `fit` returns no more from now on."""
        self._most[kind] = (count + 1) // 2
        return self._most[kind]

    def describe(self) -> str:
        """Say how much memory this process may have, what it holds included."""
        if self.gauge is None:
            return "the memory that is there"
        return f"the {(self.gauge.held() + self.gauge.free()) / 1e9:.3g} GB that this process may have"


def _appetite(gauge: Gauge, count: int, attempt: Callable[[int], object], free: float) -> Appetite | None:
    """Measure; None where something else than memory was wrong, which is told where they are played."""
    try:
        return _measure(gauge, count, attempt, free)
    except (Exception, Expired) as error:
        exhausted = is_exhaustion(error)
    release_memory()  # not in the handler, where the error keeps tensors alive
    return Appetite(math.inf) if exhausted else None


def _measure(gauge: Gauge, count: int, attempt: Callable[[int], object], free: float) -> Appetite:
    before = gauge.held()
    whole = Appetite(gauge.highest(partial(attempt, 1)) - before)
    if whole.fit(count, free) == count:
        return whole
    before = gauge.held()
    one = gauge.highest(partial(attempt, 1)) - before  # again: the first time libraries may have been loaded
    if Appetite(one).fit(2, free) < 2:
        return Appetite(one)
    return Appetite.of(one, gauge.highest(partial(attempt, 2)) - before)


def in_parts(things: Sequence[Thing], size: int, make: Callable[[Sequence[Thing]], Made]) -> Iterator[Made]:
    """Make something of parts of a sequence, at first of `size` each, of half when the memory does not suffice."""
    while things:
        part = things[:size]
        try:
            made = make(part)
        except Exception as error:
            if len(part) == 1 or not is_exhaustion(error):
                raise
            made = None
        if made is None:  # outside the handler, which would keep the memory alive
            release_memory()
            size = (len(part) + 1) // 2
            continue
        yield made
        things = things[len(part) :]


def release_memory() -> None:
    """Give cached memory back to the GPU."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()

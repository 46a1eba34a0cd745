"""Whoever watches a tournament: events go to the observers that a user named, and none can harm it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from madcore.engine import Event, Failed, Finished, Lost, Started, describe

__all__ = ["Observers"]

EVERY = 1.0


class Observers:
    """Passes on what happens; an observer that raises is reported once and dropped.

    An observer is any object with some of these methods: ``match_started(event)``, ``match_finished(event)``,
    ``match_failed(event)`` with events of `madcore.engine`; ``progress(summary)``, at most once a second, and
    ``tournament_finished(summary)`` with mappings of what the tournament counts.

    Parameters
    ----------
    named : mapping
        Observers by the names that the user gave them.
    report : callable
        Called with a line for each observer that is dropped.
    clock : callable
        Tells the time in seconds.
    """

    def __init__(
        self,
        named: Mapping[str, object],
        report: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._named = dict(named)
        self._report = report
        self._clock = clock
        self._next = clock()

    def __len__(self) -> int:
        """Count those that have not been dropped."""
        return len(self._named)

    def event(self, event: Event) -> None:
        """Pass on an event of an engine; those of workers are nobody's business."""
        match event:
            case Started():
                self._call("match_started", event)
            case Finished():
                self._call("match_finished", event)
            case Failed() | Lost():
                self._call("match_failed", event)

    def progress(self, summary: Mapping[str, object]) -> None:
        """Pass on how far the tournament is, unless that was done less than a second ago."""
        if self._clock() >= self._next:
            self._next = self._clock() + EVERY
            self._call("progress", summary)

    def finish(self, summary: Mapping[str, object]) -> None:
        """Pass on that the tournament is over."""
        self._call("tournament_finished", summary)

    def _call(self, method: str, argument: object) -> None:
        for name, observer in list(self._named.items()):
            try:
                getattr(observer, method, _ignore)(argument)
            except Exception as error:
                del self._named[name]
                self._report(f"warning: observer {name} failed at {method} and is dropped: {describe(error)}")


def _ignore(argument: object) -> None:
    """Stand in for a method that an observer does not have."""

"""Who is told how a tournament goes: a caller's function and observers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

from madcore.engine import Event
from madcore.observers import Observers
from madcore.tournament.summary import Summary

__all__ = ["Audience", "Watch"]

Watch = Callable[[Event | None, Summary], None]


class Audience:
    """Passes events on.

    Parameters
    ----------
    watch : callable, optional
        Given every event and how the tournament stands; None in the place of an event at the start.
    observers : mapping
        By the names that the user gave them.
    """

    def __init__(self, watch: Watch | None, observers: Mapping[str, object]) -> None:
        self.watch = watch
        self.observers = Observers(observers, _warn)

    def __call__(self, event: Event | None, summary: Summary) -> None:
        """Tell everybody."""
        if self.watch is not None:
            self.watch(event, summary)
        if event is not None and len(self.observers):
            self.observers.event(event)
            self.observers.progress(summary.record())

    def finish(self, summary: Summary) -> None:
        """Tell the observers that it is over."""
        if len(self.observers):
            self.observers.finish(summary.record())


def _warn(line: str) -> None:
    warnings.warn(line.removeprefix("warning: "), stacklevel=2)

"""The driver of a tournament: takes what engines report, writes it to the store and counts."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from madcore.engine import Event, Failed, Finished, Lost
from madcore.store import Store
from madcore.tournament.matches import Match
from madcore.tournament.outcomes import Done, commit, failure_record
from madcore.tournament.summary import Summary

__all__ = ["Driver"]

RECENT = 50  # finished matches that the rate is computed of


class Driver:
    """Takes the events of an engine.

    Parameters
    ----------
    store : Store
        Where results go.
    find : callable
        Returns the match of an id.
    summary : Summary
        Kept up to date.
    tell : callable
        Given every event after it was dealt with, and the summary.
    durability : str
        Of the store's writes.
    """

    def __init__(
        self,
        store: Store,
        find: Callable[[str], Match],
        summary: Summary,
        tell: Callable[[Event, Summary], None],
        durability: Literal["full", "fast"] = "full",
    ) -> None:
        self.store = store
        self.find = find
        self.summary = summary
        self.tell = tell
        self.durability: Literal["full", "fast"] = durability
        self.begun = time.monotonic()
        self.times: list[float] = [self.begun]

    def __call__(self, event: Event) -> None:
        """Write what came of a match, and tell."""
        if isinstance(event, Finished):
            if isinstance(event.payload, Done):
                commit(self.store, event.payload, durability=self.durability)
            else:  # its worker has written it
                event = replace(event, payload=_read(self.store, event.id))
            self.summary.finished += 1
            self.summary.by_worker[event.worker] = self.summary.by_worker.get(event.worker, 0) + 1
        elif isinstance(event, Failed | Lost):
            self.store.fail(failure_record(event, self.find(event.id).request))
            self.summary.failed += 1
        self._count(isinstance(event, Finished | Failed | Lost))
        self.tell(event, self.summary)

    def _count(self, ended: bool) -> None:
        now = time.monotonic()
        self.summary.seconds = now - self.begun
        if ended:
            self.times = [*self.times[-RECENT:], now]
            span = self.times[-1] - self.times[0]
            self.summary.per_minute = 60 * (len(self.times) - 1) / span if span else None


def _read(store: Store, match: str) -> Done:
    record = store.record(match)
    pictures = {name: store.read(match, name) for name in record["files"] if name.endswith(".png")}
    return Done(record, pictures, store.scores(match) or {})

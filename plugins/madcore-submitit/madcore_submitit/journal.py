"""The events of a job in a file, a line each: written where the matches are played, read where the tournament is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from madcore.engine import Event, Failed, Finished, Lost, Started, WorkerEvent

__all__ = ["Journal", "Reader"]

KINDS: dict[str, type[Event]] = {kind.__name__: kind for kind in (Started, Finished, Failed, Lost, WorkerEvent)}


@dataclass(frozen=True)
class Journal:
    """A file of events."""

    path: Path

    def write(self, event: Event) -> None:
        """Append an event; the file is closed each time, so that other nodes see it."""
        with self.path.open("a") as file:
            file.write(json.dumps({"event": type(event).__name__, **asdict(event)}) + "\n")

    def read(self, start: int = 0) -> tuple[list[Event], int]:
        """Read the events from a position on, and return them and the position after the last whole line."""
        if not self.path.exists():
            return [], start
        with self.path.open("rb") as file:
            file.seek(start)
            whole = file.read().rpartition(b"\n")[0]
        events = [_event(json.loads(line)) for line in whole.splitlines()]
        return events, start + len(whole) + bool(whole)

    def ended(self) -> set[str]:
        """Return the matches that need not be played again."""
        return {event.id for event in self.read()[0] if isinstance(event, Finished | Failed | Lost)}


class Reader:
    """Reads what is new in a journal."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.position = 0

    def news(self) -> Iterator[Event]:
        """Yield the events since the last time."""
        events, self.position = self.journal.read(self.position)
        yield from events


def _event(record: dict[str, object]) -> Event:
    kind = KINDS[str(record.pop("event"))]
    if kind is Started:
        record["ids"] = tuple(record["ids"])  # type: ignore[arg-type]
    return kind(**record)  # type: ignore[arg-type]

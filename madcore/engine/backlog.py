"""What waits to be played, and retries: all engines treat a lost worker alike."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import replace
from itertools import islice

from madcore.engine.messages import Batch, Lost, Reason

__all__ = ["Backlog"]

ATTEMPTS = 2
WINDOW = 64


class Backlog:
    """Batches that wait to be played, and the rule for those of a lost worker: for engines with workers.

    Matches that a lost worker had not reported are played once more, each alone, so that one that kills its worker
    takes no other with it; one whose second worker is lost too is given up.

    Parameters
    ----------
    batches : iterable of Batch
        All that is to be played; read a few at a time.
    """

    def __init__(self, batches: Iterable[Batch]) -> None:
        self._fresh = iter(batches)
        self._waiting: deque[Batch] = deque()
        self._attempts: dict[str, int] = {}

    def take(self, pair: str = "") -> Batch | None:
        """Return the next batch, rather one of this pair; None if there is none at the moment."""
        self._read_ahead()
        batch = next((each for each in self._waiting if each.pair == pair), None)
        if batch is None:
            return self._waiting.popleft() if self._waiting else None
        self._waiting.remove(batch)
        return batch

    def __len__(self) -> int:
        """Count the batches that wait, as far as they have been read."""
        self._read_ahead()
        return len(self._waiting)

    def put_back(self, batch: Batch) -> None:
        """Take back a batch that was never begun."""
        self._waiting.appendleft(batch)

    def lose(
        self, batch: Batch, missing: Collection[str], reason: Reason, message: str = "", worker: str = ""
    ) -> list[Lost]:
        """Queue the matches of a lost worker again that it had not reported, and return those that are given up.

        A match that was alone when it outlasted its limit is given up at once: it would only do so again.
        """
        given_up = []
        for item in batch.items:
            if item.id not in missing:
                continue
            attempts = self._attempts[item.id] = self._attempts.get(item.id, 0) + 1
            alone = len(batch.items) == 1
            if attempts >= ATTEMPTS or (alone and reason == "timeout"):
                given_up.append(Lost(item.id, reason, attempts, message, worker))
            else:
                self._waiting.appendleft(replace(batch, id=item.id, items=(item,)))
        return given_up

    def _read_ahead(self) -> None:
        self._waiting.extend(islice(self._fresh, max(0, WINDOW - len(self._waiting))))

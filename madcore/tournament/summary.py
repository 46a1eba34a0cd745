"""How a tournament stands, in numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Summary"]


@dataclass
class Summary:
    """How a tournament stands.

    Parameters
    ----------
    matches : int
        Matches of the plan, or of this shard of it.
    before : int
        Those that were finished before.
    given_up : int
        Those that failed before and are not played again.
    finished, failed : int
        Since then.
    seconds : float
        Since the start.
    interrupted : bool
        Whether it was stopped before it was over.
    time_is_up : bool
        Whether that was because of `max_hours`.
    per_minute : float, optional
        How many end in a minute, of late; None before two have.
    by_worker : dict
        How many each worker finished.
    """

    matches: int
    before: int = 0
    given_up: int = 0
    finished: int = 0
    failed: int = 0
    seconds: float = 0.0
    interrupted: bool = False
    time_is_up: bool = False
    per_minute: float | None = None
    by_worker: dict[str, int] = field(default_factory=dict)

    @property
    def played(self) -> int:
        """Matches that ended since then."""
        return self.finished + self.failed

    @property
    def left(self) -> int:
        """Matches that are neither finished nor failed."""
        return self.matches - self.before - self.given_up - self.played

    @property
    def seconds_left(self) -> float | None:
        """How long the rest will take at the present rate; None while there is none."""
        return None if not self.per_minute else 60 * self.left / self.per_minute

    def record(self) -> dict[str, Any]:
        """Return all of it as values that JSON can hold."""
        return {**vars(self), "by_worker": dict(self.by_worker), "left": self.left, "seconds_left": self.seconds_left}

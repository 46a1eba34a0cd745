"""The messages between engines and players: batches one way, outcomes and events the other; all can be pickled."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from madcore.errors import is_exhaustion

__all__ = [
    "Batch",
    "Event",
    "Failed",
    "Finished",
    "Item",
    "Lost",
    "Outcome",
    "Reason",
    "Started",
    "WorkerEvent",
]

Reason = Literal["error", "non-finite", "out of memory", "timeout", "worker died"]


class Item(Protocol):
    """A match to be played: anything that can be pickled and has an id."""

    @property
    def id(self) -> str:
        """The match's id."""


@dataclass(frozen=True)
class Batch:
    """Matches that one worker plays together.

    Parameters
    ----------
    id : str
        Name of the batch, for logs.
    items : tuple
        The matches; each can be pickled and has an attribute ``id``.
    pair : str
        What the batch needs loaded: a worker that has played a batch of one pair is given more of it where there are.
    limit : float, optional
        Seconds that one match may take.  A worker that reports nothing for `limit` times the number of matches that it
        still has to report is killed by engines that can.
    """

    id: str
    items: tuple[Item, ...]
    pair: str = ""
    limit: float | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the matches."""
        return tuple(item.id for item in self.items)


@dataclass(frozen=True)
class Started:
    """A worker begins to play these matches."""

    ids: tuple[str, ...]
    worker: str = ""


@dataclass(frozen=True)
class Finished:
    """A match is finished.

    Parameters
    ----------
    id : str
        The match.
    payload : object
        What came of it; can be pickled.  None from a player that has written it to the store itself.
    worker : str
        Who played it; filled in by the engine.
    """

    id: str
    payload: Any = field(default=None, repr=False)
    worker: str = ""


@dataclass(frozen=True)
class Failed:
    """A match raised or came to nothing; it is not played again.

    Parameters
    ----------
    id : str
        The match.
    type, message, traceback : str
        The exception as text: its objects may not exist where they are read.
    reason : str
        ``"error"``, ``"non-finite"`` or ``"out of memory"``.
    worker : str
        Who played it; filled in by the engine.
    """

    id: str
    type: str
    message: str
    traceback: str = field(default="", repr=False)
    reason: Reason = "error"
    worker: str = ""

    @classmethod
    def by(cls, id: str, error: BaseException, reason: Reason | None = None) -> Failed:
        """Say in text which exception a match failed by."""
        text = "".join(traceback.format_exception(error))
        found: Reason = "out of memory" if is_exhaustion(error) else "error"
        return cls(id, type(error).__name__, " ".join(str(error).split()), text, reason or found)


@dataclass(frozen=True)
class Lost:
    """A match was given up, because workers that played it died or outlasted its limit.

    Parameters
    ----------
    id : str
        The match.
    reason : str
        ``"worker died"`` or ``"timeout"``.
    attempts : int
        How often it was played.
    message : str
        What is known of the last death, in one line.
    worker : str
        Who played it last.
    """

    id: str
    reason: Reason
    attempts: int
    message: str = ""
    worker: str = ""


@dataclass(frozen=True)
class WorkerEvent:
    """Something happened to a worker.

    Parameters
    ----------
    worker : str
        Its name.
    device : str
        Where it computes, e.g. ``cuda:0``.
    state : str
        ``"ready"`` when it has its player, ``"failed"`` if it could get none, ``"died"`` or ``"ended"``.
    message : str
        Why, in one line.
    """

    worker: str
    device: str
    state: Literal["ready", "failed", "died", "ended"]
    message: str = ""


Outcome = Finished | Failed
Event = Started | Finished | Failed | Lost | WorkerEvent

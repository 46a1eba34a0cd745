"""What engines and players say to each other: the protocol for whoever plays matches somewhere else.

A *player* plays matches: it loads metrics, synthesises and yields one outcome for each match as it ends.  An *engine*
decides where players live (this process, one process for each GPU, a cluster), hands them batches and passes on what
happens as events.  Engines know nothing of metrics, pictures or stores: what a match is and what came of it are opaque
to them.  Retries belong here too, so that all engines treat a lost worker alike: see `Backlog`.
"""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle, islice
from typing import Any, Literal, Protocol

from madcore.errors import InputError

__all__ = [
    "Backlog",
    "Batch",
    "Callback",
    "Engine",
    "Event",
    "Failed",
    "Finished",
    "Item",
    "Lost",
    "MakePlayer",
    "Outcome",
    "Player",
    "Reason",
    "Started",
    "WorkerEvent",
    "cores",
    "describe",
    "limit_threads",
    "outcomes",
    "spread",
]

Reason = Literal["error", "non-finite", "out of memory", "timeout", "worker died"]
ATTEMPTS = 2
WINDOW = 64


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
        exhausted = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
        text = "".join(traceback.format_exception(error))
        found: Reason = "out of memory" if exhausted else "error"
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


class Player(Protocol):
    """Plays batches; keeps what it has loaded from one to the next."""

    def __call__(self, batch: Batch, stop: threading.Event) -> Iterator[Outcome]:
        """Yield one outcome for each match as it ends.

        A match that raises is to yield `Failed` and to leave the others alone.  When `stop` is set the player returns
        within a few seconds; matches without an outcome are then played another time.
        """


class MakePlayer(Protocol):
    """Makes a worker's player; can be pickled, and is called once in each worker."""

    def __call__(self, device: str, writer: str = "") -> Player:
        """Make the player of a worker.

        Parameters
        ----------
        device : str
            Where it computes: ``cpu``, ``cuda``, ``cuda:INDEX`` or ``auto``.
        writer : str
            Empty if the driver writes the results, which the player then yields as payloads; else the name under which
            the player itself writes each to the store, yielding `Finished` without payload.
        """


class Engine(Protocol):
    """Decides where matches are played; made by the `build` of an `madcore.EngineSpec`."""

    writes: Literal["driver", "worker"]
    """Who writes results to the store; with ``"worker"``, players are made with the name of a writer."""

    def run(self, batches: Iterable[Batch], make_player: MakePlayer, on_event: Callback, stop: threading.Event) -> None:
        """Play batches until there are no more, or `stop` is set.

        Each match ends in exactly one `Finished`, `Failed` or `Lost`, except those that `stop` leaves unplayed, in any
        order.  When `stop` is set, outcomes that players still yield within a few seconds are passed on and the others
        dropped.  If anything raises here, workers are killed and it escapes: a second interrupt ends all at once.

        Parameters
        ----------
        batches : iterable of Batch
            Read as workers become free: few batches ahead.
        make_player : MakePlayer
            Called once in each worker.
        on_event : callable
            Called with each event, by the thread that called `run`.
        stop : threading.Event
            Set by whoever wants the tournament to end in good order.

        Raises
        ------
        MadcoreError
            If no worker can be started.
        """


class Callback(Protocol):
    """Takes the events of a tournament."""

    def __call__(self, event: Event, /) -> None:
        """Take note of an event."""


def outcomes(play: Player, batch: Batch, stop: threading.Event, worker: str = "") -> Iterator[Outcome]:
    """Play a batch whatever the player does: for engines.

    What the player raises becomes `Failed` for each match that has no outcome yet; so does a match that it forgets,
    unless `stop` is set.
    """
    missing = dict.fromkeys(batch.ids)
    try:
        for outcome in play(batch, stop):
            missing.pop(outcome.id, None)
            yield replace(outcome, worker=worker)
        if missing and not stop.is_set():
            raise RuntimeError("the player ended without an outcome for this match")
    except Exception as error:
        yield from (replace(Failed.by(id, error), worker=worker) for id in missing)


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


def describe(error: BaseException) -> str:
    """Write an exception in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def limit_threads(count: int) -> None:
    """Let computations of this process use that many threads, whether torch is imported already or will be.

    To be called in a worker before its player is made.
    """
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(count)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(count)


def spread(devices: Sequence[str], workers: int | None) -> tuple[str, ...]:
    """Return the device of each worker.

    Parameters
    ----------
    devices : sequence of str
        Devices, used in turn.
    workers : int, optional
        Number of workers; by default one for each device, on the CPU one for each core that this process may use.

    Raises
    ------
    InputError
        If there is no device or no worker.
    """
    if not devices:
        raise InputError("an engine needs a device; allowed are cpu, cuda and cuda:INDEX")
    if workers is None:
        workers = cores() if set(devices) <= {"cpu", "auto"} else len(devices)
    if workers < 1:
        raise InputError(f"the number of workers must be 1 or more; got {workers}")
    return tuple(islice(cycle(devices), workers))


def cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

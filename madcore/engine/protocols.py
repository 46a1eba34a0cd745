"""What engines, players and those who listen must have."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import Literal, Protocol

from madcore.engine.messages import Batch, Event, Outcome

__all__ = ["Callback", "Engine", "MakePlayer", "Player"]


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

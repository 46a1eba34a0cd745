"""A process of Ray that keeps one player, and with it its metrics, loaded."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterator
from typing import Any

import ray

from madcore.engine import Batch, Event, Failed, MakePlayer, Outcome, Player, Started, describe, limit_threads, outcomes

__all__ = ["Actor", "start_actor"]


class Actor:
    """A player in a process of its own; `halt` is heard while it plays."""

    def __init__(self, name: str, device: str, threads: int) -> None:
        self.name = name
        self.device = device
        self.threads = threads
        self.stop = threading.Event()
        self.player: Player | None = None

    def prepare(self, make_player: bytes) -> str:
        """Make the player; return what is wrong if that fails."""
        try:
            limit_threads(self.threads)
            make: MakePlayer = pickle.loads(make_player)
            self.player = make(self.device)
        except Exception as error:
            return describe(error)
        return ""

    def play(self, batch: Batch) -> Iterator[bytes]:
        """Yield the pickled events of a batch as they come."""
        yield pickle.dumps(Started(batch.ids, self.name))
        assert self.player is not None
        for outcome in outcomes(self.player, batch, self.stop, self.name):
            yield _pickled(outcome)

    def halt(self) -> None:
        """Ask the player to stop."""
        self.stop.set()


def start_actor(name: str, device: str, threads: int, gpus: float) -> Any:
    """Start an actor where there is room for it.

    Neither it nor its calls are repeated by Ray: what is to be done after a death is the engine's business, which knows
    what was reported.
    """
    remote = ray.remote(
        num_cpus=threads, num_gpus=gpus, max_restarts=0, max_task_retries=0, concurrency_groups={"control": 1}
    )(Actor)
    return remote.remote(name, device, threads)


def _pickled(outcome: Outcome) -> bytes:
    event: Event = outcome
    try:
        return pickle.dumps(event)
    except Exception as error:  # what cannot be pickled is the match's failure
        return pickle.dumps(Failed.by(outcome.id, error))

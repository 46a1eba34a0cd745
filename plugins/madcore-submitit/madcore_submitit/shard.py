"""One job: it plays its share of a tournament as engine ``procs`` does, and writes the store itself."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from submitit.helpers import DelayedSubmission

from madcore import MadcoreError, create_engine
from madcore.engine import Batch, MakePlayer, Player
from madcore_submitit.journal import Journal

__all__ = ["STOP", "Shard", "remaining"]

STOP = "stop"
TICK = 0.5


@dataclass(frozen=True)
class Writing:
    """Makes players that write the store themselves; can be pickled."""

    make_player: MakePlayer
    writer: str

    def __call__(self, device: str, writer: str = "") -> Player:
        """Make a player; see `madcore.engine.MakePlayer`."""
        return self.make_player(device, self.writer)


@dataclass(frozen=True)
class Shard:
    """What a job does; sent to it pickled, and sent again when its time is over before it is done.

    Parameters
    ----------
    name : str
        Its name, under which it writes the store.
    batches : tuple of Batch
        Its share.
    make_player : MakePlayer
        Makes the players.
    folder : str
        Where its journal is, and the file that asks all jobs to stop.
    options : mapping
        Options of engine ``procs``.
    """

    name: str
    batches: tuple[Batch, ...]
    make_player: MakePlayer
    folder: str
    options: dict[str, Any]

    @property
    def journal(self) -> Journal:
        """Where it writes what happens."""
        return Journal(Path(self.folder, f"{self.name}.jsonl"))

    def __call__(self) -> str:
        """Play what is not played yet; return what is wrong if that cannot be done."""
        stop, over = threading.Event(), threading.Event()
        watch = threading.Thread(target=self._watch, args=(stop, over), daemon=True)
        watch.start()
        try:
            batches = remaining(self.batches, self.journal.ended())
            engine = create_engine("procs", **self.options)
            engine.run(batches, Writing(self.make_player, self.name), self.journal.write, stop)
        except MadcoreError as error:
            return str(error)
        finally:
            over.set()
            watch.join()
        return ""

    def checkpoint(self) -> DelayedSubmission:
        """Say how to go on in another job, when Slurm ends this one: with the same shard."""
        return DelayedSubmission(self)

    def _watch(self, stop: threading.Event, over: threading.Event) -> None:
        """Look for the file that asks to stop."""
        while not over.wait(TICK):
            if Path(self.folder, STOP).exists():
                stop.set()


def remaining(batches: tuple[Batch, ...], ended: set[str]) -> tuple[Batch, ...]:
    """Return the batches without the matches that have ended."""
    shortened = (replace(batch, items=tuple(item for item in batch.items if item.id not in ended)) for batch in batches)
    return tuple(batch for batch in shortened if batch.items)

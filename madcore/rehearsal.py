"""Matches that do what a test wants, and the player that plays them: engines are rehearsed without metrics or torch.

Each match that is begun leaves a line in a log, so that a test can tell what was played, how often and by whom.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from madcore.engine import Batch, Failed, Finished, Outcome

__all__ = ["Act", "MakeRehearsal", "Rehearsal"]


@dataclass(frozen=True)
class Act:
    """A match that does one thing.

    Parameters
    ----------
    id : str
        The match.
    does : str
        ``finish``; ``fail``, which the player reports; ``raise``, which it does not; ``forget`` to yield nothing;
        ``die`` to kill the process after `seconds`, ``die once`` to do so the first time; ``wait`` for `stop`, at most
        for `seconds`; ``sleep`` through everything for `seconds`; ``lock`` to yield what cannot be pickled.
    seconds : float
        How long.
    """

    id: str
    does: str = "finish"
    seconds: float = 0.0

    @property
    def result(self) -> bytes:
        """What comes of it: decided by the match alone."""
        return f"result of {self.id}".encode()


@dataclass(frozen=True)
class MakeRehearsal:
    """Makes players of acts; can be pickled.

    Parameters
    ----------
    folder : str
        Where the log is, and where players that write themselves leave their results.
    error : str
        If any, no player can be made, for this reason.
    """

    folder: str
    error: str = ""

    def __call__(self, device: str, writer: str = "") -> Rehearsal:
        """Make a player; see `madcore.engine.MakePlayer`."""
        if self.error:
            raise RuntimeError(self.error)
        return Rehearsal(Path(self.folder), writer)

    def played(self) -> list[tuple[str, int]]:
        """Return each match that was begun and the process that played it, in order."""
        log = Path(self.folder, "log")
        lines = log.read_text().splitlines() if log.exists() else []
        return [(name, int(process)) for name, process in (line.split() for line in lines)]


class Rehearsal:
    """Plays acts one after the other."""

    def __init__(self, folder: Path, writer: str) -> None:
        self.folder = folder
        self.writer = writer

    def __call__(self, batch: Batch, stop: threading.Event) -> Iterator[Outcome]:
        """Play a batch; see `madcore.engine.Player`."""
        for act in batch.items:
            if stop.is_set():
                return
            if isinstance(act, Act):
                yield from self._play(act, stop)

    def _play(self, act: Act, stop: threading.Event) -> Iterator[Outcome]:
        first = self._log(act)
        if act.does == "die" or (act.does == "die once" and first):
            time.sleep(act.seconds)
            os.kill(os.getpid(), signal.SIGKILL)
        if act.does == "sleep":
            time.sleep(act.seconds)
        if (act.does == "wait" and stop.wait(act.seconds)) or act.does == "forget":
            return
        if act.does == "raise":
            raise ArithmeticError(f"{act.id} raises")
        if act.does == "fail":
            yield Failed.by(act.id, ValueError(f"{act.id} fails"), "non-finite")
        elif act.does == "lock":
            yield Finished(act.id, threading.Lock())
        elif self.writer:
            (self.folder / f"{act.id}.{self.writer}").write_bytes(act.result)
            yield Finished(act.id)
        else:
            yield Finished(act.id, act.result)

    def _log(self, act: Act) -> bool:
        """Write that an act is begun; tell whether it is for the first time."""
        with (self.folder / "log").open("a+") as log:
            log.seek(0)
            first = not any(line.split()[0] == act.id for line in log)
            log.write(f"{act.id} {os.getpid()}\n")
        return first

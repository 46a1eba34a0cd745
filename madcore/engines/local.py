"""The engine that plays in this process: nothing to start, nothing to send, easy to debug."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Literal

from madcore.engine import Batch, Callback, MakePlayer, Started, WorkerEvent, describe, limit_threads, outcomes
from madcore.errors import InputError, PluginError

__all__ = ["Local"]

NAME = "local"


class Local:
    """Plays one batch after the other on one device.

    It cannot end a match from outside: limits of time do not hold, and a match that kills the process ends all.

    Parameters
    ----------
    device : tuple of str
        The device, one.
    threads : int, optional
        Threads that one computation may use; by default as many as it likes.

    Raises
    ------
    InputError
        If there is not exactly one device, or no thread.
    """

    writes: Literal["driver", "worker"] = "driver"

    def __init__(self, device: tuple[str, ...] = ("auto",), threads: int | None = None) -> None:
        if len(device) != 1:
            raise InputError(f"engine local plays on one device; got {', '.join(device) or 'none'}; use engine procs")
        if threads is not None and threads < 1:
            raise InputError(f"threads of engine local must be 1 or more; got {threads}")
        self.device = device[0]
        self.threads = threads

    def run(self, batches: Iterable[Batch], make_player: MakePlayer, on_event: Callback, stop: threading.Event) -> None:
        """Play all; see `madcore.engine.Engine`."""
        if self.threads:
            limit_threads(self.threads)
        try:
            play = make_player(self.device)
        except Exception as error:
            raise PluginError(f"the player of engine {NAME} cannot be made: {describe(error)}") from error
        on_event(WorkerEvent(NAME, self.device, "ready"))
        for batch in batches:
            if stop.is_set():
                break
            on_event(Started(batch.ids, NAME))
            for outcome in outcomes(play, batch, stop, NAME):
                on_event(outcome)
        on_event(WorkerEvent(NAME, self.device, "ended"))

"""The engine that plays in processes of this machine: one for each GPU, or several on the CPU."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterable
from typing import Literal

from madcore.engine import Backlog, Batch, Callback, MakePlayer, cores, spread
from madcore.engines.crew import Crew
from madcore.errors import InputError

__all__ = ["Procs"]

TICK = 0.2  # seconds between looks at the clock and at `stop`
GRACE = 4.0  # seconds that workers have to end in good order


class Procs:
    """Plays in worker processes of this machine.

    A worker that is killed, by whomever, costs the others nothing: a new one takes its place, and what it had not
    reported is played again by `madcore.engine.Backlog`'s rule.

    Parameters
    ----------
    device : tuple of str
        Devices, given to the workers in turn.
    workers : int, optional
        Number of processes; by default one for each device, on the CPU one for each core.
    threads : int, optional
        Threads that one worker may use; by default its share of the cores.

    Raises
    ------
    InputError
        If there is no device, no worker or no thread.
    """

    writes: Literal["driver", "worker"] = "driver"

    def __init__(
        self, device: tuple[str, ...] = ("auto",), workers: int | None = None, threads: int | None = None
    ) -> None:
        if threads is not None and threads < 1:
            raise InputError(f"threads of engine procs must be 1 or more; got {threads}")
        self.devices = spread(device, workers)
        self.threads = threads or max(1, cores() // len(self.devices))

    def run(self, batches: Iterable[Batch], make_player: MakePlayer, on_event: Callback, stop: threading.Event) -> None:
        """Play all; see `madcore.engine.Engine`."""
        slots = [(f"procs-{number}", device) for number, device in enumerate(self.devices)]
        with Crew(Backlog(batches), pickle.dumps(make_player), self.threads, on_event, slots) as crew:
            while not stop.is_set() and crew.hand_out():
                crew.listen(TICK)
            crew.finish(GRACE)

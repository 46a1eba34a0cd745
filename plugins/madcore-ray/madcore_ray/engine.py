"""The engine: how many actors there are, of what kind, and when they start and stop."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterable
from typing import Literal

from madcore import InputError
from madcore.engine import Backlog, Batch, Callback, MakePlayer
from madcore_ray.cluster import connected
from madcore_ray.crew import Crew

__all__ = ["RayEngine"]

TICK = 0.2  # seconds between looks at the clock and at `stop`
GRACE = 4.0  # seconds that actors have to end in good order


class RayEngine:
    """Plays in actors of Ray.

    Parameters
    ----------
    workers : int, optional
        Number of actors; by default as many as the cluster has room for when the tournament starts.  A cluster that
        grows on demand grows for those that are given.
    threads : int
        Cores of each actor.
    gpus : float, optional
        GPUs of each actor, 0.5 for two actors on one; by default 1 where the cluster has any, else 0.
    address : str, optional
        Address of a running cluster, or ``auto``; by default one is started on this machine for as long as it is
        needed.

    Raises
    ------
    InputError
        If a number is too small.
    """

    writes: Literal["driver", "worker"] = "driver"

    def __init__(
        self,
        workers: int | None = None,
        threads: int = 1,
        gpus: float | None = None,
        address: str | None = None,
    ) -> None:
        for name, value, least in (("workers", workers, 1), ("threads", threads, 1), ("gpus", gpus, 0)):
            if value is not None and value < least:
                raise InputError(f"{name} of engine ray must be {least} or more; got {value}")
        self.workers = workers
        self.threads = threads
        self.gpus = gpus
        self.address = address

    def run(self, batches: Iterable[Batch], make_player: MakePlayer, on_event: Callback, stop: threading.Event) -> None:
        """Play all; see `madcore.engine.Engine`."""
        with connected(self.address, self.threads * (self.workers or 0)) as resources:
            gpus = self.gpus if self.gpus is not None else float(resources.get("GPU", 0) > 0)
            room = resources["GPU"] // gpus if gpus else resources["CPU"] // self.threads
            names = [f"ray-{number}" for number in range(self.workers or max(1, int(room)))]
            with Crew(Backlog(batches), pickle.dumps(make_player), on_event, self.threads, gpus, names) as crew:
                while not stop.is_set() and crew.hand_out():
                    crew.listen(TICK)
                crew.finish(GRACE)

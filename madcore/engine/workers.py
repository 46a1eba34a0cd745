"""What the workers of any engine share: how many there are and where, and playing a batch whatever the player does."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import cycle, islice

from madcore.engine.messages import Batch, Failed, Outcome
from madcore.engine.protocols import Player
from madcore.errors import InputError

__all__ = ["cores", "describe", "limit_threads", "outcomes", "spread"]


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

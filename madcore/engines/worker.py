"""A process that plays: reads batches from its driver, writes what happens, and ends when the driver does."""

from __future__ import annotations

import os
import pickle
import queue
import signal
import sys
import threading
from multiprocessing.connection import Connection
from typing import Any

from madcore.engine import Batch, Failed, Outcome, Player, Started, WorkerEvent, describe, limit_threads, outcomes

__all__ = ["command", "work"]

Inbox = queue.SimpleQueue[Batch | None]


def command(descriptor: int) -> list[str]:
    """Write the command that starts a worker; it finds modules where this process does, and never runs its script."""
    program = f"import sys; sys.path[:] = {sys.path!r}; from madcore.engines.worker import work; work({descriptor})"
    return [sys.executable, "-c", program]


def work(descriptor: int) -> None:
    """Play what comes through the pipe of this file descriptor until it is closed.

    What comes first is the worker's name, device and number of threads, and the pickled `madcore.engine.MakePlayer`;
    then batches, and None to stop.  What goes back are events, and None after each batch.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # the driver gets them too, and says when to stop
        signal.signal(number, signal.SIG_IGN)
    connection = Connection(descriptor)
    name, device, threads, pickled = connection.recv()
    inbox: Inbox = queue.SimpleQueue()
    stop = threading.Event()
    threading.Thread(target=_listen, args=(connection, inbox, stop), daemon=True).start()
    try:
        if threads:
            limit_threads(threads)
        play: Player = pickle.loads(pickled)(device)
    except BaseException as error:
        _send(connection, WorkerEvent(name, device, "failed", describe(error)))
        return
    _send(connection, WorkerEvent(name, device, "ready"))
    while (batch := inbox.get()) is not None and not stop.is_set():
        _send(connection, Started(batch.ids, name))
        for outcome in outcomes(play, batch, stop, name):
            _report(connection, outcome)
        _send(connection, None)


def _listen(connection: Connection, inbox: Inbox, stop: threading.Event) -> None:
    """Take batches while others are played; None says that no more will come."""
    try:
        while True:
            batch = connection.recv()
            if batch is None:
                stop.set()
            inbox.put(batch)
    except (EOFError, OSError):
        os._exit(0)  # the driver has gone; whatever is being computed is of no use


def _report(connection: Connection, outcome: Outcome) -> None:
    try:
        _send(connection, outcome)
    except Exception as error:  # what cannot be pickled is the match's failure
        _send(connection, Failed.by(outcome.id, error))


def _send(connection: Connection, message: Any) -> None:
    try:
        connection.send(message)
    except OSError:
        os._exit(0)

"""Limits to how long something may take: one step, also where it never comes back to ask, and the whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from madcore.errors import Expired

__all__ = ["deadline", "time_limit"]


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Raise `Expired` inside the context when it takes too long.

    Only in the main thread of a POSIX process, and only between two steps of Python code; elsewhere nothing happens:
    there the process must be ended from outside.

    Parameters
    ----------
    seconds : float, optional
        None for no limit.
    """
    if seconds is None or not hasattr(signal, "setitimer") or threading.current_thread() != threading.main_thread():
        yield
        return

    def expire(*_: Any) -> NoReturn:
        raise Expired(f"took longer than {seconds:g} s")

    previous = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


@contextmanager
def deadline(hours: float | None, stop: threading.Event) -> Iterator[threading.Event]:
    """Set `stop`, and the event that is returned, after so many hours."""
    time_is_up = threading.Event()
    if hours is None:
        yield time_is_up
        return

    def end() -> None:
        time_is_up.set()
        stop.set()

    timer = threading.Timer(3600 * hours, end)
    timer.daemon = True
    timer.start()
    try:
        yield time_is_up
    finally:
        timer.cancel()

"""Ctrl-C and SIGTERM: before the work they end at once; during it the first asks for an end in good order.

What the user is told at the end is the argument of the `KeyboardInterrupt` that ends a command.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import click

__all__ = ["RememberingCommand", "Stop", "command_to_resume", "interruptible", "preparing"]

ARGUMENTS = "madcore.arguments"


@dataclass
class Stop:
    """Whether the user has asked to stop."""

    flag: threading.Event = field(default_factory=threading.Event)

    @property
    def requested(self) -> bool:
        """Whether it was asked for."""
        return self.flag.is_set()


class RememberingCommand(click.Command):
    """A command that remembers the arguments it was called with."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the arguments, then parse them."""
        ctx.meta[ARGUMENTS] = list(args)
        return super().parse_args(ctx, args)


@contextmanager
def preparing() -> Iterator[None]:
    """Let a signal in here, where libraries and pictures are read, say that it has cost nothing."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt("interrupted before anything was computed") from error


@contextmanager
def interruptible(patience: float | None = None) -> Iterator[Stop]:
    """Turn the first signal into a request to stop, for as long as the context lasts.

    Parameters
    ----------
    patience : float, optional
        Seconds after which the request is taken for a second signal; by default never.
    """
    stop = Stop()
    timers: list[threading.Timer] = []
    asked = False

    def ask(*_: Any) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        stop.flag.set()
        if patience is not None:
            timers.append(threading.Timer(patience, os.kill, (os.getpid(), signal.SIGINT)))
            timers[0].daemon = True
            timers[0].start()
        # A handler may interrupt a write to sys.stderr, which then refuses another.
        os.write(
            sys.__stderr__.fileno() if sys.__stderr__ else 2, b"\nmadcore: stopping and saving; again to stop at once\n"
        )

    previous: dict[signal.Signals, Any] = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            previous[number] = signal.signal(number, ask)
    except ValueError:  # not in the main thread: whoever runs us there handles signals
        pass
    try:
        yield stop
    finally:
        for timer in timers:
            timer.cancel()
        for number, handler in previous.items():
            signal.signal(number, handler)


def command_to_resume(context: click.Context, blocked: Sequence[str], *, resume: bool) -> str:
    """Write the command that goes on with, or begins again, what the context's command was doing."""
    given = [argument for argument in context.meta[ARGUMENTS] if argument not in ("--overwrite", "--resume")]
    missing = [part for name in blocked if name not in given for part in ("--no-plugin", name)]
    return shlex.join(["madcore", str(context.info_name), *given, *missing, *(["--resume"] if resume else [])])

"""A connection to a cluster of Ray, or a cluster on this machine for as long as it is needed."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

import ray

from madcore import PluginError
from madcore.engine import cores

__all__ = ["connected"]


@contextmanager
def connected(address: str | None, cpus: int) -> Iterator[dict[str, float]]:
    """Connect, unless that is done already, and return what the cluster has: ``CPU``, perhaps ``GPU``.

    Parameters
    ----------
    address : str, optional
        The cluster's address; None for one of our own, which ends with the context.
    cpus : int
        Cores that one of our own has to offer at least.

    Raises
    ------
    PluginError
        If there is no cluster at that address.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    ours = not ray.is_initialized()
    if ours:
        # Ray takes SIGTERM for itself, which would end a tournament without asking its player to stop.
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        settings = {"num_cpus": max(cpus, cores()), "include_dashboard": False} if address is None else {}
        try:
            _check_reachable(address or "")
            ray.init(address or "local", logging_level=logging.ERROR, log_to_driver=False, **settings)
        except (OSError, ValueError) as error:
            told = " ".join(str(error).split())
            raise PluginError(
                f"there is no Ray cluster at {address}: {told}; start one, or leave out address"
            ) from error
        finally:
            _restore(handlers)
    try:
        with redirect_stdout(sys.stderr):  # where Ray would tell of deaths; the standard output is for data
            yield ray.cluster_resources()
    finally:
        if ours:
            ray.shutdown()


def _check_reachable(address: str) -> None:
    """Knock at HOST:PORT, where Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal() and "/" not in host:
        socket.create_connection((host, int(port)), timeout=10).close()


def _restore(handlers: dict[signal.Signals, object]) -> None:
    try:
        for number, handler in handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
    except ValueError:
        return  # not in the main thread, where Ray changes none

"""Loops that numba compiles where it is installed (the extra `fast`); everything works without it, more slowly.

A chain of passes over an image in eager torch goes through memory once for each pass.  Compiled, the same chain runs
row by row while the row is in the fastest cache.  Programs are compiled at their first use, which takes seconds, and
kept on disk, where numba tells stale ones by the module of what is called: after a change of `bands.rows_of`, which is
part of others', clear `__pycache__`.

What holds the loops off vectors, or costs as much as they do: a view of a row as an argument, which is counted at every
call, where the array and the number of the row are not; a view across columns, whose numbers may lie apart; writing to
two rows of one array; and a signed index that is not the loop's own.
"""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["ONE", "SWITCH", "TWO", "UNSIGNED", "at_hand", "compile_loops"]

SWITCH = "MADCORE_NO_NUMBA"
LOGGER = logging.getLogger("madcore")
# sums may be reordered and products fused, so that loops use whole vectors; infinities and NaN keep their meaning
ARITHMETIC = {"contract", "reassoc", "nsz", "arcp"}
# a multiple of a signed index could be negative, which would keep the loop from running on vectors
UNSIGNED, ONE, TWO = np.uint64, np.uint64(1), np.uint64(2)


def at_hand(images: Tensor) -> bool:
    """Tell whether compiled loops can work on these images: numba is there, not switched off, and they on the CPU."""
    return images.device.type == "cpu" and images.dtype in (torch.float32, torch.float64) and _usable()


def compile_loops(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function of numbers, arrays and tuples when it is first called."""
    import numba

    def compiled(keep: bool) -> Any:
        return numba.njit(fastmath=ARITHMETIC, nogil=True, error_model="numpy", cache=keep)(function)

    try:
        return compiled(True)
    except RuntimeError:  # no folder to keep programs in can be written
        return compiled(False)


@functools.cache
def _usable() -> bool:
    if os.environ.get(SWITCH):
        return False
    try:
        from numba.core import event
    except ImportError:  # also numba's own refusal of a numpy that it does not know
        return False
    event.register("numba:compile", _teller())  # type: ignore[no-untyped-call,unused-ignore]
    return True


def _teller() -> Any:
    """Return a listener to numba that says once why the first use of our loops takes long."""
    from numba.core.event import Event, Listener

    class Teller(Listener):
        said = False

        def on_start(self, event: Event) -> None:
            """Say it at the first loop that is not ready on disk."""
            module = event.data["dispatcher"].py_func.__module__  # of anybody's code; None where that was made of text
            if not self.said and str(module).startswith("madcore."):
                self.said = True
                LOGGER.info("compiling loops at their first use, which takes some seconds; they are kept for later")

        def on_end(self, event: Event) -> None:
            """Say nothing."""

    return Teller()

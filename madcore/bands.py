"""Bands of rows that several threads work on side by side: compiled loops let others run.

The threads are torch's own, those of OpenMP.  When torch has used them they wait for more by spinning, and others would
have to share the processor with them.  A row is one thread's, and what a loop sums it leaves row by row: results do not
depend on the number of threads.
"""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Callable, Iterator
from typing import Any

import torch

from madcore.compiled import compile_loops

__all__ = ["in_bands", "rows_of"]

FUNCTION = ctypes.CFUNCTYPE(None)
PROCESS = os.getpid()


def in_bands(loop: Callable[[int, int], object], rows: int, width: int, *, samples: int) -> None:
    """Call ``loop(first, last)`` for bands that together are all rows, by at most as many threads as torch may use.

    Parameters
    ----------
    loop : callable
        Works on the rows from `first` to before `last`.
    rows, width : int
        Number of rows, and of samples in each.
    samples : int
        The fewest that are worth a thread, which is woken within some 30 microseconds.
    """
    count = min(rows, rows * width // samples)
    count = min(count, torch.get_num_threads()) if count > 1 else 1
    # threads do not survive a fork, and the new process would wait for them
    if count == 1 or os.getpid() != PROCESS or (parallel := _openmp()) is None:
        loop(0, rows)
        return
    bands = iter([(rows * each // count, rows * (each + 1) // count) for each in range(count)])
    errors: list[BaseException] = []
    threads = [_thread(loop, bands, errors) for _ in range(count)]
    for thread in threads:
        next(thread)  # to where it waits
    # what a callback raises is lost, also what a signal raises before its first line: here all is C until a generator
    # goes on, within its `try`
    parallel(FUNCTION(map(next, threads).__next__), None, count, 0)
    if errors:
        raise errors[0]


def _thread(
    loop: Callable[[int, int], object], bands: Iterator[tuple[int, int]], errors: list[BaseException]
) -> Iterator[None]:
    """Wait to be gone on with by a thread, then take one band after the other."""
    try:
        yield
        for first, last in bands:
            loop(first, last)
    except GeneratorExit:  # there were fewer threads than bands
        return
    except BaseException as error:
        errors.append(error)
    yield


@functools.cache
def _openmp() -> Any:
    """Return OpenMP's function that runs another one in a team of threads; None if torch's library has none.

    That is ``GOMP_parallel(function, data, threads, flags)``, which compilers call for every parallel region.  The
    function is given the data, which ours, being C's, may leave alone.
    """
    try:
        return ctypes.CDLL(torch._C.__file__).GOMP_parallel
    except (OSError, AttributeError):
        return None


@compile_loops
def rows_of(n: int, rows: int, first: int, last: int) -> tuple[int, int]:
    """Return from where to where a band, counted through all images, goes in image `n` of so many rows."""
    return max(first - n * rows, 0), min(last - n * rows, rows)

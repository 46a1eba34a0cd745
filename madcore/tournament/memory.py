"""Batches as large as fit: what to do when the memory does not suffice is to try half."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch

__all__ = ["in_parts", "is_exhaustion", "release_memory"]

Thing = TypeVar("Thing")
Made = TypeVar("Made")
SAID_BY_THE_CPU = "can't allocate memory"


def is_exhaustion(error: BaseException | None) -> bool:
    """Tell whether an error, or one that it was raised from, is that the memory did not suffice."""
    while error is not None:
        if isinstance(error, MemoryError | torch.OutOfMemoryError) or SAID_BY_THE_CPU in str(error):
            return True
        error = error.__cause__
    return False


def in_parts(things: Sequence[Thing], size: int, make: Callable[[Sequence[Thing]], Made]) -> Iterator[Made]:
    """Make something of parts of a sequence, at first of `size` each, of half when the memory does not suffice."""
    while things:
        part = things[:size]
        try:
            made = make(part)
        except Exception as error:
            if len(part) == 1 or not is_exhaustion(error):
                raise
            made = None
        if made is None:  # outside the handler, which would keep the memory alive
            release_memory()
            size = (len(part) + 1) // 2
            continue
        yield made
        things = things[len(part) :]


def release_memory() -> None:
    """Give cached memory back to the GPU."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()

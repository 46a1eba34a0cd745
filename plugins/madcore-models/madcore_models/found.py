"""A network that was found, and the small things that all ways of finding one share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from threading import RLock

import torch
from torch import nn

__all__ = ["DEFAULT", "Found", "near", "seeded"]

DEFAULT = "DEFAULT"
_DRAWING = RLock()  # all threads draw from one generator; a class may make a network of its own


@dataclass(frozen=True)
class Found:
    """A network and what is known about its input.

    Parameters
    ----------
    network : torch.nn.Module
        As it was made or loaded.
    name : str
        What to call it in messages.
    mean, std : tuple of float
        What is subtracted from pixels in [0, 1] and what the rest is divided by, one for each channel or one for all.
    size : int, optional
        Side of the pictures that it was made for.
    files : tuple of Path
        Files whose content decides its values.
    has_layers : bool
        True if its layers can be watched.
    """

    network: nn.Module
    name: str
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    size: int | None = None
    files: tuple[Path, ...] = ()
    has_layers: bool = True


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw random parameters from this seed, one thread at a time, and leave the global generator as it was."""
    with _DRAWING:
        state = torch.get_rng_state()
        # Not torch.manual_seed, which would seed every CUDA device too.
        torch.default_generator.manual_seed(seed)
        try:
            yield
        finally:
            torch.set_rng_state(state)


def near(given: str, known: Iterable[str]) -> str:
    """Say which known name is nearest, if any is near."""
    found = get_close_matches(given, list(known), 1)
    return f" (did you mean {found[0]}?)" if found else ""

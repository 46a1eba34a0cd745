"""A tournament of three small matches, to see whether engines change what comes out."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from madcore.engine import Engine, Event, Finished
from madcore.store import Store

if TYPE_CHECKING:
    from madcore.tournament.summary import Summary

__all__ = ["play_tournament", "read_values"]


def play_tournament(store: Path, engine: Engine, *, stop_early: bool = False) -> Summary:
    """Play three smooth matches into a store, or stop after the first."""
    from madcore.plan import Picture, Plan
    from madcore.tournament import Tournament

    stop = threading.Event()

    def watch(event: Event | None, _: Summary) -> None:
        if stop_early and isinstance(event, Finished):
            stop.set()

    picture = Picture("dead_leaves", size="24")
    plan = Plan(("mse", "ssim"), (picture,), seeds=(0, 1, 2), max_iter=5, dtype="float64")
    options: dict[str, Any] = {"device": "cpu", "batch": 1, "durability": "fast"}
    return Tournament(plan).play(store, engine=engine, on_event=watch, stop=stop, **options)


def read_values(store: Path) -> dict[tuple[str, ...], float]:
    """Return all values of a store by match, image and metric."""
    found = Store(store)
    return {
        (match, image, letter): value
        for match in found.ids()
        for image, entry in found.record(match)["images"].items()
        for letter, value in entry["exact"].items()
    }

"""How many processor threads the launcher lets a computation take."""

from __future__ import annotations

from collections.abc import Iterable

from madcore.options import parse_name

__all__ = ["usual_threads"]

SAMPLES = 1 << 18  # of a picture that are worth a thread


def usual_threads(metrics: Iterable[str], samples: int = 0) -> int | None:
    """Return how many threads these metrics are worth on a picture; None, as many as torch likes, if any is a plugin's.

    A tournament gives no picture: its matches use several cores better in several processes.
    """
    core = all(parse_name(metric)[0].isidentifier() for metric in metrics)
    return max(1, samples // SAMPLES) if core else None

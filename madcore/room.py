"""How many images are worth computing together: their steps share what a call costs, but also the processor's cache."""

from __future__ import annotations

__all__ = ["room_for"]

CPU_SAMPLES = 2**17  # beyond it, single images use the processor's caches better than many do
LARGEST = 64  # enough to fill a GPU with small pictures, few enough to lose when a run is interrupted


def room_for(samples: int, on_gpu: bool) -> int:
    """Return how many images of so many samples to compute together, at least 1."""
    return LARGEST if on_gpu else max(1, min(LARGEST, CPU_SAMPLES // samples))

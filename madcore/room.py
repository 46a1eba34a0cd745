"""How many images are worth computing together, and how many fit into memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

__all__ = ["Appetite", "room_for"]

# Beyond it large pictures lose the processor's cache and others gain little: two to four times as many together took
# 0 % (ssim, nlpd) to 20 % (piq.haarpsi) less time for a synthesis, 8 % with LPIPS on AlexNet.  Timing batches before
# would not find that: where other programs run, two timings of the same differ by as much.
CPU_SAMPLES = 2**17
LARGEST = 64  # enough to fill a GPU with small pictures, few enough to lose when a run is interrupted


def room_for(samples: int, on_gpu: bool) -> int:
    """Return how many images of so many samples to compute together, at least 1, if they fit into memory."""
    return LARGEST if on_gpu else max(1, min(LARGEST, CPU_SAMPLES // samples))


@dataclass(frozen=True)
class Appetite:
    """The memory that a batch holds at once, in bytes.

    Parameters
    ----------
    each : float
        For every image of it.
    shared : float
        However many they are.
    """

    each: float
    shared: float = 0.0

    @classmethod
    def of(cls, one: float, two: float) -> Self:
        """Tell it from what one image and what two together hold."""
        each = max(0.0, two - one)
        return cls(each, max(0.0, one - each))

    def fit(self, count: int, free: float) -> int:
        """Return how many of `count` images fit into so many bytes, which may be none."""
        left = free - self.shared
        if count * self.each <= left:
            return count
        return max(0, int(left // self.each)) if self.each else 0

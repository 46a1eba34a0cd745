"""What a tournament will write: matches, bytes and files, before it is played."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Output", "estimate_output"]

PICTURES = 5  # four MAD images and the start image
RECORD = 4_000  # bytes of match.json, about as many of the scores of three judges
# Noise compresses badly: of quartets at noise 0.1 a PNG of 8 bits had 0.4 to 0.97 bytes for each sample.
PNG_BYTES = {8: 0.75, 16: 1.75}
EXACT_BYTES = {"float32": 4, "float64": 8}


@dataclass(frozen=True)
class Output:
    """What a store will grow by.

    Parameters
    ----------
    matches, bytes, files : int
        Numbers of each; `files` counts folders too, as file systems do.
    """

    matches: int
    bytes: int
    files: int


def estimate_output(
    sizes: Iterable[Sequence[int]], keep: Collection[str] = ("png", "exact"), bits: int = 8, dtype: str = "float32"
) -> Output:
    """Estimate what matches will take in a store, reference images left out.

    Parameters
    ----------
    sizes : iterable of sequence of int
        Height, width and channels of each match's picture.
    keep, bits, dtype
        As in a plan.
    """
    samples = [height * width * channels for height, width, channels in sizes]
    each = PICTURES * (PNG_BYTES[bits] * ("png" in keep) + EXACT_BYTES[dtype] * ("exact" in keep))
    files = 3 + PICTURES * ("png" in keep) + ("exact" in keep)  # the folder, match.json and the scores
    matches = len(samples)
    return Output(matches, round(each * sum(samples)) + 2 * RECORD * matches, files * matches)

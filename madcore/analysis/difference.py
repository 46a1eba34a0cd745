"""What an image changes of its reference, in numbers and in words: which frequencies, where, luminance or colour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["BANDS", "Difference", "describe_difference", "measure_difference"]

Array = NDArray[np.float64]
# Names of the bands, and the shortest period in pixels that each holds.
BANDS = {"coarse shading": 32.0, "large shapes": 16.0, "shapes": 8.0, "detail": 4.0, "fine detail": 0.0}
PLACES = [[f"{row} {column}" for column in ("left", "centre", "right")] for row in ("upper", "middle", "lower")]
NOTABLE = 2.0  # times what noise without structure has
BLOCK = 8


@dataclass(frozen=True)
class Difference:
    """What an image changes.

    Parameters
    ----------
    rms : float
        Root mean squared difference, in units of the pixel range.
    shift : float
        Mean difference: brighter where positive.
    shift_share : float
        Share of the squared difference that is this shift.
    contrast : float
        Slope of the regression of the image on the reference: below 1 where it is paler.
    bands : mapping
        Share of the squared difference, mean taken out, in each of `BANDS`.
    bands_of_noise : mapping
        The shares that white noise has.
    places : array (3, 3)
        Share in each ninth of the picture.
    flat : float
        Share in the flattest third of the reference's blocks of 8 x 8 pixels; noise has a third.
    luminance : float, optional
        Share along the grey axis of RGB; noise has a third.  None for grey pictures.
    """

    rms: float
    shift: float
    shift_share: float
    contrast: float
    bands: Mapping[str, float] = field(default_factory=dict)
    bands_of_noise: Mapping[str, float] = field(default_factory=dict)
    places: tuple[tuple[float, ...], ...] = ()
    flat: float = 1 / 3
    luminance: float | None = None


def measure_difference(reference: NDArray[Any], picture: NDArray[Any]) -> Difference:
    """Measure what a picture changes of its reference.

    Parameters
    ----------
    reference, picture : array (H, W, C)
        Of one shape, C = 1 or 3, in [0, 1].
    """
    before, after = reference.astype(np.float64), picture.astype(np.float64)
    change = after - before
    power = float(np.mean(change**2))
    if power == 0:
        return Difference(0.0, 0.0, 0.0, 1.0)
    shift = change.mean(axis=(0, 1))
    squared = (change**2).sum(2)
    bands, noise = _bands(change - shift)
    grey = change.sum(2) / np.sqrt(change.shape[2])
    return Difference(
        rms=power**0.5,
        shift=float(change.mean()),
        shift_share=float(np.mean(shift**2)) / power,
        contrast=_slope(before, after),
        bands=bands,
        bands_of_noise=noise,
        places=_places(squared),
        flat=_flat_share(before, squared),
        luminance=float((grey**2).sum() / squared.sum()) if change.shape[2] == 3 else None,
    )


def describe_difference(found: Difference) -> str:
    """Put a difference into a sentence; what is as in white noise is not mentioned."""
    if found.rms == 0:
        return "Identical to the reference."
    parts = [_frequencies(found), *_tone(found), *_where(found), *_colour(found)]
    return f"Differs by {found.rms:.3f} (root mean square): {'; '.join(part for part in parts if part)}."


def _bands(change: Array) -> tuple[dict[str, float], dict[str, float]]:
    """Sum the power spectrum over rings; noise has as much in each as the ring has of the plane."""
    height, width = change.shape[:2]
    power = (np.abs(np.fft.fft2(change, axes=(0, 1))) ** 2).sum(2)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None, :])
    power[0, 0] = 0
    found, noise, lower = {}, {}, 0.0
    for name, period in BANDS.items():
        upper = 1 / period if period else 1.0
        ring = (frequency > lower) & (frequency <= upper)
        found[name] = float(power[ring].sum() / max(power.sum(), np.finfo(float).tiny))
        noise[name] = float(ring.sum() / (power.size - 1))
        lower = upper
    return found, noise


def _slope(before: Array, after: Array) -> float:
    centred = before - before.mean(axis=(0, 1))
    spread = float((centred**2).sum())
    return float((centred * after).sum()) / spread if spread else 1.0


def _places(squared: Array) -> tuple[tuple[float, ...], ...]:
    rows = [np.array_split(row, 3, axis=1) for row in np.array_split(squared, 3, axis=0)]
    return tuple(tuple(float(cell.sum() / squared.sum()) for cell in row) for row in rows)


def _flat_share(before: Array, squared: Array) -> float:
    """Compare blocks of the reference by their variance, ties sharing alike."""
    height, width = (side // BLOCK * BLOCK for side in squared.shape)
    if not height or not width:
        return 1 / 3
    blocks = before[:height, :width].reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK, -1)
    variance = blocks.var(axis=(1, 3)).sum(-1).ravel()
    change = squared[:height, :width].reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK).sum(axis=(1, 3)).ravel()
    if not change.sum():
        return 1 / 3
    flattest = np.argsort(variance, kind="stable")[: -(-len(variance) // 3)]
    return float(change[flattest].sum() / change.sum())


def _frequencies(found: Difference) -> str:
    excess = {name: share / max(found.bands_of_noise[name], 1e-12) for name, share in found.bands.items()}
    strongest = max(found.bands, key=lambda name: found.bands[name])
    if found.shift_share > 0.95:
        return ""
    if found.bands["fine detail"] > 0.95:
        return "almost all of it in fine detail"
    if found.bands[strongest] / max(found.bands_of_noise[strongest], 1e-12) >= NOTABLE:
        return f"{found.bands[strongest]:.0%} of it in {strongest}"
    notable = [name for name in found.bands if excess[name] >= NOTABLE and found.bands[name] >= 0.1]
    if notable:
        share = sum(found.bands[name] for name in notable)
        return f"{share:.0%} of it in {' and '.join(notable)}"
    return "spread over the frequencies as white noise is"


def _tone(found: Difference) -> list[str]:
    parts = []
    if found.shift_share > 0.1:
        parts.append(f"{'brighter' if found.shift > 0 else 'darker'} by {abs(found.shift):.3f}")
    if abs(found.contrast - 1) > 0.1:
        parts.append(
            "little of the picture's contrast is left"
            if abs(found.contrast) < 0.1
            else f"contrast of the picture times {found.contrast:.2f}"
        )
    return parts


def _where(found: Difference) -> list[str]:
    parts = []
    share, place = max(
        (share, PLACES[row][column]) for row, each in enumerate(found.places) for column, share in enumerate(each)
    )
    if share > NOTABLE / 9:
        parts.append(f"{share:.0%} of it {place.replace('middle centre', 'in the middle')}")
    if found.flat > 0.5:
        parts.append(f"mostly in flat regions ({found.flat:.0%} in the flattest third)")
    elif found.flat < 1 / 6:
        parts.append(f"mostly on edges and texture ({found.flat:.0%} in the flattest third)")
    return parts


def _colour(found: Difference) -> list[str]:
    if found.luminance is None:
        return []
    if found.luminance > 0.6:
        return [f"in luminance ({found.luminance:.0%})"]
    return [f"in colour ({1 - found.luminance:.0%})"] if found.luminance < 0.2 else []

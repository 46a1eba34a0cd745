"""The radially averaged power spectrum, compared with the reference's.

MAD images tend to hide their changes at frequencies where natural pictures have little power; this says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from madcore import InputError

__all__ = ["SpectrumDistance", "radial_bands"]


@dataclass(frozen=True)
class SpectrumDistance:
    """Mean squared difference of the natural logarithms of the power in rings of equal width.

    Each channel's spectrum, its mean taken off first, is averaged over the rings between frequency 0 and 0.5 cycles per
    pixel; corners beyond belong to the last.  Power per pixel, in squared units of the pixel range.

    Parameters
    ----------
    bands : int
        Number of rings; fewer where a small picture leaves some empty.
    window : bool
        Taper the picture to 0 at its edges (Hann), whose jump would else fill the spectrum.
    floor : float
        Added to the power before the logarithm, so that what is below it hardly counts.
    """

    bands: int = 16
    window: bool = True
    floor: float = 1e-6

    def __post_init__(self) -> None:
        """Refuse numbers out of their ranges."""
        if self.bands < 1:
            raise InputError(f"bands of spectrum must be 1 or more; got {self.bands}")
        if not self.floor > 0:
            raise InputError(f"floor of spectrum must be above 0; got {self.floor:g}")

    def __call__(self, mad_image: Tensor) -> Tensor:
        """Refuse to judge pictures without a reference."""
        raise InputError("penalty spectrum compares with a reference picture; use prepare(image)")

    def prepare(self, image: Tensor) -> Callable[[Tensor], Tensor]:
        """Compute the reference pictures' spectra once, (N, C, H, W)."""
        reference = self.logarithms(image)
        return lambda mad_image: (self.logarithms(mad_image) - reference).square().flatten(1).mean(1)

    def logarithms(self, image: Tensor) -> Tensor:
        """Compute the logarithm of the power in each ring, (N, C, bands)."""
        height, width = image.shape[-2:]
        flat = image - image.mean((-2, -1), keepdim=True)
        if self.window:
            taper = torch.outer(_hann(height, image), _hann(width, image))
            flat = flat * (taper / taper.square().mean().sqrt())
        power = _power(flat)
        rings = radial_bands(height, width, self.bands).to(image.device)
        count = int(rings.max()) + 1
        sizes = torch.bincount(rings.flatten(), minlength=count)
        sums = image.new_zeros(*image.shape[:2], count).index_add(2, rings.flatten(), power.flatten(2))
        return (sums / sizes + self.floor).log()


def radial_bands(height: int, width: int, bands: int) -> Tensor:
    """Return the number of the ring of every frequency of a spectrum, (H, W), without gaps."""
    rows, columns = torch.fft.fftfreq(height, dtype=torch.float64), torch.fft.fftfreq(width, dtype=torch.float64)
    radius = torch.hypot(rows[:, None], columns[None, :])
    rings = (radius / 0.5 * bands).long().clamp(max=bands - 1)
    return rings.unique(return_inverse=True)[1]


def _power(image: Tensor) -> Tensor:
    spectrum = torch.fft.fft2(image, norm="ortho")
    # Not abs(), whose slope at 0 is none.
    return spectrum.real.square() + spectrum.imag.square()


def _hann(length: int, image: Tensor) -> Tensor:
    # Half a sample in, so that no pixel has weight 0.
    phase = (torch.arange(length, dtype=image.dtype, device=image.device) + 0.5) / length
    return (torch.pi * phase).sin().square()

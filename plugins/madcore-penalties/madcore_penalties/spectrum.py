"""The radially averaged power spectrum, compared with the reference's.

MAD images tend to hide their changes at frequencies where natural pictures have little power; this says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from madcore import InputError

__all__ = ["SpectrumDistance", "radial_average"]


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
        height, width = image.shape[-2:]
        if height * width == 1:
            raise InputError("penalty spectrum needs more than one pixel; got 1 x 1")
        taper = _taper(height, width).to(image) if self.window else None
        rings = radial_average(height, width, self.bands).to(image)

        def logarithms(picture: Tensor) -> Tensor:  # (N, C, bands)
            varied = picture - picture.mean((-2, -1), keepdim=True)
            power = _power(varied if taper is None else varied * taper)
            return (power.flatten(2) @ rings + self.floor).log()

        reference = logarithms(image)
        return lambda mad_image: (logarithms(mad_image) - reference).square().flatten(1).mean(1)


def radial_average(height: int, width: int, bands: int) -> Tensor:
    """Make the matrix that averages power over rings, (H (W // 2 + 1), bands), for the half that `rfft2` returns.

    A product is as fast as sums by index, and unlike these the same in every run on a GPU.
    """
    rows, columns = torch.fft.fftfreq(height, dtype=torch.float64), torch.fft.rfftfreq(width, dtype=torch.float64)
    rings = (torch.hypot(rows[:, None], columns[None, :]) / 0.5 * bands).long().clamp(max=bands - 1)
    # Every column but the first, and the last of an even width, stands for its mirror image too.
    copies = torch.full((columns.numel(),), 2.0, dtype=torch.float64)
    copies[0] = 1
    if width % 2 == 0:
        copies[-1] = 1
    members = torch.nn.functional.one_hot(rings.flatten()) * copies.repeat(height)[:, None]
    members[0] = 0  # the mean, which was taken off
    members = members[:, members.sum(0) > 0]
    return members / members.sum(0)


def _power(picture: Tensor) -> Tensor:
    spectrum = torch.fft.rfft2(picture, norm="ortho")
    # Not abs(), which has no slope at 0.
    return spectrum.real.square() + spectrum.imag.square()


def _taper(height: int, width: int) -> Tensor:
    """Make a Hann window whose mean square is 1, so that the power of noise stays what it is."""
    # Half a sample in, so that no pixel has weight 0.
    row, column = (
        (torch.pi * (torch.arange(length, dtype=torch.float64) + 0.5) / length).sin().square()
        for length in (height, width)
    )
    taper = torch.outer(row, column)
    return taper / taper.square().mean().sqrt()

"""Penalties that keep a MAD image natural: smooth, of the reference's spectrum, gamut and histogram.

What the plugin brings is declared here; nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from madcore import PenaltySpec, hookimpl

__version__ = "0.1.0"
__all__ = ["madcore_penalties"]


def build_total_variation(
    *, form: Literal["isotropic", "anisotropic"] = "isotropic", epsilon: float = 0.001
) -> Callable[..., Any]:
    """Build the smoothed total variation."""
    from madcore_penalties.variation import TotalVariation

    return TotalVariation(form=form, epsilon=epsilon)


def build_spectrum(*, bands: int = 16, window: bool = True, floor: float = 1e-6) -> Callable[..., Any]:
    """Build the distance of the radially averaged spectrum from the reference's."""
    from madcore_penalties.spectrum import SpectrumDistance

    return SpectrumDistance(bands=bands, window=window, floor=floor)


def build_gamut(*, margin: float = 0.02, low: float = 0.0, high: float = 1.0) -> Callable[..., Any]:
    """Build the squared distance of the pixels from the gamut less a margin."""
    from madcore_penalties.gamut import OutOfGamut

    return OutOfGamut(margin=margin, low=low, high=high)


def build_histogram(*, colour: Literal["channels", "luma"] = "channels") -> Callable[..., Any]:
    """Build the distance of the histogram from the reference's."""
    from madcore_penalties.histogram import HistogramDistance

    return HistogramDistance(colour=colour)


@hookimpl
def madcore_penalties() -> list[PenaltySpec]:
    """Declare the penalties: users write ``--penalty penalties.spectrum,weight=1``."""
    return [
        PenaltySpec(
            "total_variation",
            build_total_variation,
            "mean length of the gradient, isotropic or anisotropic, smooth at 0",
            source="Rudin, Osher & Fatemi (1992), doi:10.1016/0167-2789(92)90242-F",
        ),
        PenaltySpec(
            "spectrum",
            build_spectrum,
            "squared difference of the logarithms of the radially averaged spectra",
            source="van der Schaaf & van Hateren (1996), doi:10.1016/0042-6989(96)00002-8",
        ),
        PenaltySpec(
            "gamut",
            build_gamut,
            "squared distance of pixels outside the gamut less a margin, where the reference is not",
        ),
        PenaltySpec(
            "histogram",
            build_histogram,
            "squared Wasserstein distance of the histograms of each channel, or of luma",
            source="Werman, Peleg & Rosenfeld (1985), doi:10.1016/0734-189X(85)90055-6",
        ),
    ]

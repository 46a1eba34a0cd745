"""Which of two implementations compares images: the compiled one where it works, else that in torch."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from madcore import compiled
from madcore.measures.averaging import Averaging
from madcore.measures.normalization import BandSpace, NormalizedBand
from madcore.measures.pyramid import Resampling
from madcore.measures.structure import Structure
from madcore.measures.tiled_structure import TiledStructure

__all__ = ["fastest_averaging", "fastest_band", "fastest_resampling", "fastest_structure"]


def fastest_structure(
    image: Tensor, taps: Tensor, c1: float, c2: float, *, weighted: bool = False, share: float = 1.0
) -> Structure:
    """Return what compares other maps with these, (M, H, W); parameters are those of `TiledStructure`."""
    if weighted or not compiled.at_hand(image):
        return TiledStructure(image, taps, c1, c2, weighted=weighted, share=share)
    # numba is imported only where it is used, here and below
    from madcore.measures.fused_structure import FusedStructure

    return FusedStructure(image, taps, c1, c2, share=share)


def fastest_averaging(maps: Tensor) -> Averaging:
    """Return what halves the resolution of maps like these."""
    if not compiled.at_hand(maps):
        return Averaging()
    from madcore.measures.fused_averaging import FusedAveraging

    return FusedAveraging()


def fastest_band(band: Tensor, constant: float, space: BandSpace) -> NormalizedBand:
    """Return what compares the bands of other images with this one, (M, H, W); parameters as of `NormalizedBand`."""
    if not compiled.at_hand(band):
        return NormalizedBand(band, constant, space)
    from madcore.measures.fused_normalization import FusedBand

    return FusedBand(band, constant, space)


def fastest_resampling(
    vertical: Tensor, horizontal: Tensor, source: Tensor, target: Tensor, between: Tensor
) -> Callable[[], None]:
    """Return what fills the target from the source; parameters are those of `Resampling`."""
    if not compiled.at_hand(source):
        return Resampling(vertical, horizontal, source, target, between)
    from madcore.measures.fused_pyramid import FusedResampling

    return FusedResampling(vertical, horizontal, source, target)

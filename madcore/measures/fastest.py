"""Which of two implementations compares images: the compiled one where it works, else that in torch."""

from __future__ import annotations

from torch import Tensor

from madcore import compiled
from madcore.measures.averaging import Averaging
from madcore.measures.normalization import Band, NormalizedPyramid
from madcore.measures.structure import Structure
from madcore.measures.tiled_pyramid import TiledPyramid
from madcore.measures.tiled_structure import TiledStructure

__all__ = ["fastest_averaging", "fastest_pyramid", "fastest_structure"]


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


def fastest_pyramid(maps: Tensor, bands: tuple[Band, ...], share: float = 1.0) -> NormalizedPyramid:
    """Return what compares other maps with these, (M, H, W); parameters are those of `TiledPyramid`."""
    if not compiled.at_hand(maps):
        return TiledPyramid(maps, bands, share)
    from madcore.measures.fused_pyramid import FusedPyramid

    return FusedPyramid(maps, bands, share)

"""Which of two implementations compares local structure: the compiled one where it works, else that in torch."""

from __future__ import annotations

from torch import Tensor

from madcore.measures import compiled
from madcore.measures.structure import LocalStructure, Structure

__all__ = ["fastest_structure"]


def fastest_structure(
    image: Tensor, taps: Tensor, c1: float, c2: float, *, weighted: bool = False, share: float = 1.0
) -> Structure:
    """Return what compares other maps with these, (M, H, W); parameters are those of `LocalStructure`."""
    if weighted or not compiled.at_hand(image):
        return LocalStructure(image, taps, c1, c2, weighted=weighted, share=share)
    # numba is imported only where it is used
    from madcore.measures.fused_structure import FusedStructure

    return FusedStructure(image, taps, c1, c2, share=share)

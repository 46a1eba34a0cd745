"""Reference pictures that need no file of the user's, drawn: dead leaves.

The photographs, which scikit-image ships, are read from where it is installed.  Nothing is downloaded and
scikit-image itself is not imported, which would take longer than reading the picture.
"""

from __future__ import annotations

from torch import Tensor

from madcore.errors import InputError
from madcore.images.dead_leaves import draw_dead_leaves
from madcore.pictures import DEAD_LEAVES

__all__ = ["draw_reference"]


def draw_reference(name: str, seed: str = "") -> Tensor:
    """Draw the generated reference `name`, (1, C, 512, 512), from a seed that is given as text, 0 if empty."""
    if seed and not seed.isdecimal():
        raise InputError(
            f"{name}:{seed} is not a picture: after the colon stands a seed, a whole number, e.g. {name}:7"
        )
    return draw_dead_leaves(int(seed or 0), color=DEAD_LEAVES[name])

"""Reference pictures that need no file of the user's: photographs that scikit-image ships, and dead leaves.

The photographs are read from where scikit-image is installed.  Nothing is downloaded and scikit-image itself is not
imported, which would take longer than reading the picture.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from torch import Tensor

from madcore.errors import InputError
from madcore.images.dead_leaves import draw_dead_leaves

__all__ = ["DEAD_LEAVES", "PHOTOGRAPHS", "draw_reference", "photograph_path"]

PHOTOGRAPHS = {
    "astronaut": "astronaut.png",
    "brick": "brick.png",
    "camera": "camera.png",
    "cell": "cell.png",
    "chelsea": "chelsea.png",
    "coffee": "coffee.png",
    "coins": "coins.png",
    "grass": "grass.png",
    "gravel": "gravel.png",
    "hubble": "hubble_deep_field.jpg",
    "ihc": "ihc.png",
    "moon": "moon.png",
    "page": "page.png",
    "retina": "retina.jpg",
    "rocket": "rocket.jpg",
}
DEAD_LEAVES = {"dead_leaves": False, "dead_leaves_color": True}


def photograph_path(name: str) -> Path:
    """Return where the photograph of this name lies.

    Raises
    ------
    InputError
        If scikit-image is not installed, or does not contain the file.
    """
    skimage = find_spec("skimage")
    if skimage is None or not skimage.submodule_search_locations:
        raise InputError(
            f"built-in picture {name!r} is part of scikit-image, which is not installed: "
            'pip install "madcore[images]", or use dead_leaves'
        )
    path = Path(skimage.submodule_search_locations[0], "data", PHOTOGRAPHS[name])
    if not path.is_file():
        raise InputError(f"the installed scikit-image does not contain {name!r} ({path} is missing); use dead_leaves")
    return path


def draw_reference(name: str, seed: str = "") -> Tensor:
    """Draw the generated reference `name`, (1, C, 512, 512), from a seed that is given as text, 0 if empty."""
    if seed and not seed.isdecimal():
        raise InputError(
            f"{name}:{seed} is not a picture: after the colon stands a seed, a whole number, e.g. {name}:7"
        )
    return draw_dead_leaves(int(seed or 0), color=DEAD_LEAVES[name])

"""How pictures are named and cut, known before any is read: built-in references, windows."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

from madcore.errors import InputError

__all__ = ["DEAD_LEAVES", "PHOTOGRAPHS", "Window", "is_builtin", "parse_window", "photograph_path"]

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
WINDOW = re.compile(r"(\d+)(?:x(\d+))?(?:\+(\d+)\+(\d+))?")

Window = tuple[int, int, int | None, int | None]


def is_builtin(source: str) -> bool:
    """Tell whether a picture is built in; ``dead_leaves`` may have a seed after a colon."""
    return source in PHOTOGRAPHS or source.partition(":")[0] in DEAD_LEAVES


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


def parse_window(text: str, *, offsets: bool) -> int | tuple[int, int] | Window:
    """Read "256", "240x320" (height x width) or, with `offsets`, "240x320+10+20" (and top and left).

    Raises
    ------
    InputError
        If the text is not of that form.
    """
    match = WINDOW.fullmatch(text)
    if match is None or (match[3] and not offsets):
        allowed = "SIDE, HEIGHTxWIDTH" + (" or HEIGHTxWIDTH+TOP+LEFT" if offsets else "")
        raise InputError(f"{text!r} is not a size in pixels; allowed are {allowed}, e.g. 256 or 240x320")
    height, width = int(match[1]), int(match[2] or match[1])
    if match[3]:
        return height, width, int(match[3]), int(match[4])
    return (height, width) if match[2] else height

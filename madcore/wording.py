"""How an image of a match and its numbers are put into words, on the console as under the pictures."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["describe_image", "write_error", "write_value"]

UNKNOWN = "not finite"


def describe_image(name: str, names: Mapping[str, str]) -> tuple[str, str]:
    """Say what an image is: ``ssim minimised`` and ``mse held``.

    Parameters
    ----------
    name : str
        Of the image: the letter of the optimized metric and the direction, as ``a_min``.
    names : mapping
        Names of the match's metrics by letter; all others are held.
    """
    verb = "minimised" if name.endswith("min") else "maximised"
    held = " and ".join(metric for letter, metric in names.items() if letter != name[0])
    return f"{names[name[0]]} {verb}", f"{held} held"


def write_value(value: float | None, digits: int = 4) -> str:
    """Write a metric's value with that many significant digits; None stands for one that is not finite."""
    return UNKNOWN if value is None else f"{value:#.{digits}g}"


def write_error(error: float | None) -> str:
    """Write a relative error with one digit: ``2e-8``."""
    if not error:
        return UNKNOWN if error is None else "0"
    return re.sub(r"e([-+])0", r"e\1", f"{error:.0e}").replace("e+", "e")

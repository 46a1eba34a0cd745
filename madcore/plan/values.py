"""Values of a plan, checked: each function returns what it was given, in its type, or says what is allowed."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Integral
from typing import Any

from madcore.errors import InputError
from madcore.options import option_text, parse_name
from madcore.pictures import parse_window

__all__ = ["Written", "name_of", "number", "one_of", "text", "truth", "whole", "window"]


class Written(float):
    """A number that remembers how it was written: names of metrics have their options so."""

    text: str

    def __new__(cls, text: str) -> Written:
        """Read the number."""
        made = super().__new__(cls, text)
        made.text = text.replace("_", "")
        return made

    def __str__(self) -> str:
        return self.text


def text(value: Any) -> str:
    """Return a text."""
    if not isinstance(value, str) or not value:
        raise InputError(f"must be a text in quotes; got {_shown(value)}")
    return value


def window(*, offsets: bool) -> Callable[[Any], str]:
    """Return a function for sizes in pixels, which may be given as whole numbers."""

    def convert(value: Any) -> str:
        written = str(value) if isinstance(value, int) and not isinstance(value, bool) else text(value)
        parse_window(written, offsets=offsets)
        return written

    return convert


def truth(value: Any) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise InputError(f"must be true or false; got {_shown(value)}")
    return value


def whole(least: int) -> Callable[[Any], int]:
    """Return a function for whole numbers of at least `least`."""

    def convert(value: Any) -> int:
        # NumPy's integers, too, as Python's own: a record must hold them
        if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
            raise InputError(f"must be a whole number of at least {least}; got {_shown(value)}")
        return int(value)

    return convert


def number(value: Any) -> float:
    """Return a finite number above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not (math.isfinite(value) and value > 0):
        raise InputError(f"must be a number above 0; got {_shown(value)}")
    return float(str(value))


def one_of(*allowed: Any) -> Callable[[Any], Any]:
    """Return a function for values out of a few, words or whole numbers."""

    def convert(value: Any) -> Any:
        if not isinstance(value, str | Integral) or isinstance(value, bool) or value not in allowed:
            raise InputError(f"must be {' or '.join(map(_shown, allowed))}; got {_shown(value)}")
        return allowed[allowed.index(value)]

    return convert


def name_of(value: Any) -> tuple[str, dict[str, object]]:
    """Return a name and its options, given as ``"NAME,OPTION=VALUE"`` or as a table with ``name``."""
    if isinstance(value, dict):
        options = {key: option for key, option in value.items() if key != "name"}
        name, more = parse_name(text(value.get("name", "")))
        return name, {**more, **options}
    name, given = parse_name(text(value))
    return name, dict(given)


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    return f'"{value}"' if isinstance(value, str) else option_text(value)

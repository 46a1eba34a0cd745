"""Values of a type, as annotated: what may be given, in words, and what was given, as text or as Python objects."""

from __future__ import annotations

import math
import numbers
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from madcore.options.text import option_text

__all__ = ["allowed_values", "convert"]

WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
# The sign of an exponent, as in 1e+5, does not join two elements.
JOINT = re.compile(r"(?<![0-9.][eE])\+")


def allowed_values(wanted: Any) -> str:
    """Say what may be given for a type: ``gaussian|uniform``, ``int``, ``float+float``, ``int|none``."""
    origin, parts = get_origin(wanted), get_args(wanted)
    if origin is Literal:
        return "|".join(map(option_text, parts))
    if origin in (Union, UnionType):
        return "|".join(map(allowed_values, parts))
    if _is_list(origin):
        elements = (parts[0], parts[0], ...) if origin is not tuple or parts[-1] is ... else parts
        return "+".join("..." if part is ... else allowed_values(part) for part in elements)
    simple = {bool: "true|false", NoneType: "none", None: "none", Any: "any object"}
    return simple.get(wanted) or str(getattr(wanted, "__name__", wanted))


def convert(value: object, wanted: Any) -> object:
    """Convert a value to a type, or raise ValueError or TypeError if it is none of those that are allowed."""
    origin, parts = get_origin(wanted), get_args(wanted)
    if wanted in (None, NoneType):
        return _choose(value, (None,))
    if origin is Literal:
        return _choose(value, parts)
    if origin in (Union, UnionType):
        return _first(value, sorted(parts, key=lambda part: part is not NoneType))
    if _is_list(origin):
        return _elements(value, origin, parts)
    if wanted in READERS:
        return READERS[wanted](value)
    if wanted is Any or isinstance(value, origin or wanted):
        return value
    raise TypeError


def _is_list(origin: Any) -> bool:
    return isinstance(origin, type) and issubclass(origin, Sequence)


def _choose(value: object, choices: Sequence[object]) -> object:
    for choice in choices:
        if (type(value) is type(choice) and value == choice) or (
            isinstance(value, str) and value == option_text(choice)
        ):
            return choice
    raise ValueError


def _first(value: object, types: Iterable[Any]) -> object:
    for wanted in types:
        try:
            return convert(value, wanted)
        except (ValueError, TypeError):
            continue
    raise ValueError


def _elements(value: object, origin: type, parts: tuple[Any, ...]) -> object:
    pieces = [piece.strip() for piece in JOINT.split(value) if piece] if isinstance(value, str) else list(value)  # type: ignore[call-overload]
    if origin is tuple and parts[-1] is not ...:
        return tuple(convert(piece, part) for piece, part in zip(pieces, parts, strict=True))
    return (tuple if origin is tuple else list)(convert(piece, parts[0]) for piece in pieces)


def _read_bool(value: object) -> bool:
    word = option_text(value) if isinstance(value, str | bool) else ""
    if word.lower() not in WORDS:
        raise ValueError
    return WORDS[word.lower()]


def _read_int(value: object) -> int:
    if isinstance(value, bool):
        raise TypeError
    return int(value) if isinstance(value, str) else operator.index(value)  # type: ignore[arg-type]


def _read_float(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, str | numbers.Real):
        raise TypeError
    if math.isnan(number := float(value)):
        raise ValueError
    return number


def _read_str(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


READERS: dict[Any, Callable[[object], object]] = {bool: _read_bool, int: _read_int, float: _read_float, str: _read_str}

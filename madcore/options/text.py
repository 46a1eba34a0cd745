"""Options as text: written ``piq.vif,sigma_n_sq=2.5`` in a shell, a list joined by ``+``."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping

from madcore.errors import InputError

__all__ = ["option_text", "parse_name", "plain", "write_name"]


def parse_name(text: str) -> tuple[str, dict[str, str]]:
    """Split ``"piq.vif,sigma_n_sq=2.5"`` into the name and its options, as text.

    Raises
    ------
    InputError
        If the name is missing, an option has no value, or an option is given twice.
    """
    name, *parts = (part.strip() for part in text.split(","))
    if not name:
        raise InputError(f"a name is missing in {text!r}; write NAME or NAME,OPTION=VALUE")
    options: dict[str, str] = {}
    for part in parts:
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not (key and equals):
            raise InputError(f"{part!r} in {text!r} is not an option; write {name},OPTION=VALUE")
        if key in options:
            raise InputError(f"option {key} of {name} is given twice, in {text!r}; give it once")
        options[key] = value
    return name, options


def write_name(name: str, options: Mapping[str, object]) -> str:
    """Join a name and its options as `parse_name` splits them."""
    return ",".join([name, *(f"{key}={option_text(value)}" for key, value in options.items())])


def option_text(value: object) -> str:
    """Write an option's value as in a shell: ``none``, ``true``, ``0.5+1``; an object by its name."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "+".join(map(option_text, value))
    if isinstance(value, str | numbers.Number):  # NumPy's, too
        return str(value)
    return str(getattr(value, "__qualname__", type(value).__qualname__))


def plain(options: Mapping[str, object]) -> dict[str, object]:
    """Write options so that a JSON record can hold them: numbers, words and None as they are, the rest as text."""
    return {key: value if _is_plain(value) else option_text(value) for key, value in options.items()}


def _is_plain(value: object) -> bool:
    # JSON has no infinity.
    return math.isfinite(value) if isinstance(value, float) else isinstance(value, bool | int | str | None)

"""What was meant, where a name or a word does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from madcore.errors import UnknownNameError

__all__ = ["did_you_mean", "unknown_name"]


def unknown_name(kind: str, given: str, allowed: Iterable[str], hint: str = "") -> UnknownNameError:
    """Make the error for a name that does not exist, with the nearest name that does."""
    return UnknownNameError(f"{given!r} is no {kind}{did_you_mean(given, allowed)}{f'; {hint}' if hint else ''}")


def did_you_mean(given: str, allowed: Iterable[str]) -> str:
    """Return the nearest word that is allowed, in brackets, to be put behind what was said; empty if none is near."""
    near = difflib.get_close_matches(given.lower(), list(allowed), 1)
    return f" (did you mean {near[0]}?)" if near else ""

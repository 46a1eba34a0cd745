"""Where plugins are found: an entry point of the group ``madcore`` is a candidate, and none is loaded here."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module, metadata

from madcore.loading import Candidate

__all__ = ["core_candidate", "find_candidates"]

GROUP = "madcore"


def find_candidates() -> Iterator[Candidate]:
    """Find the entry points of the group ``madcore``, in the order of ``sys.path``, without loading any.

    A distribution whose metadata cannot be read is passed over: it may have nothing to do with madcore.
    """
    seen = set()
    for distribution in metadata.distributions():
        try:
            # Parsing all entry points, or reading METADATA, of every distribution would take most of a listing's time.
            if GROUP not in (distribution.read_text("entry_points.txt") or ""):
                continue
            points = distribution.entry_points.select(group=GROUP)
            name, version = distribution.metadata["Name"], distribution.version
            needed = tuple(distribution.requires or ())
        except Exception:
            continue
        if name in seen:  # shadowed by one that comes earlier on sys.path
            continue
        seen.add(name)
        yield from (Candidate(point.name, name, version, point.load, needed) for point in points)


def core_candidate() -> Candidate:
    """Return the core as a candidate without a name: what it brings is declared as any plugin's."""
    return Candidate("", "madcore", import_module("madcore").__version__, lambda: import_module("madcore.builtin"))

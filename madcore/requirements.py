"""Whether requirements, lines as pip takes them, are met by what is installed."""

from __future__ import annotations

import re
from importlib import metadata

from packaging.specifiers import InvalidSpecifier, SpecifierSet

__all__ = ["allows", "is_met"]

LINE = re.compile(r"\s*([A-Za-z0-9._-]+)\s*(?:\[[^]]*\])?\s*\(?([^;)]*)")


def is_met(line: str) -> bool:
    """Tell whether the distribution that a requirement names is installed in a version that it allows."""
    try:
        return allows(line, metadata.version(_split(line)[0]))
    except metadata.PackageNotFoundError:
        return False


def allows(line: str, version: str, name: str = "") -> bool:
    """Tell whether a requirement allows a version; where a name is given, lines for others allow everything.

    A line that holds only under conditions (``; extra == "test"``), or that cannot be read, allows everything too.
    """
    named, versions = _split(line)
    if name and (named.lower() != name or ";" in line):
        return True
    try:
        return SpecifierSet(versions).contains(version, prereleases=True)
    except InvalidSpecifier:
        return True


def _split(line: str) -> tuple[str, str]:
    found = LINE.match(line)
    return (found[1], found[2].strip()) if found else (line, "")

"""Whether requirements, lines as pip takes them, are met by what is installed.

Only the numbers of a release are compared, so that the core needs no library for it: a pre-release counts as its
release, and what cannot be read allows everything.
"""

from __future__ import annotations

import operator
import re
from importlib import metadata

__all__ = ["allows", "is_met"]

CLAUSE = re.compile(r"(~=|===?|!=|<=|>=|<|>)\s*v?(\d+(?:\.\d+)*)(\.\*)?")
COMPARISONS = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}
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
    return all(_holds(clause.strip(), version) for clause in versions.split(","))


def _holds(clause: str, version: str) -> bool:
    """Tell whether one comparison, such as ``<0.9``, is true of a version."""
    found, release = CLAUSE.match(clause), re.match(r"\d+(?:\.\d+)*", version)
    if not found or not release:
        return True
    sign, wanted, given = found[1], _numbers(found[2]), _numbers(release[0])
    if sign in COMPARISONS:
        length = max(len(wanted), len(given))
        return bool(COMPARISONS[sign](_filled(given, length), _filled(wanted, length)))
    # ~=1.4.2 is 1.4.2 or more within 1.4, ==1.4.* anything within 1.4
    within = wanted[:-1] if sign == "~=" else wanted
    length = len(within) if found[3] or sign == "~=" else max(len(wanted), len(given))
    alike = _filled(given, length)[:length] == _filled(within, length)
    return not alike if sign == "!=" else alike and (sign != "~=" or _filled(given, len(wanted)) >= wanted)


def _numbers(release: str) -> list[int]:
    return [int(number) for number in release.split(".")]


def _filled(numbers: list[int], length: int) -> list[int]:
    return numbers + [0] * (length - len(numbers))


def _split(line: str) -> tuple[str, str]:
    found = LINE.match(line)
    return (found[1], found[2].strip()) if found else (line, "")

"""A table of a TOML file while it is read: what is wrong is noted with its line, and reading goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from madcore.errors import MadcoreError
from madcore.options import unknown_name
from madcore.plan.lines import Path

__all__ = ["Findings", "Section"]

Value = TypeVar("Value")


@dataclass
class Findings:
    """What is wrong with a file.

    Parameters
    ----------
    name : str
        Of the file.
    lines : mapping
        Lines by path, of `madcore.plan.lines.find_lines`.
    """

    name: str
    lines: Mapping[Path, int]
    found: list[tuple[int, str]] = field(default_factory=list)

    def add(self, path: Path, message: str) -> None:
        """Note what is wrong with the value at a path."""
        while path and path not in self.lines:
            path = path[:-1]
        self.found.append((self.lines.get(path, 1), message))

    @property
    def problems(self) -> list[str]:
        """Everything in the order of lines, ``file:line: message``."""
        return [f"{self.name}:{line}: {message}" for line, message in sorted(self.found, key=lambda each: each[0])]


@dataclass(frozen=True)
class Section:
    """A table and where it is.

    Parameters
    ----------
    values : mapping
        The table.
    findings : Findings
        Where problems are noted.
    path : tuple
        Of the table in the file.
    """

    values: Mapping[str, Any]
    findings: Findings
    path: Path = ()

    def take(self, key: str, convert: Callable[[Any], Value], default: Value) -> Value:
        """Convert the value of a key; the default where there is none or it is wrong."""
        if key not in self.values:
            return default
        with_default = self._try((*self.path, key), convert, self.values[key])
        return default if with_default is None else with_default

    def take_each(self, key: str, convert: Callable[[Any, Path], Value], default: Sequence[Value]) -> Sequence[Value]:
        """Convert each element of a list, given with its path; those that are wrong are left out."""
        if key not in self.values:
            return default
        path, elements = (*self.path, key), self.values[key]
        if not isinstance(elements, list):
            self.findings.add(path, f"{key} must be a list, in [ and ]; got {_shown(elements)}")
            return default
        found = [
            self._try((*path, index), lambda value, at=(*path, index): convert(value, at), element)  # type: ignore[misc]
            for index, element in enumerate(elements)
        ]
        return tuple(each for each in found if each is not None)

    def section(self, key: str) -> Section:
        """Return a table in this one, empty where there is none."""
        values = self.values.get(key, {})
        if not isinstance(values, dict):
            self.findings.add((*self.path, key), f"{key} must be a table, [{key}]; got {_shown(values)}")
            values = {}
        return Section(values, self.findings, (*self.path, key))

    def refuse_others(self, known: Iterable[str]) -> None:
        """Note the keys that are not known, with the nearest that is."""
        known = list(known)
        tables = [each for each in self.path if isinstance(each, str)]
        where = f"key of {'.'.join(tables) or 'a plan'}"
        for key in self.values:
            if key not in known:
                problem = unknown_name(where, key, known, f"known are {', '.join(known)}")
                self.findings.add((*self.path, key), str(problem))

    def _try(self, path: Path, convert: Callable[[Any], Value], value: Any) -> Value | None:
        try:
            return convert(value)
        except MadcoreError as error:
            said = " ".join(str(error).split())
            owner = f"each of {path[-2]}" if isinstance(path[-1], int) else path[-1]
            self.findings.add(path, f"{owner} {said}" if said.startswith("must ") else said)
            return None


def _shown(value: object) -> str:
    return "a table" if isinstance(value, dict) else repr(value)

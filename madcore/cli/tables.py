"""Plain tables for people, JSON for programs; both go to the standard output."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Sequence

import click

__all__ = ["table_width", "write_json", "write_table"]

GAP = "  "


def write_json(value: object) -> None:
    """Write a value as JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def write_table(rows: Sequence[Sequence[object]], header: Sequence[str] = (), *, indent: str = "") -> None:
    """Write aligned columns; on a terminal the last one is wrapped to its width."""
    cells = _cells(rows, header)
    widths = _widths(cells)[:-1]
    for row in cells:
        start = indent + "".join(f"{cell:<{width}}{GAP}" for cell, width in zip(row, widths, strict=False))
        click.echo(_wrapped(start, row[-1]).rstrip())


def table_width(rows: Sequence[Sequence[object]], header: Sequence[str] = ()) -> int:
    """Count the columns that a table takes unless it is wrapped."""
    widths = _widths(_cells(rows, header))
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _cells(rows: Sequence[Sequence[object]], header: Sequence[str]) -> list[list[str]]:
    return [[str(cell) for cell in row] for row in ([header] if header else []) + list(rows)]


def _widths(cells: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*cells, strict=True)]


def _wrapped(start: str, text: str) -> str:
    room = shutil.get_terminal_size().columns - len(start)
    if not _is_terminal() or room < 20:
        return start + text
    lines = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False)
    return start + f"\n{' ' * len(start)}".join(lines)


def _is_terminal() -> bool:
    return sys.stdout.isatty()

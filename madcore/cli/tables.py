"""Plain tables for people, JSON for programs; both go to the standard output."""

from __future__ import annotations

import json
import re
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest

import click

__all__ = ["mark_names", "room", "write_json", "write_named_table", "write_table"]

GAP = "  "
ELSEWHERE = 100  # columns where there is no terminal
LAST = 20  # columns that the last column keeps before others are wrapped
NARROWEST = 8  # columns that any column keeps where a long word is broken; numbers never are
NUMBER = re.compile(r"[-+±≥×]? ?\d")
LONG = 16  # letters of a name that stands above a table that is too wide

Row = Sequence[object]
Table = tuple[Sequence[str], Sequence[Row]]  # header and rows


def write_json(value: object) -> None:
    """Write a value as JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def write_table(rows: Sequence[Row], header: Sequence[str] = (), *, indent: str = "") -> None:
    """Write aligned columns.

    Where they take more than there is `room`, the header stands on two lines, and on a terminal the last column is
    wrapped, then the widest others, and where not even that is enough, each row is written as a list; elsewhere every
    row stays on a line.
    """
    cells, columns = _cells(rows, header), room() - len(indent)
    if header and _is_terminal() and _total(_least(cells)) > columns:
        _write_lists(rows, header, indent)
        return
    if header and _total(_widths(cells)) > columns:
        cells[0] = ["\n".join(_wrap(name, (len(name) + 1) // 2 + 1, whole=True)) for name in header]
    widths = _fit(_widths(cells), _least(cells), columns) if _is_terminal() else _widths(cells)
    for row in cells:
        wrapped = [_wrap(cell, width, whole=False) for cell, width in zip(row[:-1], widths, strict=False)]
        wrapped.append(_wrap(row[-1], widths[-1], whole=True))  # a path, perhaps, that can then be copied
        for line in zip_longest(*wrapped, fillvalue=""):
            padded = (part + " " * (width - _wide(part)) for part, width in zip(line, widths, strict=True))
            click.echo((indent + GAP.join(padded)).rstrip())


def write_named_table(named: Table, marked: Table, names: Mapping[str, str]) -> None:
    """Write a table with names of metrics in it; where it is too wide, they stand above one with marks in their place.

    Parameters
    ----------
    named, marked : tuple
        The header and the rows, with names and with marks.
    names : mapping of str
        Names by mark; one that is its own mark is not told above.
    """
    header, rows = named
    long = {mark: name for mark, name in names.items() if mark != name}
    if long and _total(_widths(_cells(rows, header))) > room():
        for mark, name in long.items():
            write_table([(f"{mark}: {name}",)])
        click.echo()
        header, rows = marked
    write_table(rows, header)


def mark_names(names: Iterable[str]) -> dict[str, str]:
    """Return a mark for each name: ``m1`` and so on for long ones, themselves for others."""
    marks: dict[str, str] = {}
    for name in names:
        if name not in marks:
            marks[name] = name if len(name) <= LONG else f"m{1 + sum(mark != each for each, mark in marks.items())}"
    return marks


def room() -> int:
    """Return how many columns a table may take: the terminal's, or 100 where there is none."""
    return shutil.get_terminal_size().columns if _is_terminal() else ELSEWHERE


def _cells(rows: Sequence[Row], header: Sequence[str]) -> list[list[str]]:
    return [[str(cell) for cell in row] for row in ([header] if header else []) + list(rows)]


def _write_lists(rows: Sequence[Row], header: Sequence[str], indent: str) -> None:
    for index, row in enumerate(rows):
        if index:
            click.echo()
        write_table([pair for pair in zip(header, row, strict=True) if str(pair[1])], indent=indent)


def _widths(cells: Sequence[Sequence[str]]) -> list[int]:
    return [max(_wide(line) for cell in column for line in cell.split("\n")) for column in zip(*cells, strict=True)]


def _least(cells: Sequence[Sequence[str]]) -> list[int]:
    """Return how narrow each column may become: no number is broken, and other words only where they are long."""
    return [max(_unbroken(word) for cell in column for word in _words(cell)) for column in zip(*cells, strict=True)]


def _unbroken(word: str) -> int:
    return _wide(word.rstrip()) if NUMBER.match(word) else min(_wide(word.rstrip()), NARROWEST)


def _wide(text: str) -> int:
    """Count the columns of a terminal that a line takes: two for a letter of East Asia, none for a combining mark."""
    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF") for letter in text
    )


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _fit(widths: list[int], least: list[int], columns: int) -> list[int]:
    """Narrow the last column, then always the widest that may be narrower, until the table takes so many columns."""
    *others, last = widths
    fitted = [*others, min(last, max(LAST, columns - _total([*others, 0])))]
    while _total(fitted) > columns:
        wide = [index for index, width in enumerate(fitted) if width > least[index]]
        if not wide:
            break
        fitted[max(wide, key=fitted.__getitem__)] -= 1
    return fitted


def _words(text: str) -> list[str]:
    """Split a text where a line may end: after blanks and commas, and after the hyphens of names."""
    return re.split(r"(?<=[\s,])(?=[^\s,])|(?<=[A-Za-z]-)(?=[A-Za-z])", text)


def _wrap(text: str, width: int, *, whole: bool) -> list[str]:
    """Break a text where a line may end; a word that is too long for a line is broken too, or stays whole."""
    lines = text.split("\n")
    if max(map(_wide, lines)) <= width:
        return lines
    # a path that stays whole can be copied, with its hyphens
    words = re.split(r"(?<=[\s,])(?=[^\s,])", text) if whole else [p for w in _words(text) for p in _pieces(w, width)]
    lines = [""]
    for word in words:
        if lines[-1] and _wide(lines[-1] + word.rstrip()) > width:
            lines.append("")
        lines[-1] += word
    return [line.rstrip() for line in lines]


def _pieces(word: str, width: int) -> list[str]:
    pieces = [""]
    for letter in word:
        if pieces[-1] and _wide((pieces[-1] + letter).rstrip()) > width:
            pieces.append("")
        pieces[-1] += letter
    return pieces


def _is_terminal() -> bool:
    return sys.stdout.isatty()

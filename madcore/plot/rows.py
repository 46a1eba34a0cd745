"""What figures need of the tables of `madcore.analysis`: rows as mappings, None where nothing is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from madcore.errors import InputError

__all__ = ["Rows", "check_rows", "distinct", "numbers", "row_height"]

Rows = Sequence[Mapping[str, Any]]


def check_rows(rows: Rows) -> None:
    """Raise InputError if there are no rows."""
    if not rows:
        raise InputError("there are no rows to draw: has the tournament any finished match?")


def distinct(rows: Rows, *columns: str) -> list[str]:
    """Return the names in some columns, each once, in the order of columns and rows."""
    return list(dict.fromkeys(row[column] for column in columns for row in rows))


def numbers(rows: Rows, column: str) -> np.ndarray:
    """Return the values of a column, (rows,); NaN where nothing is known."""
    return np.array([np.nan if row[column] is None else row[column] for row in rows], dtype=float)


def row_height(labels: Sequence[str], least: float) -> float:
    """Return the height in inches that rows with these labels need."""
    return max(least, *(0.17 * (1 + label.count("\n")) for label in labels))

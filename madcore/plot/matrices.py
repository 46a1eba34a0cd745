"""Figures of tournaments that are matrices: a cell for each row of a table, coloured by its estimate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize

from madcore.errors import InputError
from madcore.plot.rows import Rows, check_rows, distinct, row_height
from madcore.plot.style import INK, TEXT, NotebookFigure, add_title, style_axes
from madcore.plot.text import break_lines, text_width, wrap

__all__ = ["disagreement_matrix", "transfer"]

TITLE = 4.4  # inches that the title of a matrix may be wide


def disagreement_matrix(rows: Rows, ax: Axes | None = None) -> Axes:
    """Show how far each metric can be moved while another sees no difference.

    Parameters
    ----------
    rows : sequence of mapping
        The table ``disagreement``, of one level: ``optimized``, ``held``, ``estimate`` in doublings of equivalent
        noise, ``low`` and ``high``, the ends of its interval, and ``at_least``, whether it is a lower bound only.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        A row for each optimised metric and a column for each held one; light cells disagree most.

    Raises
    ------
    InputError
        If there are no rows, or those of several levels.

    Examples
    --------
    >>> import madcore.plot
    >>> row = {"level": "noise:0.1", "low": None, "high": None, "at_least": False}
    >>> rows = [
    ...     {"optimized": "ssim", "held": "mse", "estimate": 3.1, **row},
    ...     {"optimized": "mse", "held": "ssim", "estimate": 1.9, **row},
    ... ]
    >>> ax = madcore.plot.disagreement_matrix(rows)
    >>> [text.get_text() for text in ax.texts]
    ['3.1', '1.9']
    """
    level = _only_level(rows)
    names = distinct(rows, "optimized", "held")
    top = max([row["estimate"] for row in rows if row["estimate"] is not None], default=1.0)
    ax = _draw_matrix(ax, rows, (names, "optimized"), (names, "held"), "cividis", Normalize(0, max(top, 1e-9)))
    add_title(ax, break_lines(f"Disagreement in doublings of equivalent noise, {level}{_counted(rows)}", TITLE))
    return style_axes(ax, xlabel="held", ylabel="optimised")


def transfer(rows: Rows, ax: Axes | None = None) -> Axes:
    """Show whether other metrics see the change that the optimised metric sees, for each pair of MAD images.

    Parameters
    ----------
    rows : sequence of mapping
        The table ``transfer``, of one level: ``optimized``, ``held``, ``judge``, ``estimate`` in doublings of
        equivalent noise (positive where the judge sides with the optimised metric), ``low``, ``high``, ``at_least``.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        A row for each pair and a column for each judge; no colour where the judge sees no change.

    Raises
    ------
    InputError
        If there are no rows, or those of several levels.
    """
    level = _only_level(rows)
    named = [{**row, "pair": f"{row['optimized']}, {row['held']} held"} for row in rows]
    largest = max([abs(row["estimate"]) for row in rows if row["estimate"] is not None], default=1.0) or 1.0
    pairs, asked = distinct(named, "pair"), distinct(rows, "judge")
    judges = [name for name in distinct(rows, "optimized", "held", "judge") if name in asked]
    ax = _draw_matrix(ax, named, (pairs, "pair"), (judges, "judge"), "PuOr", Normalize(-largest, largest))
    said = f"What judges see, in doublings of equivalent noise, {level}{_counted(rows)}"
    meaning = "Above 0: the judge finds the minimised image nearer, as the optimised metric does"
    add_title(ax, break_lines(f"{said}\n{meaning}", TITLE))
    return style_axes(ax, xlabel="judge", ylabel="optimised and held")


def _draw_matrix(
    ax: Axes | None,
    rows: Rows,
    down: tuple[list[str], str],
    across: tuple[list[str], str],
    cmap: str,
    norm: Normalize,
) -> Axes:
    """Draw a cell for each row: its estimate as colour and number, its interval below that."""
    labels, columns = down[0], across[0]
    beside, below = ([wrap(name) for name in names] for names in (labels, columns))
    if ax is None:
        size = (
            text_width(beside) + max(TITLE + 0.2, 0.9 + 0.78 * len(columns)),
            1.1 + text_width(below) + row_height(beside, 0.5) * len(labels),
        )
        ax = NotebookFigure(figsize=size, layout="constrained").add_subplot()
    values = np.full((len(labels), len(columns)), np.nan)
    cells = {(labels.index(row[down[1]]), columns.index(row[across[1]])): row for row in rows}
    for place, row in cells.items():
        values[place] = np.nan if row["estimate"] is None else row["estimate"]
    picture = ax.imshow(values, cmap=cmap, norm=norm, aspect="auto")
    for (y, x), row in cells.items():
        if row["estimate"] is not None:
            red, green, blue, _ = picture.cmap(norm(row["estimate"]))
            dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
            ax.text(x, y, _cell_text(row), ha="center", va="center", fontsize=TEXT - 1, color="white" if dark else INK)
    ax.set_xticks(range(len(columns)), below, rotation=35, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(len(labels)), beside)
    ax.set_facecolor("#eef0f2")
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return ax


def _cell_text(row: Mapping[str, Any]) -> str:
    bound = "\N{GREATER-THAN OR EQUAL TO}" if row.get("at_least") else ""
    low, high = row.get("low"), row.get("high")
    number = bound + _decimal(row["estimate"])
    if low is None or high is None:
        return number
    return f"{number}\n{_decimal(low)} to {_decimal(high)}"


def _decimal(value: float) -> str:
    """Write a number with one decimal and a real minus sign."""
    text = f"{abs(value) or 0.0:.1f}" if np.isfinite(value) else "\N{INFINITY}"
    return f"\N{MINUS SIGN}{text}" if value < 0 and text != "0.0" else text


def _counted(rows: Rows) -> str:
    """Say from how many pictures the estimates are, if they are from equally many."""
    counts = {row["n"] for row in rows if row.get("n")}
    return f", n = {counts.pop()}" if len(counts) == 1 else ""


def _only_level(rows: Rows) -> str:
    check_rows(rows)
    levels = distinct(rows, "level")
    if len(levels) > 1:
        raise InputError(f"a matrix is of one level; choose rows of one of: {', '.join(levels)}")
    return levels[0]

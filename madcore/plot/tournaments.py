"""Figures of tournaments, from the tables of `madcore.analysis`: lists of dicts, None where nothing is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize

from madcore.errors import InputError
from madcore.plot.canvas import (
    COLORS,
    GRAY,
    INK,
    TEXT,
    NotebookFigure,
    add_title,
    break_lines,
    new_axes,
    set_log,
    style_axes,
    text_width,
    wrap,
)

__all__ = ["disagreement_matrix", "envelope", "noise_curves", "rankings", "transfer"]

TITLE = 4.4  # inches that the title of a matrix may be wide
Rows = Sequence[Mapping[str, Any]]
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1)), (0, (4, 1, 1, 1)))


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
    names = _names(rows, "optimized", "held")
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
    pairs, asked = _names(named, "pair"), _names(rows, "judge")
    judges = [name for name in _names(rows, "optimized", "held", "judge") if name in asked]
    ax = _draw_matrix(ax, named, (pairs, "pair"), (judges, "judge"), "PuOr", Normalize(-largest, largest))
    said = f"What judges see, in doublings of equivalent noise, {level}{_counted(rows)}"
    meaning = "Above 0: the judge finds the minimised image nearer, as the optimised metric does"
    add_title(ax, break_lines(f"{said}\n{meaning}", TITLE))
    return style_axes(ax, xlabel="judge", ylabel="optimised and held")


def rankings(rows: Rows, ax: Axes | None = None, *, columns: Sequence[str] = ("aggressiveness", "resistance")) -> Axes:
    """Show how well each metric attacks and how well it resists, with intervals.

    Parameters
    ----------
    rows : sequence of mapping
        The table ``rankings``: ``metric``, each column, and its interval in ``<column>_low`` and ``<column>_high``.
    ax : Axes, optional
        Where to draw; a new figure by default.
    columns : sequence of str
        Which columns: aggressiveness and resistance, from 0 to 100, or ``("reach", "exposure")`` in doublings.

    Returns
    -------
    Axes
        A line for each metric, in the order of the rows from the top.
    """
    _check(rows)
    names = [row["metric"] for row in rows]
    labels = [wrap(name) for name in names]
    ax = new_axes(ax, (4.6 + text_width(labels), 0.9 + _row_height(labels, 0.42) * len(names)))
    for index, column in enumerate(columns):
        places = np.arange(len(names)) + 0.22 * (index - (len(columns) - 1) / 2)
        values, low, high = (_numbers(rows, f"{column}{end}") for end in ("", "_low", "_high"))
        style: dict[str, Any] = {"color": COLORS[index], "linewidth": 1.4}
        ax.hlines(places, np.where(np.isnan(low), values, low), np.where(np.isnan(high), values, high), **style)
        ax.plot(values, places, "os^D"[index % 4], color=COLORS[index], markersize=6, label=column)
    ax.set_yticks(range(len(names)), labels)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.grid(axis="y", color="#e3e6ea", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.legend(fontsize=TEXT - 1, frameon=False, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=len(columns))
    unit = "0 to 100" if set(columns) <= {"aggressiveness", "resistance"} else "doublings of equivalent noise"
    return style_axes(ax, xlabel=f"{' and '.join(columns)} ({unit})")


def envelope(rows: Rows, ax: Axes | None = None) -> Axes:
    """Show the extremes of one metric against the level at which another is held.

    Parameters
    ----------
    rows : sequence of mapping
        The table ``envelopes``, of one optimised and one held metric: ``picture``, ``held_level``, ``minimum``,
        ``maximum`` and ``start``, all as standard deviations of equivalent noise; None where beyond the noise curve.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        A band for each picture; a hollow triangle at the edge stands for an extreme beyond the noise curve.

    Raises
    ------
    InputError
        If there are no rows, or those of several pairs of metrics.
    """
    _check(rows)
    pairs = _names([{"pair": f"{row['optimized']} while {row['held']} is held"} for row in rows], "pair")
    if len(pairs) > 1:
        raise InputError(f"an envelope is of one pair of metrics; choose rows of one of: {'; '.join(pairs)}")
    ax = new_axes(ax, (3.8, 3.4))
    title, label = (break_lines(text, 2.4) for text in (pairs[0], f"{rows[0]['optimized']} (noise)"))
    for index, picture in enumerate(sorted(_names(rows, "picture"))):
        own = sorted((row for row in rows if row["picture"] == picture), key=lambda row: row["held_level"] or 0)
        color, held = COLORS[index % len(COLORS)], _numbers(own, "held_level")
        least, most = _numbers(own, "minimum"), _numbers(own, "maximum")
        ax.fill_between(held, least, most, color=color, alpha=0.12, linewidth=0)
        ax.plot(held, most, "^-", color=color, markersize=4, linewidth=1.2, label=picture)
        ax.plot(held, least, "v-", color=color, markersize=4, linewidth=1.2)
        ax.plot(held, _numbers(own, "start"), "o", color=color, markersize=3, markerfacecolor="white")
        for values, marker, edge in ((most, "^", 0.97), (least, "v", 0.03)):
            _mark_beyond(ax, held[np.isnan(values)], marker, edge, color)
    missing = sum(row[end] is None for row in rows for end in ("minimum", "maximum"))
    ax.axline((0.1, 0.1), slope=1, color=GRAY, linewidth=0.8, linestyle=(0, (1, 2)))
    ax.margins(0.12)
    set_log(ax, "x", "y")
    levels = sorted({float(f"{row['held_level']:.2g}") for row in rows if row["held_level"]})
    if len(levels) < 4:
        ax.set_xticks(levels, [f"{each:g}" for each in levels])
    ax.legend(fontsize=TEXT - 2, frameon=False)
    add_title(ax, [*title, *[f"{missing} beyond the noise curve (hollow)"] * (missing > 0)])
    return style_axes(ax, xlabel=wrap(f"level of {rows[0]['held']} (noise)"), ylabel="\n".join(label))


def _mark_beyond(ax: Axes, held: np.ndarray, marker: str, edge: float, color: str) -> None:
    """Mark at the edge of the axes, which has no value, what is only known to lie beyond it."""
    style: dict[str, Any] = {"color": color, "markerfacecolor": "white", "markersize": 5, "clip_on": False}
    if len(held):
        ax.plot(held, np.full(len(held), edge), marker, transform=ax.get_xaxis_transform(), **style)


def noise_curves(rows: Rows, ax: Axes | None = None) -> Axes:
    """Show each metric's value for Gaussian noise, which is what makes metrics comparable.

    Parameters
    ----------
    rows : sequence of mapping
        The table ``noise_curves``: ``metric``, ``image``, ``standard_deviation`` and ``value``.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        A line for each metric and image, in one colour for each metric.
    """
    _check(rows)
    labels = {metric: wrap(metric) for metric in _names(rows, "metric")}
    ax = new_axes(ax, (5.4 + max(0.0, text_width([*labels.values()]) - 1.2), 3.8))
    for index, (metric, label) in enumerate(labels.items()):
        own = [row for row in rows if row["metric"] == metric]
        style = {"color": COLORS[index % len(COLORS)], "linestyle": DASHES[index // len(COLORS) % len(DASHES)]}
        for number, image in enumerate(_names(own, "image")):
            curve = sorted((row for row in own if row["image"] == image), key=lambda row: row["standard_deviation"])
            values = _numbers(curve, "value")
            shown = np.where(values > 0, values, np.nan)
            style["label"] = None if number else label
            ax.plot(_numbers(curve, "standard_deviation"), shown, linewidth=1.2, **style)
    set_log(ax, "x", "y")
    ax.legend(fontsize=TEXT - 1, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    add_title(ax, ["Metrics for Gaussian noise, one line an image"])
    return style_axes(ax, xlabel="standard deviation of the noise (pixel range 1)", ylabel="value of the metric")


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
            1.1 + text_width(below) + _row_height(beside, 0.5) * len(labels),
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


def _row_height(labels: Sequence[str], least: float) -> float:
    """Return the height in inches that rows with these labels need."""
    return max(least, *(0.17 * (1 + label.count("\n")) for label in labels))


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


def _check(rows: Rows) -> None:
    if not rows:
        raise InputError("there are no rows to draw: has the tournament any finished match?")


def _only_level(rows: Rows) -> str:
    _check(rows)
    levels = _names(rows, "level")
    if len(levels) > 1:
        raise InputError(f"a matrix is of one level; choose rows of one of: {', '.join(levels)}")
    return levels[0]


def _names(rows: Rows, *columns: str) -> list[str]:
    return list(dict.fromkeys(row[column] for column in columns for row in rows))


def _numbers(rows: Rows, column: str) -> np.ndarray:
    return np.array([np.nan if row[column] is None else row[column] for row in rows], dtype=float)

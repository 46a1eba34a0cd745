"""Figures of tournaments, from the tables of `madcore.analysis`: rankings, envelopes and noise curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from madcore.errors import InputError
from madcore.plot.rows import Rows, check_rows, distinct, numbers, row_height
from madcore.plot.style import COLORS, GRAY, TEXT, add_title, new_axes, set_log, style_axes
from madcore.plot.text import break_lines, text_width, wrap

__all__ = ["envelope", "noise_curves", "rankings"]

DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1)), (0, (4, 1, 1, 1)))


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
    check_rows(rows)
    names = [row["metric"] for row in rows]
    labels = [wrap(name) for name in names]
    ax = new_axes(ax, (4.6 + text_width(labels), 0.9 + row_height(labels, 0.42) * len(names)))
    for index, column in enumerate(columns):
        places = np.arange(len(names)) + 0.22 * (index - (len(columns) - 1) / 2)
        values, low, high = (numbers(rows, f"{column}{end}") for end in ("", "_low", "_high"))
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
    check_rows(rows)
    pairs = distinct([{"pair": f"{row['optimized']} while {row['held']} is held"} for row in rows], "pair")
    if len(pairs) > 1:
        raise InputError(f"an envelope is of one pair of metrics; choose rows of one of: {'; '.join(pairs)}")
    ax = new_axes(ax, (3.8, 3.4))
    title, label = (break_lines(text, 2.4) for text in (pairs[0], f"{rows[0]['optimized']} (noise)"))
    for index, picture in enumerate(sorted(distinct(rows, "picture"))):
        own = sorted((row for row in rows if row["picture"] == picture), key=lambda row: row["held_level"] or 0)
        color, held = COLORS[index % len(COLORS)], numbers(own, "held_level")
        least, most = numbers(own, "minimum"), numbers(own, "maximum")
        ax.fill_between(held, least, most, color=color, alpha=0.12, linewidth=0)
        ax.plot(held, most, "^-", color=color, markersize=4, linewidth=1.2, label=picture)
        ax.plot(held, least, "v-", color=color, markersize=4, linewidth=1.2)
        ax.plot(held, numbers(own, "start"), "o", color=color, markersize=3, markerfacecolor="white")
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
    check_rows(rows)
    labels = {metric: wrap(metric) for metric in distinct(rows, "metric")}
    ax = new_axes(ax, (5.4 + max(0.0, text_width([*labels.values()]) - 1.2), 3.8))
    for index, (metric, label) in enumerate(labels.items()):
        own = [row for row in rows if row["metric"] == metric]
        style = {"color": COLORS[index % len(COLORS)], "linestyle": DASHES[index // len(COLORS) % len(DASHES)]}
        for number, image in enumerate(distinct(own, "image")):
            curve = sorted((row for row in own if row["image"] == image), key=lambda row: row["standard_deviation"])
            values = numbers(curve, "value")
            shown = np.where(values > 0, values, np.nan)
            style["label"] = None if number else label
            ax.plot(numbers(curve, "standard_deviation"), shown, linewidth=1.2, **style)
    set_log(ax, "x", "y")
    ax.legend(fontsize=TEXT - 1, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    add_title(ax, ["Metrics for Gaussian noise, one line an image"])
    return style_axes(ax, xlabel="standard deviation of the noise (pixel range 1)", ylabel="value of the metric")

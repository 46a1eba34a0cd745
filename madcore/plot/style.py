"""What all figures look like: colours, size of text, axes of curves, titles; figures are made without pyplot."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import AutoLocator, LogFormatterSciNotation, LogLocator, MaxNLocator, NullFormatter

__all__ = ["COLORS", "GRAY", "INK", "TEXT", "NotebookFigure", "add_title", "new_axes", "set_log", "style_axes"]

INK, GRAY = "#16191d", "#4b525b"
# Okabe & Ito (2008): told apart with any of the usual colour deficiencies; yellow, too light on paper, is left out
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
TEXT = 9.0  # points
DECADES = 200  # between the ends of a logarithmic axis, from which on powers of ten are enough


class NotebookFigure(Figure):
    """A figure that notebooks show although pyplot does not know it."""

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        self.savefig(stream, format="png")
        return stream.getvalue()


def new_axes(ax: Axes | None, size: tuple[float, float] = (5.0, 3.6)) -> Axes:
    """Return the axes given, or those of a new figure of that size in inches."""
    return NotebookFigure(figsize=size, layout="constrained").add_subplot() if ax is None else ax


def style_axes(ax: Axes, **properties: Any) -> Axes:
    """Give axes of curves a light frame and dark text, and set properties."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=TEXT - 1, colors=INK)
    ax.set(**properties)
    for text in (ax.xaxis.label, ax.yaxis.label):
        text.set(fontsize=TEXT, color=INK)
    if ax.get_xlabel() == "iteration" and isinstance(ax.xaxis.get_major_locator(), AutoLocator):
        ax.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
    return ax


def set_log(ax: Axes, *names: str) -> None:
    """Make axes logarithmic, with labels at 1, 2 and 5 times the powers of ten, which do not run into each other."""
    for name in names:
        ax.set(**{f"{name}scale": "log"})
        axis = ax.xaxis if name == "x" else ax.yaxis
        low, high = axis.get_view_interval()
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < DECADES * low else (1,)))
        axis.set_major_formatter(LogFormatterSciNotation() if high >= DECADES * low else "{x:g}")
        axis.set_minor_formatter(NullFormatter())


def add_title(ax: Axes, lines: Sequence[str]) -> None:
    """Write lines over the left end of axes."""
    ax.set_title("\n".join(lines), loc="left", fontsize=TEXT, color=INK, pad=4, linespacing=1.25, parse_math=False)

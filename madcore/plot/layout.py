"""Where pictures and curves stand in a new figure: each with room for its title and its labels."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.axes import Axes

from madcore.plot.style import TEXT, NotebookFigure
from madcore.plot.text import break_lines, text_width

__all__ = ["OVERHANG", "curve_label", "curve_title", "lay_out", "lay_out_row", "shown_width"]

MARGIN = 0.16  # inches, on every side of a figure
LABEL = (0.95, 0.45)  # inches: room for the labels on the left of and under curves
CURVES = 3.0  # inches: the least width of axes of curves
USUAL_SIDE = 2.56  # inches: pictures are enlarged to about this
NARROWEST = 1.9  # inches: room for a title over a small picture
OVERHANG = 0.1  # of an enlargement, by which a picture may be larger than its room


def shown_width(size: tuple[int, int], zoom: int | None = None) -> float:
    """Return how wide a cell for pictures of this height and width is, in inches."""
    dpi = mpl.rcParams["figure.dpi"]
    return max(NARROWEST, _usual_zoom(size, zoom) * size[1] / dpi)


def curve_title(text: str) -> list[str]:
    """Break the title of axes of curves as `lay_out_row` makes them."""
    return break_lines(text, CURVES)


def curve_label(name: str) -> str:
    """Return what stands beside such axes: the name of a metric, if there is room, which the title has in any case."""
    return name if text_width([name]) <= CURVES * 0.7 else "value"


def lay_out(
    rows: Sequence[int], columns: int, size: tuple[int, int], *, zoom: int | None = None, bottom: float = 0.0
) -> tuple[NotebookFigure, list[Axes]]:
    """Make a figure with a grid of axes for pictures of one size, each with room for a title above it.

    Parameters
    ----------
    rows : sequence of int
        For each row, how many lines of text stand over it.
    columns : int
        How many.
    size : tuple of int
        Height and width of the pictures in pixels.
    zoom : int, optional
        Their enlargement; by default one that makes them about 2.5 inches large.
    bottom : float
        Further room at the bottom of the figure, in inches.

    Returns
    -------
    figure, axes
        The axes row by row.
    """
    dpi = mpl.rcParams["figure.dpi"]
    height, width = _usual_zoom(size, zoom) * size[0] / dpi, shown_width(size, zoom)
    gap = max(0.18, OVERHANG * width)
    tops = [_text_height(lines) for lines in rows]
    whole = (
        2 * MARGIN + columns * (width + gap) - gap,
        2 * MARGIN + bottom + sum(tops) + len(rows) * (height + gap) - gap,
    )
    figure = NotebookFigure(figsize=whole, dpi=dpi)
    axes, above = [], MARGIN
    for top in tops:
        above += top + height
        for column in range(columns):
            box = (MARGIN + column * (width + gap), whole[1] - above, width, height)
            axes.append(figure.add_axes(_share(box, whole)))
        above += gap
    return figure, axes


def lay_out_row(
    size: tuple[int, int] | None, curves: int, *, title_lines: int = 1, height: float = 2.4, right: float = 0.0
) -> tuple[NotebookFigure, list[Axes]]:
    """Make a figure with axes for a picture of that height and width, if any, and others of curves beside it.

    All begin at the same height, below room for titles; those of curves have room for their labels, and there are
    `right` inches more beside the last.
    """
    dpi = mpl.rcParams["figure.dpi"]
    text = _text_height(title_lines)
    picture = 0.0 if size is None else shown_width(size)
    if size is not None:
        height = max(height, _usual_zoom(size, None) * size[0] / dpi)
    frame = (1.25 * height, height - LABEL[1])
    whole = (2 * MARGIN + picture + curves * (LABEL[0] + frame[0]) + right, 2 * MARGIN + text + height)
    figure = NotebookFigure(figsize=whole, dpi=dpi)
    top = whole[1] - MARGIN - text
    lefts = [MARGIN + picture + LABEL[0] + k * (LABEL[0] + frame[0]) for k in range(curves)]
    boxes = [(left, top - frame[1], *frame) for left in lefts]
    if size is not None:
        boxes.insert(0, (MARGIN, top - height, picture, height))
    return figure, [figure.add_axes(_share(box, whole)) for box in boxes]


def _share(box: tuple[float, ...], whole: tuple[float, float]) -> tuple[float, float, float, float]:
    return box[0] / whole[0], box[1] / whole[1], box[2] / whole[0], box[3] / whole[1]


def _text_height(lines: int) -> float:
    return lines * 1.3 * TEXT / 72 + 0.06


def _usual_zoom(size: tuple[int, int], zoom: int | None) -> int:
    return zoom or max(1, round(USUAL_SIDE * mpl.rcParams["figure.dpi"] / max(size)))

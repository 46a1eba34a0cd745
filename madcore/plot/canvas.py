"""Figures that are made without pyplot, and pictures of which every pixel covers a whole number of screen pixels.

Whatever the size and resolution at which a figure is drawn or saved, the axes of a picture are fitted anew to the
largest whole enlargement that has room, so that what is seen is what the metrics were given.  Vector files hold the
pixels themselves, which fill the room.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axes._base import _AxesBase
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from matplotlib.ticker import LogFormatterSciNotation, LogLocator, NullFormatter
from matplotlib.transforms import Bbox
from torch import Tensor

from madcore.errors import InputError

__all__ = [
    "COLORS",
    "GRAY",
    "INK",
    "TEXT",
    "NotebookFigure",
    "Picture",
    "add_title",
    "break_lines",
    "curve_label",
    "curve_title",
    "imshow",
    "lay_out",
    "lay_out_row",
    "new_axes",
    "set_log",
    "shown_width",
    "style_axes",
    "text_width",
    "to_array",
    "wrap",
]

Picture = Tensor | np.ndarray
INK, GRAY, RULE = "#16191d", "#4b525b", "#b9bec5"
# Okabe & Ito (2008): told apart with any of the usual colour deficiencies; yellow, too light on paper, is left out
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
TEXT = 9.0  # points
MARGIN = 0.16  # inches, on every side of a figure
LABEL = (0.95, 0.45)  # inches: room for the labels on the left of and under curves
CURVES = 3.0  # inches: the least width of axes of curves
USUAL_SIDE = 2.56  # inches: pictures are enlarged to about this
NARROWEST = 1.9  # inches: room for a title over a small picture
DECADES = 200  # between the ends of a logarithmic axis, from which on powers of ten are enough
MARKS = r"(?<=[/:._+=-])"
OVERHANG = 0.1  # of an enlargement, by which a picture may be larger than its room


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


def shown_width(size: tuple[int, int], zoom: int | None = None) -> float:
    """Return how wide a cell for pictures of this height and width is, in inches."""
    dpi = mpl.rcParams["figure.dpi"]
    return max(NARROWEST, _usual_zoom(size, zoom) * size[1] / dpi)


def break_lines(text: str | None, width: float) -> list[str]:
    """Break lines wider than `width` inches at spaces or after commas, and words that are wider after any mark."""
    return [part for line in (text or "").split("\n") for part in _broken(line, width)] if text else []


def wrap(text: str, width: float = 2.3) -> str:
    """Break a text, which may be the long name of a metric, so that no line of it is wider than so many inches."""
    return "\n".join(break_lines(text, width))


def curve_title(text: str) -> list[str]:
    """Break the title of axes of curves as `lay_out_row` makes them."""
    return break_lines(text, CURVES)


def curve_label(name: str) -> str:
    """Return what stands beside such axes: the name of a metric, if there is room, which the title has in any case."""
    return name if _width(name) <= CURVES * 0.7 else "value"


def text_width(texts: Sequence[str]) -> float:
    """Return how wide the widest line of some texts is, in inches."""
    return max(_width(line) for text in texts for line in text.split("\n"))


def to_array(image: Picture) -> np.ndarray:
    """Return a picture as (H, W) or (H, W, 3), float64.

    Parameters
    ----------
    image : Tensor or array
        (H, W), (C, H, W) or (1, C, H, W) with one channel or three.

    Raises
    ------
    InputError
        If it is of another shape.
    """
    array = np.asarray(image.detach().cpu().double() if isinstance(image, Tensor) else image, dtype=float)
    shape = tuple(array.shape)
    if array.ndim == 4 and shape[0] == 1:
        array = array[0]
    if array.ndim == 2:
        array = array[None]
    if array.ndim != 3 or array.shape[0] not in (1, 3):
        raise InputError(
            f"a picture must be (H, W) or (C, H, W) with 1 or 3 channels; got {shape}: choose one image or channel"
        )
    return array[0] if len(array) == 1 else np.moveaxis(array, 0, -1)


def imshow(
    image: Picture,
    ax: Axes | None = None,
    *,
    zoom: int | None = None,
    vrange: tuple[float, float] = (0.0, 1.0),
    title: str | None = None,
    cmap: str = "gray",
    bottom: float = 0.0,
) -> Axes:
    """Show a picture without smoothing; each pixel covers `zoom` x `zoom` pixels of the screen.

    Parameters
    ----------
    image : Tensor or array
        Grey or colour, (H, W), (C, H, W) or (1, C, H, W).
    ax : Axes, optional
        Where to draw; its frame shrinks to the picture.  A new figure by default.
    zoom : int, optional
        Enlargement, 1 or more; by default the largest that `ax` has room for.
    vrange : tuple of float
        Values shown as black and white; what is beyond is cut.
    title : str, optional
        Written over the picture.
    cmap : str
        Colours of a grey picture, the name of a matplotlib colour map.
    bottom : float
        Room that a new figure leaves under the picture, in inches.

    Returns
    -------
    Axes
        With the picture in it.

    Raises
    ------
    InputError
        If `zoom` is not a whole number from 1, or the axes are smaller than the picture.

    Examples
    --------
    >>> import madcore, madcore.plot
    >>> ax = madcore.plot.imshow(madcore.read_image("dead_leaves", size=64), zoom=2)
    """
    pixels = to_array(image)
    size = pixels.shape[:2]
    low, high = vrange
    if not high > low:
        raise InputError(f"vrange must be two numbers, the first the smaller; got {vrange}")
    if zoom is not None and (int(zoom) != zoom or zoom < 1):
        raise InputError(f"zoom must be a whole number from 1, so that each pixel stays square; got {zoom}")
    if ax is None:
        lines = break_lines(title, shown_width(size, zoom))
        _, (ax,) = lay_out([len(lines)], 1, size, zoom=zoom, bottom=bottom)
    elif zoom is None:
        _check_room(ax, size)
    shown = pixels if pixels.ndim == 2 else ((pixels - low) / (high - low)).clip(0, 1)
    # what the axes cut off at fractions of a screen pixel would be missing from the picture
    ax.imshow(shown, cmap=cmap, vmin=low, vmax=high, interpolation="none", aspect="auto", clip_on=False)
    ax.set_axis_off()
    ax.set_axes_locator(_WholePixels(size, zoom))
    if title is not None:
        room = _room(ax).width / ax.figure.dpi
        add_title(ax, break_lines(title, max(room, shown_width(size, zoom))))
    return ax


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


class _WholePixels:
    """Puts axes of a picture where every image pixel covers a whole number of screen pixels."""

    def __init__(self, size: tuple[int, int], zoom: int | None) -> None:
        self.size, self.zoom = size, zoom

    def __call__(self, ax: _AxesBase, renderer: RendererBase) -> Bbox:
        height, width = self.size
        room = _room(ax)
        fit = (room.width / width, room.height / height)
        if renderer is not None and renderer.option_scale_image():
            # a vector file holds the pixels themselves, and knows no screen: the room is filled
            scale = min(*fit, self.zoom * ax.figure.dpi / mpl.rcParams["figure.dpi"] if self.zoom else math.inf)
            box = Bbox.from_bounds(room.x0, room.y1 - scale * height, scale * width, scale * height)
        else:
            scale = self.zoom or _enlargement(*fit)
            # a hair less than whole numbers, which matplotlib rounds up
            right, down = scale * width - 1e-6, scale * height - 1e-6
            box = Bbox.from_bounds(round(room.x0), round(room.y1) - down, right, down)
        return box.transformed(ax.figure.transSubfigure.inverted())


def _room(ax: _AxesBase) -> Bbox:
    """Return what axes had before a picture was fitted into them, in screen pixels."""
    return ax.get_position(original=True).transformed(ax.figure.transSubfigure)


def _usual_zoom(size: tuple[int, int], zoom: int | None) -> int:
    return zoom or max(1, round(USUAL_SIDE * mpl.rcParams["figure.dpi"] / max(size)))


def _enlargement(across: float, down: float) -> float:
    """Return the largest whole enlargement that has room, or the reduction by a whole number."""
    room = min(across, down) + OVERHANG
    return int(room) if room >= 1 else 1 / -(-1 // max(room, 1e-3))


def _check_room(ax: Axes, size: tuple[int, int]) -> None:
    room = _room(ax)
    if min(room.width / size[1], room.height / size[0]) + OVERHANG < 1:
        given, picture = f"{room.width:.0f} x {room.height:.0f}", f"{size[1]} x {size[0]}"
        raise InputError(f"the axes have {given} pixels, the picture {picture}: make the figure larger")


def _broken(line: str, width: float) -> list[str]:
    lines = [""]
    for word in line.split(" "):
        for index, part in enumerate(_parts(word, width)):
            joint = " " if index == 0 and lines[-1] else ""
            if lines[-1] and _width(lines[-1] + joint + part) > width:
                lines.append(part)
            else:
                lines[-1] += joint + part
    return lines


def _parts(word: str, width: float) -> list[str]:
    """Split a word where it may be broken: after commas, and after other marks where it is too wide between them."""
    parts = re.split(r"(?<=,)", word)
    return [small for part in parts for small in ([part] if _width(part) <= width else re.split(MARKS, part))]


def _width(text: str) -> float:
    return float(text_to_path.get_text_width_height_descent(text, FontProperties(size=TEXT), ismath=False)[0]) / 72

"""Pictures of which every pixel covers a whole number of screen pixels.

Whatever the size and resolution at which a figure is drawn or saved, the axes of a picture are fitted anew to the
largest whole enlargement that has room, so that what is seen is what the metrics were given.  Vector files hold the
pixels themselves, which fill the room.
"""

from __future__ import annotations

import math

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axes._base import _AxesBase
from matplotlib.backend_bases import RendererBase
from matplotlib.transforms import Bbox
from torch import Tensor

from madcore.errors import InputError
from madcore.plot.layout import OVERHANG, lay_out, shown_width
from madcore.plot.style import add_title
from madcore.plot.text import break_lines

__all__ = ["Picture", "imshow", "to_array"]

Picture = Tensor | np.ndarray


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


def _enlargement(across: float, down: float) -> float:
    """Return the largest whole enlargement that has room, or the reduction by a whole number."""
    room = min(across, down) + OVERHANG
    return int(room) if room >= 1 else 1 / -(-1 // max(room, 1e-3))


def _check_room(ax: Axes, size: tuple[int, int]) -> None:
    room = _room(ax)
    if min(room.width / size[1], room.height / size[0]) + OVERHANG < 1:
        given, picture = f"{room.width:.0f} x {room.height:.0f}", f"{size[1]} x {size[0]}"
        raise InputError(f"the axes have {given} pixels, the picture {picture}: make the figure larger")

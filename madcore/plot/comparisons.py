"""Figures of how a MAD image differs from the reference image: the difference, SSIM place by place, the spectrum."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar

from madcore.errors import InputError
from madcore.plot.maps import local_ssim, power_spectrum, suitable_gain
from madcore.plot.pictures import imshow
from madcore.plot.style import GRAY, INK, TEXT, add_title, new_axes, set_log, style_axes
from madcore.plot.text import wrap
from madcore.plot.views import Synthesis, View, match_views, view
from madcore.results import Quartet
from madcore.wording import write_value

__all__ = ["LINES", "difference", "difference_spectrum", "draw_difference", "ssim_map"]

FEWEST = 8  # coefficients that make a mean: those of the ring of lowest frequency
# How the four images of a match are told apart, in colour and without
LINES: dict[str, dict[str, Any]] = {
    "a_min": {"color": "#0072B2", "linestyle": (0, (4, 2)), "marker": "v"},
    "a_max": {"color": "#0072B2", "linestyle": "-", "marker": "^"},
    "b_min": {"color": "#D55E00", "linestyle": (0, (4, 2)), "marker": "<"},
    "b_max": {"color": "#D55E00", "linestyle": "-", "marker": ">"},
}


def difference(
    synthesis: Synthesis,
    *,
    gain: float | None = None,
    batch_idx: int = 0,
    channel_idx: int | None = None,
    iteration: int | None = None,
    zoom: int | None = None,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Show the MAD image minus the reference image, times a gain, on middle grey.

    Parameters
    ----------
    synthesis : MADCompetition or Result
        What was synthesised.
    gain : float, optional
        Factor, above 0; by default a power of two that uses the greys and cuts at most 1 % of the pixels.
    batch_idx, channel_idx, iteration, zoom, ax, title : optional
        As for `synthesis_imshow`; the title states the gain.

    Returns
    -------
    Axes
        With the difference in it: middle grey is none, white is half the pixel range divided by the gain.

    Raises
    ------
    InputError
        If there is no such image, or `gain` is not above 0.

    Examples
    --------
    >>> import madcore, madcore.plot
    >>> image = madcore.read_image("dead_leaves", size=32)
    >>> result = madcore.synthesize(image, "ssim", "mse", "max", max_iter=5)
    >>> print(madcore.plot.difference(result, gain=4).get_title(loc="left"))
    difference × 4
    """
    if gain is not None and not gain > 0:
        raise InputError(f"gain must be above 0; got {gain}")
    seen = view(synthesis, batch_idx, channel_idx)
    return draw_difference(ax, seen, seen.shown(iteration), gain, zoom, title)


def draw_difference(
    ax: Axes | None,
    seen: View,
    iteration: int,
    gain: float | None = None,
    zoom: int | None = None,
    title: str | None = None,
) -> Axes:
    """Show the difference of an iteration's image from the reference image, with the gain above it."""
    low, high = seen.pixel_range
    change = seen.kept[iteration].double() - seen.image.double()
    gain = suitable_gain(change, high - low) if gain is None else gain
    text = f"difference \N{MULTIPLICATION SIGN} {gain:g}" if title is None else title
    return imshow((low + high) / 2 + gain * change, ax, zoom=zoom, vrange=seen.pixel_range, title=text)


def ssim_map(
    synthesis: Synthesis,
    *,
    batch_idx: int = 0,
    channel_idx: int | None = None,
    iteration: int | None = None,
    zoom: int | None = None,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Show where the MAD image has kept the structure of the reference image: SSIM at every place.

    Parameters
    ----------
    synthesis : MADCompetition or Result
        What was synthesised, of 11 pixels a side or more.
    batch_idx, channel_idx, iteration, zoom, ax, title : optional
        As for `synthesis_imshow`.

    Returns
    -------
    Axes
        With the map in it: dark where nothing is alike (0 or less), light where all is (1).  The margin of 5 pixels,
        where the window does not fit, is empty; the mean of the rest, in the title, is one minus the metric ``ssim``.
    """
    seen = view(synthesis, batch_idx, channel_idx)
    low, high = seen.pixel_range
    values = local_ssim(seen.image, seen.kept[seen.shown(iteration)], high - low)
    mean, least = float(values.nanmean()), float(values[~values.isnan()].min())
    text = f"SSIM: mean {write_value(mean, 3)}, least {write_value(least, 3)}" if title is None else title
    ax = imshow(values, ax, zoom=zoom, title=text, cmap="cividis", bottom=0.3)
    bar = ax.inset_axes((0.01, -0.06, 0.96, 0.03))
    scale = Colorbar(bar, ax.images[0], orientation="horizontal", ticks=[0, 0.5, 1], format="%g")
    scale.ax.tick_params(labelsize=TEXT - 1, length=2, pad=2, colors=INK)
    return ax


def difference_spectrum(
    *syntheses: Synthesis | Quartet,
    batch_idx: int = 0,
    channel_idx: int | None = None,
    iteration: int | None = None,
    ax: Axes | None = None,
    **properties: Any,
) -> Axes:
    """Draw at which spatial frequencies MAD images differ from the reference image, and the start image for comparison.

    Parameters
    ----------
    *syntheses : MADCompetition, Result or Quartet
        One synthesis, or those of a quartet.
    batch_idx, channel_idx, iteration : int, optional
        As for `synthesis_imshow`.
    ax : Axes, optional
        Where to draw; a new figure by default.
    **properties
        Of the lines, as for ``Axes.plot``.

    Returns
    -------
    Axes
        Power, averaged over directions, against spatial frequency in cycles per pixel, both logarithmic; white noise
        of variance v is a level line at v.
    """
    views = match_views(*syntheses, batch_idx=batch_idx, channel_idx=channel_idx)
    ax = new_axes(ax)
    first = next(iter(views.values()))
    _draw_spectrum(ax, first, 0, label="start image", color=GRAY, linewidth=1, linestyle=(0, (1, 1)))
    for key, seen in views.items():
        style = {name: value for name, value in LINES[key].items() if name != "marker"}
        _draw_spectrum(
            ax, seen, seen.shown(iteration), **{"label": wrap(seen.action), "linewidth": 1.6, **style, **properties}
        )
    set_log(ax, "x", "y")
    ax.legend(fontsize=TEXT - 1, frameon=False)
    add_title(ax, ["Spectrum of the difference from the reference image"])
    return style_axes(ax, xlabel="spatial frequency (cycles per pixel)", ylabel="power (squared pixel value)")


def _draw_spectrum(ax: Axes, seen: View, iteration: int, **style: Any) -> None:
    frequency, power, count = power_spectrum(seen.kept[iteration].double() - seen.image.double())
    # a logarithmic axis has no 0, and the rings in the corners have too few coefficients for a mean
    shown = (power > 0) & (count >= FEWEST)
    ax.plot(frequency[shown].numpy(), power[shown].numpy(), **style)

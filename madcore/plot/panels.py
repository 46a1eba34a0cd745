"""What is drawn into axes of one synthesis, from a `View` of it: image, values over the iterations, pixel values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from madcore.plot.layout import curve_label, curve_title
from madcore.plot.pictures import imshow, to_array
from madcore.plot.style import COLORS, GRAY, INK, TEXT, add_title, style_axes
from madcore.plot.text import wrap
from madcore.plot.views import View
from madcore.wording import write_value

__all__ = ["draw_held", "draw_histogram", "draw_image", "draw_optimized", "draw_penalties", "title_lines"]

FLAT = 0.01  # of the level: what is held is not enlarged until its last digits look like waves


def draw_image(
    ax: Axes | None,
    seen: View,
    iteration: int,
    *,
    title: str | None = None,
    process_image: Callable[[Tensor], Tensor] | None = None,
    vrange: tuple[float, float] | None = None,
    zoom: int | None = None,
) -> Axes:
    """Show the image of an iteration, with its values above it unless a title is given."""
    text = "\n".join(seen.describe(iteration)) if title is None else title
    picture = seen.kept[iteration] if process_image is None else process_image(seen.kept[iteration])
    return imshow(picture, ax, zoom=zoom, vrange=vrange or seen.pixel_range, title=text)


def draw_held(ax: Axes, seen: View, iteration: int, **properties: Any) -> Axes:
    """Draw the held metric over the iterations and its level; several held metrics in units of their levels."""
    single = len(seen.reference_metrics) == 1
    series = seen.reference if single else seen.reference / np.where(seen.level == 0, 1, seen.level)
    level = float(seen.level[0]) if single else 1.0
    ax.axhline(level, color=GRAY, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    for index, name in enumerate(seen.reference_metrics):
        color = COLORS[(2 + index) % len(COLORS)]
        draw_series(ax, series[:, index], iteration, **{"color": color, "label": wrap(name), **properties})
    low, high = ax.get_ylim()
    ax.set_ylim(min(low, level * (1 - FLAT)), max(high, level * (1 + FLAT)))
    ax.ticklabel_format(axis="y", useOffset=False)
    if not single:
        ax.legend(fontsize=TEXT - 1, frameon=False)
    add_title(ax, curve_title(held_title(seen)))
    return style_axes(
        ax, xlabel="iteration", ylabel=curve_label(seen.reference_metrics[0]) if single else "value / level"
    )


def draw_optimized(ax: Axes, seen: View, iteration: int, **properties: Any) -> Axes:
    """Draw the optimised metric over the iterations."""
    color = COLORS[0] if seen.minmax == "min" else COLORS[1]
    draw_series(ax, seen.optimized, iteration, **{"color": color, **properties})
    add_title(ax, curve_title(optimized_title(seen, iteration)))
    return style_axes(ax, xlabel="iteration", ylabel=curve_label(seen.optimized_metric))


def title_lines(seen: View) -> int:
    """Count the lines of the longer title of `draw_held` and `draw_optimized`."""
    return max(len(curve_title(text)) for text in (held_title(seen), optimized_title(seen, seen.last)))


def held_title(seen: View) -> str:
    """Say what is held, and a single metric's level."""
    held = f"{' and '.join(seen.reference_metrics)} held"
    return f"{held} at {write_value(float(seen.level[0]))}" if len(seen.reference_metrics) == 1 else held


def optimized_title(seen: View, iteration: int) -> str:
    """Say what is optimised, and how far it came."""
    return f"{seen.action}: {write_value(float(seen.optimized[iteration]))}"


def draw_penalties(ax: Axes, seen: View, iteration: int, **properties: Any) -> Axes:
    """Draw the penalty's values, which must have been recorded, over the iterations."""
    assert seen.penalties is not None
    draw_series(ax, seen.penalties, iteration, **{"color": COLORS[3], **properties})
    add_title(ax, [f"penalty: {write_value(float(seen.penalties[iteration]))}"])
    return style_axes(ax, xlabel="iteration", ylabel="penalty")


def draw_series(ax: Axes, values: np.ndarray, iteration: int, **properties: Any) -> None:
    """Draw a line over the iterations and a dot at one of them."""
    (line,) = ax.plot(np.arange(len(values)), values, **{"linewidth": 1.6, **properties})
    ax.plot([iteration], values[[iteration]], "o", color=line.get_color(), markersize=5, clip_on=False)


def draw_histogram(
    ax: Axes,
    seen: View,
    iteration: int,
    xlim: tuple[float, float] | None = None,
    ylim: tuple[float, float] | None = None,
    **properties: Any,
) -> Axes:
    """Draw how often each pixel value occurs in the image of an iteration and in the reference image."""
    reference, mad = to_array(seen.image).ravel(), to_array(seen.kept[iteration]).ravel()
    low, high = min(reference.min(), mad.min()), max(reference.max(), mad.max())
    edges = np.linspace(low, high if high > low else low + 1e-3, 65)
    options = {"bins": edges, "density": False, **properties}
    share = np.full(len(mad), 100 / len(mad))
    ax.hist(reference, weights=share, histtype="step", color=INK, linewidth=1.2, label="reference image", **options)
    ax.hist(mad, weights=share, color=COLORS[4], alpha=0.7, label="MAD image", zorder=1, **options)
    for edge in seen.pixel_range:
        ax.axvline(edge, color=GRAY, linewidth=0.8, linestyle=(0, (1, 2)))
    ax.legend(fontsize=TEXT - 1, frameon=False)
    outside = 100 * float(np.mean((mad < seen.pixel_range[0]) | (mad > seen.pixel_range[1])))
    inside = "all pixels in range" if outside == 0 else f"{outside:.2g} % of pixels out of range"
    add_title(ax, [f"Pixel values: {inside}"])
    style_axes(ax, xlabel="pixel value", ylabel="share of pixels (%)")
    ax.set(xlim=xlim, ylim=ylim)
    return ax

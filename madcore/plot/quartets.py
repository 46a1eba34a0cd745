"""Figures of a match: its reference, start and four MAD images, and the metrics on the way to each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from matplotlib.figure import Figure

from madcore.plot.comparisons import LINES, draw_difference
from madcore.plot.layout import curve_label, curve_title, lay_out, lay_out_row, shown_width
from madcore.plot.panels import draw_image
from madcore.plot.pictures import imshow
from madcore.plot.style import TEXT, add_title, style_axes
from madcore.plot.text import break_lines, text_width, wrap
from madcore.plot.views import Synthesis, View, both_metrics, match_views, metric_path
from madcore.results import Quartet
from madcore.wording import write_value

__all__ = ["draw_match", "mad_imshow_all", "mad_loss_all", "quartet", "quartet_loss"]

ROWS = (("reference", "a_min", "a_max"), ("start", "b_min", "b_max"))


def quartet(
    *syntheses: Synthesis | Quartet,
    batch_idx: int = 0,
    channel_idx: int | None = None,
    differences: bool = False,
    zoom: int | None = None,
) -> Figure:
    """Show reference, start and MAD images of two metrics, with metrics, levels, values and held errors.

    Parameters
    ----------
    *syntheses : Quartet, or MADCompetition or Result
        A quartet, or up to four syntheses of one image in any order.
    batch_idx, channel_idx : int, optional
        Which image of the batch, and which of its channels; the first image in all channels.
    differences : bool
        Whether to show below each image its difference from the reference image, with the gain that suits it.
    zoom : int, optional
        Screen pixels for a pixel.

    Returns
    -------
    Figure
        The images with metric a extreme in the first row, those with metric b extreme in the second.

    Raises
    ------
    InputError
        If they are not of one image and two metrics, each minimised and maximised at most once.

    Examples
    --------
    >>> import madcore, madcore.plot
    >>> image = madcore.read_image("dead_leaves", size=32)
    >>> figure = madcore.plot.quartet(madcore.quartet(image, "ssim", "mse", max_iter=5))
    >>> figure.savefig("quartet.pdf")
    """
    return draw_match(match_views(*syntheses, batch_idx=batch_idx, channel_idx=channel_idx), differences, zoom)


def quartet_loss(*syntheses: Synthesis | Quartet, batch_idx: int = 0, **properties: Any) -> Figure:
    """Draw both metrics over the iterations of all four syntheses.

    Parameters
    ----------
    *syntheses : Quartet, or MADCompetition or Result
        As for `quartet`.
    batch_idx : int
        Which image of the batch.
    **properties
        Of the lines, as for ``Axes.plot``.

    Returns
    -------
    Figure
        Metric a in the first axes, metric b in the second; a line of each synthesis in both.

    Examples
    --------
    >>> import madcore, madcore.plot
    >>> image = madcore.read_image("dead_leaves", size=32)
    >>> figure = madcore.plot.quartet_loss(madcore.quartet(image, "ssim", "mse", max_iter=5))
    >>> [ax.get_ylabel() for ax in figure.axes]
    ['ssim', 'mse']
    """
    return _draw_losses(match_views(*syntheses, batch_idx=batch_idx), **properties)


def mad_imshow_all(
    mad_metric1_min: Synthesis,
    mad_metric2_min: Synthesis,
    mad_metric1_max: Synthesis,
    mad_metric2_max: Synthesis,
    metric1_name: str | None = None,
    metric2_name: str | None = None,
    zoom: int | None = None,
    *,
    batch_idx: int = 0,
    channel_idx: int | None = None,
) -> Figure:
    """Show what `quartet` does, with the arguments of plenoptic's function of this name."""
    four = (mad_metric1_min, mad_metric2_min, mad_metric1_max, mad_metric2_max)
    views = match_views(*four, batch_idx=batch_idx, channel_idx=channel_idx)
    return draw_match(_renamed(views, metric1_name, metric2_name), zoom=zoom)


def mad_loss_all(
    mad_metric1_min: Synthesis,
    mad_metric2_min: Synthesis,
    mad_metric1_max: Synthesis,
    mad_metric2_max: Synthesis,
    metric1_name: str | None = None,
    metric2_name: str | None = None,
) -> Figure:
    """Draw what `quartet_loss` does, with the arguments of plenoptic's function of this name."""
    views = match_views(mad_metric1_min, mad_metric2_min, mad_metric1_max, mad_metric2_max)
    return _draw_losses(_renamed(views, metric1_name, metric2_name))


def draw_match(views: Mapping[str, View], differences: bool = False, zoom: int | None = None) -> Figure:
    """Lay out the images of a match, and under each its difference from the reference image if that is wanted."""
    first = next(iter(views.values()))
    start = replace(first, optimized=first.optimized[:1], reference=first.reference[:1], kept={0: first.kept[0]})
    size = (int(first.image.shape[-2]), int(first.image.shape[-1]))
    titles = {"reference": "reference image", "start": "start image\n" + ", ".join(_start_values(views))}
    titles |= {key: "\n".join(seen.describe(seen.last)) for key, seen in views.items()}
    broken = {name: break_lines(title, shown_width(size, zoom)) for name, title in titles.items()}
    lines = max(len(each) for each in broken.values())
    shown = {"start": start, **views}
    columns = [names for names in zip(*ROWS, strict=True) if any(name in shown for name in names)]
    figure, axes = lay_out([lines, 1] * 2 if differences else [lines] * 2, len(columns), size, zoom=zoom)
    for place, ax in enumerate(axes):
        row, column = divmod(place, len(columns))
        name = columns[column][row // 2 if differences else row]
        title = "\n".join(broken.get(name, ()))
        if name == "reference" and row == 0:
            imshow(first.image, ax, zoom=zoom, vrange=first.pixel_range, title=title)
        elif name not in shown:
            ax.remove()
        elif differences and row % 2:
            draw_difference(ax, shown[name], shown[name].last, zoom=zoom)
        else:
            draw_image(ax, shown[name], shown[name].last, title=title, zoom=zoom)
    return figure


def _start_values(views: Mapping[str, View]) -> list[str]:
    """Write the values of both metrics at the start, that of the first synthesis."""
    first = next(iter(views.values()))
    values = {
        first.optimized_metric: first.optimized[0],
        **dict(zip(first.reference_metrics, first.reference[0], strict=True)),
    }
    return [f"{name} {write_value(float(value))}" for name, value in values.items()]


def _renamed(views: Mapping[str, View], first: str | None, second: str | None) -> dict[str, View]:
    """Give the two metrics other names."""
    pairs = {key: (first, second) if key.startswith("a") else (second, first) for key in views}
    return {
        key: replace(
            seen,
            optimized_metric=pairs[key][0] or seen.optimized_metric,
            reference_metrics=(pairs[key][1] or seen.reference_metrics[0],),
        )
        for key, seen in views.items()
    }


def _draw_losses(views: Mapping[str, View], **properties: Any) -> Figure:
    names, labels = both_metrics(views), {key: wrap(seen.action) for key, seen in views.items()}
    lines = max(len(curve_title(name)) for name in names)
    right = max(1.4, 0.5 + text_width([*labels.values()]))
    figure, axes = lay_out_row(None, 2, height=3.0, title_lines=lines, right=right)
    for key, seen in views.items():
        for ax, values in zip(axes, metric_path(key, seen).T, strict=True):
            style = {**LINES[key], "marker": None, "linewidth": 1.6, "label": labels[key], **properties}
            ax.plot(values, **style)
    for ax, name in zip(axes, names, strict=True):
        add_title(ax, curve_title(name))
        style_axes(ax, xlabel="iteration", ylabel=curve_label(name))
    axes[1].legend(fontsize=TEXT - 1, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure

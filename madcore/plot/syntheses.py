"""Figures of one synthesis: the image at an iteration, the metrics on the way there, and the pixel values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from matplotlib.axes import Axes
from torch import Tensor

from madcore.competition.history import resolve_iteration
from madcore.errors import InputError
from madcore.plot.layout import lay_out_row
from madcore.plot.panels import draw_held, draw_histogram, draw_image, draw_optimized, draw_penalties, title_lines
from madcore.plot.style import new_axes
from madcore.plot.views import Synthesis, view

__all__ = ["synthesis_histogram", "synthesis_imshow", "synthesis_loss"]


def synthesis_imshow(
    synthesis: Synthesis,
    *,
    batch_idx: int = 0,
    channel_idx: int | None = None,
    iteration: int | None = None,
    process_image: Callable[[Tensor], Tensor] | None = None,
    zoom: int | None = None,
    vrange: tuple[float, float] | None = None,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Show the MAD image, as it was at an iteration, with its metrics' values.

    Parameters
    ----------
    synthesis : MADCompetition or Result
        What was synthesised.
    batch_idx, channel_idx : int, optional
        Which image of the batch, and which of its channels; the first image in all channels.
    iteration : int, optional
        Negative from the end; the last by default.  If its image was not kept, the nearest kept one, as the title says.
    process_image : callable, optional
        Applied to the image, (C, H, W), before it is shown.
    zoom : int, optional
        Screen pixels for a pixel; by default the largest whole number for which there is room.
    vrange : tuple of float, optional
        Values shown as black and white; the range of the pixels by default.
    ax : Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        In place of metrics, values and level.

    Returns
    -------
    Axes
        With the picture in it.

    Raises
    ------
    InputError
        If there is no such image; also an `IndexError` if there is no such iteration.

    Examples
    --------
    >>> import madcore, madcore.plot
    >>> image = madcore.read_image("dead_leaves", size=32)
    >>> result = madcore.synthesize(image, "ssim", "mse", "max", max_iter=5)
    >>> ax = madcore.plot.synthesis_imshow(result)
    """
    seen = view(synthesis, batch_idx, channel_idx)
    options: dict[str, Any] = {"title": title, "process_image": process_image, "vrange": vrange, "zoom": zoom}
    return draw_image(ax, seen, seen.shown(iteration), **options)


def synthesis_loss(
    synthesis: Synthesis,
    iteration: int | None = None,
    plot_penalties: bool = False,
    ax: Axes | Sequence[Axes] | None = None,
    *,
    batch_idx: int = 0,
    **properties: Any,
) -> dict[str, Axes]:
    """Draw held and optimised metrics over the iterations, each in axes of its own, a dot at one iteration.

    Parameters
    ----------
    synthesis : MADCompetition or Result
        What was synthesised.
    iteration : int, optional
        Where the dot is; at the last by default.
    plot_penalties : bool
        Whether to draw the penalty's values, too.
    ax : Axes or sequence of Axes, optional
        One, whose place is divided, or as many as are drawn; a new figure by default.
    batch_idx : int
        Which image of the batch.
    **properties
        Of the lines, as for ``Axes.plot``.

    Returns
    -------
    dict of Axes
        ``reference_metric_loss``, ``optimized_metric_loss`` and, if drawn, ``penalties``.  Several held metrics share
        axes, each in units of its level.

    Raises
    ------
    InputError
        If penalties are wanted and were not recorded, or there are too few or too many axes.

    Examples
    --------
    >>> import madcore, madcore.plot
    >>> image = madcore.read_image("dead_leaves", size=32)
    >>> result = madcore.synthesize(image, "ssim", "mse", "max", max_iter=5)
    >>> sorted(madcore.plot.synthesis_loss(result))
    ['optimized_metric_loss', 'reference_metric_loss']
    """
    seen = view(synthesis, batch_idx)
    at = resolve_iteration(iteration, len(seen.optimized))
    if plot_penalties and seen.penalties is None:
        raise InputError("this synthesis has no record of penalties: that of a MADCompetition has")
    draw = {"reference_metric_loss": draw_held, "optimized_metric_loss": draw_optimized, "penalties": draw_penalties}
    names = [name for name in draw if plot_penalties or name != "penalties"]
    axes = dict(zip(names, _divided(ax, len(names), title_lines(seen)), strict=True))
    return {name: draw[name](place, seen, at, **properties) for name, place in axes.items()}


def synthesis_histogram(
    synthesis: Synthesis,
    *,
    batch_idx: int = 0,
    channel_idx: int | None = None,
    iteration: int | None = None,
    xlim: tuple[float, float] | None = None,
    ylim: tuple[float, float] | None = None,
    ax: Axes | None = None,
    **properties: Any,
) -> Axes:
    """Draw how often each pixel value occurs in the MAD image and in the reference image.

    Parameters
    ----------
    synthesis : MADCompetition or Result
        What was synthesised.
    batch_idx, channel_idx, iteration : int, optional
        As for `synthesis_imshow`.
    xlim, ylim : tuple of float, optional
        Limits of the axes; by default all values of both images.
    ax : Axes, optional
        Where to draw; a new figure by default.
    **properties
        Of the histograms, as for ``Axes.hist``.

    Returns
    -------
    Axes
        With both histograms in it, and dotted lines at the ends of the pixel range.
    """
    seen = view(synthesis, batch_idx, channel_idx)
    return draw_histogram(new_axes(ax), seen, seen.shown(iteration), xlim, ylim, **properties)


def _divided(ax: Axes | Sequence[Axes] | None, count: int, lines: int) -> list[Axes]:
    """Return `count` axes: those given, or those into which the place of one is divided."""
    if ax is None:
        return lay_out_row(None, count, title_lines=lines)[1]
    if isinstance(ax, Axes):
        left, bottom, width, height = ax.get_position(original=True).bounds
        share = width / (1.35 * count - 0.35)
        figure = ax.figure
        ax.remove()
        return [figure.add_axes((left + 1.35 * k * share, bottom, share, height)) for k in range(count)]
    if len(ax) != count:
        raise InputError(f"{count} axes are needed, one for each series; got {len(ax)}")
    return list(ax)

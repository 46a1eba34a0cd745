"""One iteration of a synthesis side by side: its image, the metrics on the way there, and the pixel values."""

from __future__ import annotations

from collections.abc import Callable, Collection

from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from torch import Tensor

from madcore.errors import InputError
from madcore.plot.layout import lay_out_row, shown_width
from madcore.plot.panels import draw_held, draw_histogram, draw_image, draw_optimized, title_lines
from madcore.plot.text import break_lines
from madcore.plot.views import Synthesis, View, view

__all__ = ["PANELS", "draw_status", "status_axes", "synthesis_status"]

PANELS = ("synthesis_imshow", "synthesis_loss", "synthesis_histogram")


def synthesis_status(
    synthesis: Synthesis,
    *,
    batch_idx: int = 0,
    channel_idx: int | None = None,
    iteration: int | None = None,
    included_plots: Collection[str] = PANELS[:2],
    fig: Figure | SubFigure | None = None,
    process_image: Callable[[Tensor], Tensor] | None = None,
) -> Figure | SubFigure:
    """Show image, metrics and pixel values of one iteration side by side.

    Parameters
    ----------
    synthesis : MADCompetition or Result
        What was synthesised.
    batch_idx, channel_idx, iteration, process_image : optional
        As for `synthesis_imshow`.
    included_plots : collection of str
        Which of "synthesis_imshow", "synthesis_loss" and "synthesis_histogram" to include; the first two by default.
    fig : Figure or SubFigure, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Figure or SubFigure
        With a column for each panel, and two for the metrics.

    Raises
    ------
    InputError
        If there is no such image or panel.
    """
    seen = view(synthesis, batch_idx, channel_idx)
    figure, axes = status_axes(seen, included_plots, fig)
    draw_status(axes, seen, seen.shown(iteration), process_image)
    return figure


def status_axes(
    seen: View, included_plots: Collection[str], fig: Figure | SubFigure | None = None
) -> tuple[Figure | SubFigure, dict[str, list[Axes]]]:
    """Make axes for the panels: two for the metrics, one for each other."""
    unknown = set(included_plots) - set(PANELS)
    if unknown or not included_plots:
        raise InputError(f"included_plots must be some of {', '.join(PANELS)}; got {sorted(included_plots)}")
    panels = [name for name in PANELS if name in included_plots for _ in range(1 + (name == "synthesis_loss"))]
    if fig is None:
        pictures = panels.count("synthesis_imshow")
        height, width = seen.image.shape[-2:]
        size = (int(height), int(width)) if pictures else None
        above = [2 + len(seen.reference_metrics), title_lines(seen)]
        if size is not None:
            above.append(len(break_lines("\n".join(seen.describe(0)), shown_width(size))))
        fig, every = lay_out_row(size, len(panels) - pictures, title_lines=max(above))
    else:
        every = list(fig.subplots(1, len(panels), squeeze=False)[0])
    return fig, {name: [ax for ax, panel in zip(every, panels, strict=True) if panel == name] for name in panels}


def draw_status(
    axes: dict[str, list[Axes]],
    seen: View,
    iteration: int,
    process_image: Callable[[Tensor], Tensor] | None = None,
) -> None:
    """Draw one iteration into the axes that `status_axes` made."""
    for ax in axes.get("synthesis_imshow", ()):
        draw_image(ax, seen, iteration, process_image=process_image)
    for ax, draw in zip(axes.get("synthesis_loss", ()), (draw_held, draw_optimized), strict=False):
        draw(ax, seen, iteration)
    for ax in axes.get("synthesis_histogram", ()):
        draw_histogram(ax, seen, iteration)

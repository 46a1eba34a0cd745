"""The way of syntheses in the plane of their two metrics, and what can be reached in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from madcore.errors import InputError
from madcore.plot.comparisons import LINES
from madcore.plot.style import GRAY, INK, TEXT, add_title, new_axes, set_log, style_axes
from madcore.plot.text import break_lines, text_width, wrap
from madcore.plot.views import Synthesis, View, both_metrics, match_views, metric_path
from madcore.results import Quartet

__all__ = ["trajectory"]

WIDE = 30  # values that differ by more than this factor get a logarithmic axis


def trajectory(*syntheses: Synthesis | Quartet, batch_idx: int = 0, ax: Axes | None = None, **properties: Any) -> Axes:
    """Draw the way of each synthesis in the plane of the two metrics, from the start to the MAD image.

    Parameters
    ----------
    *syntheses : MADCompetition, Result or Quartet
        One or more of the same two metrics; several quartets, at several levels, span the envelope of what was reached.
    batch_idx : int
        Which image of the batch.
    ax : Axes, optional
        Where to draw; a new figure by default.
    **properties
        Of the lines, as for ``Axes.plot``.

    Returns
    -------
    Axes
        Metric a to the right, metric b upwards.  Dotted lines are the levels; grey bars join the smallest and the
        largest value of one metric that was found at a level of the other.

    Raises
    ------
    InputError
        If the syntheses are not all of the same two metrics, one optimised and the other held.

    Examples
    --------
    >>> import madcore, madcore.plot
    >>> image = madcore.read_image("dead_leaves", size=32)
    >>> quartet = madcore.quartet(image, "ssim", "mse", max_iter=5)
    >>> madcore.plot.trajectory(quartet).get_xlabel()
    'ssim'
    """
    groups = [match_views(each, batch_idx=batch_idx) for each in syntheses if isinstance(each, Quartet)]
    single = [each for each in syntheses if not isinstance(each, Quartet)]
    groups += [match_views(*single, batch_idx=batch_idx)] if single or not groups else []
    names = _names(groups)
    labels = [wrap(seen.action) for seen in groups[0].values()]
    ax = new_axes(ax, (4.6 + max(0.0, text_width(labels) - 1.2), 4.2))
    ends = [_draw_group(ax, views, labelled=index == 0, **properties) for index, views in enumerate(groups)]
    for first, second in (("a_min", "a_max"), ("b_min", "b_max")):
        _draw_envelope(ax, ends, first, second)
    points = np.vstack([metric_path(key, seen) for views in groups for key, seen in views.items()])
    for axis, values in (("x", points[:, 0]), ("y", points[:, 1])):
        if values.min() > 0 and values.max() > WIDE * values.min():
            set_log(ax, axis)
    ax.legend(fontsize=TEXT - 1, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    add_title(ax, break_lines(f"{names[0]} and {names[1]}", 3.2))
    return style_axes(ax, xlabel=wrap(names[0], 3.0), ylabel=wrap(names[1], 3.0))


def _names(groups: Sequence[Mapping[str, View]]) -> tuple[str, str]:
    found = {both_metrics(views) for views in groups}
    if len(found) > 1:
        pairs = "; ".join(" and ".join(pair) for pair in sorted(found))
        raise InputError(f"the syntheses must be of the same two metrics in the same order; got {pairs}")
    return found.pop()


def _draw_group(ax: Axes, views: Mapping[str, View], *, labelled: bool, **properties: Any) -> dict[str, np.ndarray]:
    """Draw the ways of one quartet and return where they end."""
    paths = {key: metric_path(key, seen) for key, seen in views.items()}
    for key, path in paths.items():
        style = {
            **LINES[key],
            "linewidth": 1.4,
            "markersize": 6,
            "markevery": [len(path) - 1],
            "zorder": 3,
            **properties,
        }
        ax.plot(*path.T, label=wrap(views[key].action) if labelled else None, **style)
        level = float(views[key].level[0])
        line = ax.axhline if key.startswith("a") else ax.axvline
        line(level, color=GRAY, linewidth=0.8, linestyle=(0, (1, 3)), zorder=0)
    start = next(iter(paths.values()))[0]
    ax.plot(*start, "o", color=INK, markersize=5, label="start" if labelled else None, zorder=4)
    return {key: path[-1] for key, path in paths.items()}


def _draw_envelope(ax: Axes, ends: Sequence[Mapping[str, np.ndarray]], first: str, second: str) -> None:
    """Join the two extremes of a metric at each level, and those of neighbouring levels."""
    pairs = np.array([(each[first], each[second]) for each in ends if first in each and second in each])
    for pair in pairs:
        ax.plot(*pair.T, color=GRAY, alpha=0.25, linewidth=6, solid_capstyle="butt", zorder=1)
    if len(pairs) > 1:
        along = 1 if first.startswith("a") else 0  # the held metric
        pairs = pairs[pairs[:, 0, along].argsort()]
        for side in (0, 1):
            ax.plot(*pairs[:, side].T, color=GRAY, linewidth=1, linestyle=(0, (1, 2)), zorder=1)

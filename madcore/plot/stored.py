"""Figures of matches on disk, and all figures of a tournament for a paper."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from madcore.analysis import Results, Study, examine_results, tables
from madcore.errors import InputError
from madcore.images import decode_image
from madcore.plot.matrices import disagreement_matrix, transfer
from madcore.plot.quartets import draw_match
from madcore.plot.tournaments import envelope, noise_curves, rankings
from madcore.plot.views import View

__all__ = ["MatchFiles", "save_figures", "stored_match"]

PANELS_ACROSS = 4


class MatchFiles(Results, Protocol):
    """What is read of a `madcore.Store`, or of the folder of a single match, for figures."""

    def ids(self) -> set[str]:
        """Return the identities of the matches."""

    def record(self, match: str) -> dict[str, Any]:
        """Return a record."""

    def read(self, match: str, filename: str) -> bytes:
        """Read a file of a match."""

    def reference(self, image_hash: str, suffix: str = "png") -> bytes | None:
        """Read a reference image."""


def stored_match(
    results: MatchFiles, match: str | None = None, *, differences: bool = True, zoom: int | None = None
) -> Figure:
    """Show a match that is on disk as `quartet` shows one in memory; the pictures are those of the PNGs.

    Parameters
    ----------
    results : Store or SingleMatch
        As `madcore.open_results` returns it.
    match : str, optional
        Identity of the match; not needed if there is only one.
    differences, zoom : optional
        As for `quartet`.

    Returns
    -------
    Figure
        Reference, start and MAD images, and the differences below each.

    Raises
    ------
    InputError
        If the match or a picture of it is not there.
    """
    if match is None:
        if len(results.ids()) != 1:
            raise InputError(f"there are {len(results.ids())} matches: name one by its id, from `madcore matches`")
        (match,) = results.ids()
    return draw_match(_views(results, match), differences, zoom)


def save_figures(
    results: MatchFiles, folder: str | Path, formats: Sequence[str] = ("pdf", "svg"), *, matches: int = 3
) -> list[Path]:
    """Write every figure of a tournament, and one of each of the matches that disagree most.

    Parameters
    ----------
    results : Store or SingleMatch
        As `madcore.open_results` returns it.
    folder : str or path
        Made if it does not exist.
    formats : sequence of str
        Endings of matplotlib's formats: "pdf", "svg", "png", ...
    matches : int
        How many matches to show.

    Returns
    -------
    list of Path
        What was written: ``disagreement``, ``transfer`` (one a level), ``rankings``, ``noise_curves``, ``envelope``
        (one a held metric), ``match``; those for which there is nothing to draw are left out.

    Raises
    ------
    InputError
        If there is no match, a format is unknown, or the folder cannot be written.
    """
    if not results.ids():
        raise InputError("there is no finished match to draw; play the tournament first")
    written = []
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for name, figure in _figures(results, examine_results(results), matches):
            for ending in formats:
                written.append(Path(folder) / f"{name}.{ending}")
                figure.savefig(written[-1], bbox_inches="tight", metadata=_undated(ending))
    except OSError as error:
        raise InputError(f"{folder} cannot be written ({error.strerror}); choose another folder") from error
    except ValueError as error:
        raise InputError(f"a figure cannot be written: {' '.join(str(error).split())}") from error
    return written


def _figures(results: MatchFiles, study: Study, matches: int) -> Iterator[tuple[str, Figure]]:
    found = tables(study)
    by_level: list[tuple[str, Callable[..., Axes]]] = [("disagreement", disagreement_matrix), ("transfer", transfer)]
    for name, draw in by_level:
        in_order = sorted(found[name], key=lambda row: (row["optimized"], row["held"]))
        for level, rows in _groups(in_order, "level"):
            yield f"{name}-{level}", _figure(draw(rows))
    for name, draw in (("rankings", rankings), ("noise_curves", noise_curves)):
        if found[name]:
            yield name, _figure(draw(found[name]))
    for held, rows in _groups(found["envelopes"], "held"):
        yield f"envelope-{held}", _envelopes(rows)
    for number, figure in enumerate(islice(_drawn(results, _strongest_first(results, study)), matches), 1):
        yield f"match-{number}", figure


def _drawn(results: MatchFiles, ids: Sequence[str]) -> Iterator[Figure]:
    """Draw matches one by one, without those whose files are missing; the first of these is named."""
    named = False
    for match in ids:
        try:
            yield stored_match(results, match)
        except InputError as error:
            if not named:
                warnings.warn(f"match {match} is not drawn, nor are others like it: {error}", stacklevel=2)
            named = True


def _strongest_first(results: MatchFiles, study: Study) -> list[str]:
    """Order the matches as a report does; those without a pair of images come last."""
    strength = dict.fromkeys(results.ids(), 0.0)
    for attack in study.attacks:
        strength[attack.id] = max(strength[attack.id], attack.change[0] if attack.change else 0.0)
    return sorted(strength, key=lambda match: (-strength[match], match))


def _envelopes(rows: list[dict[str, Any]]) -> Figure:
    """Draw what one held metric lets through, a panel for each optimised metric."""
    groups = [group for _, group in _groups(sorted(rows, key=lambda row: row["optimized"]), "optimized")]
    across = min(PANELS_ACROSS, len(groups))
    down = -(-len(groups) // across)
    figure = Figure(figsize=(3.3 * across, 3.2 * down), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12))
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for ax, group in zip(panels, groups, strict=False):
        envelope(group, ax)
        if ax is not panels[0]:
            ax.get_legend().remove()
    for ax in panels[len(groups) :]:
        ax.remove()
    return figure


def _groups(rows: list[dict[str, Any]], column: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the rows of each value of a column, the value written as it can stand in a file's name."""
    for value in dict.fromkeys(row[column] for row in rows):
        yield re.sub(r"[^\w.=-]+", "_", str(value)).strip("_"), [row for row in rows if row[column] == value]


def _figure(ax: Axes) -> Figure:
    figure = ax.get_figure(root=True)
    assert isinstance(figure, Figure)
    return figure


def _undated(ending: str) -> dict[str, None] | None:
    """Leave out the date, so that the same results give the same files."""
    return {"pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(ending)


def _views(results: MatchFiles, match: str) -> dict[str, View]:
    """Look at the images of a match on disk; of the way there, its ends are known."""
    record = results.record(match)
    names = record["made"]["names"]
    reference = results.reference(record["key"]["image"])
    if reference is None:
        raise InputError(f"the reference image of match {match} is not there; make the match again")
    image = decode_image(reference, "reference.png")[0]
    start = decode_image(results.read(match, "start.png"), "start.png")[0]
    views = {}
    for key, entry in record["images"].items():
        letter = key[0]
        held = [each for each in names if each != letter]
        ends = (record["start"]["exact"], entry["exact"])
        views[key] = View(
            optimized_metric=names[letter],
            reference_metrics=tuple(names[each] for each in held),
            minmax=key[2:],
            optimized=np.array([_number(each[letter]) for each in ends]),
            reference=np.array([[_number(end[each]) for each in held] for end in ends]),
            level=np.array([_number(entry["level"][each]) for each in held]),
            penalties=None,
            image=image,
            kept={0: start, 1: decode_image(results.read(match, f"{key}.png"), f"{key}.png")[0]},
            every=0,
            pixel_range=(0.0, 1.0),
        )
    return views


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)

"""A study: everything that a tournament, or a single match, shows, computed once for reports, figures and tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from madcore.analysis.attacks import Attack, LeftOut, pair_images
from madcore.analysis.disagreement import Cell, disagreements
from madcore.analysis.noise import NoiseCurve, read_curve
from madcore.analysis.standings import Standing, standings
from madcore.analysis.transfer import Testimony, Verdict, ask_judges, sum_up_verdicts

__all__ = ["Results", "Study", "examine_results"]


class Results(Protocol):
    """What is read of a `madcore.Store`, or of the folder of a single match."""

    def query(self, where: str | None = None) -> list[dict[str, Any]]:
        """Return a row for each MAD image."""

    def scores(self, match: str) -> dict[str, Any] | None:
        """Return what the judges say of a match."""

    def curves(self) -> Iterator[dict[str, Any]]:
        """Yield the noise curves."""

    def failures(self) -> list[dict[str, Any]]:
        """Return the matches that failed."""


@dataclass(frozen=True)
class Study:
    """Rows, noise curves and scores of some matches, and what follows from them.

    Parameters
    ----------
    rows : list of dict
        As from `madcore.Store.query`.
    curves : dict
        Noise curves by metric and hash of the picture.
    scores : dict
        What the judges say, by id of the match.
    failures : list of dict
        Matches that failed.
    attacks, left_out : list
        What `pair_images` makes of the rows.
    """

    rows: list[dict[str, Any]]
    curves: dict[tuple[str, str], NoiseCurve]
    scores: dict[str, Mapping[str, Any]]
    failures: list[dict[str, Any]]
    attacks: list[Attack]
    left_out: list[LeftOut]

    @cached_property
    def metrics(self) -> list[str]:
        """Names of the metrics that played."""
        return sorted({name for row in self.rows for name in (row["optimized"], row["held"])})

    @cached_property
    def levels(self) -> list[str]:
        """Levels in order, the lowest first."""
        return sorted({attack.level for attack in self.attacks}, key=_order)

    @cached_property
    def cells(self) -> list[Cell]:
        """The disagreement matrices of all levels, strongest first."""
        return disagreements(self.attacks)

    @cached_property
    def verdicts(self) -> list[Verdict]:
        """What each judge says about each attack."""
        return ask_judges(self.attacks, self.scores.get, self.curves)

    @cached_property
    def testimonies(self) -> list[Testimony]:
        """What each judge says about each ordered pair of metrics."""
        return sum_up_verdicts(self.verdicts)

    @cached_property
    def standings(self) -> list[Standing]:
        """How each metric does."""
        return standings(self.attacks, self.verdicts)

    @cached_property
    def remarks(self) -> dict[str, dict[str, int]]:
        """What is odd about a metric's noise curves, by metric, with the number of pictures."""
        found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for (metric, _), curve in sorted(self.curves.items()):
            for remark in curve.remarks:
                found[metric]["has a dead zone" if remark.startswith("sees no") else remark] += 1
        return {metric: dict(each) for metric, each in found.items()}


def examine_results(results: Results) -> Study:
    """Read a store, or the folder of a single match, and pair its images.

    Parameters
    ----------
    results : Store or SingleMatch
        What `madcore.store.open_results` returns.
    """
    rows = results.query()
    curves = {(curve["metric"], curve["image"]): read_curve(curve) for curve in results.curves()}
    scores: dict[str, Mapping[str, Any]] = {}
    for match in sorted({row["id"] for row in rows}):
        if found := results.scores(match):
            scores[match] = found
    attacks, left_out = pair_images(rows, curves)
    return Study(rows, curves, scores, results.failures(), attacks, left_out)


def _order(level: str) -> tuple[str, float, str]:
    kind, _, value = level.rpartition(":")
    try:
        return kind, float(value), level
    except ValueError:
        return kind, 0.0, level

"""The tables behind every number: plain rows, for CSV files, figures and pandas."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from madcore.analysis.disagreement import Cell
from madcore.analysis.estimates import Estimate
from madcore.analysis.noise import Noise
from madcore.analysis.standings import Standing
from madcore.analysis.study import Study

__all__ = ["Rows", "tables", "write_csv"]

Rows = list[dict[str, Any]]


def tables(study: Study) -> dict[str, Rows]:
    """Return all tables of a study.

    Returns
    -------
    dict
        By name: ``disagreement``, ``rankings``, ``transfer``, ``envelopes``, ``noise_curves``, ``images``,
        ``left_out``, ``failures``.  Disagreements are in doublings of equivalent noise.  None is unknown.
    """
    return {
        "disagreement": [_cell(cell) for cell in study.cells],
        "rankings": [_standing(each) for each in study.standings],
        "transfer": [
            {
                **{name: getattr(each, name) for name in ("level", "optimized", "held", "judge")},
                **_estimate(each.estimate),
                "agreement": each.agreement,
                "sides": each.sides,
                "sentence": each.sentence,
            }
            for each in study.testimonies
        ],
        "envelopes": _envelopes(study),
        "noise_curves": [
            {"metric": curve.metric, "image": curve.image, "standard_deviation": deviation, "value": value}
            for curve in study.curves.values()
            for deviation, value in zip(curve.deviations, curve.values, strict=True)
        ],
        "images": study.rows,
        "left_out": [asdict(each) for each in study.left_out],
        "failures": [
            {name: failure.get(name) for name in ("id", "picture", "reason", "type", "message", "when", "attempts")}
            for failure in study.failures
        ],
    }


def write_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write rows as CSV, the columns in the order of the first row; None is empty."""
    if not rows:
        return ""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def _cell(cell: Cell) -> dict[str, Any]:
    names = {"level": cell.level, "optimized": cell.optimized, "held": cell.held}
    return {**names, **_estimate(cell.estimate), "unit": "doublings of noise", "sentence": cell.sentence}


def _estimate(found: Estimate | None) -> dict[str, Any]:
    if found is None:
        return dict.fromkeys(("estimate", "low", "high", "n", "censored", "at_least"))
    return {
        "estimate": found.value,
        "low": None if found.n == 1 else found.interval_low,
        "high": None if found.n == 1 else found.interval_high,
        "n": found.n,
        "censored": found.censored,
        "at_least": found.at_least,
    }


def _standing(standing: Standing) -> dict[str, Any]:
    row: dict[str, Any] = {"metric": standing.metric}
    for name in ("exposure", "reach", "aggressiveness", "resistance"):
        found = _estimate(getattr(standing, name))
        row |= {name: found["estimate"], f"{name}_low": found["low"], f"{name}_high": found["high"]}
    best, worst = standing.rank or (None, None)
    scaled = dict(zip(("aggressiveness_scaled", "resistance_scaled"), standing.scaled or (None, None), strict=True))
    return {**row, **scaled, "rank_best": best, "rank_worst": worst, "sentence": standing.sentence}


def _envelopes(study: Study) -> Rows:
    rows = []
    for attack in study.attacks:
        least, most = attack.noises or (None, None)
        rows.append(
            {
                **{name: getattr(attack, name) for name in ("level", "optimized", "held", "picture", "id", "seed")},
                "held_level": _exact(attack.held_noise),
                "minimum": _exact(least),
                "maximum": _exact(most),
                "start": _exact(attack.start_noise),
                "minimum_value": attack.values[0],
                "maximum_value": attack.values[1],
                "held_value": attack.held_value,
                "start_value": attack.start_value,
                "beyond_curve": " ".join(
                    name for name, noise in (("minimum", least), ("maximum", most)) if noise and not noise.exact
                ),
            }
        )
    return rows


def _exact(noise: Noise | None) -> float | None:
    return noise.low if noise is not None and noise.exact else None

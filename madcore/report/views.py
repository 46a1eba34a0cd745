"""The page's tables, ready for the template: what each cell shows, how strong it is, and the sentence that it says."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from madcore.analysis import Cell, Estimate, Study, Testimony
from madcore.wording import write_value

__all__ = ["Box", "Matrix", "alliances", "disagreement_matrices", "standing_rows", "testimony_rows"]


@dataclass(frozen=True)
class Box:
    """One cell of a matrix.

    Parameters
    ----------
    text, detail : str
        What stands in it, large and small.
    sentence : str
        What it says.
    strength : float
        From 0 to 1: how deep its colour is.
    link : str
        Where it leads within the page; empty if nowhere.
    """

    text: str
    detail: str = ""
    sentence: str = ""
    strength: float = 0.0
    link: str = ""


@dataclass(frozen=True)
class Matrix:
    """A matrix.

    Parameters
    ----------
    heading : str
        What it is of.
    columns : list of str
        Names of its columns.
    rows : list of tuple
        Name and boxes of each row; None where there is nothing.
    blank : str
        What stands where there is nothing, apart from a metric against itself.
    note : str
        On how many pictures it rests.
    """

    heading: str
    columns: list[str]
    rows: list[tuple[str, list[Box | None]]]
    blank: str = "not played"
    note: str = ""


def disagreement_matrices(study: Study) -> list[Matrix]:
    """Make a matrix for each level: rows optimise, columns hold."""
    finite = [cell.estimate.value for cell in study.cells if cell.estimate and math.isfinite(cell.estimate.value)]
    strongest = max(finite, default=0.0) or 1.0
    cells = {(cell.level, cell.optimized, cell.held): _cell_box(cell, strongest) for cell in study.cells}
    return [
        Matrix(
            f"Held at {level}",
            study.metrics,
            [(row, [cells.get((level, row, column)) for column in study.metrics]) for row in study.metrics],
            note=_pictures(cell for cell in study.cells if cell.level == level),
        )
        for level in study.levels
    ]


def _pictures(cells: Iterable[Cell]) -> str:
    counts = [len({attack.image_hash for attack in cell.attacks}) for cell in cells]
    least, most = min(counts), max(counts)
    if least < most:
        return f"n = {least} to {most} pictures"
    return f"n = {most} {'picture' if most == 1 else 'pictures'}"


def _cell_box(cell: Cell, strongest: float) -> Box:
    link = "matches?" + urlencode({"optimized": cell.optimized, "held": cell.held, "level": cell.level})
    if cell.estimate is None:
        values = [value for attack in cell.attacks for value in attack.values]
        reached = f"{write_value(min(values), 2)} to {write_value(max(values), 2)}"
        return Box(reached, "own unit", cell.sentence, 0.0, link)
    strength = max(0.0, min(1.0, cell.estimate.value / strongest)) if math.isfinite(cell.estimate.value) else 0.0
    return Box(*write_estimate(cell.estimate), cell.sentence, strength, link)


def write_estimate(found: Estimate, digits: int = 1) -> tuple[str, str]:
    """Write a number and its interval; a bound has its sign, and what lies beyond the curves is said."""
    if math.isinf(found.low) and math.isinf(found.high):
        return "?", "beyond the curve"
    sign = "≥ " if found.at_least else "≤ " if math.isinf(found.low) else ""
    if found.n == 1:
        return f"{sign}{found.value:.{digits}f}", "one picture"
    return f"{sign}{found.value:.{digits}f}", _write_interval(found.interval_low, found.interval_high, digits)


def _write_interval(low: float, high: float, digits: int) -> str:
    if math.isinf(low) and math.isinf(high):
        return "open"
    if math.isinf(high):
        return f"{low:.{digits}f} or more"
    return f"{high:.{digits}f} or less" if math.isinf(low) else f"{low:.{digits}f} to {high:.{digits}f}"


def alliances(study: Study) -> Matrix | None:
    """Make the matrix of who sides with whom: rows judge, columns are party; None if nobody judged."""
    sided: dict[tuple[str, str], Counter[bool]] = defaultdict(Counter)
    for each in study.testimonies:
        if each.sides != "unclear":
            sided[each.judge, each.optimized][each.sides == "optimized"] += 1
            sided[each.judge, each.held][each.sides == "held"] += 1
    if not sided:
        return None
    judges = sorted({each.judge for each in study.testimonies})
    rows = [
        (judge, [_alliance(judge, party, sided.get((judge, party))) for party in study.metrics]) for judge in judges
    ]
    return Matrix("Who sides with whom", study.metrics, rows, blank="undecided")


def _alliance(judge: str, party: str, sided: Counter[bool] | None) -> Box | None:
    if not sided:
        return None
    share, total = sided[True] / sided.total(), sided.total()
    disputes = "dispute" if total == 1 else "disputes"
    sentence = f"{judge} sided with {party} in {sided[True]} of the {total} {disputes} of {party} that it could decide."
    link = "transfer?" + urlencode({"judge": judge, "party": party})
    return Box(f"{share:.0%}", f"{sided[True]} of {total}", sentence, share, link)


def standing_rows(study: Study) -> list[dict[str, Any]]:
    """Make a row for each metric: its rank, four numbers with their intervals, and the sentence."""
    known = [each for standing in study.standings for each in (standing.exposure, standing.reach) if each]
    ends = [end for each in known for end in (each.value, each.interval_high) if math.isfinite(end)]
    scale = max(ends, default=1.0) or 1.0
    rows = []
    for standing in study.standings:
        best, worst = standing.rank or ("", "")
        bars = [_bar(each, scale) for each in (standing.exposure, standing.reach)]
        bars += [_bar(each, 100.0, 0) for each in (standing.aggressiveness, standing.resistance)]
        rank = str(best) if best == worst else f"{best} to {worst}"
        rows.append({"metric": standing.metric, "rank": rank, "bars": bars, "sentence": standing.sentence})
    return rows


def _bar(found: Estimate | None, scale: float, digits: int = 1) -> dict[str, Any] | None:
    """Say where a bar of 100 units begins, ends and has its point."""
    if found is None:
        return None
    text, detail = write_estimate(found, digits)

    def place(value: float) -> float:
        return round(100 * min(1.0, max(0.0, value / scale)), 1) if not math.isnan(value) else 0.0

    ends = (found.interval_low, found.interval_high) if found.n > 1 else (found.value, found.value)
    return {"text": text, "detail": detail, "point": place(found.value), "low": place(ends[0]), "high": place(ends[1])}


def testimony_rows(testimonies: Iterable[Testimony]) -> list[list[Any]]:
    """Make the rows that the page shows of who says what: level, optimized, held, judge, side, number, sentence."""
    return [
        [
            each.level,
            each.optimized,
            each.held,
            each.judge,
            each.sides,
            write_estimate(each.estimate)[0] if each.estimate else f"{each.agreement:.0%}",
            each.sentence,
        ]
        for each in testimonies
    ]

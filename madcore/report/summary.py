"""The page's first view: what played, on what, when; what held, and what was left out and why."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from madcore.analysis import Cell, Study, write_doublings
from madcore.report.matches import Library
from madcore.wording import write_error

__all__ = ["curve_remarks", "curve_span", "level_meaning", "summarize"]

PICTURE_ERROR = 1e-4  # relative, of the held metric in a PNG: what quantization aims at
ENDED = {
    "converged": "at a stationary point",
    "settled": "more steps would change little",
    "iteration limit": "still improving: the true extreme is at least as far",
    "stalled": "no step was found that improves it: the true extreme may be farther",
    "interrupted": "stopped from outside, left out",
    "off level": "off its level, left out",
    "infeasible level": "no image has this level, left out",
    "non-finite metric": "not finite, left out",
}


def summarize(library: Library, study: Study, entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Collect what the first view says.

    Parameters
    ----------
    library : Store or SingleMatch
        Where the matches are.
    study : Study
        What follows from them.
    entries : sequence of dict
        As `list_matches` makes them.
    """
    ended = Counter(row["stopped"] for row in study.rows)
    reasons = Counter(each.reason for each in study.left_out)
    return {
        "lead": _lead(study, entries),
        "exhibit": _exhibit(study),
        "facts": _facts(library, study, entries),
        "held": _held(study, entries),
        "ended": [(count, name, ENDED.get(name, "")) for name, count in ended.most_common()],
        "left_out": [(count, reason) for reason, count in reasons.most_common()],
        "left_out_images": study.left_out,
        "failures": [_failure(failure) for failure in study.failures],
        "damaged": sorted(library.damaged().items()),
        "remarks": _remarks(library, study),
    }


def _exhibit(study: Study) -> dict[str, Any] | None:
    """Choose the pair of images that shows the strongest disagreement best, for who reads nothing else."""
    if not study.attacks:
        return None
    attacks = max(study.cells, key=_strength).attacks
    worst = max(attacks, key=lambda attack: attack.change[0] if attack.change else 0.0)
    return {
        "match": worst.id,
        "images": list(worst.images),
        "sentence": f"{worst.held} rates the last two images alike: {worst.picture}, held at {worst.level}.",
    }


def _strength(cell: Cell) -> float:
    return cell.estimate.value if cell.estimate else 0.0


def _lead(study: Study, entries: Sequence[dict[str, Any]]) -> list[str]:
    if not study.rows:
        return ["There is no finished match here yet."]
    pictures = len({row["image_hash"] for row in study.rows})
    played = f"{_count(len(study.metrics), 'metric')} played {_count(len(entries), 'match')}"
    where = f"on {_count(pictures, 'picture')} at {_count(len(study.levels), 'level')}"
    lead = [f"{played} {where}: {_count(len(study.rows), 'MAD image')}."]
    known = [cell for cell in study.cells if cell.estimate]
    if known:
        sentence = max(known, key=_strength).sentence
        lead.append(f"The strongest disagreement: {sentence[0].lower()}{sentence[1:]}")
    best = study.standings[0] if study.standings else None
    if best and best.exposure and best.rank == (1, 1) and len(study.metrics) > 2:
        lead.append(f"Overlooks least: {best.metric}, by {write_doublings(best.exposure)}.")
    return lead


def _facts(library: Library, study: Study, entries: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    if not entries:
        return []
    sizes = {entry["picture"]: " × ".join(map(str, entry["size"][:2])) for entry in entries}
    started = sorted(entry["made"]["started"] for entry in entries)
    seconds = sum(entry["made"]["seconds"] or 0 for entry in entries)
    versions = sorted({f"{name} {version}" for each in entries for name, version in each["made"]["versions"].items()})
    facts = [
        ("Metrics", ", ".join(study.metrics)),
        ("Pictures", ", ".join(f"{name} ({size})" for name, size in sorted(sizes.items()))),
        ("Levels", ", ".join(study.levels)),
        ("Seeds", ", ".join(map(str, sorted({entry["seed"] for entry in entries})))),
        ("Solver", ", ".join(sorted({entry["made"]["solver"].replace("_", " ") for entry in entries}))),
        ("Played", started[0] if started[0] == started[-1] else f"{started[0]} to {started[-1]}"),
        ("Computing time", _duration(seconds)),
        ("Devices", ", ".join(sorted({entry["made"]["device"] for entry in entries}))),
        ("Versions", ", ".join(versions)),
        ("Plans", str(len(library.plans()) or "")),
    ]
    return [(name, value) for name, value in facts if value]


def curve_span(study: Study) -> str:
    """Say between which noises the curves run, and hence what no number of doublings can exceed; empty without any."""
    deviations = [each for curve in study.curves.values() for each in curve.deviations]
    if not deviations:
        return ""
    least, most = min(deviations), max(deviations)
    return f"The curves run from {least:g} to {most:g}: no number can exceed {math.log2(most / least):.1f}."


def level_meaning(study: Study) -> str:
    """Say what the names of the levels mean, with the first that needs it; empty if none does."""
    name = next((level for level in study.levels if "noise:" in level), None)
    if name is None:
        return ""
    deviation = name.rpartition(":")[2]
    return (
        f"{name} holds a metric at the value that it has for white noise of standard deviation {deviation}, "
        f"where pixels range from 0 to 1."
    )


def _held(study: Study, entries: Sequence[dict[str, Any]]) -> str:
    if not study.rows:
        return ""
    tolerance = {entry["id"]: entry["tolerance"] for entry in entries}
    errors = [(row["held_error"], tolerance.get(row["id"]), row["png_held_error"]) for row in study.rows]
    held = sum(error is not None and allowed is not None and error <= allowed for error, allowed, _ in errors)
    pictures = [png for _, _, png in errors if png is not None]
    said = f"{held} of {len(errors)} images hold their level within the tolerance of their run"
    worst = max((error for error, _, _ in errors if error is not None), default=None)
    said += f" (largest relative error {write_error(worst)})" if worst is not None else ""
    if pictures:
        kept = sum(error <= PICTURE_ERROR for error in pictures)
        said += f"; {kept} of {len(pictures)} as PNG within {write_error(PICTURE_ERROR)}"
        said += f" (largest {write_error(max(pictures))})" if kept < len(pictures) else ""
    return f"{said}."


def _failure(failure: Mapping[str, Any]) -> dict[str, str]:
    """Say what failed and why; a failure that lacks anything is said as far as it goes."""
    names = " and ".join(map(str, dict(failure.get("names") or {}).values()))
    where = f"on {failure['picture']}" if failure.get("picture") else ""
    said = [str(failure[name]) for name in ("reason", "type", "message") if failure.get(name)]
    return {"id": str(failure.get("id", "")), "what": f"{names} {where}".strip(), "message": ": ".join(said)}


def curve_remarks(study: Study) -> list[str]:
    """Say which metrics' noise curves are no clean unit, a sentence each."""
    return [
        f"{metric} {remark} on {_count(count, 'picture')}: its equivalent noise is an interval there."
        for metric, found in study.remarks.items()
        for remark, count in ((name.replace("not monotone", "is not monotone"), count) for name, count in found.items())
    ]


def _remarks(library: Library, study: Study) -> list[str]:
    remarks = curve_remarks(study)
    if study.rows and not study.curves:
        remarks.append("There are no noise curves: every metric stands in its own unit, and no two can be compared.")
    if study.rows and not study.scores:
        remarks.append("No other metrics judged these images: there is no transfer.")
    pictures = len({attack.image_hash for attack in study.attacks})
    if 1 < pictures < 6:
        share = f"{100 * (1 - 2.0 ** (1 - pictures)):.0f} %"
        remarks.append(
            f"{pictures} pictures are too few for intervals of 95 %: even from the least to the greatest value an "
            f"interval holds the median in {share} of cases only.  From six pictures on they can be trusted."
        )
    for holder in getattr(library, "writers", dict)().values():
        remarks.append(f"A tournament is being played into this store ({holder}): this page shows what was finished.")
    return remarks


def _count(count: int, noun: str) -> str:
    plural = {"match": "matches"}.get(noun, f"{noun}s")
    return f"{count:,} {noun if count == 1 else plural}"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"

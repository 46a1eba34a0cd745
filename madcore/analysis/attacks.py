"""Attacks: one metric minimised and maximised while another is held, at one level, on one picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from madcore.analysis.noise import Noise, NoiseCurve, doublings, equivalent_noise

__all__ = ["Attack", "LeftOut", "level_name", "pair_images"]

# An image that ended so is not on the level, or is not finished; the others are what they are said to be.
UNUSABLE = {
    "off level": "the held metric is off its level",
    "infeasible level": "no image has the wanted value of the held metric",
    "non-finite metric": "a metric is not finite",
    "interrupted": "its synthesis was interrupted",
}
Row = Mapping[str, Any]
Curves = Mapping[tuple[str, str], NoiseCurve]


@dataclass(frozen=True)
class Attack:
    """Two images that the held metric rates alike and between which the optimized one tells as well as it can.

    Parameters
    ----------
    id : str
        Of the match.
    optimized, held, level, picture, image_hash : str
        Names as written; the level as ``noise:0.1``.
    seed : int
        Of the match.
    images : tuple of str
        Names of the two images, the minimised one first.
    values : tuple of float
        The optimized metric's values of the two.
    held_value : float, optional
        Of the held metric, at which it is held.
    start_value : float, optional
        Of the optimized metric at the start image.
    noises : tuple of Noise, optional
        `values` as equivalent noise; None without a noise curve.
    held_noise, start_noise : Noise, optional
        Likewise.
    """

    id: str
    optimized: str
    held: str
    level: str
    picture: str
    image_hash: str
    seed: int
    images: tuple[str, str]
    values: tuple[float, float]
    held_value: float | None = None
    start_value: float | None = None
    noises: tuple[Noise, Noise] | None = None
    held_noise: Noise | None = None
    start_noise: Noise | None = None

    @property
    def change(self) -> tuple[float, float] | None:
        """Bounds of the disagreement in doublings of equivalent noise, at least 0; None without a noise curve."""
        if self.noises is None:
            return None
        low, high = doublings(*self.noises)
        return max(low, 0.0), max(high, 0.0)


@dataclass(frozen=True)
class LeftOut:
    """An image that does not enter the statistics, and why."""

    id: str
    image: str
    optimized: str
    held: str
    level: str
    picture: str
    reason: str


def level_name(row: Row) -> str:
    """Return the level of a row as users write it: ``noise:0.1``, a value, or ``start``."""
    kind, value = row["level_kind"], row["level_value"]
    return str(value) if kind == "values" else f"{kind}:{value}" if value else str(kind)


def pair_images(rows: Iterable[Row], curves: Curves) -> tuple[list[Attack], list[LeftOut]]:
    """Pair the minimised and the maximised image of each attack.

    Parameters
    ----------
    rows : iterable of mapping
        As from `madcore.Store.query`.
    curves : mapping
        Noise curves by metric and hash of the picture.

    Returns
    -------
    attacks : list of Attack
        In the order of the rows.
    left_out : list of LeftOut
        What could not be used.
    """
    groups: dict[tuple[str, str], dict[str, Row]] = defaultdict(dict)
    left_out = []
    for row in rows:
        reason = _reason(row)
        if reason:
            left_out.append(_leave_out(row, reason))
        else:
            groups[row["id"], row["optimized"]][row["minmax"]] = row
    attacks = []
    for group in groups.values():
        if len(group) == 2:
            attacks.append(_attack((group["min"], group["max"]), curves))
        else:
            left_out += [_leave_out(row, "its counterpart is missing") for row in group.values()]
    return attacks, left_out


def _reason(row: Row) -> str:
    if row["stopped"] in UNUSABLE:
        return UNUSABLE[row["stopped"]]
    return UNUSABLE["non-finite metric"] if row["optimized_value"] is None else ""


def _leave_out(row: Row, reason: str) -> LeftOut:
    named = {name: row[name] for name in ("id", "image", "optimized", "held", "picture")}
    return LeftOut(**named, level=level_name(row), reason=reason)


def _attack(pair: Sequence[Row], curves: Curves) -> Attack:
    least, most = pair
    curve = curves.get((least["optimized"], least["image_hash"]))
    held_curve = curves.get((least["held"], least["image_hash"]))
    values = (least["optimized_value"], most["optimized_value"])
    return Attack(
        **{name: least[name] for name in ("id", "optimized", "held", "picture", "image_hash", "seed")},
        level=level_name(least),
        images=(least["image"], most["image"]),
        values=values,
        held_value=least["held_value"],
        start_value=least["start_value"],
        noises=None if curve is None else (equivalent_noise(curve, values[0]), equivalent_noise(curve, values[1])),
        held_noise=_noise(held_curve, least["held_value"]),
        start_noise=_noise(curve, least["start_value"]),
    )


def _noise(curve: NoiseCurve | None, value: float | None) -> Noise | None:
    return None if curve is None or value is None else equivalent_noise(curve, value)

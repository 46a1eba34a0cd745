"""Standings: how far each metric reaches when it attacks and how far it is left behind when it defends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from madcore.analysis.attacks import Attack
from madcore.analysis.estimates import Estimate, estimate, write_doublings
from madcore.analysis.group_mad import aggressiveness, resistance, scale_counts, vote
from madcore.analysis.transfer import Verdict

__all__ = ["Standing", "rank_ranges", "standings"]


@dataclass(frozen=True)
class Standing:
    """How one metric does.

    Parameters
    ----------
    metric : str
        Its name.
    reach : Estimate, optional
        Median disagreement of its attacks, in doublings of equivalent noise.
    exposure : Estimate, optional
        Median disagreement of the attacks on it: what it does not see.
    rank : tuple of int
        Best and worst rank by exposure, 1 for the least, that values beyond the noise curves leave possible.
    aggressiveness, resistance : Estimate, optional
        Group MAD with the other metrics as observers, mean over opponents, in [-100, 100] and [0, 100], median and
        bootstrap interval over pictures.
    scaled : tuple of float, optional
        Aggressiveness and resistance scaled by maximum likelihood.
    """

    metric: str
    reach: Estimate | None
    exposure: Estimate | None
    rank: tuple[int, int] | None
    aggressiveness: Estimate | None
    resistance: Estimate | None
    scaled: tuple[float, float] | None

    @property
    def sentence(self) -> str:
        """The conclusion in words."""
        if self.reach is None or self.exposure is None or self.rank is None:
            return f"{self.metric}: no noise curve, so that its disagreements cannot be compared."
        best, worst = self.rank
        rank = f"rank {best}" if best == worst else f"rank {best} to {worst}"
        return (
            f"{self.metric} overlooks {write_doublings(self.exposure)} when it is held ({rank}; 1 overlooks least), "
            f"and can be moved by {write_doublings(self.reach)} while others are held."
        )


def standings(attacks: Sequence[Attack], verdicts: Sequence[Verdict]) -> list[Standing]:
    """Return how each metric does, best defender first."""
    metrics = sorted({name for each in attacks for name in (each.optimized, each.held)})
    reach = [_disagreement(each for each in attacks if each.optimized == name) for name in metrics]
    exposure = [_disagreement(each for each in attacks if each.held == name) for name in metrics]
    known = [index for index, found in enumerate(exposure) if found is not None]
    ranges = rank_ranges([(exposure[index].low, exposure[index].high) for index in known])  # type: ignore[union-attr]
    ranks = dict(zip(known, ranges, strict=True))
    levels = sorted({each.level for each in attacks})
    group = _group_mad(verdicts, metrics, levels)
    scaled = _scaled(vote(verdicts, metrics, levels)) if verdicts else None
    found = [
        Standing(
            name,
            reach[index],
            exposure[index],
            ranks.get(index),
            *(group[index] if group else (None, None)),
            scaled=None if scaled is None else (float(scaled[0][index]), float(scaled[1][index])),
        )
        for index, name in enumerate(metrics)
    ]
    return sorted(found, key=lambda each: (each.rank or (len(metrics) + 1,) * 2, _least(each.exposure), each.metric))


def rank_ranges(bounds: Sequence[tuple[float, float]]) -> list[tuple[int, int]]:
    """Return the best and worst rank, 1 for the smallest, of values of which only bounds are known."""
    ranges = []
    for low, high in bounds:
        surely_smaller = sum(other_high < low for _, other_high in bounds)
        surely_greater = sum(other_low > high for other_low, _ in bounds)
        ranges.append((1 + surely_smaller, len(bounds) - surely_greater))
    return ranges


def _least(found: Estimate | None) -> float:
    return 0.0 if found is None else found.value


def _disagreement(attacks: Iterable[Attack]) -> Estimate | None:
    return estimate((each.image_hash, *each.change) for each in attacks if each.change is not None)


def _group_mad(
    verdicts: Sequence[Verdict], metrics: Sequence[str], levels: Sequence[str]
) -> list[tuple[Estimate | None, Estimate | None]]:
    """Compute both numbers on each picture alone, so that pictures can be drawn anew."""
    pictures = sorted({each.attack.image_hash for each in verdicts})
    found: list[tuple[list[tuple[str, float, float]], ...]] = [([], []) for _ in metrics]
    for picture in pictures:
        votes = vote([each for each in verdicts if each.attack.image_hash == picture], metrics, levels)
        for place, matrix in enumerate((aggressiveness(votes), resistance(votes))):
            for index, row in enumerate(matrix):
                if not np.isnan(row).all():
                    mean = float(np.nanmean(row))
                    found[index][place].append((picture, mean, mean))
    return [(estimate(attack), estimate(defence)) for attack, defence in found]


def _scaled(votes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return scale_counts(np.maximum(aggressiveness(votes), 0)), scale_counts(resistance(votes))

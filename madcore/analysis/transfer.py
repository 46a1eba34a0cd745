"""Transfer: what metrics that took no part say about the two images of an attack, hence who sides with whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from madcore.analysis.attacks import Attack, Curves
from madcore.analysis.estimates import Estimate, estimate, write_doublings
from madcore.analysis.noise import doublings, equivalent_noise

__all__ = ["Side", "Testimony", "Verdict", "ask_judges", "sum_up_verdicts"]

Side = Literal["optimized", "held", "against", "unclear"]
Scores = Callable[[str], Mapping[str, Any] | None]


@dataclass(frozen=True)
class Verdict:
    """What one judge says about the two images of one attack.

    Parameters
    ----------
    attack : Attack
        Which images.
    judge : str
        The metric's name.
    values : tuple of float
        Its values of the two images, the minimised one first.
    change : tuple of float, optional
        Bounds of the difference in doublings of equivalent noise, positive where the judge agrees with the optimized
        metric on which image is nearer to the reference; None without a noise curve.
    """

    attack: Attack
    judge: str
    values: tuple[float, float]
    change: tuple[float, float] | None

    @property
    def agreement(self) -> float:
        """1 if the judge, too, finds the minimised image nearer, 0 if the other one, 0.5 if neither."""
        least, most = self.values
        return 0.5 if least == most else float(most > least)


@dataclass(frozen=True)
class Testimony:
    """What one judge says about all attacks of one metric on another at one level.

    Parameters
    ----------
    level, optimized, held, judge : str
        Which attacks, and who judges them.
    estimate : Estimate, optional
        Median of the judge's change in doublings; None without noise curves.
    attack : Estimate, optional
        Median of the optimized metric's own change on the same images.
    agreement : float
        Share of attacks where the judge finds the minimised image nearer.
    n : int
        Number of attacks.
    """

    level: str
    optimized: str
    held: str
    judge: str
    estimate: Estimate | None
    attack: Estimate | None
    agreement: float
    n: int

    @property
    def sides(self) -> Side:
        """Whose view the judge shares.

        ``optimized``: it sees at least half of the optimized metric's change; ``held``: less than half, either way;
        ``against``: at least half of it the other way round; ``unclear``: values beyond the curves leave it open.
        """
        if self.estimate is None or self.attack is None:
            return "unclear"
        if self.estimate.low >= self.attack.high / 2:
            return "optimized"
        if self.estimate.high <= -self.attack.high / 2:
            return "against"
        least = self.attack.low / 2
        return "held" if -least < self.estimate.low and self.estimate.high < least else "unclear"

    @property
    def sentence(self) -> str:
        """The conclusion in words."""
        who = {
            "optimized": f"sides with {self.optimized}",
            "held": f"sides with {self.held}",
            "against": f"sees it the other way round than {self.optimized}",
            "unclear": "leaves it open",
        }[self.sides]
        share = f"finds the minimised image nearer in {_times(self.agreement * self.n)} of {self.n}"
        said = f"{write_doublings(self.estimate)}; it {share}" if self.estimate else share
        return f"{self.judge} {who} ({self.optimized} optimised, {self.held} held at {self.level}): {said}."


def _times(agreement: float) -> str:
    """Write how often: a judge that finds neither image nearer counts half."""
    return f"{agreement:.1f}".removesuffix(".0")


def ask_judges(attacks: Iterable[Attack], scores: Scores, curves: Curves) -> list[Verdict]:
    """Collect what the judges in the scores, players of the attack apart, say about each attack.

    Parameters
    ----------
    attacks : iterable of Attack
        As `pair_images` returns them.
    scores : callable
        Returns the scores of a match's id, None if there are none: `madcore.Store.scores`.
    curves : mapping
        Noise curves by metric and hash of the picture.
    """
    verdicts = []
    for attack in attacks:
        values = (scores(attack.id) or {}).get("values", {})
        said = [values.get(image, {}).get("exact", {}) for image in attack.images]
        for judge in sorted(said[0].keys() & said[1].keys() - {attack.optimized, attack.held}):
            pair = (said[0][judge], said[1][judge])
            if None not in pair:
                verdicts.append(Verdict(attack, judge, pair, _change(curves, judge, attack.image_hash, pair)))
    return verdicts


def sum_up_verdicts(verdicts: Iterable[Verdict]) -> list[Testimony]:
    """Sum up the verdicts of each judge on each ordered pair of metrics at each level."""
    groups: dict[tuple[str, str, str, str], list[Verdict]] = defaultdict(list)
    for each in verdicts:
        groups[each.attack.level, each.attack.optimized, each.attack.held, each.judge].append(each)
    return [_sum_up(names, groups[names]) for names in sorted(groups)]


def _sum_up(names: tuple[str, str, str, str], group: list[Verdict]) -> Testimony:
    known = [each for each in group if each.change is not None and each.attack.change is not None]
    return Testimony(
        *names,
        estimate=estimate((each.attack.image_hash, *(each.change or ())) for each in known),
        attack=estimate((each.attack.image_hash, *(each.attack.change or ())) for each in known),
        agreement=sum(each.agreement for each in group) / len(group),
        n=len(group),
    )


def _change(curves: Curves, judge: str, image: str, values: tuple[float, float]) -> tuple[float, float] | None:
    curve = curves.get((judge, image))
    return None if curve is None else doublings(*(equivalent_noise(curve, value) for value in values))

"""What the matches of an audit show: where the metric is blind, and where it sees what the panel does not."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from statistics import median

from madcore.analysis import Attack, Estimate, Study, Verdict, estimate

__all__ = ["Finding", "find_flaws"]


@dataclass(frozen=True)
class Finding:
    """What one opponent shows about the audited metric at one level.

    Parameters
    ----------
    kind : str
        ``blind`` where the metric was held, ``sensitive`` where it was optimised.
    opponent, level : str
        Against which metric of the panel, and where the held one was held.
    severity : Estimate
        In doublings of equivalent noise: the panel's median change where the metric sees none, or the metric's change
        beyond the panel's median.
    worst : Attack
        The attack in which it is largest.
    agreeing : tuple of str
        Other judges that side with the opponent on most pictures.
    judges : int
        How many other judges there are.
    """

    kind: str
    opponent: str
    level: str
    severity: Estimate
    worst: Attack
    agreeing: tuple[str, ...]
    judges: int


def find_flaws(study: Study, metric: str) -> list[Finding]:
    """Find where a metric is blind or over-sensitive, worst first.

    Parameters
    ----------
    study : Study
        Of a store that holds matches of this metric.
    metric : str
        Its name as written in the plan.
    """
    said: dict[tuple[str, str], list[Verdict]] = defaultdict(list)
    for verdict in study.verdicts:
        said[verdict.attack.id, verdict.attack.optimized].append(verdict)
    groups: dict[tuple[str, str, str], list[Attack]] = defaultdict(list)
    for attack in study.attacks:
        if attack.held == metric:
            groups["blind", attack.optimized, attack.level].append(attack)
        elif attack.optimized == metric:
            groups["sensitive", attack.held, attack.level].append(attack)
    found = [_judge(names, group, said) for names, group in groups.items()]
    return sorted(filter(None, found), key=lambda each: -each.severity.value)


def _judge(
    names: tuple[str, str, str], attacks: list[Attack], said: dict[tuple[str, str], list[Verdict]]
) -> Finding | None:
    measured = {}
    for attack in attacks:
        verdicts = said[attack.id, attack.optimized]
        if (bounds := _severity(names[0], attack, verdicts)) is not None:
            measured[attack] = bounds
    severity = estimate((attack.image_hash, *bounds) for attack, bounds in measured.items())
    if severity is None:
        return None
    verdicts = [verdict for attack in measured for verdict in said[attack.id, attack.optimized]]
    judges = sorted({verdict.judge for verdict in verdicts})
    agreeing = [judge for judge in judges if _sides(names[0], [each for each in verdicts if each.judge == judge])]
    worst = max(measured, key=lambda attack: measured[attack][0])
    return Finding(*names, severity, worst, tuple(agreeing), len(judges))


def _severity(kind: str, attack: Attack, verdicts: list[Verdict]) -> tuple[float, float] | None:
    """Measure one attack, as bounds: what the panel sees and the metric does not, or the other way round."""
    if attack.change is None:
        return None
    changes = [verdict.change for verdict in verdicts if verdict.change is not None]
    if kind == "blind":
        panel = [attack.change, *changes]
        return median(low for low, _ in panel), median(high for _, high in panel)
    panel = [(0.0, 0.0), *(_size(*change) for change in changes)]  # the held one sees nothing
    own = attack.change
    return own[0] - median(high for _, high in panel), own[1] - median(low for low, _ in panel)


def _size(low: float, high: float) -> tuple[float, float]:
    """Return bounds on the size of a change whose sign does not matter."""
    if low <= 0 <= high:
        return 0.0, max(-low, high)
    return min(abs(low), abs(high)), max(abs(low), abs(high))


def _sides(kind: str, verdicts: list[Verdict]) -> bool:
    """Tell whether a judge sees at least half of the change, or of an over-sensitivity less than half, mostly."""
    seen = []
    for verdict in verdicts:
        if verdict.change is not None and verdict.attack.change is not None:
            half = verdict.attack.change[0] / 2
            seen.append(verdict.change[0] >= half if kind == "blind" else _size(*verdict.change)[1] < half)
    return sum(seen) > len(seen) / 2

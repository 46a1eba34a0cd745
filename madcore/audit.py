"""An audit: one metric against a panel, where it is blind and where it sees what the others do not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from madcore.analysis import Attack, Estimate, Study, Verdict, estimate, write_doublings
from madcore.errors import InputError
from madcore.images import read_image
from madcore.options import parse_name
from madcore.plan import Picture, Plan
from madcore.registry import Registry

__all__ = ["PANEL", "Finding", "describe_audit", "find_flaws", "plan_audit"]

PANEL = ("mse", "ssim", "ms_ssim", "nlpd")
LARGEST = 256  # pixels of the shorter side; larger pictures are reduced to it, so that an audit takes minutes
NOTABLE = 0.5  # doublings: below a factor of 1.4 in equivalent noise nothing is worth a reviewer's time


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


def plan_audit(
    metric: str,
    pictures: Sequence[str],
    panel: Sequence[str] = (),
    *,
    size: str | None = None,
    levels: Sequence[str] = ("noise:0.1",),
    max_iter: int = 100,
    registry: Registry,
) -> tuple[Plan, list[str]]:
    """Plan the matches of a metric against each metric of a panel.

    Parameters
    ----------
    metric : str
        A name, or ``./file.py:attribute``.
    pictures : sequence of str
        Files or built-in pictures.
    panel : sequence of str
        Names; by default those of the core that take these pictures.
    size : str, optional
        As for `madcore.read_image`; by default pictures with a shorter side above 256 pixels are reduced to that.
    levels, max_iter
        As in a plan.
    registry : Registry
        Plugins to look in.

    Returns
    -------
    plan : Plan
        The matches.
    remarks : list of str
        What was left out of the default panel, and why.

    Raises
    ------
    MadcoreError
        If a name or picture cannot be used, or nobody is left to compete with.
    """
    chosen = [Picture(each, size=size or _usual_size(each)) for each in pictures]
    shortest = min(_shortest(each) for each in chosen)
    others = [name for name in (panel or PANEL) if name != metric]
    fitting = [name for name in others if panel or registry.metric(parse_name(name)[0]).spec.min_side <= shortest]
    remarks = [
        f"{name} is not in the panel: it needs pictures of at least "
        f"{registry.metric(name).spec.min_side} pixels, and the shortest side here has {shortest}."
        for name in others
        if name not in fitting
    ]
    if not fitting:
        raise InputError(f"nobody is left to compete with {metric}; name other metrics with --against")
    metrics = (metric, *dict.fromkeys(fitting))
    plan = Plan(metrics, chosen, levels=tuple(levels), pairs={"newcomer": metric}, max_iter=max_iter)
    return plan, remarks


def _usual_size(source: str) -> str | None:
    return str(LARGEST) if min(read_image(source).shape[-2:]) > LARGEST else None


def _shortest(picture: Picture) -> int:
    if picture.size and picture.size.isdecimal():
        return int(picture.size)
    sides = picture.size.split("x") if picture.size else read_image(picture.source).shape[-2:]
    return min(map(int, sides))


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


def describe_audit(study: Study, metric: str, remarks: Sequence[str], command: Callable[[str], str]) -> dict[str, Any]:
    """Make the first view of an audit's page.

    Parameters
    ----------
    study, metric
        As for `find_flaws`.
    remarks : sequence of str
        What to say besides.
    command : callable
        Returns the command that makes a match, given by its id, again.
    """
    findings = [each for each in find_flaws(study, metric) if each.severity.value >= NOTABLE]
    blind = [each for each in findings if each.kind == "blind"]
    sensitive = [each for each in findings if each.kind == "sensitive"]
    lead = f"{_number(len(blind), 'blind spot')} and {_number(len(sensitive), 'over-sensitivity')} worth a look."
    if not any(metric in (attack.optimized, attack.held) for attack in study.attacks):
        lead = f"Nothing can be said of {metric}: no match of it was finished."
    if findings:
        lead += f" The worst, {write_doublings(findings[0].severity)}: {_sentence(metric, findings[0])}"
    parts = [
        {
            "title": "Blind spots",
            "meaning": f"{metric} is held and stays constant; the panel does not. Worst first, by the median change "
            "of the panel.",
            "none": f"No pair of images was found that {metric} rates alike and the panel does not.",
            "findings": [_entry(metric, each, command) for each in blind],
        },
        {
            "title": "Over-sensitivities",
            "meaning": f"{metric} is optimised and moves; the panel does not. Worst first, by its change beyond the "
            "median change of the panel.",
            "none": f"No pair of images was found that {metric} tells apart and the panel does not.",
            "findings": [_entry(metric, each, command) for each in sensitive],
        },
    ]
    return {"metric": metric, "lead": lead, "parts": parts, "remarks": list(remarks)}


def _number(count: int, noun: str) -> str:
    plural = noun.removesuffix("y") + "ies" if noun.endswith("y") else f"{noun}s"
    return f"{count or 'no'} {noun if count == 1 else plural}"


def _entry(metric: str, finding: Finding, command: Callable[[str], str]) -> dict[str, Any]:
    worst, severity = finding.worst, write_doublings(finding.severity)
    return {
        "headline": f"{severity[0].upper()}{severity[1:]}, against {finding.opponent} at {finding.level}.",
        "sentence": f"{_sentence(metric, finding)} Shown: {worst.picture}, where it is largest.",
        "match": worst.id,
        "images": list(worst.images),
        "picture": worst.picture,
        "command": command(worst.id),
    }


def _sentence(metric: str, finding: Finding) -> str:
    if finding.kind == "blind":
        said = f"{metric} rates two images alike that {finding.opponent} tells apart"
        share = "at least half of it"
    else:
        said = f"{metric} tells two images apart that {finding.opponent} rates alike"
        share = "less than half of it"
    if not finding.judges:
        return f"{said}; nobody else was asked."
    names = f" ({', '.join(finding.agreeing)})" if finding.agreeing else ""
    verb = "sees" if len(finding.agreeing) == 1 else "see"
    return f"{said}; {len(finding.agreeing) or 'none'} of {finding.judges} other judges{names} {verb} {share}."

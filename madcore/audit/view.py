"""The first view of an audit's page: its findings in sentences, with the match that shows each."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from madcore.analysis import Study, write_doublings
from madcore.audit.flaws import Finding, find_flaws

__all__ = ["describe_audit"]

NOTABLE = 0.5  # doublings: below a factor of 1.4 in equivalent noise nothing is worth a reviewer's time


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
    flaws = find_flaws(study, metric)
    findings = [each for each in flaws if each.severity.low >= NOTABLE]
    open_ended = [each for each in flaws if each.severity.low < NOTABLE <= each.severity.high]
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
    return {"metric": metric, "lead": lead, "parts": parts, "remarks": [*remarks, *_undecided(open_ended)]}


def _undecided(findings: Sequence[Finding]) -> list[str]:
    """Say against which metrics nothing can be said, since values are beyond noise curves."""
    against = dict.fromkeys(f"{each.opponent} at {each.level}" for each in findings if math.isinf(each.severity.low))
    if not against:
        return []
    return [f"Against {', '.join(against)} nothing is known: the images are beyond the noise curves of their judges."]


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
    if finding.judges == 1:
        sides = "sides" if finding.agreeing else "does not side"
        return f"{said}; the only other judge {sides} with {finding.opponent}."
    names = f" ({', '.join(finding.agreeing)})" if finding.agreeing else ""
    verb = "see" if len(finding.agreeing) > 1 else "sees"
    return f"{said}; {len(finding.agreeing) or 'none'} of {finding.judges} other judges{names} {verb} {share}."

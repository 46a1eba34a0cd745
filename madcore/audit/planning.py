"""Which matches an audit plays: those of one metric against each of a panel, on pictures that take minutes."""

from __future__ import annotations

from collections.abc import Sequence

from madcore.errors import InputError
from madcore.images import read_image
from madcore.options import parse_name
from madcore.plan import Picture, Plan
from madcore.registry import Registry

__all__ = ["PANEL", "plan_audit"]

PANEL = ("mse", "ssim", "ms_ssim", "nlpd")
LARGEST = 256  # pixels of the shorter side; larger pictures are reduced to it, so that an audit takes minutes


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

"""Metrics of a plan: files with code are named as the plan does it, from wherever the tournament is played."""

from __future__ import annotations

from dataclasses import replace

from madcore.adhoc import locate_code
from madcore.lookup import create_metric
from madcore.metric import Metric
from madcore.registry import Registry

__all__ = ["make_metric"]


def make_metric(name: str, registry: Registry | None, folder: str = "") -> Metric:
    """Make a metric of a plan.

    Parameters
    ----------
    name : str
        As the plan has it.
    registry : Registry, optional
        Plugins to look in.
    folder : str
        Where files with code are looked for; by default the current folder.

    Raises
    ------
    MadcoreError
        As `madcore.create_metric` does.
    """
    return replace(create_metric(locate_code(name, folder), registry=registry), name=name)

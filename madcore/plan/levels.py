"""Levels as plans have them: noise, or a value for each metric."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from madcore.errors import InputError
from madcore.request import NOISE_KINDS, Level

__all__ = ["PlanLevel", "check_level", "level_of_pair"]

PlanLevel = str | Mapping[str, float | str]

DECIMAL = re.compile(r"(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def check_level(value: Any) -> PlanLevel:
    """Return a level of a plan if it is one.

    Raises
    ------
    InputError
        If it is neither ``noise:S`` nor ``equivalent_noise:S`` nor a value for each metric.
    """
    if isinstance(value, Mapping) and value:
        for name, amount in value.items():
            if not _is_positive(amount):
                raise InputError(f"the level of {name} must be a number above 0; got {amount!r}")
        return value
    kind, _, amount = value.partition(":") if isinstance(value, str) else ("", "", "")
    if kind not in NOISE_KINDS or not _is_positive(amount):
        raise InputError(
            f'{value!r} is no level; allowed are "noise:S" and "equivalent_noise:S" with S above 0, '
            "and a value for each metric, { ssim = 0.2, mse = 0.01 }"
        )
    return str(value)


def level_of_pair(level: str | Mapping[str, str], pair: tuple[str, str]) -> Level:
    """Return a level for a pair of metrics.

    Parameters
    ----------
    level : str or mapping
        As `check_level` returns it, with the full names of metrics.
    pair : tuple of str
        Metric a and metric b.

    Raises
    ------
    InputError
        If there is no value for one of them.
    """
    if isinstance(level, str):
        kind, _, amount = level.partition(":")
        return Level(kind, amount)
    missing = [metric for metric in pair if metric not in level]
    if missing:
        raise InputError(f"a level has no value for {' and '.join(missing)}; give one for each metric that competes")
    return Level("values", {letter: level[metric] for letter, metric in zip("ab", pair, strict=True)})


def _is_positive(amount: object) -> bool:
    if isinstance(amount, bool) or DECIMAL.fullmatch(str(amount)) is None:
        return False
    return 0 < float(str(amount)) < math.inf

"""Levels as users write them: a number, ``noise:S``, ``equivalent_noise:S``, or one value for each metric."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from madcore.certificate import in_double
from madcore.errors import InputError
from madcore.metric import Metric
from madcore.problem import MADProblem, MeanLuminance
from madcore.starts import noise_like, short

__all__ = ["Level", "noise_of", "quartet_levels", "wanted_levels"]

Level = None | float | Tensor | Sequence[float | Tensor] | str
NOISE_CURVE_SEEDS = (0, 1, 2)


def wanted_levels(problem: MADProblem, level: Level, first: Tensor, width: float) -> Tensor | None:
    """Return the wanted levels, (N, k), or None for the values at the start image."""
    if level is None or (isinstance(level, str) and level.startswith("noise:")):
        return None if not _holds_mean(problem) else _with_mean(problem, None, first)
    precise = in_double(problem) or problem
    if isinstance(level, str):
        noise = noise_of(level) * width
        clean = precise.reference
        curves = [
            precise.held_values(precise.clamp(clean + noise * noise_like(precise.image, seed).flatten(1)))
            for seed in NOISE_CURVE_SEEDS
        ]
        wanted = torch.stack(curves).mean(0)
        return _with_mean(problem, wanted, first) if _holds_mean(problem) else wanted
    given = list(level) if isinstance(level, (list, tuple)) else [level]
    count = len(problem.held) - _holds_mean(problem)
    if len(given) != count:
        raise InputError(f"level must have one value for each of the {count} held metrics; got {len(given)}")
    columns = []
    for value in given:
        column = torch.as_tensor(value, dtype=precise.image.dtype, device=problem.image.device).reshape(-1)
        if len(column) not in (1, len(problem.image)):
            raise InputError(
                f"level must be one number or one for each of the {len(problem.image)} images; got {len(column)}"
            )
        if not bool((torch.isfinite(column) & (column > 0)).all()):
            raise InputError(f"level must be positive and finite; got {short(column)}")
        columns.append(column.expand(len(problem.image)))
    wanted = torch.stack(columns, 1)
    return _with_mean(problem, wanted, first) if _holds_mean(problem) else wanted


def _holds_mean(problem: MADProblem) -> bool:
    return isinstance(problem.reference_metrics[-1], MeanLuminance)


def _with_mean(problem: MADProblem, wanted: Tensor | None, first: Tensor) -> Tensor:
    precise = in_double(problem) or problem
    at_start = precise.held_values(first.to(precise.image.dtype))
    mean = precise.reference.mean(1, keepdim=True)
    return torch.cat([at_start[:, :-1] if wanted is None else wanted[:, : at_start.shape[1] - 1], mean], 1)


def noise_of(level: str) -> float:
    """Return S of ``noise:S`` or ``equivalent_noise:S``."""
    kind, _, amount = level.partition(":")
    try:
        noise = float(amount)
    except ValueError:
        noise = math.nan
    if kind not in ("noise", "equivalent_noise") or not (math.isfinite(noise) and noise > 0):
        raise InputError(f'level must be a value, "noise:S" or "equivalent_noise:S" with S > 0; got {level!r}')
    return noise


def quartet_levels(
    level: str | Mapping[str, float] | Sequence[float | Tensor] | None, first: Metric, second: Metric
) -> tuple[Any, Any]:
    """Return the levels at which metric a and metric b are held."""
    if level is None or isinstance(level, str):
        return level, level
    if isinstance(level, Mapping):
        names = (first.name, second.name)
        if set(level) != set(names):
            raise InputError(
                f"level must give one value for each of {names[0]} and {names[1]}; got {', '.join(level) or 'none'}"
            )
        return level[names[0]], level[names[1]]
    if len(level) != 2:
        raise InputError(f"level must have two values, for {first.name} and {second.name}; got {len(level)}")
    return level[0], level[1]

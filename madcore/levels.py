"""Levels as users write them: a number, ``noise:S``, ``equivalent_noise:S``, or one value for each metric."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

import torch
from torch import Tensor

from madcore.errors import InputError
from madcore.metric import Metric
from madcore.problem import MADProblem
from madcore.starts import Seed, noise_like, short

__all__ = ["Level", "names_noise", "noise_of", "quartet_levels", "wanted_levels"]

Level = None | float | Tensor | Sequence[float | Tensor] | str | Sequence[str]
NOISE_CURVE_SEEDS = (0, 1, 2)


def wanted_levels(problem: MADProblem, level: Level, first: Tensor, seed: Seed, width: float) -> Tensor | None:
    """Return the wanted levels, (N, k), or None where they are the values at the first start image, (N, n).

    Parameters
    ----------
    level : number, tensor, sequence, str or None
        As for `madcore.synthesize`; the mean luminance, where it is held, needs none.
    seed, width : int, float
        Seed of the noise, and the width of the pixel range, which is the unit of S.
    """
    precise = problem.precise
    if names_noise(level):
        wanted = _levels_of_noise(precise, level, first, seed, width)
    elif level is None:
        wanted = None
    else:
        wanted = _given_levels(precise, level, len(problem.held) - problem.holds_mean)  # type: ignore[arg-type]
    if not problem.holds_mean:
        return wanted
    values = precise.held_values(first.to(precise.image.dtype)) if wanted is None else wanted
    kept = values[:, : len(problem.held) - 1]
    return torch.cat([kept, precise.reference.mean(1, keepdim=True)], 1)


def _levels_of_noise(
    precise: MADProblem, level: str | Sequence[str], first: Tensor, seed: Seed, width: float
) -> Tensor | None:
    written = [level] if isinstance(level, str) else list(level)
    kinds = {each.partition(":")[0] for each in written}
    if len(written) not in (1, len(first)) or len(kinds) != 1:
        raise InputError(f"level must be one, or one of the same kind for each of the {len(first)} images; got {level}")
    noise = precise.image.new_tensor([noise_of(each) for each in written])[:, None] * width
    seeds: tuple[Seed, ...] = (seed,) if kinds == {"noise"} else NOISE_CURVE_SEEDS
    noisy = [
        precise.bounds.clamp(precise.reference + noise * noise_like(precise.image, each).flatten(1)).to(first.dtype)
        for each in seeds
    ]
    if len(noisy) == 1 and torch.allclose(noisy[0], first, rtol=0, atol=1e-6 * width):
        return None  # the start image is on the level already
    return torch.stack([precise.held_values(image.to(precise.image.dtype)) for image in noisy]).mean(0)


def _given_levels(precise: MADProblem, level: float | Tensor | Sequence[float | Tensor], count: int) -> Tensor:
    given = list(level) if isinstance(level, (list, tuple)) else [level]
    images = len(precise.image)
    if len(given) != count:
        raise InputError(f"level must have one value for each of the {count} held metrics; got {len(given)}")
    columns = []
    for value in given:
        try:
            column = torch.as_tensor(value, dtype=precise.image.dtype, device=precise.image.device).detach().reshape(-1)
        except (TypeError, ValueError, RuntimeError) as error:
            raise InputError(f"level must be a number or tensor for each held metric; got {value!r}") from error
        if len(column) not in (1, images):
            raise InputError(f"level must be one number or one for each of the {images} images; got {len(column)}")
        if not bool((torch.isfinite(column) & (column > 0)).all()):
            raise InputError(f"level must be positive and finite; got {short(column)}")
        columns.append(column.expand(images))
    return torch.stack(columns, 1)


def names_noise(level: Level) -> TypeGuard[str | Sequence[str]]:
    """Tell whether a level is given as noise: a text, or one for each image."""
    return isinstance(level, str) or (isinstance(level, list | tuple) and any(isinstance(each, str) for each in level))


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
    try:
        count = len(level)
    except TypeError as error:  # one number, or a tensor of one
        example = f"{{{first.name!r}: 0.1, {second.name!r}: 0.2}}"
        raise InputError(f"level must have a value for each metric, as in {example}; got {level!r}") from error
    if count != 2:
        raise InputError(f"level must have two values, for {first.name} and {second.name}; got {count}")
    return level[0], level[1]

"""About how long matches will take: what an evaluation costs here, times how many a quartet usually needs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

import torch

from madcore.errors import MadcoreError
from madcore.lookup import create_metric
from madcore.registry import Registry
from madcore.starts import noise_like
from madcore.tournament.matches import Match

__all__ = ["estimate_seconds"]

# Evaluations of both metrics, with gradients, that one image costs besides its steps: start, level, finish, 8 bits.
AROUND = 60
STEPS = 130  # of those images that end before the limit; both are medians over pairs of the core's metrics
ROUNDS = 3


def estimate_seconds(matches: Sequence[Match], registry: Registry, device: str) -> tuple[float, dict[str, str]]:
    """Estimate how long matches take one after the other on one device.

    Parameters
    ----------
    matches : sequence of Match
        What is to be played.
    registry : Registry
        Plugins to look in.
    device : str
        Where.

    Returns
    -------
    tuple
        Seconds, and what is wrong with metrics that could not be timed, by name; their matches are not counted.
    """
    kinds = Counter((name, tuple(match.key["size"])) for match in matches for name in match.request.metrics)
    cost: dict[tuple[str, tuple[int, ...]], float] = {}
    broken: dict[str, str] = {}
    for name, size in kinds:
        try:
            cost[name, size] = _time_evaluation(name, size, registry, device)
        except MadcoreError as error:
            broken[name] = str(error)
    seconds = 0.0
    for match in matches:
        each = [cost.get((name, tuple(match.key["size"]))) for name in match.request.metrics]
        if None not in each:
            request = match.request
            steps = request.starts * min(request.max_iter, STEPS) + AROUND
            seconds += len(request.images) * steps * sum(value for value in each if value is not None)
    return seconds, broken


def _time_evaluation(name: str, size: tuple[int, ...], registry: Registry, device: str) -> float:
    """Time one value and gradient of a metric, after one that is not counted."""
    metric = create_metric(name, registry=registry)
    height, width, channels = size
    image = noise_like(torch.empty(1, channels, height, width, device=device), 0).sigmoid()
    noisy = (image + 0.1 * noise_like(image, 1)).clamp(0, 1)
    prepared = metric.prepare(image)
    times = []
    for _ in range(ROUNDS + 1):
        begun = time.perf_counter()
        prepared.value_and_gradient(noisy)[0].sum().item()  # waits for the device
        times.append(time.perf_counter() - begun)
    return min(times[1:])

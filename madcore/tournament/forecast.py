"""About how long matches will take, which is what an evaluation costs here, times how many a quartet usually needs.

Also, how many are to be played together, and in how much memory: how much one needs is measured when it is played.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from madcore.api import synthesize
from madcore.errors import MadcoreError
from madcore.jobs import choose_device
from madcore.metric import Metric
from madcore.registry import Registry
from madcore.starts import noise_like
from madcore.tournament.batching import make_batches
from madcore.tournament.gauges import gauge_of
from madcore.tournament.matches import Match
from madcore.tournament.metrics import make_metric

__all__ = ["estimate_batches", "estimate_seconds"]

# Steps that an image takes where the limit allows it, and evaluations of both metrics besides them, for the start, the
# level and the 8-bit picture; as `benchmarks/tournament.py` and a timing of runs of 20 and 60 steps found them.
STEPS, AROUND = 75, 60
PROBE = (10, 30)  # steps of two runs, whose difference tells what a step costs with metrics that cost nothing
ROUNDS = 3


def estimate_seconds(
    matches: Sequence[Match], registry: Registry, device: str, folder: str = ""
) -> tuple[float, dict[str, str]]:
    """Estimate how long matches take one after the other on one device.

    Parameters
    ----------
    matches : sequence of Match
        What is to be played.
    registry : Registry
        Plugins to look in.
    device : str
        Where.
    folder : str
        Where files with code are looked for.

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
            metric = make_metric(name, registry, folder)
            cost[name, size] = _time_evaluation(metric, size, device)
        except MadcoreError as error:
            broken[name] = str(error)
    step = {size: _time_step(size, device) for size in {size for _, size in cost}}
    seconds = 0.0
    for match in matches:
        request, size = match.request, tuple(match.key["size"])
        each = [cost[name, size] for name in request.metrics if (name, size) in cost]
        if len(each) == len(request.metrics):
            steps = request.starts * min(request.max_iter, STEPS)
            seconds += len(request.images) * (steps * (step[size] + sum(each)) + AROUND * sum(each))
    return seconds, broken


def estimate_batches(matches: Sequence[Match], device: str, size: int | None = None) -> tuple[int, int | None]:
    """Return how many matches are played together at most, and how many bytes are free; None where nothing tells.

    Parameters
    ----------
    matches : sequence of Match
        What is to be played.
    device : str
        Where.
    size : int, optional
        Matches in a batch; by default as many as are fast together.
    """
    batches = make_batches(matches, size=size, on_gpu=device != "cpu")
    gauge = gauge_of(choose_device(device))
    return max(len(batch.items) for batch in batches), None if gauge is None else gauge.free()


def _time_evaluation(metric: Metric, size: tuple[int, ...], device: str) -> float:
    """Time one value and gradient of a metric, after one that is not counted."""
    image = _picture(size, device)
    noisy = (image + 0.1 * noise_like(image, 1)).clamp(0, 1)
    prepared = metric.prepare(image)
    times = []
    for _ in range(ROUNDS + 1):
        begun = time.perf_counter()
        prepared.value_and_gradient(noisy)[0].sum().item()  # waits for the device
        times.append(time.perf_counter() - begun)
    return min(times[1:])


def _time_step(size: tuple[int, ...], device: str) -> float:
    """Time what a step costs besides the metrics."""
    image = _picture(size, device)
    times = []
    for steps in (PROBE[0], *PROBE):  # the first is not counted
        begun = time.perf_counter()
        synthesize(image, "mse", "mae", "max", max_iter=steps)
        times.append(time.perf_counter() - begun)
    return max(0.0, (times[2] - times[1]) / (PROBE[1] - PROBE[0]))


def _picture(size: tuple[int, ...], device: str) -> Tensor:
    height, width, channels = size
    return noise_like(torch.empty(1, channels, height, width, device=device), 0).sigmoid()

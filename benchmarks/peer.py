"""One run of plenoptic's MADCompetition from a start image of ours, so that both hold the same level."""

from __future__ import annotations

import contextlib
import io
import time
from dataclasses import dataclass

import plenoptic
import torch

from madcore.solvers.levels import held_error, move_along_ray


@dataclass(frozen=True)
class PeerRun:
    """What came of a run.

    `drift` is the relative error of the held metric at the peer's image as it left it; `value` that of the optimized
    metric after its pixels were cut to the range and it was moved to the level along the ray.
    """

    tradeoff: float
    drift: float
    value: float
    seconds: float


def run_peer(problem, start, metrics, minmax, tradeoff, iterations):
    """Run `iterations` Adam steps at one trade-off lambda; None if the peer met NaN.

    The class draws a start of its own and does not cut it to the pixel range, and so would hold another level than
    ours: its start image, mad image and target are replaced after `setup`.
    """
    level = problem.held_values(start.flatten(1))
    mad = plenoptic.MADCompetition(problem.image, *metrics, minmax, metric_tradeoff_lambda=tradeoff)
    with contextlib.redirect_stderr(io.StringIO()):
        mad.setup(initial_noise=0.1)
        mad._initial_image = start.clone()
        mad.mad_image.data.copy_(start)
        mad._reference_metric_target = metrics[1](problem.image, start).item()
        begun = time.perf_counter()
        try:
            mad.synthesize(max_iter=iterations, stop_criterion=0)
        except ValueError:
            return None
        seconds = time.perf_counter() - begun
    point = mad.mad_image.detach()
    target = mad._reference_metric_target
    drift = abs(metrics[1](problem.image, point).item() - target) / target
    inside = problem.bounds.clamp(point.flatten(1))
    on_level = move_along_ray(problem, inside, level, 1e-6)
    if held_error(problem, problem.held_values(on_level), level).item() > 1e-3:
        return None
    return PeerRun(tradeoff, drift, problem.evaluate(on_level).optimized.item(), seconds)


def best_run(runs, minmax, largest_drift):
    """Return the run with the most extreme value among those that drifted less than that; None if there is none."""
    kept = [run for run in runs if run is not None and run.drift < largest_drift]
    better = min if minmax == "min" else max
    return better(kept, key=lambda run: run.value) if kept else None


def noisy(image, standard_deviation=0.1):
    """Return the image plus noise of seed 0, cut to the pixel range."""
    torch.manual_seed(0)
    return (image + standard_deviation * torch.randn_like(image)).clamp(0, 1)

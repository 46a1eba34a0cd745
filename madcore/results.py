"""What a synthesis returns: MAD images with everything that is known about them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

import torch
from torch import Tensor

from madcore.mean_luminance import MeanLuminance
from madcore.metric import Metric

__all__ = ["Quartet", "Result", "Status", "Trace", "best_of"]


class Status(StrEnum):
    """Why the synthesis of an image ended."""

    CONVERGED = "converged"
    SETTLED = "settled"
    ITERATION_LIMIT = "iteration limit"
    STALLED = "stalled"
    INTERRUPTED = "interrupted"
    OFF_LEVEL = "off level"
    INFEASIBLE = "infeasible level"
    NON_FINITE = "non-finite metric"

    @property
    def meaning(self) -> str:
        """The status in a sentence."""
        return {
            "converged": "a stationary point: no small change of the image improves it",
            "settled": "more steps of this run would change the value little",
            "iteration limit": "the run was still improving when it reached its limit",
            "stalled": "no step could be found that improves the image",
            "interrupted": "the run was stopped from outside",
            "off level": "the held metric could not be brought back to its level within the tolerance",
            "infeasible level": "no image that was found has the wanted value of the held metric",
            "non-finite metric": "a metric is not finite near this image",
        }[self.value]


@dataclass(frozen=True)
class Trace:
    """How a run went, at its start and after every step; all on the CPU.

    Attributes
    ----------
    optimized : Tensor
        Value of the optimized metric, (T, N).
    reference : Tensor
        Values of the held metrics, (T, N, k).
    gradient_norm : Tensor
        Norm of the Lagrangian's gradient or of the solver's, (T, N).
    penalty : Tensor
        Value of the penalty, (T, N); 0 without one.
    mad_image : Tensor
        The images at steps 0, s, 2 s, ..., (K, N, C, H, W), where s is `store_progress`; an image that ended before the
        others of its batch repeats its last.
    store_progress : int
        Steps between kept images; 0 if none were kept.
    """

    optimized: Tensor
    reference: Tensor
    gradient_norm: Tensor
    penalty: Tensor
    mad_image: Tensor
    store_progress: int = 0

    def take(self, index: Tensor) -> Trace:
        """Return the trace of the images at `index`."""
        series: dict[str, Any] = {name: each for name, each in vars(self).items() if isinstance(each, Tensor)}
        return dataclasses.replace(self, **{name: each[:, index] for name, each in series.items()})


@dataclass(frozen=True)
class Result:
    """MAD images and what is known about them; N images, k held metrics.

    Attributes
    ----------
    image, mad_image, initial_image : Tensor
        Reference, MAD and start images, (N, C, H, W).
    level : Tensor
        Values at which the held metrics were to stay, (N, k).
    reference_value : Tensor
        Values of the held metrics at the MAD images, (N, k).
    held_error : Tensor
        Largest relative error of these, (N,).
    optimized_value, initial_value : Tensor
        Value of the optimized metric at the MAD and at the start images, (N,).
    optimality : Tensor
        First-order residual relative to the gradient, (N,); 0 at a stationary point.
    status : tuple of Status
        Why each ended.
    iterations, evaluations : Tensor
        Steps and evaluations with gradients for each image, (N,).
    seconds : float
        Wall time of the whole batch.
    trace : Trace
        How the run went.
    tolerance : float
        The held error that was asked for.
    precision : torch.dtype
        The type in which the held values were computed: float64 unless a metric does not allow it.
    start_values : Tensor
        Final value for each of the starts, (N, starts); NaN where the level was missed.
    """

    image: Tensor
    mad_image: Tensor
    initial_image: Tensor
    level: Tensor
    reference_value: Tensor
    held_error: Tensor
    optimized_value: Tensor
    initial_value: Tensor
    optimality: Tensor
    status: tuple[Status, ...]
    iterations: Tensor
    evaluations: Tensor
    seconds: float
    trace: Trace
    minmax: str
    optimized_metric: Metric
    reference_metrics: tuple[Metric | MeanLuminance, ...]
    tolerance: float
    precision: torch.dtype
    start_values: Tensor
    pixel_range: tuple[Tensor, Tensor]
    settings: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """Lay the images out as a table, one a line."""
        held = " and ".join(metric.name for metric in self.reference_metrics)
        levels = [", ".join(f"{value:.6g}" for value in each) for each in self.level.tolist()]
        wide = max(12, *map(len, levels))
        lines = [
            f"{self.minmax} {self.optimized_metric.name}, {held} held",
            f"{'image':>5}  {'start':>12}  {self.minmax:>12}  {'held at':>{wide}}  {'held error':>10}  "
            f"{'residual':>8}  status",
        ]
        for index, status in enumerate(self.status):
            lines.append(
                f"{index:>5}  {self.initial_value[index]:>12.6g}  {self.optimized_value[index]:>12.6g}  "
                f"{levels[index]:>{wide}}  "
                f"{self.held_error[index]:>10.1e}  {self.optimality[index]:>8.1e}  {status}"
            )
        return "\n".join(lines)

    __repr__ = __str__  # what a notebook shows: not pages of pixels

    def take(self, index: Tensor) -> Result:
        """Return the result for the images at `index`."""
        values = dict(vars(self))
        per_image = {name for name, value in values.items() if isinstance(value, Tensor)}
        values |= {name: values[name][index] for name in per_image}
        values["status"] = tuple(self.status[int(i)] for i in index)
        values["trace"] = self.trace.take(index)
        low, high = self.pixel_range
        values["pixel_range"] = tuple(bound if len(bound) == 1 else bound[index] for bound in (low, high))
        return Result(**values)


@dataclass(frozen=True)
class Quartet:
    """The four MAD images of two metrics a and b on one reference image.

    ``quartet["a_min"]`` is the `Result` with metric a minimised while b is held; likewise ``a_max``, ``b_min`` and
    ``b_max``.
    """

    metric_a: Metric
    metric_b: Metric
    results: dict[str, Result]

    KEYS: ClassVar[tuple[str, ...]] = ("a_min", "a_max", "b_min", "b_max")

    def __getitem__(self, key: str) -> Result:
        return self.results[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.results)

    def items(self) -> Iterator[tuple[str, Result]]:
        """Iterate over names and results."""
        return iter(self.results.items())

    @property
    def image(self) -> Tensor:
        """Reference images (N, C, H, W)."""
        return next(iter(self.results.values())).image

    @property
    def initial_image(self) -> Tensor:
        """Start images (N, C, H, W) of the first pair."""
        return next(iter(self.results.values())).initial_image

    def __str__(self) -> str:
        """Lay the four results out as tables."""
        return "\n\n".join(str(result) for result in self.results.values())

    __repr__ = __str__


def best_of(results: list[Result], sign: Tensor) -> Result:
    """Choose for each image the best of the results that are on the level: smallest where `sign`, (N,), is positive."""
    values = torch.stack([result.optimized_value for result in results], 1)
    missed = torch.stack([result.held_error for result in results], 1) > results[0].tolerance
    values = torch.where(missed, torch.nan, values)
    ranked = (sign.to(values)[:, None] * values).nan_to_num(torch.inf)
    if len(results) == 1:
        return dataclasses.replace(results[0], start_values=values)
    winners = ranked.argmin(1)
    every = torch.arange(len(winners))
    parts = [results[int(winner)].take(every[index : index + 1]) for index, winner in enumerate(winners)]
    merged = parts[0] if len(parts) == 1 else _concatenate(parts)
    return dataclasses.replace(merged, start_values=values)


def _concatenate(parts: list[Result]) -> Result:
    merged: dict[str, Any] = dict(vars(parts[0]))
    for name, value in merged.items():
        if isinstance(value, Tensor):
            merged[name] = torch.cat([getattr(part, name) for part in parts])
    merged["trace"] = _joined([part.trace for part in parts])
    merged["status"] = tuple(status for part in parts for status in part.status)
    return Result(**merged)


def _joined(traces: list[Trace]) -> Trace:
    """Join the traces of several images; shorter ones repeat their last values."""
    merged: dict[str, Any] = dict(vars(traces[0]))
    for name in (name for name, value in merged.items() if isinstance(value, Tensor)):
        series = [getattr(trace, name) for trace in traces]
        longest = max(map(len, series))
        merged[name] = torch.cat([torch.cat([s, s[-1:].expand(longest - len(s), *s.shape[1:])]) for s in series], 1)
    return Trace(**merged)

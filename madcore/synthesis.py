"""The one loop: run a solver on a MAD problem, tell the truth about where it stopped, and finish on the level exactly.

A run is a value: it can be continued from the `state` of the last one, and then gives the same as if it had never
stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import torch
from torch import Tensor

from madcore.certificate import certify, in_double, optimality
from madcore.errors import ContractError, LevelError
from madcore.metric import NEGATIVE_TOLERANCE, Metric
from madcore.problem import MADProblem, MeanLuminance
from madcore.solvers.kinks import Kinks
from madcore.solvers.levels import held_error, restore
from madcore.solvers.protocol import Solver

__all__ = ["Progress", "Quartet", "Result", "Run", "Status", "Trace", "finish", "run_solver"]

CHECK_EVERY = 10  # steps between two looks at the state, each of which waits for the device
STATIONARY = {torch.float32: 1e-3, torch.float64: 1e-6}


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
class Progress:
    """What a progress callback is told, every few steps; it returns True to stop the run."""

    evaluations: int
    max_iter: int
    optimized_value: Tensor
    held_error: Tensor


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
    """

    optimized: Tensor
    reference: Tensor
    gradient_norm: Tensor


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
        lines = [
            f"{self.minmax} {self.optimized_metric.name}, {held} held",
            f"{'image':>5}  {'start':>12}  {self.minmax:>12}  {'held at':>12}  {'held error':>10}  {'residual':>8}  status",
        ]
        for index, status in enumerate(self.status):
            levels = ", ".join(f"{value:.6g}" for value in self.level[index].tolist())
            lines.append(
                f"{index:>5}  {self.initial_value[index]:>12.6g}  {self.optimized_value[index]:>12.6g}  {levels:>12}  "
                f"{self.held_error[index]:>10.1e}  {self.optimality[index]:>8.1e}  {status}"
            )
        return "\n".join(lines)

    def take(self, index: Tensor) -> Result:
        """Return the result for the images at `index`."""
        values = dict(vars(self))
        per_image = {name for name, value in values.items() if isinstance(value, Tensor)}
        values |= {name: values[name][index] for name in per_image}
        values["status"] = tuple(self.status[int(i)] for i in index)
        trace = self.trace
        values["trace"] = Trace(trace.optimized[:, index], trace.reference[:, index], trace.gradient_norm[:, index])
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

    KEYS = ("a_min", "a_max", "b_min", "b_max")

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


@dataclass
class Run:
    """A run between two calls of `run_solver`: the solver's state and what was recorded on the way."""

    state: Any
    active: Tensor  # positions in the batch of the images that still move
    best: Tensor  # (N, n)
    status: list[Status]
    evaluations: Tensor  # (N,)
    kinks: Kinks | None  # of the whole batch
    optimized: list[Tensor] = field(default_factory=list)
    reference: list[Tensor] = field(default_factory=list)
    gradient_norm: list[Tensor] = field(default_factory=list)
    seconds: float = 0.0

    def record(self) -> None:
        """Append the current values, keeping those of images that have finished."""
        state = self.state
        rows = (state.evaluation.optimized, state.evaluation.held, state.evaluation.gradient.norm(dim=1))
        for series, row in zip((self.optimized, self.reference, self.gradient_norm), rows, strict=True):
            full = series[-1].clone() if series else row.new_full((len(self.best), *row.shape[1:]), torch.nan)
            full[self.active] = row.to(full)
            series.append(full)

    def trace(self) -> Trace:
        """Return what was recorded as tensors on the CPU."""
        return Trace(*(torch.stack(series).cpu() for series in (self.optimized, self.reference, self.gradient_norm)))


def run_solver(
    problem: MADProblem,
    solver: Solver[Any],
    start: Tensor,
    level: Tensor,
    *,
    max_iter: int,
    progress: Callable[[Progress], bool | None] | None = None,
    run: Run | None = None,
    on_step: Callable[[Any], None] | None = None,
) -> Run:
    """Take up to `max_iter` steps for every image; images that have finished stop costing.

    Parameters
    ----------
    start, level : Tensor
        Start images (N, n) on the levels (N, k).
    max_iter : int
        Steps of this call.
    progress : callable, optional
        Told about the run every ten steps; returns True to stop it.
    run : Run, optional
        What an earlier call returned, to go on from there.
    on_step : callable, optional
        Given the solver's state after every step.
    """
    begun = time.perf_counter()
    count = len(start)
    if run is None:
        state = solver.init(problem, start, level)
        _check_contract(problem, state.evaluation)
        everyone = torch.arange(count, device=start.device)
        spent = torch.zeros(count, dtype=torch.long)
        kinks = getattr(state, "kinks", None)
        run = Run(state, everyone, start.clone(), [Status.ITERATION_LIMIT] * count, spent, kinks)
        run.record()
    current = problem if len(run.active) == count else problem.take(run.active)
    for iteration in range(1, max_iter + 1):
        if not len(run.active):
            break
        run.state = solver.step(current, run.state)
        run.record()
        if on_step is not None:
            on_step(run.state)
        if iteration % CHECK_EVERY == 0 or iteration == max_iter:
            current = _retire(problem, current, solver, run)
            if progress is not None and len(run.active) and _tell(progress, run, iteration, max_iter):
                for position in run.active.tolist():
                    run.status[position] = Status.INTERRUPTED
                break
    if len(run.active):
        run.best[run.active] = run.state.best
        run.evaluations[run.active.cpu()] = run.state.evaluations
    run.seconds += time.perf_counter() - begun
    return run


def _retire(problem: MADProblem, current: MADProblem, solver: Solver[Any], run: Run) -> MADProblem:
    """Judge the images that still move and take those that have finished out of the batch."""
    state = run.state
    dtype = state.point.dtype
    kinks = None if run.kinks is None else run.kinks.take(run.active)
    residual = optimality(current, state.point, state.evaluation, kinks)
    now = state.history[-1]
    total = (state.history[0] - now).abs().clamp_min(torch.finfo(dtype).tiny)
    back = max(10, len(state.history) // 5)
    recent = (state.history[max(0, len(state.history) - 1 - back)] - now) / total
    error = held_error(current, state.evaluation.held, state.level)
    converged = (residual <= STATIONARY[dtype]) & (error <= 1e-3)
    settled = (recent <= 1e-3) & (state.promised / total <= 1e-4) & (len(state.history) > 2 * back)
    stalled = state.stalled
    done = converged | settled | stalled
    if not bool(done.any()):
        return current
    for row in done.nonzero()[:, 0].tolist():
        position = int(run.active[row])
        chosen = Status.CONVERGED if converged[row] else Status.SETTLED if settled[row] else Status.STALLED
        run.status[position] = chosen
    run.best[run.active[done]] = torch.where(converged[:, None], state.point, state.best)[done]
    run.evaluations[run.active[done].cpu()] = state.evaluations
    keep = (~done).nonzero()[:, 0]
    run.active = run.active[keep]
    if not len(keep):
        return current
    run.state = solver.take(state, keep)
    return problem.take(run.active)


def finish(problem: MADProblem, run: Run, start: Tensor, level: Tensor, tolerance: float) -> dict[str, Any]:
    """Bring the best images onto the level exactly and measure them, in float64 where the metrics allow it.

    Returns
    -------
    dict
        The fields of a `Result` that depend on the finished images.
    """
    precise = in_double(problem) or problem
    dtype = precise.image.dtype
    point = restore(precise, run.best.to(dtype), level.to(dtype), start.to(dtype), tolerance).to(run.best.dtype)
    measured = certify(precise, point, level, run.kinks)
    finite = torch.isfinite(measured.optimized_value) & torch.isfinite(measured.held_error)
    status = [
        Status.NON_FINITE if not ok else Status.OFF_LEVEL if off > tolerance else old
        for ok, off, old in zip(finite.tolist(), measured.held_error.tolist(), run.status, strict=True)
    ]
    return {
        "mad_image": point.view_as(problem.image),
        "reference_value": measured.reference_value,
        "held_error": measured.held_error,
        "optimized_value": measured.optimized_value,
        "optimality": measured.optimality,
        "status": tuple(status),
        "precision": dtype,
    }


def _check_contract(problem: MADProblem, evaluation: Any) -> None:
    """Refuse metrics that cannot be used at the start: non-finite, negative, or at zero with nothing to hold."""
    named = [(problem.optimized_metric, evaluation.optimized, evaluation.gradient)]
    named += [
        (metric, evaluation.held[:, index], evaluation.jacobian[:, index])
        for index, metric in enumerate(problem.reference_metrics)
    ]
    for metric, values, gradient in named:
        if not bool(torch.isfinite(values).all()):
            raise ContractError(f"{metric.name} is not finite at the start image ({values.tolist()}): try another start or level")
        if not bool(torch.isfinite(gradient).all()):
            raise ContractError(f"the gradient of {metric.name} is not finite at the start image: try another start or level")
        if isinstance(metric, Metric) and bool((values < -NEGATIVE_TOLERANCE.get(values.dtype, 1e-5)).any()):
            raise ContractError(
                f"{metric.name} is negative at the start image ({values.min():.3g}): a metric must be a distance, 0 or more; "
                "for a similarity use Metric.from_similarity or declare higher_is_better"
            )
    for metric, values, gradient in named[1:]:
        if isinstance(metric, Metric) and bool(((values <= 0) | (gradient.abs().amax(1) == 0)).any()):
            raise LevelError(
                f"{metric.name} is {values.min():.3g} at the start image, with nothing to hold it by: start farther from the "
                "reference image (more noise or a higher level)"
            )


def _tell(progress: Callable[[Progress], bool | None], run: Run, iteration: int, max_iter: int) -> bool:
    level = run.state.level
    error = ((run.reference[-1][run.active] - level).abs() / level.abs()).amax(1)
    return bool(progress(Progress(iteration, max_iter, run.optimized[-1], error)))

"""The one loop: run a solver on a MAD problem, tell the truth about where it stopped, and finish on the level exactly.

A run that stopped can go on from where it was, once, and then gives the same as if it had never stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from madcore.certificate import certify, optimality
from madcore.contract import check_contract
from madcore.problem import MADProblem
from madcore.results import Status, Trace
from madcore.solvers import Solver
from madcore.solvers.kinks import Kinks
from madcore.solvers.last_place import round_on_level
from madcore.solvers.levels import held_error, restore

__all__ = ["Progress", "Run", "finish", "run_solver"]

CHECK_EVERY = 10  # steps between two looks at the state, each of which waits for the device
STATIONARY = {torch.float32: 1e-3, torch.float64: 1e-6}  # residual
SETTLED = {torch.float32: 1e-3, torch.float64: 1e-6}  # recent gain relative to all; a tenth of it may be promised


@dataclass(frozen=True)
class Progress:
    """What a progress callback is told, every few steps; it returns True to stop the run."""

    evaluations: int
    max_iter: int
    optimized_value: Tensor
    held_error: Tensor


@dataclass
class Run:
    """A run between two calls of `run_solver`, which change it: the solver's state and what was recorded on the way."""

    problem: MADProblem
    state: Any
    active: Tensor  # positions in the batch of the images that still move
    best: Tensor  # (N, n)
    status: list[Status]
    evaluations: Tensor  # (N,)
    kinks: Kinks | None  # of the whole batch
    optimized: list[Tensor] = field(default_factory=list)
    reference: list[Tensor] = field(default_factory=list)
    gradient_norm: list[Tensor] = field(default_factory=list)
    objective: list[Tensor] = field(default_factory=list)
    mad_image: list[Tensor] = field(default_factory=list)  # of every `store_progress` steps, on the CPU
    store_progress: int = 0
    seconds: float = 0.0

    def record(self) -> None:
        """Append the current values, keeping those of images that have finished."""
        now = self.state.evaluation
        for series, row in (
            (self.optimized, now.optimized),
            (self.reference, now.held),
            (self.gradient_norm, now.gradient.norm(dim=1)),
            (self.objective, now.objective),
        ):
            self._append(series, row)
        if self.store_progress and (len(self.optimized) - 1) % self.store_progress == 0:
            self._append(self.mad_image, self.state.point.cpu())

    def _append(self, series: list[Tensor], row: Tensor) -> None:
        full = series[-1].clone() if series else row.new_full((len(self.best), *row.shape[1:]), torch.nan)
        full[self.active.to(full.device)] = row.to(full)
        series.append(full)

    def trace(self) -> Trace:
        """Return what was recorded as tensors on the CPU."""
        series = (self.optimized, self.reference, self.gradient_norm, self.objective)
        optimized, reference, gradient_norm, objective = (torch.stack(each).cpu() for each in series)
        problem, shape = self.problem, self.problem.image.shape
        penalty = (objective - problem.sign.cpu() * optimized) / (problem.penalty_lambda or 1.0)
        kept = torch.stack(self.mad_image).view(-1, *shape) if self.mad_image else torch.empty(0, *shape)
        return Trace(optimized, reference, gradient_norm, penalty, kept, self.store_progress)


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
    store_progress: int = 0,
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
        Given the solver's state after every step, which the next step may use up.
    store_progress : int
        Keep the images of every so many steps of a new run; 0 keeps none.
    """
    begun = time.perf_counter()
    count = len(start)
    if run is None:
        state = solver.init(problem, start, level)
        check_contract(problem, state.evaluation)
        everyone = torch.arange(count, device=start.device)
        spent = torch.zeros(count, dtype=torch.long)
        kinks = getattr(state, "kinks", None)
        ended = [Status.ITERATION_LIMIT] * count
        run = Run(problem, state, everyone, start.clone(), ended, spent, kinks, store_progress=store_progress)
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
    settled = (
        (recent <= SETTLED[dtype]) & (state.promised / total <= 0.1 * SETTLED[dtype]) & (len(state.history) > 2 * back)
    )
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
    precise = problem.precise
    dtype = precise.image.dtype
    # what rounding to the image's type usually costs fits between the two
    aim = 0.01 * tolerance if dtype == torch.float64 else tolerance
    level, start = level.to(dtype), start.to(dtype)
    exact = restore(precise, run.best.to(dtype), level, start, aim, problem)
    point = exact.to(run.best.dtype)
    measured = certify(precise, point, level, run.kinks)
    if point.dtype != dtype and bool((measured.held_error > tolerance).any()):
        point = round_on_level(precise, exact, level, start, aim, tolerance, point.dtype)
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


def _tell(progress: Callable[[Progress], bool | None], run: Run, iteration: int, max_iter: int) -> bool:
    level = run.state.level
    error = ((run.reference[-1][run.active] - level).abs() / level.abs()).amax(1)
    return bool(progress(Progress(iteration, max_iter, run.optimized[-1], error)))

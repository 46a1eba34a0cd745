"""The limit of an infinite trade-off: a competition whose image stays on the level, moved by the level-set solver.

It takes the place of a torch optimizer (see `madcore.competition.descent`), so that histories, saving and resuming are
the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from madcore.bounds import PixelBounds
from madcore.competition.checks import name_of
from madcore.competition.descent import Saved, Step
from madcore.competition.objective import Objective
from madcore.errors import ContractError, InputError
from madcore.metric import Metric
from madcore.penalties import Penalty
from madcore.prepared import Prepared, PreparedMetric
from madcore.problem import Evaluation, MADProblem
from madcore.solvers import LevelSet
from madcore.solvers.kinks import Kinks
from madcore.solvers.level_set_state import LevelSetState
from madcore.solvers.levels import restore
from madcore.solvers.limited_memory import Pairs
from madcore.solvers.multipliers import lagrangian
from madcore.solvers.secant_scale import ScaleMemory, SecantScale

__all__ = ["LevelSetDescent", "allowed_range"]

TOLERANCE = 1e-6
_KINDS = {kind.__name__: kind for kind in (LevelSetState, Evaluation, Kinks, Pairs, ScaleMemory)}


def allowed_range(penalty: Callable[..., Tensor]) -> tuple[float, float]:
    """Return the range that a penalty allows, as given to `functools.partial`, or (0, 1)."""
    function = penalty.function if isinstance(penalty, Penalty) else penalty
    low, high = function.keywords.get("allowed_range", (0.0, 1.0)) if isinstance(function, partial) else (0.0, 1.0)
    return float(low), float(high)


class LevelSetDescent:
    """One step of the level-set solver for each iteration; the whole tensor counts as one image.

    Parameters
    ----------
    bounds : tuple of float
        Smallest and largest value of the pixels.
    saved : dict, optional
        What `state` returned, to go on from there.

    Raises
    ------
    InputError
        If another version of the solver saved it.
    """

    optimizer = None
    scheduler = None

    def __init__(self, bounds: tuple[float, float], saved: dict[str, Any] | None = None) -> None:
        self._bounds = bounds
        self._solver = LevelSet()
        self._state: LevelSetState | None = _unpacked(saved["state"]) if saved and saved["state"] else None
        self._start: Tensor | None = saved["start"] if saved else None

    def step(self, objective: Objective, mad_image: Tensor) -> Step:
        """Move `mad_image` in place, staying near the level and inside the bounds.

        Raises
        ------
        ContractError
            If a metric is not finite where the run begins.
        """
        problem = self._problem(objective, mad_image)
        state = self._ready(problem, objective, mad_image)
        evaluation = state.evaluation
        loss, optimized = evaluation.objective.item(), evaluation.optimized.item()
        penalty = (loss - objective.sign * optimized) / objective.penalty_lambda if objective.penalty_lambda else 0.0
        gradient = lagrangian(evaluation, state.multiplier).norm().item()
        before = mad_image.detach().clone()
        self._state = self._solver.step(problem, state)
        _set(mad_image, self._state.point)
        change = (mad_image.detach() - before).norm().item()
        return Step(loss, optimized, evaluation.held.item(), penalty, gradient, change, before)

    def finish(self, objective: Objective, mad_image: Tensor) -> None:
        """Put the best image so far into `mad_image`, exactly on the level."""
        if self._state is None or self._start is None:
            return
        problem = self._problem(objective, mad_image)
        _set(mad_image, restore(problem, self._state.best, self._state.level, self._start, TOLERANCE))

    def follow(self, mad_image: Tensor) -> None:
        """Bring the solver's state to the device and type that the mad image now has."""
        self._state = _moved(self._state, mad_image)
        self._start = _moved(self._start, mad_image)

    def state(self) -> Saved:
        """Return the solver's state as tensors and plain values."""
        return {
            "optimizer": {"name": None, "state": {}},
            "scheduler": {"name": None, "state": {}},
            "level_set": {"state": _packed(self._state), "start": self._start},
        }

    def _ready(self, problem: MADProblem, objective: Objective, mad_image: Tensor) -> LevelSetState:
        if self._state is None:
            self._start = mad_image.detach().clone().reshape(1, -1)
            level = self._start.new_full((1, 1), objective.level)
            self._state = self._solver.init(problem, self._start, level)
            if not bool(torch.isfinite(self._state.merit).all()):
                raise ContractError("found NaN or inf in a metric at the initial image: try another initial_noise")
        elif self._state.operator is None and self._state.scale is not None:
            self._state = replace(self._state, operator=SecantScale.of(problem.image))
        return self._state

    def _problem(self, objective: Objective, mad_image: Tensor) -> MADProblem:
        image = mad_image.detach()
        reference = objective.image if image.ndim == 4 and len(image) == 1 else objective.image[None]
        function = objective.penalty_function
        penalty = Penalty(lambda other: function(other.view_as(image)).sum().reshape(1), name_of(function))
        optimized, held = (_as_of_one(each, image) for each in (objective.optimized_metric, objective.reference_metric))
        return MADProblem(
            image=reference,
            sign=reference.new_full((1,), objective.sign),
            bounds=PixelBounds.of(*self._bounds, reference),
            optimized_metric=Metric(_unused, "optimized metric"),
            reference_metrics=(Metric(_unused, "reference metric"),),
            optimized=optimized,
            held=(held,),
            penalty=penalty,
            prepared_penalty=penalty,
            penalty_lambda=objective.penalty_lambda,
        )


def _as_of_one(metric: Callable[[Tensor], Tensor], image: Tensor) -> Prepared:
    if isinstance(metric, PreparedMetric) and image.ndim == 4 and len(image) == 1:
        return metric  # as it is, so that two that look at one network are known to
    return _Whole(metric, image.shape)


@dataclass(frozen=True)
class _Whole:
    """A bound metric of a whole tensor, of any shape, as a metric of one image."""

    metric: Callable[[Tensor], Tensor]
    shape: torch.Size

    def value(self, mad_image: Tensor) -> Tensor:
        with torch.no_grad():
            return self.metric(mad_image.view(self.shape)).reshape(1)

    def value_and_gradient(self, mad_image: Tensor) -> tuple[Tensor, Tensor]:
        if isinstance(self.metric, PreparedMetric):
            return self.metric.value_and_gradient(mad_image.view(self.shape))
        with torch.enable_grad():
            variable = mad_image.detach().requires_grad_(True)
            value = self.metric(variable.view(self.shape)).reshape(1)
            if not value.requires_grad:
                raise ContractError("a metric has no gradient with respect to mad_image: is it detached or rounded?")
            (gradient,) = torch.autograd.grad(value.sum(), variable)
        return value.detach(), gradient


def _unused(image: Tensor, mad_image: Tensor) -> Tensor:
    raise AssertionError("only prepared metrics are evaluated here")


def _set(mad_image: Tensor, point: Tensor) -> None:
    with torch.no_grad():
        mad_image.copy_(point.view_as(mad_image))


def _packed(value: Any) -> Any:
    if isinstance(value, SecantScale):
        return None
    if is_dataclass(value) and not isinstance(value, type):
        packed = {field.name: _packed(getattr(value, field.name)) for field in fields(value)}
        return {"kind": type(value).__name__, "fields": packed}
    return [_packed(entry) for entry in value] if isinstance(value, tuple) else value


def _unpacked(value: Any) -> Any:
    if isinstance(value, dict):
        given = {name: _unpacked(entry) for name, entry in value["fields"].items()}
        kind = _KINDS.get(value["kind"])
        if kind is None or given.keys() != {field.name for field in fields(kind)}:
            raise InputError(
                "the saved competition holds the state of another version of the level-set solver: go on with the "
                "version that saved it, or begin anew"
            )
        return kind(**given)
    return tuple(value) if isinstance(value, list) else value


def _moved(value: Any, like: Tensor) -> Any:
    if isinstance(value, SecantScale):
        return None  # made again for the new type and device
    if isinstance(value, Tensor):
        return value.to(like) if value.is_floating_point() else value.to(like.device)
    if isinstance(value, Pairs):
        # these stay in float64, whatever the images are
        exact = {"scale": value.scale.to(like.device), "gamma": value.gamma.to(like.device)}
        moved = {field.name: _moved(getattr(value, field.name), like) for field in fields(value)}
        return Pairs(**{**moved, **exact})
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: _moved(getattr(value, field.name), like) for field in fields(value)})
    return tuple(_moved(entry, like) for entry in value) if isinstance(value, tuple) else value

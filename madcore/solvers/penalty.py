"""The penalty method: a soft constraint weighed by a trade-off lambda, minimised by any torch optimizer.

    t f(r, x) + lambda (c - g(r, x))^2 + penalty(x)

It is what plenoptic's MADCompetition minimises; the held metric drifts, so that every run here ends with a return to
the level.  For comparison and for problems that are not meant to be held exactly; `LevelSet` is the solver to use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from madcore.errors import InputError
from madcore.problem import Evaluation, MADProblem

__all__ = ["PenaltyMethod", "PenaltyState"]


@dataclass(frozen=True)
class PenaltyState:
    """A run of the penalty method; the fields are those of `madcore.solvers.SolverState`."""

    point: Tensor
    evaluation: Evaluation
    level: Tensor
    tradeoff: Tensor
    best: Tensor
    history: tuple[Tensor, ...]
    promised: Tensor
    stalled: Tensor
    optimizer: torch.optim.Optimizer
    evaluations: int


@dataclass(frozen=True)
class PenaltyMethod:
    """Options of the penalty method.

    Parameters
    ----------
    tradeoff_lambda : float, optional
        The weight of the soft constraint; by default the value at which both terms' gradients are of equal size when
        the held value is off by one per cent.
    optimizer : str
        Name of a class in `torch.optim`; LBFGS, which mixes what it is given, works on single images only.
    options : mapping
        Its keyword arguments.
    """

    tradeoff_lambda: float | None = None
    optimizer: str = "Adam"
    options: Mapping[str, Any] = field(default_factory=lambda: {"lr": 0.01, "amsgrad": True})
    name: str = "penalty"
    revision: int = 1

    def init(self, problem: MADProblem, start: Tensor, level: Tensor) -> PenaltyState:
        """Begin at images (N, n) with levels (N, k)."""
        evaluation = problem.evaluate(start)
        point = start.clone()
        merit = evaluation.objective
        return PenaltyState(
            point=point,
            evaluation=evaluation,
            level=level,
            tradeoff=self._tradeoff(evaluation, level),
            best=start,
            history=(merit,),
            promised=torch.full_like(merit, torch.inf),
            stalled=torch.zeros_like(merit, dtype=torch.bool),
            optimizer=self._optimizer(point),
            evaluations=1,
        )

    def step(self, problem: MADProblem, state: PenaltyState) -> PenaltyState:
        """Let the optimizer move the images once, clamp them, and evaluate."""
        parameter = state.optimizer.param_groups[0]["params"][0]
        calls = 0

        def closure() -> Tensor:
            nonlocal calls
            at_hand = calls == 0  # where the last step ended
            evaluation = state.evaluation if at_hand else problem.evaluate(problem.bounds.clamp(parameter.detach()))
            calls += 1
            missing = 2 * state.tradeoff * (evaluation.held - state.level)
            parameter.grad = evaluation.gradient + (missing[:, None] @ evaluation.jacobian)[:, 0]
            return _merit(evaluation, state).sum()

        state.optimizer.step(closure)  # type: ignore[arg-type]
        parameter.data.copy_(problem.bounds.clamp(parameter.data))
        point = parameter.detach().clone()
        evaluation = problem.evaluate(point)
        merit = _merit(evaluation, state)
        return replace(
            state,
            point=point,
            evaluation=evaluation,
            best=point,
            history=(*state.history, torch.minimum(state.history[-1], merit)),
            evaluations=state.evaluations + calls,
        )

    def take(self, state: PenaltyState, index: Tensor) -> PenaltyState:
        """Go on with the images at `index` only, with their share of the optimizer's memory."""
        point = state.point[index]
        optimizer, old = self._optimizer(point), state.optimizer
        memory = old.state[old.param_groups[0]["params"][0]]
        kept = {
            name: value[index] if isinstance(value, Tensor) and value.shape == state.point.shape else value
            for name, value in memory.items()
        }
        optimizer.state[optimizer.param_groups[0]["params"][0]] = kept
        evaluation = Evaluation(**{name: value[index] for name, value in vars(state.evaluation).items()})
        return replace(
            state,
            point=point,
            evaluation=evaluation,
            level=state.level[index],
            tradeoff=state.tradeoff[index],
            best=state.best[index],
            history=tuple(merit[index] for merit in state.history),
            promised=state.promised[index],
            stalled=state.stalled[index],
            optimizer=optimizer,
        )

    def _optimizer(self, point: Tensor) -> torch.optim.Optimizer:
        kind = getattr(torch.optim, self.optimizer, None)
        if not isinstance(kind, type) or not issubclass(kind, torch.optim.Optimizer):
            raise InputError(f"optimizer must name a class of torch.optim, such as Adam; got {self.optimizer!r}")
        if self.optimizer == "LBFGS" and len(point) > 1:
            raise InputError(f"LBFGS takes one image at a time; got {len(point)}: synthesise them one by one")
        try:
            return kind([point.clone().requires_grad_(True)], **self.options)
        except (TypeError, ValueError) as error:
            raise InputError(f"torch.optim.{self.optimizer} does not take {dict(self.options)}: {error}") from error

    def _tradeoff(self, evaluation: Evaluation, level: Tensor) -> Tensor:
        if self.tradeoff_lambda is not None:
            return torch.full_like(level, self.tradeoff_lambda)
        steepness = evaluation.jacobian.norm(dim=2) * (2 * 0.01 * level)
        return evaluation.gradient.norm(dim=1)[:, None] / steepness.clamp_min(torch.finfo(level.dtype).tiny)


def _merit(evaluation: Evaluation, state: PenaltyState) -> Tensor:
    return evaluation.objective + (state.tradeoff * (evaluation.held - state.level).square()).sum(1)

"""What the loop asks of a solver and of its state."""

from __future__ import annotations

from typing import Protocol, TypeVar

from torch import Tensor

from madcore.problem import Evaluation, MADProblem

__all__ = ["Solver", "SolverState"]


class SolverState(Protocol):
    """The part of a run's state that the loop reads; N images of n pixels, k held metrics."""

    @property
    def point(self) -> Tensor:
        """Current images, (N, n), inside their bounds."""

    @property
    def evaluation(self) -> Evaluation:
        """Values and gradients at `point`."""

    @property
    def level(self) -> Tensor:
        """Wanted values of the held metrics, (N, k)."""

    @property
    def best(self) -> Tensor:
        """Best images so far, (N, n)."""

    @property
    def history(self) -> tuple[Tensor, ...]:
        """Best merit, (N,), at the start and after every step; falls or stays."""

    @property
    def promised(self) -> Tensor:
        """Decrease of the merit that the solver still expects, (N,); infinite if it cannot tell."""

    @property
    def stalled(self) -> Tensor:
        """Images on which no step can be found any more, (N,)."""

    @property
    def evaluations(self) -> int:
        """Evaluations of all metrics with gradients so far."""


State = TypeVar("State", bound=SolverState)


class Solver(Protocol[State]):
    """Frozen options and three functions: begin, step, go on with some."""

    @property
    def name(self) -> str:
        """Name in records."""

    @property
    def revision(self) -> int:
        """Raised whenever the solver's results change."""

    def init(self, problem: MADProblem, start: Tensor, level: Tensor) -> State:
        """Begin a run at images (N, n) with levels (N, k)."""

    def step(self, problem: MADProblem, state: State) -> State:
        """Do one evaluation of all metrics and what follows from it; `state` must not be used afterwards."""

    def take(self, state: State, index: Tensor) -> State:
        """Go on with the images at `index` only."""

"""A metric played against a partner: optimised while the partner is held, and held while the partner is optimised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from madcore.api import synthesize
from madcore.errors import MadcoreError
from madcore.metric import Metric

__all__ = ["Role", "Trial", "play_against"]

Role = Literal["optimised", "held"]
Direction = Literal["min", "max"]


@dataclass(frozen=True)
class Trial:
    """How one synthesis went.

    Parameters
    ----------
    metric : str
        Name of the metric that was tried.
    role : {"optimised", "held"}
        Its part.
    minmax : {"min", "max"}
        Whether the optimised one of the two was minimised or maximised.
    start, value : float
        The optimised one's value at the start and at the end.
    held_error : float
        Relative error of the held one at the end.
    status : str
        Why it ended; where it could not begin, the error.
    seconds : float
        Wall time.
    """

    metric: str
    role: Role
    minmax: Direction
    start: float
    value: float
    held_error: float
    status: str
    seconds: float

    @property
    def moved(self) -> bool:
        """Whether the value went in the wanted direction."""
        return self.value < self.start if self.minmax == "min" else self.value > self.start

    def holds(self, tolerance: float = 1e-6) -> bool:
        """Tell whether the held error is within a tolerance; never where the synthesis failed."""
        return self.held_error <= tolerance


def play_against(
    metric: Metric, partner: str | Metric, image: Tensor, *, max_iter: int = 60, role: Role | None = None
) -> list[Trial]:
    """Minimise and maximise a metric while a partner is held, and the partner while the metric is held.

    Parameters
    ----------
    metric, partner : Metric
        The two.
    image : Tensor
        The reference picture, (1, C, H, W).
    max_iter : int
        Steps of each of the four syntheses.
    role : {"optimised", "held"}, optional
        Only the two syntheses in which the metric has this part.
    """
    roles: tuple[Role, ...] = ("optimised", "held") if role is None else (role,)
    directions: tuple[Direction, ...] = ("min", "max")
    return [_play(metric, partner, image, each, minmax, max_iter) for each in roles for minmax in directions]


def _play(metric: Metric, partner: str | Metric, image: Tensor, role: Role, minmax: Direction, max_iter: int) -> Trial:
    optimized, held = (metric, partner) if role == "optimised" else (partner, metric)
    try:
        result = synthesize(image, optimized, held, minmax, max_iter=max_iter)
    except MadcoreError as error:
        nothing = float("nan")
        return Trial(metric.name, role, minmax, nothing, nothing, nothing, " ".join(str(error).split()), 0.0)
    start, value, held_error = (
        float(number) for number in (result.initial_value, result.optimized_value, result.held_error)
    )
    return Trial(metric.name, role, minmax, start, value, held_error, str(result.status[0]), result.seconds)

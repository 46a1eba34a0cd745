"""What a competition remembers: one number of each kind for every iteration, and the images it was asked to keep."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor

from madcore.competition.descent import Step
from madcore.errors import InputError

__all__ = ["History", "IterationError", "nearest_stored", "resolve_iteration"]

_SELECTIONS: dict[str, Callable[[float], int]] = {"floor": math.floor, "ceiling": math.ceil, "round": round}


class IterationError(InputError, IndexError):
    """An iteration that was not run; also an IndexError, which scripts for plenoptic expect."""


@dataclass
class History:
    """The values before each iteration, how far each moved, and the kept images (on the CPU)."""

    losses: list[float] = field(default_factory=list)
    penalties: list[float] = field(default_factory=list)
    optimized_metric_loss: list[float] = field(default_factory=list)
    reference_metric_loss: list[float] = field(default_factory=list)
    gradient_norm: list[float] = field(default_factory=list)
    pixel_change_norm: list[float] = field(default_factory=list)
    saved_mad_image: list[Tensor] = field(default_factory=list)

    def record(self, step: Step, store_progress: bool | int | None) -> None:
        """Append one iteration; keep its image if its number is a multiple of `store_progress`."""
        if store_progress and len(self.losses) % store_progress == 0:
            self.saved_mad_image.append(step.before.cpu())
        self.losses.append(step.loss)
        self.penalties.append(step.penalty)
        self.optimized_metric_loss.append(step.optimized_metric)
        self.reference_metric_loss.append(step.reference_metric)
        self.gradient_norm.append(step.gradient_norm)
        self.pixel_change_norm.append(step.pixel_change_norm)

    def has_converged(self, stop_criterion: float, stop_iters_to_check: int) -> bool:
        """Tell whether the loss changed by less than the criterion over that many iterations."""
        if len(self.losses) <= stop_iters_to_check:
            return False
        return abs(self.losses[-stop_iters_to_check] - self.losses[-1]) < stop_criterion


def resolve_iteration(iteration: int | None, length: int) -> int:
    """Return `iteration` counted from the start; None is the last of `length`."""
    resolved = length - 1 if iteration is None else iteration + length * (iteration < 0)
    if not 0 <= resolved < length:
        raise IterationError(f"iteration {iteration} does not exist: there are values for {length} iterations")
    return resolved


def nearest_stored(iteration: int, interval: int, length: int, selection: str) -> tuple[int, int]:
    """Return which kept image stands for `iteration` and the iteration that it is from; warn if they differ."""
    if selection not in _SELECTIONS:
        raise InputError(f"iteration_selection must be one of {', '.join(_SELECTIONS)}; got {selection!r}")
    index = _SELECTIONS[selection](iteration / interval)
    stored = min(index * interval, length - 1)
    if stored != iteration:
        warnings.warn(f"saved_mad_image is of iteration {stored}: iteration {iteration} was not stored", stacklevel=3)
    return index, stored

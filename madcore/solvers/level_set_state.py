"""The state of the level-set solver: everything that a run knows between two steps."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from madcore.problem import Evaluation
from madcore.solvers.kinks import Kinks
from madcore.solvers.limited_memory import Pairs
from madcore.solvers.numbers import none_of, true_of_all
from madcore.solvers.secant_scale import ScaleMemory, SecantScale

__all__ = ["LevelSetState", "choose", "chosen"]


@dataclass(frozen=True)
class LevelSetState:
    """Everything that a run knows; `LevelSet.step` consumes it.

    Images are flattened to n pixels.  `merit` is the objective brought to the level to first order; `history` holds
    the best merit after every step.
    """

    point: Tensor  # (N, n)
    at_bounds: Tensor  # (N, n), which of its pixels are at a bound, and at which
    evaluation: Evaluation
    level: Tensor  # (N, k)
    multiplier: Tensor  # (N, k)
    degree: Tensor  # (N,)
    slope: Tensor  # (N, n), gradient of the Lagrangian
    bend: Tensor  # (N,), second-order change of the held metric over the squared length of the last step
    surprise: Tensor  # (N,), relative error of what was last expected of the held metric
    merit: Tensor  # (N,)
    error: Tensor  # (N,), relative held error
    radius: Tensor  # (N,)
    size: Tensor  # (N,), root mean square of the start's error
    momentum: Tensor  # (N, n)
    quasi: Tensor  # (N,), whether limited-memory BFGS has taken over from momentum
    some_momentum: bool  # whether momentum still moves any image, as was seen at the last look
    some_quasi: bool  # whether limited-memory BFGS moves any
    pairs: Pairs
    operator: SecantScale | None
    scale: ScaleMemory | None
    kinks: Kinks | None
    best: Tensor  # (N, n)
    best_merit: Tensor  # (N,)
    promised: Tensor  # (N,), decrease that the quadratic model still promises at the best image
    at_best: Tensor  # (N,)
    exact: Tensor  # (N,), whether the next step has the length of the radius exactly
    refusals: Tensor  # (N,), refused steps in a row
    stalled: Tensor  # (N,)
    history: tuple[Tensor, ...]
    evaluations: int

    @property
    def steps(self) -> int:
        """Steps so far."""
        return len(self.history) - 1

    @property
    def places(self) -> Tensor:
        """The learned weights h of places, (N, H W); only where there is a learned metric."""
        assert self.scale is not None
        return self.scale.place.flatten(1)

    def placed(self, vector: Tensor) -> Tensor:
        """Compute h v, (N, n), a new tensor, with h the learned weights of places."""
        if self.operator is None or self.scale is None:
            return vector.clone()
        return self.operator.placed(self.scale, vector)

    def filtered(self, vector: Tensor) -> Tensor:
        """Compute F* W F v, (N, n), with W the learned weights of frequencies; v itself for images with kinks.

        There a pixel that stays at its kink would be moved off it by other pixels, or by rounding.
        """
        if self.operator is None or self.scale is None:
            return vector
        if self.kinks is None:
            return self.operator.filtered(self.scale, vector)
        if true_of_all(self.kinks.flagged):
            return vector
        return torch.where(self.kinks.flagged[:, None], vector, self.operator.filtered(self.scale, vector))

    def take(self, index: Tensor) -> LevelSetState:
        """Keep the images at `index`."""
        kept: dict[str, Any] = {field.name: _take(getattr(self, field.name), index) for field in fields(self)}
        return LevelSetState(**kept).looked()

    def looked(self) -> LevelSetState:
        """Wait for the device, and know what moves the images."""
        count = int(self.quasi.sum())
        return replace(self, some_momentum=count < len(self.quasi), some_quasi=count > 0)


def chosen(
    accepted: Tensor,
    state: LevelSetState,
    point: Tensor,
    at_bounds: Tensor,
    evaluation: Evaluation,
    multiplier: Tensor,
    degree: Tensor,
    merit: Tensor,
    error: Tensor,
    slope: Tensor,
) -> LevelSetState:
    """Take the trial where it was accepted and keep the old point elsewhere."""
    new: dict[str, Any] = {
        "point": point,
        "at_bounds": at_bounds,
        "multiplier": multiplier,
        "degree": degree,
        "merit": merit,
        "error": error,
        "slope": slope,
    }
    if true_of_all(accepted):
        return replace(state, evaluation=evaluation, **new)
    old = state.evaluation
    kept = {
        field.name: choose(accepted, getattr(evaluation, field.name), getattr(old, field.name)) for field in fields(old)
    }
    mixed: dict[str, Any] = {name: choose(accepted, value, getattr(state, name)) for name, value in new.items()}
    return replace(state, evaluation=Evaluation(**kept), **mixed)


def choose(images: Tensor, new: Tensor, old: Tensor) -> Tensor:
    """Return `new`, (N, ...), for the images that are marked, (N,), and `old` for the others."""
    if true_of_all(images):
        return new
    if none_of(images):
        return old
    return torch.where(images.view(-1, *[1] * (new.ndim - 1)), new, old)


def _take(value: object, index: Tensor) -> object:
    if isinstance(value, Tensor):
        return value[index]
    if isinstance(value, tuple):
        return tuple(entry[index] for entry in value)
    if isinstance(value, Evaluation):
        return Evaluation(**{field.name: getattr(value, field.name)[index] for field in fields(value)})
    return value.take(index) if hasattr(value, "take") else value

"""How a competition moves: the step that a torch optimizer takes on its objective.

The seam of the class: whatever has ``step(objective, mad_image) -> Step``, ``finish(objective, mad_image)``,
``follow(mad_image)``, ``state()``, ``optimizer`` and ``scheduler`` can move a competition's image.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from madcore.competition.checks import InputTypeError
from madcore.competition.objective import Objective, Terms
from madcore.errors import ContractError, InputError

__all__ = ["Descent", "Saved", "Step", "classes_to_name", "resume_descent", "start_descent"]

Factory = Callable[..., Any]
Kwargs = dict[str, Any] | None
Saved = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Step:
    """What one iteration did: the terms and the image before it, the gradient, and how far it moved the image."""

    loss: float
    optimized_metric: float
    reference_metric: float
    penalty: float
    gradient_norm: float
    pixel_change_norm: float
    before: Tensor


class Descent:
    """The classic step: one call of a torch optimizer, then of its scheduler.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        Holds the mad image as its only parameter; may evaluate the objective more than once, as LBFGS does.
    scheduler : torch.optim.lr_scheduler.LRScheduler, optional
        Gets the loss if its ``step`` takes one.
    """

    def __init__(self, optimizer: Optimizer, scheduler: Any = None) -> None:
        self.optimizer = optimizer
        self.scheduler = scheduler
        self._scheduler_wants_loss = scheduler is not None and _takes_loss(scheduler.step)

    def step(self, objective: Objective, mad_image: Tensor) -> Step:
        """Move `mad_image` in place.

        Raises
        ------
        ContractError
            If the loss is not finite, or a metric has no gradient; `mad_image` is then as it was.
        """
        evaluations: list[tuple[float, float, float, float]] = []

        def closure() -> float:
            self.optimizer.zero_grad()
            terms = objective(mad_image)
            _check_gradients(terms)
            terms.loss.backward()
            evaluations.append(terms.numbers())
            _check_finite(*evaluations[0])
            return evaluations[-1][0]

        before = mad_image.detach().clone()
        self.optimizer.step(closure)
        if not evaluations or mad_image.grad is None:
            raise InputError(f"optimizer {type(self.optimizer).__name__} must evaluate the closure given to its step")
        if self.scheduler is not None:
            self.scheduler.step(*[evaluations[0][0]] * self._scheduler_wants_loss)
        gradient_norm = torch.linalg.vector_norm(mad_image.grad).item()
        pixel_change_norm = torch.linalg.vector_norm(mad_image.detach() - before).item()
        return Step(*evaluations[0], gradient_norm, pixel_change_norm, before)

    def finish(self, objective: Objective, mad_image: Tensor) -> None:
        """Leave the image where the last step put it."""

    def follow(self, mad_image: Tensor) -> None:
        """Bring the optimizer's state to the device and type that the mad image now has."""
        self.optimizer.load_state_dict(self.optimizer.state_dict())

    def state(self) -> Saved:
        """Return names and states of optimizer and scheduler, from which `resume_descent` goes on."""
        return {"optimizer": _named_state(self.optimizer), "scheduler": _named_state(self.scheduler)}


def start_descent(
    mad_image: Tensor,
    optimizer: Factory | None,
    optimizer_kwargs: Kwargs,
    scheduler: Factory | None,
    scheduler_kwargs: Kwargs,
) -> Descent:
    """Make a descent of `mad_image`; by default with Adam and amsgrad, and a learning rate of 0.01."""
    options = {"lr": 0.01, **(optimizer_kwargs or {})}
    if optimizer is None:
        optimizer, options = torch.optim.Adam, {"amsgrad": True, **options}
    made = optimizer([mad_image], **options)
    return Descent(made, scheduler and scheduler(made, **(scheduler_kwargs or {})))


def resume_descent(saved: Saved, mad_image: Tensor, optimizer: Factory | None, scheduler: Factory | None) -> Descent:
    """Make the descent that was saved go on; its settings come from the saved states.

    Raises
    ------
    InputError
        If optimizer or scheduler are not of the saved classes, or the scheduler cannot be made from its state alone.
    """
    optimizer = optimizer or torch.optim.Adam
    _check_class(saved["optimizer"], optimizer, "optimizer")
    _check_class(saved["scheduler"], scheduler, "scheduler")
    made = optimizer([mad_image])
    followed = None
    if scheduler is not None:
        state = saved["scheduler"]["state"]
        followed = scheduler(made, **_required_arguments(scheduler, state))
        followed.load_state_dict(state)
    # last, because a new scheduler sets the learning rate of its first iteration
    made.load_state_dict(saved["optimizer"]["state"])
    return Descent(made, followed)


def classes_to_name(saved: Saved) -> list[str]:
    """Return which of optimizer and scheduler `resume_descent` cannot find by itself."""
    known = {"optimizer": _class_name(torch.optim.Adam), "scheduler": None}
    return [role for role, name in known.items() if saved[role]["name"] != name]


def _named_state(made: Any) -> dict[str, Any]:
    return {
        "name": None if made is None else _class_name(type(made)),
        "state": {} if made is None else made.state_dict(),
    }


def _class_name(factory: Any) -> str:
    factory = getattr(factory, "func", factory)  # a functools.partial
    return f"{factory.__module__}.{factory.__qualname__}"


def _check_class(saved: dict[str, Any], given: Factory | None, role: str) -> None:
    name = None if given is None else _class_name(given)
    if name != saved["name"]:
        message = (
            f"the saved {role} is {saved['name']}, not {name}: call setup with {role}={saved['name']} before synthesize"
        )
        raise InputTypeError(message)


def _required_arguments(scheduler: Factory, state: dict[str, Any]) -> dict[str, Any]:
    parameters = list(inspect.signature(scheduler).parameters.values())[1:]
    required = [p.name for p in parameters if p.default is p.empty]
    missing = [name for name in required if state.get(name) is None]
    if missing:
        advice = f"pass functools.partial({scheduler.__name__}, {missing[0]}=...)"
        raise InputError(f"the saved state of {scheduler.__name__} lacks {', '.join(missing)}: {advice}")
    return {name: state[name] for name in required}


def _takes_loss(step: Callable[..., object]) -> bool:
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return any(p.kind in positional and p.name != "epoch" for p in inspect.signature(step).parameters.values())


def _check_gradients(terms: Terms) -> None:
    for role, value in (("optimized", terms.optimized_metric), ("reference", terms.reference_metric)):
        if not value.requires_grad:
            raise ContractError(
                f"the {role} metric has no gradient with respect to mad_image: is it detached or rounded?"
            )


def _check_finite(loss: float, optimized: float, reference: float, penalty: float) -> None:
    if not math.isfinite(loss):
        parts = f"optimized metric {optimized:.4g}, reference metric {reference:.4g}, penalty {penalty:.4g}"
        raise ContractError(
            f"found NaN or inf in the loss ({parts}): lower the learning rate or metric_tradeoff_lambda"
        )

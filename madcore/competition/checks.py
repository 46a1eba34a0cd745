"""What a competition accepts: the rules of plenoptic's class, looser than those of `madcore.Metric`.

A metric may return any tensor of one element, whatever the number of images and dimensions.  Metrics are tried on
random images from torch's global generator, as many numbers in the same order as plenoptic 2.1 draws, so that one seed
leads both to the same start image.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from madcore.blame import explain_types
from madcore.errors import ContractError, InputError

__all__ = [
    "InputTypeError",
    "balanced_lambda",
    "check_arguments",
    "check_image",
    "check_metric",
    "check_penalty",
    "check_store_progress",
    "name_of",
    "refuse_optimizer",
]

IDENTITY_TOLERANCE = 5e-7
TRIALS = 20


class InputTypeError(InputError, TypeError):
    """An argument of the wrong type; also a TypeError, which scripts for plenoptic expect."""


def name_of(thing: object) -> str:
    """Return the name by which a metric, penalty, optimizer or scheduler is known, without its module."""
    for attribute in ("name", "__name__"):
        name = getattr(thing, attribute, None)
        if isinstance(name, str):
            return name
    return type(thing).__name__


def check_arguments(minmax: str, metric_tradeoff_lambda: float | None, penalty_lambda: float) -> None:
    """Raise InputError unless the direction and the two weights are allowed."""
    if minmax not in ("min", "max"):
        raise InputError(f"minmax must be 'min' or 'max'; got {minmax!r}")
    weights = {"metric_tradeoff_lambda": metric_tradeoff_lambda or 0.0, "penalty_lambda": penalty_lambda}
    for name, weight in weights.items():
        if not isinstance(weight, Real | Tensor):
            raise InputTypeError(f"{name} must be a number; got {weight!r}")
    if metric_tradeoff_lambda is not None and not metric_tradeoff_lambda > -math.inf:
        raise InputError(f"metric_tradeoff_lambda must be a number, math.inf or None; got {metric_tradeoff_lambda}")
    if not penalty_lambda >= 0:
        raise InputError(f"penalty_lambda must be 0 or more; got {penalty_lambda}")


def check_store_progress(store_progress: object) -> None:
    """Raise InputError unless `store_progress` is a bool or an interval."""
    if not isinstance(store_progress, Real):
        raise InputTypeError(f"store_progress must be a bool or a number of iterations; got {store_progress!r}")
    if store_progress < 0:
        raise InputError(f"store_progress must be a bool or 0 or more; got {store_progress}")


def refuse_optimizer(*given: object) -> None:
    """Raise InputError if an optimizer, a scheduler or their arguments are given where the level is held exactly."""
    if any(argument is not None for argument in given):
        raise InputError(
            "with metric_tradeoff_lambda=math.inf the level-set solver moves the image: give no optimizer or scheduler"
        )


def check_image(image: Tensor) -> None:
    """Raise InputError unless `image` is a finite floating-point tensor; warn if its shape or range is unusual."""
    if not isinstance(image, Tensor):
        raise InputTypeError(f"image must be a floating-point tensor; got {type(image).__name__}")
    if not image.is_floating_point():
        raise InputTypeError(f"image must be a floating-point tensor; got {image.dtype}: convert, e.g. image / 255.0")
    if image.numel() == 0 or not image.isfinite().all():
        raise InputError(
            f"image must hold finite pixels only; got shape {tuple(image.shape)} with NaN, inf or no pixel"
        )
    if not 2 <= image.ndim <= 5:
        warnings.warn(f"image has {image.ndim} dimensions; 2 to 5 are tested, (N, C, H, W) is usual", stacklevel=4)
    low, high = (bound.item() for bound in image.aminmax())
    if low < 0 or high > 1:
        warnings.warn(f"image has the range [{low:.4g}, {high:.4g}]; most metrics expect [0, 1]", stacklevel=4)


def check_metric(metric: Callable[[Tensor, Tensor], Tensor], image: Tensor) -> None:
    """Try a metric on random images of the shape, type and device of `image`.

    Draws 21 images from torch's global generator.

    Raises
    ------
    InputTypeError
        If the metric cannot be called with two tensors.
    ContractError
        If it does not return one number, more than 5e-7 for identical images, or a negative number.
    """
    if not callable(metric):
        raise InputTypeError(f"a metric must be a name or a callable of two tensors; got {metric!r}")
    trial = torch.rand(image.shape, dtype=image.dtype, device=image.device)
    same = _number(metric, trial, trial)
    if not same <= IDENTITY_TOLERANCE:
        raise ContractError(
            f"metric {name_of(metric)} must be 0 for identical images; got {same:.4g}: is it a similarity?"
        )
    for _ in range(TRIALS):
        value = _number(metric, trial, torch.rand_like(trial))
        if value < 0:
            raise ContractError(f"metric {name_of(metric)} must not be negative; got {value:.4g}")


def _number(metric: Callable[[Tensor, Tensor], Tensor], image: Tensor, other: Tensor) -> float:
    try:
        value = metric(image, other)
    except TypeError as error:
        raise InputTypeError(f"metric {name_of(metric)} could not be called with two tensors: {error}") from error
    except RuntimeError as error:
        told = explain_types(f"metric {name_of(metric)}", metric, image, error)
        if told is None:
            raise
        raise ContractError(told) from error
    if not isinstance(value, Tensor):
        raise ContractError(f"metric {name_of(metric)} must return a tensor; it returned {type(value).__name__}")
    if value.numel() != 1:
        advice = "reduce it, or give a batch to madcore.synthesize"
        raise ContractError(
            f"metric {name_of(metric)} must return one number; got shape {tuple(value.shape)}: {advice}"
        )
    return value.item()


def check_penalty(penalty: Callable[[Tensor], Tensor], image: Tensor) -> None:
    """Try a penalty on a striped image of the shape, type and device of `image`.

    Raises
    ------
    InputTypeError
        If the penalty cannot be called with a tensor, or returns another floating-point type.
    ContractError
        If it does not return one number (or one for each image) that depends on the image alone, and differentiably.
    """
    if not callable(penalty):
        raise InputTypeError(f"a penalty must be a name or a callable of one tensor; got {penalty!r}")
    stripes = torch.ones(image.shape, dtype=image.dtype, device=image.device)
    stripes[..., ::2] = 0
    label = f"penalty {name_of(penalty)}"
    if _penalise(penalty, stripes, label).requires_grad:
        raise ContractError(f"{label} has parameters that require gradients: freeze them with requires_grad_(False)")
    value = _penalise(penalty, stripes.requires_grad_(), label)
    if not value.requires_grad:
        raise ContractError(f"{label} has no gradient with respect to its image: is it detached or rounded?")
    if value.dtype != image.dtype:
        raise InputTypeError(f"{label} must return {image.dtype}, the type of the image; it returned {value.dtype}")
    if value.device != image.device:
        raise ContractError(f"{label} must stay on {image.device}, the device of the image; it returned {value.device}")


def _penalise(penalty: Callable[[Tensor], Tensor], image: Tensor, label: str) -> Tensor:
    try:
        value: Any = penalty(image)
    except TypeError as error:
        raise InputTypeError(f"{label} could not be called with one tensor: {error}") from error
    except RuntimeError as error:
        told = explain_types(label, penalty, image, error)
        raise ContractError(told or f"{label} failed on an image that requires a gradient: {error}") from error
    if not isinstance(value, Tensor):
        raise ContractError(f"{label} must return a tensor; it returned {type(value).__name__}")
    if value.numel() != 1 and value.shape != image.shape[:1]:
        raise ContractError(f"{label} must return one number, or one for each image; got shape {tuple(value.shape)}")
    return value


def balanced_lambda(
    image: Tensor,
    optimized_metric: Callable[[Tensor, Tensor], Tensor],
    reference_metric: Callable[[Tensor, Tensor], Tensor],
) -> float:
    """Choose the power of ten that makes the two metrics about equal on noise; draws one image, and warns."""
    noise = torch.rand_like(image)
    ratio = optimized_metric(image, noise).detach() / reference_metric(image, noise).detach()
    balanced = float((10 ** ratio.log10().round()).item())
    if not math.isfinite(balanced):
        raise InputError(
            f"the metrics cannot be balanced (ratio {ratio.item():.4g} on noise): give metric_tradeoff_lambda"
        )
    warnings.warn(
        f"metric_tradeoff_lambda was None: set to {balanced:g} so that the metrics roughly balance", stacklevel=4
    )
    return balanced

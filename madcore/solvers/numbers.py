"""The few numbers that a solver keeps for each image, and how it reckons with them.

On the processor torch takes several microseconds for an operation on a handful of numbers, which for small pictures
is more than the metrics take; numpy takes one.  On another device they stay tensors, so that nobody waits for it.
The same formulas serve both: they use functions that both libraries have under one name.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

__all__ = ["Numbers", "column", "dot", "namespace", "none_of", "norm", "numbers", "readable", "tensor", "true_of_all"]

Numbers: TypeAlias = Any  # numpy array or tensor, (N,) or (N, k)


def readable(values: Tensor) -> bool:
    """Tell whether values can be looked at without waiting for a device."""
    return values.device.type == "cpu"


def numbers(values: Tensor) -> Numbers:
    """Return the same memory as a numpy array if it is the processor's."""
    return values.numpy() if readable(values) else values


def true_of_all(images: Numbers) -> bool:
    """Tell whether something, (N,), is known to be true of all images: never of those on another device."""
    return (isinstance(images, np.ndarray) or readable(images)) and bool(images.all())


def none_of(images: Numbers) -> bool:
    """Tell whether something, (N,), is known to be true of no image."""
    return (isinstance(images, np.ndarray) or readable(images)) and not bool(images.any())


def namespace(values: Numbers) -> Any:
    """Return the library whose functions take these numbers."""
    return np if isinstance(values, np.ndarray) else torch


def tensor(values: Numbers, like: Tensor | None = None) -> Tensor:
    """Return numbers as a tensor, of the type of `like` if that is given."""
    made: Tensor = torch.from_numpy(values) if isinstance(values, np.ndarray) else values
    return made if like is None else made.to(like.dtype)


def column(values: Numbers, like: Tensor) -> Tensor:
    """Return numbers (N,) as a factor (N, 1) of images (N, n)."""
    return tensor(values, like)[:, None]


def dot(a: Tensor, b: Tensor) -> Numbers:
    """Compute the inner products, (N,), of images (N, n)."""
    return numbers(torch.linalg.vecdot(a, b))


def norm(a: Tensor) -> Numbers:
    """Compute the Euclidean norms, (N,), of images (N, n)."""
    return numbers(a.norm(dim=1))

"""How piq's functions are called so that their gradients are finite and their arithmetic is that of the images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

__all__ = ["Exact", "unchecked"]

ROOTS = {torch.sqrt, Tensor.sqrt}
POWERS = {torch.pow, Tensor.pow, Tensor.__pow__}


class Exact(TorchFunctionMode):
    """Inside it, roots have slope 0 at 0, and nothing is computed in a narrower type than the images'.

    A root's slope at 0 is infinite, and times the slope 0 of what is inside it becomes NaN: in a flat or saturated
    area one such pixel spoils the whole gradient.  0 is between the slopes on the two sides of, e.g., the length of a
    vector at 0.  Values, and slopes anywhere else, do not change.

    Parameters
    ----------
    dtype : torch.dtype
        Type of the images.
    """

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a function of torch in its place."""
        kwargs = dict(kwargs or {})
        if func in ROOTS or (func in POWERS and isinstance(args[1], float) and 0 < args[1] < 1):
            return _flat_at_zero(func, args[0], *args[1:])
        if func is torch.zeros:  # piq's accumulators
            kwargs.setdefault("dtype", self.dtype)
        if func is Tensor.float and args[0].dtype == self.dtype:  # piq's resampling
            return args[0]
        return func(*args, **kwargs)


def _flat_at_zero(root: Callable[..., Tensor], base: Tensor, *exponent: float) -> Tensor:
    if not base.requires_grad:
        return root(base, *exponent)
    zero = base == 0
    return torch.where(zero, 0, root(torch.where(zero, 1, base), *exponent))


def unchecked(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return a copy of a function of piq that does not check its images, which takes four reductions at each call."""
    namespace = {**function.__globals__, "_validate_input": _accept}
    return FunctionType(function.__code__, namespace, function.__name__, function.__defaults__, function.__closure__)


def _accept(*_: object, **__: object) -> None:
    """Take the place of piq's check."""

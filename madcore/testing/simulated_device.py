"""A device that is not there: tensors that say they are on it, keep their numbers on the CPU, and do not mix.

Where code forgets to move a constant to the images' device, torch refuses to mix the two; so does this, on machines
without a GPU.  Only forward passes: autograd asks the real device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

__all__ = ["simulated_device"]

# torch knows the name, and has no backend for it that would look for hardware; with an index it need not ask for one.
DEVICE = torch.device("maia", 0)
# A real GPU lets these mix with the CPU, too.
MIXING = {
    torch.ops.aten.copy_.default,
    torch.ops.aten.index.Tensor,
    torch.ops.aten.index_put.default,
    torch.ops.aten.index_put_.default,
    torch.ops.aten._index_put_impl_.default,
}
# Views that are conjugated or negated when they are read, which below the place where we listen nobody does.
LAZY = {
    torch.ops.aten._conj.default: torch.ops.aten.conj_physical.default,
    torch.ops.aten._neg_view.default: torch.ops.aten.neg.default,
}


class _Elsewhere(Tensor):
    """A tensor on the simulated device; torch itself sees one without data."""

    held: Tensor

    @staticmethod
    def __new__(cls: type[_Elsewhere], inner: Tensor) -> _Elsewhere:
        """Wrap a tensor on the CPU."""
        room = sum((side - 1) * stride for side, stride in zip(inner.shape, inner.stride(), strict=True)) + 1
        memory = torch.empty(inner.storage_offset() + max(room, 0), dtype=inner.dtype, device="meta")
        outline = memory.as_strided(inner.shape, inner.stride(), inner.storage_offset())
        wrapper: _Elsewhere = Tensor._make_subclass(
            cls, outline, False, dispatch_device=True, device_for_backend_keys=DEVICE
        )
        wrapper.held = inner
        return wrapper

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        """The simulated device."""
        return DEVICE

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return _compute(func, args, kwargs or {})


class _Computing(TorchDispatchMode):
    """Computes on the CPU, and lets results be where they would be."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _compute(func, args, kwargs or {})


class _Making(TorchFunctionMode):
    """Makes tensors of numbers and numbers of tensors, for which torch would ask the device itself."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in (torch.tensor, torch.as_tensor, torch.asarray) and kwargs.get("device") == DEVICE:
            made = func(*args, **{**kwargs, "device": "cpu"})
            return made if isinstance(made, _Elsewhere) else _Elsewhere(made)
        if func is Tensor.new_tensor and isinstance(args[0], _Elsewhere):
            return _Elsewhere(args[0].held.new_tensor(*args[1:], **{**kwargs, "device": "cpu"}))
        if func is Tensor.tolist and isinstance(args[0], _Elsewhere):
            return args[0].held.tolist()
        return func(*args, **kwargs)


@contextmanager
def simulated_device() -> Iterator[Callable[[Tensor], Tensor]]:
    """Let there be such a device; yields the function that brings a tensor to it."""
    with _Making(), _Computing():  # type: ignore[no-untyped-call]
        yield _Elsewhere


def _compute(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    if func is torch.ops.prim.device.default and isinstance(args[0], _Elsewhere):
        return torch.device("meta")  # what torch's own code, which would set up any other, is told
    func = LAZY.get(func, func)
    given = [each for each in tree_leaves((args, kwargs)) if isinstance(each, Tensor)]
    there = any(isinstance(each, _Elsewhere) for each in given)
    if there and func not in MIXING and any(not isinstance(each, _Elsewhere) and each.ndim > 0 for each in given):
        raise RuntimeError(f"{func} mixes tensors on the images' device with tensors on the CPU")
    if (device := kwargs.get("device")) is not None:
        there, kwargs = torch.device(device).type in (DEVICE.type, "meta"), {**kwargs, "device": "cpu"}
    result = func(*tree_map(_inner, args), **tree_map(_inner, kwargs))
    known = {id(_inner(each)): each for each in given}  # what an operation in place returns is what it was given

    def outer(value: Any) -> Any:
        return (known[id(value)] if id(value) in known else _Elsewhere(value)) if isinstance(value, Tensor) else value

    return tree_map(outer, result) if there else result


def _inner(value: Any) -> Any:
    return value.held if isinstance(value, _Elsewhere) else value

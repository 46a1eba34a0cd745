"""Free the parameters that only layers beyond the deepest wanted one use, and regain them for deeper ones.

A VGG-16 keeps nine tenths of its parameters in layers that a distance of features never runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

__all__ = ["drop_unused", "regain", "same_tensors", "used_tensors"]


class _Watch(TorchDispatchMode):
    """Notes the storage of every tensor that an operation reads."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: set[int] = set()

    def __torch_dispatch__(
        self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        leaves = tree_leaves((args, kwargs or {}))
        self.seen |= {each.untyped_storage().data_ptr() for each in leaves if isinstance(each, Tensor)}
        return function(*args, **(kwargs or {}))


def used_tensors(network: nn.Module, run: Callable[[], object]) -> set[int]:
    """Return the addresses of the parameters and buffers that `run` reads, also if it breaks."""
    watch = _Watch()
    try:
        with watch:
            run()
    except Exception:
        pass
    return watch.seen & {_address(tensor) for tensor in (*network.parameters(), *network.buffers())}


def drop_unused(network: nn.Module, addresses: set[int]) -> None:
    """Empty the parameters at these addresses."""
    for parameter in network.parameters():
        if _address(parameter) in addresses:
            parameter.data = torch.empty(0, dtype=parameter.dtype, device=parameter.device)


def same_tensors(one: nn.Module, other: nn.Module) -> bool:
    """Tell whether two networks have the same parameters and buffers, those aside that are empty in one of them."""
    ours, theirs = _tensors(one), _tensors(other)
    return ours.keys() == theirs.keys() and all(
        torch.equal(tensor, theirs[name]) for name, tensor in ours.items() if tensor.numel() and theirs[name].numel()
    )


def regain(network: nn.Module, source: nn.Module) -> bool:
    """Fill parameters that are empty with those of an equal network; tell whether there were any."""
    kept = dict(source.named_parameters())
    empty = [name for name, each in network.named_parameters() if not each.numel() and kept[name].numel()]
    for name in empty:
        network.get_parameter(name).data = kept[name].data
    return bool(empty)


def _tensors(network: nn.Module) -> dict[str, Tensor]:
    return {**dict(network.named_parameters()), **dict(network.named_buffers())}


def _address(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()

"""The networks of metrics that are in use, by what decides them, so that metrics with one network share it."""

from __future__ import annotations

from collections.abc import Hashable
from threading import Lock
from weakref import WeakValueDictionary

import torch
from torch import Tensor, nn

from madcore_models.found import Found
from madcore_models.representation import Representation

__all__ = ["share", "what_decides"]

_IN_USE: WeakValueDictionary[Hashable, Representation] = WeakValueDictionary()
_SHARING = Lock()


def share(own: Representation, decided_by: Hashable, pictures: Tensor) -> Representation:
    """Return the representation that others of the same network use, with the layers of this one too; else itself.

    Parameters
    ----------
    own : Representation
        Just made and traced.
    decided_by : hashable
        Equal for networks that should be equal.  Whether they are is seen from their tensors and features, since the
        code of a user may do anything, and a module may have been changed.
    pictures : Tensor
        Network input (N, C, H, W) to try both with.
    """
    key = (decided_by, own.batched)
    with _SHARING:  # or of layers that two threads add at once some would be lost
        known = _IN_USE.setdefault(key, own)
        if known is own or (known.adopt(own) and _alike(known, own, pictures)):
            return known
        _IN_USE[key] = own
        return own


def what_decides(model: str | nn.Module, weights: str | None, seed: int, found: Found) -> Hashable:
    """Return what decides a network that was found: its name, or that it is one certain module, and its files."""
    files = [(path.resolve(), path.stat().st_mtime_ns, path.stat().st_size) for path in found.files]
    return (model if isinstance(model, str) else id(model), weights, seed, *files)


def _alike(one: Representation, other: Representation, pictures: Tensor) -> bool:
    with torch.no_grad():
        return all(map(torch.equal, one(pictures, other.layers), other(pictures)))

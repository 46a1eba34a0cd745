"""Run a network as far as the deepest wanted layer and return what the wanted layers put out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from threading import Lock, get_ident
from typing import Any

from torch import Tensor, nn

__all__ = ["HOOKING", "WHOLE", "run_layers", "trace_layers"]

WHOLE = ""  # the name that a network has among its layers
HOOKING = Lock()  # held while hooks of networks change: another thread may run, or copy, the same network


class _Enough(BaseException):
    """Ends a run; a BaseException, so that no `except Exception` in a network stops it."""


@dataclass
class _Recorder:
    """The outputs of layers in one run, and how often each put out; a layer that runs again replaces its output.

    Only of runs in the thread that made it; a copy, which goes with the copy of a network, records nothing.
    """

    limits: Counter[str] | None
    outputs: dict[str, Any] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    thread: int = field(default_factory=get_ident)

    def __deepcopy__(self, memo: dict[int, Any]) -> _Recorder:
        return _Recorder(Counter())

    def record(self, name: str, layer: nn.Module, inputs: object, output: Any) -> None:
        if self.thread != get_ident():
            return
        if self.limits is not None and self.counts[name] == self.limits[name]:
            return  # so that an output does not depend on which other layers are wanted
        # A copy, because the next layer may work in place.
        self.outputs[name] = output.clone() if isinstance(output, Tensor) else output
        self.counts[name] += 1
        if self.counts == self.limits:
            raise _Enough


def run_layers(
    network: nn.Module, layers: Sequence[str], pictures: Tensor, counts: Mapping[str, int]
) -> dict[str, Any]:
    """Return the outputs of layers by name.

    Parameters
    ----------
    network : torch.nn.Module
        In evaluation mode.
    layers : sequence of str
        Names as in `torch.nn.Module.named_modules`; ``""`` is the whole network.
    pictures : Tensor
        What the network is given, (N, C, H, W).
    counts : mapping
        How often each layer puts something out, as `trace_layers` counted; the run ends when all of these have.
    """
    if set(layers) == {WHOLE}:  # TorchScript has no hooks
        return {WHOLE: network(pictures)}
    recorder = _Recorder(Counter({name: counts[name] for name in layers}))
    with _hooked(network, layers, recorder), suppress(_Enough):
        network(pictures)
    return recorder.outputs


def trace_layers(network: nn.Module, layers: Sequence[str], pictures: Tensor) -> dict[str, int]:
    """Count how often each layer puts something out in a whole run.

    A run that breaks after all of them were reached, because what follows wants other input, does not matter.
    """
    recorder = _Recorder(None)
    with _hooked(network, layers, recorder):
        try:
            network(pictures)
        except Exception:
            if set(recorder.outputs) != set(layers):
                raise
    return {name: recorder.counts[name] for name in layers}


@contextmanager
def _hooked(network: nn.Module, layers: Sequence[str], recorder: _Recorder) -> Iterator[None]:
    with HOOKING:
        handles = [
            network.get_submodule(name).register_forward_hook(partial(recorder.record, name)) for name in set(layers)
        ]
    try:
        yield
    finally:
        with HOOKING:
            for handle in handles:
                handle.remove()

"""Run a network as far as the deepest wanted layer and return what the wanted layers put out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from torch import Tensor, nn

__all__ = ["run_layers", "trace_layers"]


class _Enough(BaseException):
    """Ends a run; a BaseException, so that no `except Exception` in a network stops it."""


@dataclass
class _Recorder:
    """The outputs of layers in one run, and how many there were; a layer that runs again replaces its output."""

    limit: int | None
    outputs: dict[str, Any] = field(default_factory=dict)
    count: int = 0

    def record(self, name: str, layer: nn.Module, inputs: object, output: Any) -> None:
        # A copy, because the next layer may work in place.
        self.outputs[name] = output.clone() if isinstance(output, Tensor) else output
        self.count += 1
        if self.count == self.limit:
            raise _Enough


def run_layers(network: nn.Module, layers: Sequence[str], pictures: Tensor, count: int | None) -> dict[str, Any]:
    """Return the outputs of layers by name, or of the whole network under ``""`` if there are none.

    Parameters
    ----------
    network : torch.nn.Module
        In evaluation mode.
    layers : sequence of str
        Names as in `torch.nn.Module.named_modules`.
    pictures : Tensor
        What the network is given, (N, C, H, W).
    count : int, optional
        Number of outputs of these layers, as `trace_layers` counted them, after which the run ends.
    """
    if not layers:
        return {"": network(pictures)}
    recorder = _Recorder(count)
    with _hooked(network, layers, recorder), suppress(_Enough):
        network(pictures)
    return recorder.outputs


def trace_layers(network: nn.Module, layers: Sequence[str], pictures: Tensor) -> int:
    """Count how often layers put something out in a whole run.

    A run that breaks after all of them were reached, because what follows wants other input, does not matter.
    """
    recorder = _Recorder(None)
    with _hooked(network, layers, recorder):
        try:
            network(pictures)
        except Exception:
            if set(recorder.outputs) != set(layers):
                raise
    return recorder.count


@contextmanager
def _hooked(network: nn.Module, layers: Sequence[str], recorder: _Recorder) -> Iterator[None]:
    handles = [network.get_submodule(name).register_forward_hook(partial(recorder.record, name)) for name in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()

"""What chosen layers of a network put out for pictures, computed by a copy that is safe to use.

The copy is in evaluation mode, its parameters are frozen, and there is one for each floating-point type and device.
When it is made it is tried out, so that whatever is wrong with a network is said before the first step.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from madcore import InputError
from madcore_models.found import Found, near
from madcore_models.pruning import drop_unused, regain, same_tensors, used_tensors
from madcore_models.taps import HOOKING, WHOLE, run_layers, trace_layers

__all__ = ["RefusedError", "Representation", "check_layers"]

LISTED = 40


class RefusedError(InputError):
    """The network raised when it was given a picture."""


@dataclass(eq=False)
class Representation:
    """The outputs of layers for pictures; is itself only, so that what shares it can be told.

    Parameters
    ----------
    network : torch.nn.Module
        Is changed: give one of which nobody else has a hold.
    name : str
        What to call it in messages.
    layers : tuple of str
        Names of the layers that may be wanted; ``""`` is the whole network.
    counts : dict
        How often each of them puts something out in a run, which ends when all that are wanted have; from `trace`.
    batched : bool
        False if the network takes, or keeps apart, only one picture at a time.
    """

    network: nn.Module
    name: str
    layers: tuple[str, ...]
    counts: dict[str, int] = field(default_factory=dict)
    batched: bool = True
    copies: dict[tuple[torch.dtype, torch.device], nn.Module] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Put the network into evaluation mode and freeze it."""
        self.network.eval()
        for parameter in self.network.parameters():  # TorchScript has no requires_grad_ of its own
            parameter.requires_grad_(False)

    def __call__(self, pictures: Tensor, layers: tuple[str, ...] | None = None) -> list[Tensor]:
        """Compute the features of network input (N, C, H, W), one tensor with N first for each layer, or those wanted.

        Raises
        ------
        InputError
            If the network cannot take these pictures, or puts out what cannot be compared.
        """
        layers = layers or self.layers
        network = self._copy(pictures.dtype, pictures.device)
        if self.batched or len(pictures) == 1:
            return self._run(network, layers, pictures)
        singles = [self._run(network, layers, picture[None]) for picture in pictures]
        return [torch.cat(features) for features in zip(*singles, strict=True)]

    def trace(self, pictures: Tensor) -> None:
        """Find out where a run may end, and free the parameters that only what follows uses."""
        if self.layers == (WHOLE,):
            self.counts = {WHOLE: 1}
            return
        network = self._copy(pictures.dtype, pictures.device)
        with torch.no_grad():
            self.counts = self._guarded(lambda: trace_layers(network, self.layers, pictures), pictures)
            whole = used_tensors(network, lambda: network(pictures))
            needed = used_tensors(network, lambda: run_layers(network, self.layers, pictures, self.counts))
        drop_unused(network, whole - needed)

    def adopt(self, other: Representation) -> bool:
        """Take over the layers of another representation, with the parameters that they use, if the networks are equal.

        Parameters
        ----------
        other : Representation
            Just made, and to be given up if its layers are taken over.
        """
        with HOOKING:  # another thread may be copying the network
            if not same_tensors(self.network, other.network):
                return False
            if regain(self.network, other.network):
                self.copies = {key: each for key, each in self.copies.items() if each is self.network}
            self.layers = tuple(dict.fromkeys((*self.layers, *other.layers)))
            self.counts = {**self.counts, **other.counts}
        return True

    def _copy(self, dtype: torch.dtype, device: torch.device) -> nn.Module:
        key = (dtype, device)
        network = self.copies.get(key)
        if network is None:
            with HOOKING:
                own = copy.deepcopy(self.network) if self.copies else self.network
                network = self.copies[key] = own.to(device=device, dtype=dtype)
        return network

    def _run(self, network: nn.Module, layers: tuple[str, ...], pictures: Tensor) -> list[Tensor]:
        outputs = self._guarded(lambda: run_layers(network, layers, pictures, self.counts), pictures)
        for name in layers:
            if name not in outputs:
                raise InputError(f"layer {name} of {self.name} does not run when it is given a picture; name another")
        return [self._checked(name, outputs[name], len(pictures)) for name in layers]

    def _guarded(self, run: Callable[[], Any], pictures: Tensor) -> Any:
        try:
            return run()
        except (InputError, MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:
            shape = " x ".join(map(str, pictures.shape))
            reason = " ".join(str(error).split())[:200]
            told = f"{self.name} cannot take pictures of {shape}: {type(error).__name__}: {reason}"
            raise RefusedError(f"{told}; the option size resizes them") from error

    def _checked(self, name: str, output: Any, count: int) -> Tensor:
        what = f"layer {name} of {self.name}" if name else self.name
        if not isinstance(output, Tensor):
            kind = type(output).__name__
            keys = f" with {', '.join(map(str, output))}" if isinstance(output, dict) else ""
            hint = "name layers that put out one tensor each" if name else f"name layers: {listed(self.network)}"
            raise InputError(f"{what} puts out a {kind}{keys}, not a tensor; {hint}")
        if not output.is_floating_point():
            raise InputError(f"{what} puts out {output.dtype}, which has no gradient; name an earlier layer")
        if output.ndim == 0 or len(output) != count:
            shape = tuple(output.shape)
            raise InputError(f"{what} puts out shape {shape} for {count} pictures; the first number must be theirs")
        if not output.numel():
            raise RefusedError(f"{what} puts out nothing for pictures of this size; give larger ones")
        return output


def check_layers(found: Found, layers: Sequence[str]) -> None:
    """Raise InputError unless the network has these layers."""
    if layers and not found.has_layers:
        raise InputError(
            f"the layers inside TorchScript cannot be watched; leave layers out to compare the output of {found.name}, "
            "or save it with torch.export"
        )
    known = [name for name, _ in found.network.named_modules() if name]
    for name in layers:
        if name not in known:
            part = name  # a large network is listed part by part
            while part and not any(part == outer.rpartition(".")[0] for outer in known):
                part = part.rpartition(".")[0]
            has = listed(found.network.get_submodule(part), f"{part}." if part else "")
            raise InputError(f"{found.name} has no layer {name!r}{near(name, known)}; it has {has}")


def listed(network: nn.Module, prefix: str = "") -> str:
    """List a network's layers, those inside others only as far as there is room."""
    names = [prefix + name for name, _ in network.named_modules() if name]
    depth = max((name.count(".") for name in names), default=0)
    shown = names
    while len(shown) > LISTED and depth:
        depth -= 1
        shown = [name for name in names if name.count(".") <= depth]
    inside = len(names) - len(shown[:LISTED])
    return ", ".join(shown[:LISTED]) + (f" and {inside} more" if inside else "")

"""How the layers of a frozen network respond to images, place by place: what metrics of one network share."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

import torch
from lpips import ScalingLayer, normalize_tensor
from torch import Tensor, nn

__all__ = ["Network", "Responses"]


class Network:
    """A frozen network and the standardisation of colours that goes with it, with copies for each type and device.

    Parameters
    ----------
    module : torch.nn.Module
        Returns the responses of its layers, (N, C, H, W) each.
    """

    def __init__(self, module: nn.Module) -> None:
        self.module = module.eval().requires_grad_(False)
        self._copies: dict[tuple[torch.dtype, torch.device], nn.Sequential] = {}

    @property
    def name(self) -> str:
        """Name of the network's class."""
        return type(self.module).__name__

    def like(self, image: Tensor) -> nn.Sequential:
        """Return standardisation and network in the type and on the device of the images."""
        key = image.dtype, image.device
        if key not in self._copies:
            # a third to a half faster on a CPU, but slower with the large windows of AlexNet
            layout = torch.contiguous_format if self.name == "alexnet" else torch.channels_last
            copies = nn.Sequential(ScalingLayer(), deepcopy(self.module))
            self._copies[key] = copies.to(image).to(memory_format=layout)
        return self._copies[key]


@dataclass(frozen=True)
class Responses:
    """Responses to images, (N, C, H, W) each, of length 1 at every place; equal for one network and one input of it.

    Parameters
    ----------
    network : Network
        Whose responses.
    scaled : bool
        Whether colours are standardised as the network was trained.
    data_range : float
        Largest value of a pixel; the smallest is 0.
    """

    network: Network
    scaled: bool
    data_range: float

    def __call__(self, images: Tensor, layers: Sequence[int]) -> list[Tensor]:
        """Compute the responses of layers, counted from 0, to images (N, C, H, W)."""
        colored = images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images
        pixels = 2 / self.data_range * colored - 1
        scaling, network = self.network.like(images)
        responses = network(scaling(pixels) if self.scaled else pixels)
        return [normalize_tensor(responses[layer]) for layer in layers]

"""LPIPS: how differently a network's layers respond to two images, place by place; the reference seen once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path

import torch
from lpips import ScalingLayer, normalize_tensor
from torch import Tensor, nn
from torch.nn.functional import conv2d

from madcore import require_range
from madcore_lpips.weights import MIN_SIDES

__all__ = ["Lpips"]


class Lpips:
    """Learned perceptual image patch similarity, as a distance.

    Parameters
    ----------
    trunk : torch.nn.Module
        Returns the responses of its layers, (N, C, H, W) each.
    heads : sequence of Tensor, optional
        Weights of each layer's channels, (1, C, 1, 1); without them all count alike.
    scaled : bool
        Whether colours are standardised as the trunk was trained; version 0.0 left this out.
    data_range : float
        Largest value of a pixel; the smallest is 0.
    weight_files : sequence of Path
        Where the weights were read from.
    """

    def __init__(
        self,
        trunk: nn.Module,
        heads: Sequence[Tensor] | None = None,
        *,
        scaled: bool = True,
        data_range: float = 1.0,
        weight_files: Sequence[Path] = (),
    ) -> None:
        self.trunk, self.heads = trunk, heads
        self.scaling = ScalingLayer() if scaled else nn.Identity()
        self.data_range = data_range
        self.weight_files = tuple(weight_files)
        self.min_side = MIN_SIDES[type(trunk).__name__]
        self._copies: dict[tuple[torch.dtype, torch.device], nn.Module] = {}

    def __call__(self, image: Tensor, mad_image: Tensor) -> Tensor:
        """Compute the distances, (N,), of images (N, C, H, W)."""
        require_range(mad_image, self.data_range, "lpips.lpips")
        return self.prepare(image)(mad_image)

    def prepare(self, image: Tensor) -> Callable[[Tensor], Tensor]:
        """Compute the reference images' responses once."""
        require_range(image, self.data_range, "lpips.lpips")
        network = self._network(image)
        heads = None if self.heads is None else [head.to(image) for head in self.heads]
        reference = self._responses(network, image)

        def distance(mad_image: Tensor) -> Tensor:
            pairs = zip(reference, self._responses(network, mad_image), strict=True)
            squares = [(one - other) ** 2 for one, other in pairs]
            if heads is None:
                maps = [square.sum(1, keepdim=True) for square in squares]
            else:
                maps = [conv2d(square, head) for square, head in zip(squares, heads, strict=True)]
            return torch.stack([each.mean((1, 2, 3)) for each in maps]).sum(0)

        return distance

    def _network(self, image: Tensor) -> nn.Module:
        """Return the network in the type and on the device of the images."""
        key = image.dtype, image.device
        if key not in self._copies:
            network = deepcopy(nn.Sequential(self.scaling, self.trunk)).to(image)
            # a third to a half faster on a CPU, but slower with the large windows of AlexNet
            layout = torch.contiguous_format if type(self.trunk).__name__ == "alexnet" else torch.channels_last
            self._copies[key] = network.to(memory_format=layout)
        return self._copies[key]

    def _responses(self, network: nn.Module, image: Tensor) -> list[Tensor]:
        colored = image.expand(-1, 3, -1, -1) if image.shape[1] == 1 else image
        return [normalize_tensor(each) for each in network(2 / self.data_range * colored - 1)]

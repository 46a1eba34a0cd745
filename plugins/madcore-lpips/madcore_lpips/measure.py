"""LPIPS: how differently a network's layers respond to two images, place by place; the reference seen once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from madcore import require_range
from madcore_lpips.responses import Network, Responses
from madcore_lpips.weights import MIN_SIDES

__all__ = ["Lpips", "PreparedLpips"]


class Lpips:
    """Learned perceptual image patch similarity, as a distance.

    Parameters
    ----------
    network : Network
        Whose layers are compared.
    heads : sequence of Tensor, optional
        Weights of each layer's channels, (1, C, 1, 1); without them all count alike.
    scaled : bool
        Whether colours are standardised as the network was trained; version 0.0 left this out.
    data_range : float
        Largest value of a pixel; the smallest is 0.
    weight_files : sequence of Path
        Where the weights were read from.
    """

    def __init__(
        self,
        network: Network,
        heads: Sequence[Tensor] | None = None,
        *,
        scaled: bool = True,
        data_range: float = 1.0,
        weight_files: Sequence[Path] = (),
    ) -> None:
        self.trunk, self.heads = Responses(network, scaled, data_range), heads
        self.data_range = data_range
        self.weight_files = tuple(weight_files)
        self.min_side = MIN_SIDES[network.name]

    def __call__(self, image: Tensor, mad_image: Tensor) -> Tensor:
        """Compute the distances, (N,), of images (N, C, H, W)."""
        require_range(mad_image, self.data_range, "lpips.lpips")
        return self.prepare(image)(mad_image)

    def prepare(self, image: Tensor) -> PreparedLpips:
        """Compute the reference images' responses once."""
        require_range(image, self.data_range, "lpips.lpips")
        heads = None if self.heads is None else [head.to(image) for head in self.heads]
        layers = tuple(range(self.trunk.network.module.N_slices))
        return PreparedLpips(self.trunk, layers, self.trunk(image, layers), heads)


@dataclass(frozen=True)
class PreparedLpips:
    """LPIPS from reference images whose responses are known; shares its run with others of the same trunk.

    Parameters
    ----------
    trunk : Responses
        What is compared.
    layers : tuple of int
        All layers.
    reference : list of Tensor
        Responses to the reference images.
    heads : list of Tensor, optional
        Weights of each layer's channels.
    """

    trunk: Responses
    layers: tuple[int, ...]
    reference: list[Tensor]
    heads: list[Tensor] | None

    def __call__(self, mad_image: Tensor) -> Tensor:
        """Compute the distances, (N,), of images (N, C, H, W)."""
        return self.from_features(self.trunk(mad_image, self.layers))

    def from_features(self, responses: Sequence[Tensor]) -> Tensor:
        """Compute the distances, (N,), from the layers' responses."""
        squares = [(one - other) ** 2 for one, other in zip(self.reference, responses, strict=True)]
        if self.heads is None:
            maps = [square.sum(1, keepdim=True) for square in squares]
        else:
            maps = [conv2d(square, head) for square, head in zip(squares, self.heads, strict=True)]
        return torch.stack([each.mean((1, 2, 3)) for each in maps]).sum(0)

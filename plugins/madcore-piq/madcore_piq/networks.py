"""piq's metrics that are networks: DISTS and PieAPP; the reference image is represented once."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import piq
import torch
from piq.functional import crop_patches
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torchvision.models import VGG16_Weights

from madcore import require_range
from madcore_piq.measures import color

__all__ = ["Dists", "PieApp"]

DISTS_SIDE = 256
PIEAPP_PATCH = 64


class _Copies:
    """One copy of a network for each type and device: some of piq's layers keep what they make of their first input.

    Parameters
    ----------
    network : torch.nn.Module
        Never used itself.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network.eval().requires_grad_(False)
        self.copies: dict[tuple[torch.dtype, torch.device], Any] = {}

    def like(self, image: Tensor) -> Any:
        """Return the copy for images of this type and device."""
        key = image.dtype, image.device
        if key not in self.copies:
            self.copies[key] = deepcopy(self.network).to(image)
        return self.copies[key]


class Dists:
    """Deep image structure and texture similarity, as a distance.

    Parameters
    ----------
    data_range : float
        Largest value of a pixel; the smallest is 0.
    """

    def __init__(self, data_range: float = 1.0) -> None:
        with warnings.catch_warnings():
            # piq asks torchvision for weights in the way that older versions know.
            warnings.simplefilter("ignore", UserWarning)
            self.copies = _Copies(piq.DISTS(reduction="none"))
        self.data_range = data_range
        self.weight_files = _downloaded(VGG16_Weights.IMAGENET1K_V1.url, piq.DISTS._weights_url)

    def __call__(self, image: Tensor, mad_image: Tensor) -> Tensor:
        """Compute the distances, (N,), of images (N, C, H, W)."""
        require_range(mad_image, self.data_range, "piq.dists")
        return self.prepare(image)(mad_image)

    def prepare(self, image: Tensor) -> Callable[[Tensor], Tensor]:
        """Compute the reference images' features once."""
        require_range(image, self.data_range, "piq.dists")
        network = self.copies.like(image)
        weights = torch.cat([weight.flatten().to(image) for weight in network.weights])
        weights = weights / weights.sum()  # 1 but for rounding
        reference = self._features(network, image)

        def distance(mad_image: Tensor) -> Tensor:
            maps = network.compute_distance(self._features(network, mad_image), reference)
            return (1 - torch.cat([each.flatten(1) for each in maps], 1)) @ weights

        return distance

    def _features(self, network: Any, image: Tensor) -> list[Tensor]:
        image, side = color(image) / self.data_range, min(image.shape[-2:])
        if side > DISTS_SIDE:
            image = interpolate(image, scale_factor=DISTS_SIDE / side, recompute_scale_factor=False, mode="bilinear")
        return network.get_features(image)


class PieApp:
    """Perceptual image error through pairwise preference; its absolute value, counted from that of identical images.

    Parameters
    ----------
    stride : int
        Distance between the patches of 64 x 64 pixels that are compared.
    data_range : float
        Largest value of a pixel; the smallest is 0.
    """

    def __init__(self, stride: int = 27, data_range: float = 1.0) -> None:
        network = piq.PieAPP(stride=stride)
        self.copies = _Copies(network.model)
        self.stride, self.data_range = stride, data_range
        self.weight_files = _downloaded(piq.PieAPP._weights_url)

    def __call__(self, image: Tensor, mad_image: Tensor) -> Tensor:
        """Compute the distances, (N,), of images (N, C, H, W)."""
        require_range(mad_image, self.data_range, "piq.pieapp")
        return self.prepare(image)(mad_image)

    def prepare(self, image: Tensor) -> Callable[[Tensor], Tensor]:
        """Compute the reference images' features once."""
        require_range(image, self.data_range, "piq.pieapp")
        network = self.copies.like(image)
        features, importance = self._features(network, image)
        # The score of identical images is the last layers' bias, whatever the image.
        offset = network.compute_difference(torch.zeros_like(features[:1]), torch.zeros_like(importance[:1]))[0]

        def distance(mad_image: Tensor) -> Tensor:
            other, weight = self._features(network, mad_image)
            scores, weights = network.compute_difference(features - other, importance - weight)
            scores, weights = ((each.reshape(len(image), -1)) for each in (scores - offset, weights))
            return ((scores * weights).sum(1) / weights.sum(1)).abs()

        return distance

    def _features(self, network: Any, image: Tensor) -> tuple[Tensor, Tensor]:
        return network(crop_patches(color(image) * (255 / self.data_range), size=PIEAPP_PATCH, stride=self.stride))


def _downloaded(*urls: str) -> tuple[Path, ...]:
    """Return where torch keeps what it has downloaded."""
    return tuple(Path(torch.hub.get_dir()) / "checkpoints" / Path(url).name for url in urls)

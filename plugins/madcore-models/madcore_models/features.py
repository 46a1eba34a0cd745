"""The distance between the features that a network gives to two pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from madcore import InputError, require_range
from madcore_models.distances import DISTANCES, FeatureComparison, channels_last
from madcore_models.networks import find_network
from madcore_models.pictures import PictureInput
from madcore_models.representation import Representation, check_layers
from madcore_models.shared import share, what_decides
from madcore_models.taps import WHOLE
from madcore_models.trial import computes_double, find_input, noise, smallest_side, try_out

__all__ = ["FeatureDistance", "FeatureTrunk", "PreparedDistance", "make_distance"]


@dataclass(frozen=True)
class FeatureTrunk:
    """Features of pictures; equal for distances that give pictures to one network in one way.

    Parameters
    ----------
    representation : Representation
        Features of network input.
    given : PictureInput
        What makes network input of pictures.
    """

    representation: Representation
    given: PictureInput

    def __call__(self, images: Tensor, layers: tuple[str, ...]) -> list[Tensor]:
        """Compute the features of pictures (N, C, H, W), one tensor with N first for each layer."""
        return self.representation(self.given(images), layers)


@dataclass(frozen=True)
class FeatureDistance:
    """Weighted sum over layers of the distance between their features of two pictures.

    Parameters
    ----------
    trunk : FeatureTrunk
        What makes features of pictures.
    layers : tuple of str
        Names of the layers that are compared; ``""`` is the whole network.
    comparison : FeatureComparison
        Distance of one layer's features.
    layer_weights : tuple of float
        One for each layer.
    channel_axis : int, optional
        As for `channels_last`.
    channels, min_side, dtypes
        What pictures it takes.
    weight_files : tuple of Path
        Files whose content decides the values.
    """

    trunk: FeatureTrunk
    layers: tuple[str, ...]
    comparison: FeatureComparison
    layer_weights: tuple[float, ...]
    channel_axis: int | None = None
    channels: tuple[int, ...] = (1, 3)
    min_side: int = 1
    dtypes: tuple[str, ...] = ("float32", "float64")
    weight_files: tuple[Path, ...] = ()

    def __call__(self, image: Tensor, mad_image: Tensor) -> Tensor:
        """Compute the distances, (N,), of pictures (N, C, H, W)."""
        return self.prepare(image)(mad_image)

    def prepare(self, image: Tensor) -> PreparedDistance:
        """Check the reference pictures' range and compute their features once."""
        require_range(image, self.trunk.given.data_range, self.trunk.representation.name)
        with torch.no_grad():
            features = self.trunk(image, self.layers)
            references = [self.comparison.describe(channels_last(each, self.channel_axis)) for each in features]
        return PreparedDistance(self, references)


@dataclass(frozen=True)
class PreparedDistance:
    """The distance from reference pictures whose features are known; shares its run with others of the same trunk.

    Parameters
    ----------
    distance : FeatureDistance
        What is computed.
    references : list of Tensor
        What is compared of each layer's features of the reference pictures.
    """

    distance: FeatureDistance
    references: list[Tensor]

    @property
    def trunk(self) -> FeatureTrunk:
        """What makes features of pictures."""
        return self.distance.trunk

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers that are compared."""
        return self.distance.layers

    def __call__(self, mad_image: Tensor) -> Tensor:
        """Compute the distances, (N,), of pictures (N, C, H, W)."""
        return self.from_features(self.trunk(mad_image, self.layers))

    def from_features(self, features: Sequence[Tensor]) -> Tensor:
        """Compute the distances, (N,), from the layers' features."""
        laid_out = [channels_last(each, self.distance.channel_axis) for each in features]
        layers = zip(self.distance.layer_weights, self.references, laid_out, strict=True)
        compare = self.distance.comparison.compare
        return torch.stack([weight * compare(reference, each) for weight, reference, each in layers]).sum(0)


def make_distance(
    model: str | nn.Module,
    *,
    layers: tuple[str, ...] = (),
    layer_weights: tuple[float, ...] = (),
    distance: str = "l2",
    weights: str | None = "DEFAULT",
    seed: int = 0,
    mean: tuple[float, ...] = (),
    std: tuple[float, ...] = (),
    size: tuple[int, ...] = (),
    channel_axis: int | None = None,
    data_range: float = 1.0,
) -> FeatureDistance:
    """Find a network, try it out, and make the distance.

    Parameters
    ----------
    model, weights, seed
        As for `madcore_models.networks.find_network`.
    layers : tuple of str
        Names of layers; none for the output of the network.
    layer_weights : tuple of float
        One number for each layer, or one for all; 1 where there is none.
    distance : {"l2", "normalized", "cosine", "gram"}
        Distance of one layer's features.
    mean, std : tuple of float
        In place of the network's own.
    size : tuple of int
        Height and width to resize pictures to, one number for both; none to leave them.
    channel_axis : int, optional
        Which axis of the features holds the channels.
    data_range : float
        Largest value of a pixel; the smallest is 0.

    Raises
    ------
    InputError
        If any of these cannot be, or the network cannot be used; the message says why.
    """
    found = find_network(model, weights, seed)
    check_layers(found, layers)
    layers = layers or (WHOLE,)
    wanted = PictureInput(size=_size(size), mean=tuple(mean or found.mean), std=tuple(std or found.std))
    representation = Representation(found.network, found.name, layers)
    given, side = find_input(representation, wanted, found.size)
    try_out(representation, given, side)
    double = computes_double(representation, given, side)
    min_side = smallest_side(representation, given, side)
    shared = share(representation, what_decides(model, weights, seed, found), given(noise(given.channels, side)))
    return FeatureDistance(
        trunk=FeatureTrunk(shared, replace(given, data_range=data_range)),
        layers=layers,
        comparison=DISTANCES[distance],
        layer_weights=_layer_weights(layer_weights, len(layers)),
        channel_axis=channel_axis,
        min_side=min_side,
        dtypes=("float32", "float64") if double else ("float32",),
        weight_files=found.files,
    )


def _size(size: tuple[int, ...]) -> tuple[int, int] | None:
    if not size:
        return None
    if len(size) > 2 or min(size) < 1:
        raise InputError(f"size must be one side or height+width, in pixels; got {'+'.join(map(str, size))}")
    return size[0], size[-1]


def _layer_weights(given: tuple[float, ...], count: int) -> tuple[float, ...]:
    weights = given or (1.0,)
    if len(weights) == 1:
        weights *= count
    if len(weights) != count:
        raise InputError(f"layer_weights must be one number, or one for each of {count} layers; got {len(weights)}")
    if min(weights) < 0 or not sum(weights):
        raise InputError(f"layer_weights must be 0 or more, and not all 0; got {'+'.join(map(str, given))}")
    return weights

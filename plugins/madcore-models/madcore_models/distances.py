"""Distances between the features that a network gives to two pictures: describe each, then square the difference.

Every distance is exactly 0 for equal features, has a gradient there, and does not grow with the size of the picture.
None is 0 only for equal pictures: a network maps many pictures to the same features.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from madcore import InputError

__all__ = ["DISTANCES", "FeatureComparison", "channels_last"]

# Square of the length below which a vector counts as having no direction; the gradient there is at most 1 / its root.
SHORTEST = 1e-10


@dataclass(frozen=True)
class FeatureComparison:
    """A distance between features that are laid out as positions by channels, (N, P, C).

    Parameters
    ----------
    describe : callable
        Turns features (N, P, C) into what is compared; done once for the reference picture.
    reduce : callable
        Turns squared differences of that into one number for each picture, (N,).
    """

    describe: Callable[[Tensor], Tensor]
    reduce: Callable[[Tensor], Tensor]

    def compare(self, reference: Tensor, features: Tensor) -> Tensor:
        """Compute the distances, (N,), of features (N, P, C) from what was described of the reference picture."""
        return self.reduce((self.describe(features) - reference).square())


def channels_last(features: Tensor, channel_axis: int | None = None) -> Tensor:
    """Lay features out as positions by channels, (N, P, C).

    Parameters
    ----------
    features : Tensor
        (N, C, H, W) of a convolution, (N, T, C) of a transformer, (N, C) of a linear layer, or any other with N first.
    channel_axis : int, optional
        Which axis holds the channels; by default the last of two or three axes, else the second.

    Raises
    ------
    InputError
        If there is no such axis.
    """
    if features.ndim == 1:
        return features[:, None, None]
    axis = channel_axis if channel_axis is not None else (1 if features.ndim > 3 else -1)
    if not 0 < axis % features.ndim == axis + features.ndim * (axis < 0):
        shape = " x ".join(map(str, features.shape))
        raise InputError(f"channel_axis must be from 1 to {features.ndim - 1} for features of {shape}; got {axis}")
    moved = features.movedim(axis, -1)
    return moved.reshape(len(moved), -1, moved.shape[-1])


def _as_they_are(features: Tensor) -> Tensor:
    return features


def _directions(features: Tensor) -> Tensor:
    return features * (features.square().sum(-1, keepdim=True) + SHORTEST).rsqrt()


def _direction(features: Tensor) -> Tensor:
    return _directions(features.flatten(1))


def _gram(features: Tensor) -> Tensor:
    return torch.bmm(features.transpose(1, 2), features) / features.shape[1]


def _mean(squares: Tensor) -> Tensor:
    return squares.flatten(1).mean(1)


def _mean_over_positions(squares: Tensor) -> Tensor:
    return squares.sum(-1).mean(1)


def _half_sum(squares: Tensor) -> Tensor:
    # |u - v|^2 / 2 = 1 - cos(u, v) for unit vectors, without the rounding of the right side near 0.
    return squares.sum(1) / 2


DISTANCES = {
    "l2": FeatureComparison(_as_they_are, _mean),
    "normalized": FeatureComparison(_directions, _mean_over_positions),
    "cosine": FeatureComparison(_direction, _half_sum),
    "gram": FeatureComparison(_gram, _mean),
}

"""A metric as the solvers see it: a named distance between batches of images that keeps its contract.

``metric(image, mad_image)`` gives one value for each image, 0 for identical images, more for more different ones,
differentiable in `mad_image`.  ``metric.prepare(image)`` computes once whatever depends on the reference image alone.
Nothing here knows plugins or names of metrics: `madcore.lookup` turns names into metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from madcore.accepted_images import check_shape
from madcore.blame import blamed_on
from madcore.errors import ContractError, InputError
from madcore.prepared import PreparedMetric, left_alone

__all__ = ["NEGATIVE_TOLERANCE", "Metric"]

Measure = Callable[[Tensor, Tensor], Tensor]
NEGATIVE_TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-9}


@dataclass(frozen=True)
class Metric:
    """A full-reference distance between images.

    Parameters
    ----------
    function : callable
        Takes the reference image and the image to compare, both (N, C, H, W), and returns one value for each pair.
        May have ``prepare(image)``, which returns a function of the second image; that function may have
        ``value_and_gradient(mad_image)``, which returns the values (N,) and their gradients, new tensors without an
        autograd graph, or else name the trunk that it looks at: `madcore.trunks.OnTrunk`.
    name : str, optional
        Name for messages and records; by default that of `function`.
    similarity : bool
        True if larger means more alike; the distance is then ``perfect - function(image, mad_image)``.
    perfect : float
        Value of `function` for two identical images.
    channels : tuple of int, optional
        Numbers of channels that are accepted; None accepts images of any shape.
    min_side : int
        Smallest height and width in pixels.
    dtypes : tuple of str
        Floating-point types that are computed in full.
    identity : mapping
        What decides the values: full name, options, revision, weights.  Goes into records.
    rebuild : callable, optional
        Returns `function` for another width of the pixel range; None if the metric does not depend on it.
    low, width : float
        The pixel range of the images: its lower bound, which is taken off before `function` sees them, and its width,
        which `function` is for.

    See Also
    --------
    madcore.create_metric : A metric by its name.
    """

    function: Measure
    name: str = ""
    similarity: bool = False
    perfect: float = 0.0
    channels: tuple[int, ...] | None = None
    min_side: int = 1
    dtypes: tuple[str, ...] = ("float32", "float64")
    identity: Mapping[str, Any] = field(default_factory=dict)
    rebuild: Callable[[float], Measure] | None = None
    low: float = 0.0
    width: float = 1.0

    def __post_init__(self) -> None:
        """Give the metric the name of its function where none was given."""
        if not callable(self.function):
            given = f"{type(self.function).__name__} {self.function!r}"
            raise InputError(
                f"a metric must be a name, a Metric, a callable or a torch module of two images, not {given}"
            )
        if isinstance(self.function, type):
            made = self.function.__name__
            raise InputError(f"{made} is a class, not a metric of two images: make an object of it, {made}(...)")
        if not self.name:
            object.__setattr__(self, "name", getattr(self.function, "__name__", type(self.function).__name__))
        if not self.identity:
            object.__setattr__(self, "identity", {"metric": self.name})

    @classmethod
    def from_similarity(cls, function: Measure, *, perfect: float = 1.0, name: str = "") -> Metric:
        """Make a distance, ``perfect - function(image, mad_image)``, of a similarity.

        Parameters
        ----------
        function : callable
            Larger for images that are more alike.
        perfect : float
            Value of `function` for two identical images.
        name : str
            Name for messages and records.
        """
        return cls(function, name, similarity=True, perfect=perfect)

    @classmethod
    def from_model(cls, model: nn.Module | Callable[[Tensor], Tensor], *, name: str = "") -> Metric:
        """Make the distance between two images of how differently a model represents them.

        The mean over all features of the squared difference, (N,).  The reference image is represented once.

        Parameters
        ----------
        model : torch.nn.Module or callable
            Takes (N, C, H, W) and returns a tensor whose first dimension is N.  Put it in evaluation mode first.
        name : str
            Name for messages and records; by default the model's.
        """
        return cls(_Representation(model), name or getattr(model, "__name__", type(model).__name__))

    def __call__(self, image: Tensor, mad_image: Tensor) -> Tensor:
        """Compute the distances, (N,), between images of equal shape (N, C, H, W).

        Raises
        ------
        InputError
            If the images are not of equal shape and type, or smaller or of other channels than the metric takes.
        ContractError
            If the metric does not return one value for each image.
        """
        self.check_image(image)
        if image.shape != mad_image.shape:
            raise InputError(
                f"{self.name} compares images of one shape; got {tuple(image.shape)} and {tuple(mad_image.shape)}"
            )
        with self.blamed(image):
            values = self.function(self.from_zero(image), self.from_zero(mad_image))
        return self.distances(values, len(image))

    def prepare(self, image: Tensor) -> PreparedMetric:
        """Compute once what depends on the reference image alone, and return the function of the other image.

        Parameters
        ----------
        image : Tensor
            Reference images (N, C, H, W).
        """
        self.check_image(image)
        prepare = getattr(self.function, "prepare", None)
        image = self.from_zero(image.detach())
        with self.blamed(image), left_alone(self.name, image):
            inner = prepare(image) if prepare is not None else lambda mad_image: self.function(image, mad_image)
        return PreparedMetric(self, inner, len(image))

    def for_range(self, low: float, high: float) -> Metric:
        """Return the same metric for images whose pixels are from `low` to `high`.

        A metric that depends on the range gives them the distance of the same images in [0, 1]; all others are
        returned as they are.
        """
        width = high - low
        if self.rebuild is None or (low, width) == (self.low, self.width):
            return self
        function = self.function if width == self.width else self.rebuild(width)  # a network is not to be loaded twice
        return replace(self, function=function, low=low, width=width)

    def from_zero(self, images: Tensor) -> Tensor:
        """Return images as `function` takes them, with pixels from 0 on."""
        return images - self.low if self.low else images

    def blamed(self, images: Tensor) -> AbstractContextManager[None]:
        """Return a context that names this metric in whatever it raises when it is given these images."""
        return blamed_on(f"metric {self.name}", self.function, images)

    def check_image(self, image: Tensor) -> None:
        """Raise InputError unless this metric takes images of this shape and type."""
        check_shape(image, self.name, self.channels, self.min_side)

    def distances(self, values: Tensor, count: int) -> Tensor:
        """Return the distances, (count,), that values of `function` stand for.

        Raises
        ------
        ContractError
            If there is not one value for each image.
        """
        if not isinstance(values, Tensor):
            raise ContractError(f"{self.name} must return a tensor; it returned {type(values).__name__}")
        if values.shape != (count,):
            if count != 1 or values.numel() != 1:
                raise ContractError(
                    f"{self.name} must return one value for each image, shape ({count},); "
                    f"it returned {tuple(values.shape)}"
                )
            values = values.reshape(1)
        return self.perfect - values if self.similarity else values


@dataclass(frozen=True)
class _Representation:
    """Mean squared difference of the representations that a model gives to two images."""

    model: Callable[[Tensor], Tensor]

    def __call__(self, image: Tensor, mad_image: Tensor) -> Tensor:
        return (self.model(image) - self.model(mad_image)).square().flatten(1).mean(1)

    def prepare(self, image: Tensor) -> Callable[[Tensor], Tensor]:
        with torch.no_grad():
            reference = self.model(image)
        return lambda mad_image: (reference - self.model(mad_image)).square().flatten(1).mean(1)

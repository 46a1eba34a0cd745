"""A metric as the solvers see it: a named distance between batches of images that keeps its contract.

``metric(image, mad_image)`` gives one value for each image, 0 for identical images, more for more different ones,
differentiable in `mad_image`.  ``metric.prepare(image)`` computes once whatever depends on the reference image alone.
Nothing here knows plugins or names of metrics: `madcore.lookup` turns names into metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from madcore.errors import ContractError, InputError, MadcoreError

__all__ = ["Metric", "Prepared", "PreparedMetric", "require_range"]

Measure = Callable[[Tensor, Tensor], Tensor]
ROUNDING = 1e-3  # how far outside their range pixels may be, relative to its width
NEGATIVE_TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-9}


@dataclass(frozen=True)
class Metric:
    """A full-reference distance between images.

    Parameters
    ----------
    function : callable
        Takes the reference image and the image to compare, both (N, C, H, W), and returns one value for each pair.
        May have ``prepare(image)``, which returns a function of the second image; that function may have
        ``value_and_gradient(mad_image)``, which returns the values (N,) and their gradients without an autograd graph,
        or else name the trunk that it looks at: `madcore.trunks.OnTrunk`.
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
        with _blamed_on(self.name):
            values = self.function(self.from_zero(image), self.from_zero(mad_image))
        return self._distance(values, len(image))

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
        with _blamed_on(self.name):
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

    def check_image(self, image: Tensor) -> None:
        """Raise InputError unless this metric takes images of this shape and type."""
        if not image.is_floating_point():
            raise InputError(f"{self.name} needs floating-point images; got {image.dtype}: convert, e.g. image / 255.0")
        if self.channels is None:
            return
        if image.ndim != 4:
            raise InputError(f"{self.name} needs images of shape (N, C, H, W); got {tuple(image.shape)}")
        if image.shape[1] not in self.channels:
            raise InputError(f"{self.name} {_refuse_channels(self.channels, image.shape[1])}")
        if min(image.shape[-2:]) < self.min_side:
            size = f"{image.shape[-2]} x {image.shape[-1]}"
            raise InputError(f"{self.name} needs at least {self.min_side} pixels a side; got {size}")

    def _distance(self, values: Tensor, count: int) -> Tensor:
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


def require_range(images: Tensor, data_range: float, name: str) -> None:
    """Refuse images with pixels outside the range that a metric was built for, by more than rounding.

    For metrics that would give wrong values in silence; it waits for the device, so check reference images, once.

    Parameters
    ----------
    images : Tensor
        Any shape.
    data_range : float
        Largest value of a pixel; the smallest is 0.
    name : str
        The metric's, for the message.

    Raises
    ------
    InputError
        If a pixel is outside, or NaN.
    """
    if not images.numel():
        return
    low, high = (bound.item() for bound in images.detach().aminmax())
    if not (low >= -ROUNDING * data_range and high <= (1 + ROUNDING) * data_range):
        raise InputError(
            f"{name} needs pixels from 0 to {data_range:g}; got {low:.4g} to {high:.4g}: rescale the images or use "
            "metric.for_range(LOW, HIGH)"
        )


def _refuse_channels(allowed: tuple[int, ...], given: int) -> str:
    """Say which numbers of channels are allowed and how to come by one of them."""
    told = f"takes {' or '.join(map(str, allowed))} channel{'' if allowed == (1,) else 's'}; got {given}"
    if given == 3 and 1 in allowed:
        return f"{told}: reduce it to luma, read_image(..., gray=True) or --gray"
    if given == 1 and 3 in allowed:
        return f"{told}: take a colour picture, or repeat the channel, image.repeat(1, 3, 1, 1)"
    if given == 4 and 3 in allowed:
        return f"{told}: take colour alone, image[:, :3]"
    return told


class Prepared(Protocol):
    """What a problem asks of a metric whose reference images are fixed."""

    def value(self, mad_image: Tensor, /) -> Tensor:
        """Compute the values, (N,)."""

    def value_and_gradient(self, mad_image: Tensor, /) -> tuple[Tensor, Tensor]:
        """Compute the values, (N,), and their gradients, (N, ...)."""


@dataclass(frozen=True)
class PreparedMetric:
    """A metric with its reference images fixed; made by `Metric.prepare`."""

    metric: Metric
    function: Callable[[Tensor], Tensor]
    count: int

    def __call__(self, mad_image: Tensor) -> Tensor:
        """Compute the distances, (N,), of `mad_image` (N, C, H, W) from the reference images."""
        with _blamed_on(self.metric.name):
            values = self.function(self.metric.from_zero(mad_image))
        return self.metric._distance(values, self.count)

    def value_and_gradient(self, mad_image: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the distances, (N,), and the gradient of each with respect to its image, (N, C, H, W).

        Raises
        ------
        ContractError
            If the values do not depend on `mad_image` through differentiable operations.
        """
        fast = getattr(self.function, "value_and_gradient", None)
        if fast is not None:
            with _blamed_on(self.metric.name):
                values, gradient = fast(self.metric.from_zero(mad_image))
            return self.metric._distance(values, self.count), -gradient if self.metric.similarity else gradient
        with torch.enable_grad():
            variable = mad_image.detach().requires_grad_(True)
            return self._differentiate(self(variable), variable)

    def from_features(
        self, features: Sequence[Any], mad_image: Tensor, *, keep_graph: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Compute the distances, (N,), and their gradients, (N, C, H, W), from what the trunk makes of `mad_image`.

        Parameters
        ----------
        features : sequence
            Of the layers that the metric wants.
        mad_image : Tensor
            The images that they were computed of, with their graph.
        keep_graph : bool
            Whether another metric goes through the same graph later.
        """
        with _blamed_on(self.metric.name):
            values = self.function.from_features(features)  # type: ignore[attr-defined]
        return self._differentiate(self.metric._distance(values, self.count), mad_image, keep_graph)

    def _differentiate(self, values: Tensor, variable: Tensor, keep_graph: bool = False) -> tuple[Tensor, Tensor]:
        if not values.requires_grad:
            raise ContractError(
                f"{self.metric.name} has no gradient with respect to mad_image: is it detached or rounded?"
            )
        (gradient,) = torch.autograd.grad(values.sum(), variable, retain_graph=keep_graph)
        return values.detach(), gradient

    def value(self, mad_image: Tensor) -> Tensor:
        """Compute the distances, (N,), without a graph."""
        with torch.no_grad():
            return self(mad_image)


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


@contextmanager
def _blamed_on(name: str) -> Iterator[None]:
    """Name the metric in whatever it raises; running out of memory is not its fault."""
    try:
        yield
    except (MadcoreError, MemoryError, torch.OutOfMemoryError):
        raise
    except (Exception, SystemExit) as error:
        first = (str(error).strip().splitlines() or [""])[0]
        raise ContractError(f"metric {name} raised {type(error).__name__}: {first}") from error

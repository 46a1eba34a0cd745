"""The MAD problem: minimise or maximise one metric over the images on which others keep their values.

For each image of a batch

    min or max over x of  f(r, x)   subject to   g_j(r, x) = c_j   and   low <= x <= high,

with reference image r, optimized metric f, held metrics g_j and levels c_j (Wang & Simoncelli 2008,
doi:10.1167/8.12.8, who have one held metric and no range).  A penalty may be added to what is minimised.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from madcore.bounds import PixelBounds
from madcore.errors import ContractError, InputError
from madcore.mean_luminance import MeanLuminance
from madcore.metric import Metric
from madcore.penalties import Penalty
from madcore.prepared import Prepared
from madcore.trunks import Together

__all__ = ["Evaluation", "MADProblem", "signs"]


@dataclass(frozen=True)
class Evaluation:
    """Values and gradients at one point; images are flattened to n pixels.

    Attributes
    ----------
    objective : Tensor
        What is minimised, (N,): the optimized metric, negated where it is maximised, plus the penalty.
    gradient : Tensor
        Its gradient, (N, n); 0 on pixels that cannot move.
    held : Tensor
        Values of the k held metrics, (N, k).
    jacobian : Tensor
        Their gradients, (N, k, n); likewise.
    optimized : Tensor
        Value of the optimized metric, (N,).
    """

    objective: Tensor
    gradient: Tensor
    held: Tensor
    jacobian: Tensor
    optimized: Tensor


@dataclass(frozen=True)
class MADProblem:
    """A batch of N problems of one size, metrics prepared; made by `MADProblem.create`.

    Attributes
    ----------
    image : Tensor
        Reference images (N, ...).
    sign : Tensor
        +1 where the optimized metric is minimised, -1 where it is maximised, (N,).
    bounds : PixelBounds
        The range of the pixels.
    optimized_metric : Metric
        The metric that is minimised or maximised.
    reference_metrics : tuple of Metric
        The metrics whose values are held.
    optimized, held : Prepared, tuple of Prepared
        The same metrics with the reference images fixed.
    penalty : Penalty, optional
        Added to what is minimised, `penalty_lambda` times; `prepared_penalty` has the reference images fixed.
    exchanged : Tensor, optional
        True for images on which the optimized and the (first) held metric have changed places, (N,).
    """

    image: Tensor
    sign: Tensor
    bounds: PixelBounds
    optimized_metric: Metric
    reference_metrics: tuple[Metric | MeanLuminance, ...]
    optimized: Prepared
    held: tuple[Prepared, ...]
    penalty: Penalty | None = None
    prepared_penalty: Penalty | None = None
    penalty_lambda: float = 0.0
    exchanged: Tensor | None = None

    @classmethod
    def create(
        cls,
        image: Tensor,
        optimized_metric: Metric,
        reference_metrics: tuple[Metric | MeanLuminance, ...],
        sign: Tensor,
        *,
        low: float | Tensor = 0.0,
        high: float | Tensor = 1.0,
        penalty: Penalty | None = None,
        penalty_lambda: float = 0.0,
    ) -> MADProblem:
        """Prepare the metrics for the reference images and lay out the pixel bounds.

        Parameters
        ----------
        image : Tensor
            Reference images (N, ...), inside the bounds.
        optimized_metric, reference_metrics : Metric, tuple of Metric
            The metric to optimise and those to hold.
        sign : Tensor
            +1 to minimise, -1 to maximise, (N,).
        low, high : float or Tensor
            Smallest and largest value of every pixel, or of each (broadcast to `image`).
        penalty, penalty_lambda : Penalty, float
            Added to what is minimised, so many times.
        """
        return cls(
            image=image,
            sign=sign.to(image),
            bounds=PixelBounds.of(low, high, image),
            optimized_metric=optimized_metric,
            reference_metrics=reference_metrics,
            optimized=optimized_metric.prepare(image),
            held=tuple(metric.prepare(image) for metric in reference_metrics),
            penalty=penalty,
            prepared_penalty=None if penalty is None else penalty.prepare(image),
            penalty_lambda=penalty_lambda,
        )

    @cached_property
    def reference(self) -> Tensor:
        """The reference images, flattened, (N, n)."""
        return self.image.flatten(1)

    @property
    def holds_mean(self) -> bool:
        """Whether the mean luminance is held beside the metrics; it is the last of what is held."""
        return isinstance(self.reference_metrics[-1], MeanLuminance)

    @cached_property
    def precise(self) -> MADProblem:
        """The problem in float64; itself where a metric cannot be computed in that."""
        if self.image.dtype == torch.float64:
            return self
        metrics = [self.optimized_metric, *self.reference_metrics]
        if any("float64" not in getattr(metric, "dtypes", ("float64",)) for metric in metrics):
            return self
        try:
            double = self.to(torch.float64)
            held = double.held_values(double.reference)
            double.optimized.value(double.image)
        except ContractError:
            return self  # a module whose parameters are float32 refuses float64 images
        return double if held.dtype == torch.float64 else self

    def error_scale(self, level: Tensor) -> Tensor:
        """Return what an error of each held value is divided by to become relative, (N, k).

        The level itself for a distance; the width of the pixel range for the mean luminance.
        """
        if not self.holds_mean:
            return level
        return torch.cat([level[:, :-1], self.bounds.width.expand(len(level), 1)], 1)

    def optimized_values(self, point: Tensor) -> Tensor:
        """Compute the optimized metric, (N,), of flattened images (N, n)."""
        mad_image = point.view_as(self.image)
        values = self.optimized.value(mad_image)
        return values if self.exchanged is None else torch.where(self.exchanged, self.held[0].value(mad_image), values)

    def held_values(self, point: Tensor) -> Tensor:
        """Compute the held metrics, (N, k), of flattened images (N, n)."""
        mad_image = point.view_as(self.image)
        if self.exchanged is None:
            return torch.stack(self._held_together.values(mad_image), 1)
        parts = torch.cat([metric.value(mad_image[rows]) for rows, metric in self._held_apart])
        first = torch.empty_like(parts)
        first[torch.cat([rows for rows, _ in self._held_apart])] = parts
        return torch.stack([first, *self._held_together.values(mad_image)], 1)

    @cached_property
    def _held_together(self) -> Together:
        """The held metrics, without the first where some images hold the optimized one in its place."""
        return Together(self.held if self.exchanged is None else self.held[1:])

    @cached_property
    def _held_apart(self) -> list[tuple[Tensor, Prepared]]:
        """The positions of the images that hold one of the exchanged metrics, and it prepared for them."""
        assert self.exchanged is not None
        marked = ((self.reference_metrics[0], ~self.exchanged), (self.optimized_metric, self.exchanged))
        split = [(metric, marks.nonzero()[:, 0]) for metric, marks in marked]
        return [(rows, metric.prepare(self.image[rows])) for metric, rows in split if len(rows)]

    def evaluate(self, point: Tensor) -> Evaluation:
        """Compute all values and gradients of flattened images (N, n)."""
        mad_image = point.view_as(self.image)
        (value, gradient), *pairs = self._together.values_and_gradients(mad_image)
        if self.exchanged is not None:
            (value, gradient), pairs[0] = _exchange(self.exchanged, (value, gradient), pairs[0])
        objective, gradient = self.sign * value, gradient.flatten(1) * self.sign[:, None]
        if self.prepared_penalty is not None:
            amount, slope = _value_and_gradient(self.prepared_penalty, mad_image)
            objective, gradient = (
                objective + self.penalty_lambda * amount,
                gradient + self.penalty_lambda * slope.flatten(1),
            )
        held = torch.stack([values for values, _ in pairs], 1)
        # numpy has no tensors whose numbers are yet to be negated, as gradients of complex numbers may be
        slopes = [gradients.flatten(1).resolve_neg() for _, gradients in pairs]
        jacobian = slopes[0][:, None] if len(slopes) == 1 else torch.stack(slopes, 1)
        if (movable := self.bounds.movable) is not None:
            gradient, jacobian = gradient * movable, jacobian * movable[:, None]
        return Evaluation(objective, gradient, held, jacobian, value)

    @cached_property
    def _together(self) -> Together:
        return Together((self.optimized, *self.held))

    def take(self, index: Tensor) -> MADProblem:
        """Return the problems of the images at `index`, metrics prepared again for them."""
        some = self._prepared(self.image[index], self.sign[index], self.bounds.take(index))
        return some if self.exchanged is None else replace(some, exchanged=self.exchanged[index])

    def fourfold(self) -> MADProblem:
        """Return four problems for each image, 4 N: minimise, maximise, and both with the metrics exchanged."""
        count = len(self.image)
        rows = torch.arange(4 * count, device=self.image.device)
        four = self.take(rows % count)
        sign = 1.0 - 2.0 * (rows // count % 2)
        return replace(four, sign=sign.to(self.image), exchanged=rows >= 2 * count)

    def to(self, dtype: torch.dtype) -> MADProblem:
        """Return the same problems in another floating-point type."""
        return self._prepared(self.image.to(dtype), self.sign.to(dtype), self.bounds.to(dtype))

    def _prepared(self, image: Tensor, sign: Tensor, bounds: PixelBounds) -> MADProblem:
        return replace(
            self,
            image=image,
            sign=sign,
            bounds=bounds,
            optimized=self.optimized_metric.prepare(image),
            held=tuple(metric.prepare(image) for metric in self.reference_metrics),
            prepared_penalty=None if self.penalty is None else self.penalty.prepare(image),
        )


def signs(minmax: str, count: int) -> Tensor:
    """Return +1 for "min" and -1 for "max", `count` times."""
    if minmax not in ("min", "max"):
        raise InputError(f'minmax must be "min" or "max"; got {minmax!r}')
    return torch.full((count,), 1.0 if minmax == "min" else -1.0)


def _exchange(
    images: Tensor, one: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Let values and gradients change places on the images that are marked, (N,)."""
    pixels = images.view(-1, *[1] * (one[1].ndim - 1))
    marks = (images, pixels)
    mixed = [torch.where(mark, theirs, ours) for mark, ours, theirs in zip(marks, one, other, strict=True)]
    rest = [torch.where(mark, ours, theirs) for mark, ours, theirs in zip(marks, one, other, strict=True)]
    return (mixed[0], mixed[1]), (rest[0], rest[1])


def _value_and_gradient(function: Callable[[Tensor], Tensor], mad_image: Tensor) -> tuple[Tensor, Tensor]:
    with torch.enable_grad():
        variable = mad_image.detach().requires_grad_(True)
        values = function(variable)
        if not values.requires_grad:
            return values.detach(), torch.zeros_like(mad_image)
        (gradient,) = torch.autograd.grad(values.sum(), variable)
    return values.detach(), gradient

"""What a contract is checked on: a metric or a penalty, freshly built as often as wanted, and pictures that suit it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import torch
from torch import Tensor

from madcore.adhoc import is_code
from madcore.errors import MadcoreError, UnknownNameError
from madcore.lookup import create_metric, create_penalty
from madcore.metric import Metric
from madcore.options import complete_options, parse_name
from madcore.penalties import Penalty
from madcore.registry import AnyEntry, Registry, default_registry
from madcore.testing.pictures import add_noise, texture

__all__ = ["Subject", "as_subject"]

SIDE = 32
Oracle = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Subject:
    """A metric or penalty under examination.

    Parameters
    ----------
    name : str
        Its name.
    build : callable
        Makes it anew.
    entry : Entry, optional
        Its declaration, where it has one.
    device : str
        Where its pictures are.
    oracle : callable, optional
        An independent implementation, ``(image, mad_image) -> (N,)``, as a distance.
    """

    name: str
    build: Callable[[], Metric | Penalty]
    entry: AnyEntry | None = None
    device: str = "cpu"
    oracle: Oracle | None = None

    @cached_property
    def thing(self) -> Metric | Penalty:
        """The metric or penalty, built once."""
        return self.build()

    @property
    def dtypes(self) -> list[torch.dtype]:
        """Types that are computed in full, the most precise first."""
        declared = getattr(self.thing, "dtypes", ("float32", "float64"))
        return [getattr(torch, name) for name in sorted(declared, reverse=True)]

    @property
    def dtype(self) -> torch.dtype:
        """The most precise type."""
        return self.dtypes[0]

    @property
    def min_side(self) -> int:
        """Declared smallest side in pixels."""
        return int(getattr(self.thing, "min_side", 1))

    @cached_property
    def channels(self) -> tuple[int, ...]:
        """Declared numbers of channels; where none are declared, those of 1 and 3 that work."""
        declared = getattr(self.thing, "channels", None)
        if declared is not None:
            return tuple(declared)
        return tuple(count for count in (1, 3) if self._works(count, self.side)) or (3,)

    @cached_property
    def side(self) -> int:
        """Smaller side of the pictures: where nothing is declared, the first of a few that works."""
        declared = getattr(self.thing, "channels", None) is not None or isinstance(self.thing, Penalty)
        if declared or self.entry is not None:
            return max(SIDE, self.min_side)
        return next((side for side in (32, 64, 176, 256) if self._works(3, side) or self._works(1, side)), SIDE)

    def _works(self, channels: int, side: int) -> bool:
        image = texture(1, channels, side, side + 7).to(self.device, self.dtype)
        try:
            self.value(image, image)
        except MadcoreError:
            return False
        return True

    def pair(
        self,
        count: int = 1,
        *,
        noise: float = 0.05,
        dtype: torch.dtype | None = None,
        channels: int | None = None,
        size: tuple[int, int] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Draw reference images and noisy copies of them, (N, C, H, W) each, in [0, 1]."""
        height, width = size or (self.side, self.side + 7)
        image = texture(count, channels or max(self.channels), height, width).to(self.device, dtype or self.dtype)
        return image, add_noise(image, noise)

    def value(self, image: Tensor, mad_image: Tensor) -> Tensor:
        """Compute the values, (N,), without a graph: what the solvers hold."""
        with torch.no_grad():
            return compute(self.thing, image, mad_image)

    def value_and_gradient(self, image: Tensor, mad_image: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the values, (N,), and their gradients, (N, C, H, W), as the solvers do."""
        if isinstance(self.thing, Metric):
            return self.thing.prepare(image).value_and_gradient(mad_image)
        return differentiate(self.thing.prepare(image), mad_image)


def compute(thing: Metric | Penalty, image: Tensor, mad_image: Tensor) -> Tensor:
    """Call a metric with both images, a penalty with the second after the first was prepared."""
    return thing(image, mad_image) if isinstance(thing, Metric) else thing.prepare(image)(mad_image)


def differentiate(function: Callable[[Tensor], Tensor], mad_image: Tensor) -> tuple[Tensor, Tensor]:
    """Compute values, (N,), and gradients through autograd; zeros where there is no graph."""
    with torch.enable_grad():
        variable = mad_image.detach().requires_grad_(True)
        values = function(variable)
        if not values.requires_grad:
            return values, torch.zeros_like(mad_image)
        (gradient,) = torch.autograd.grad(values.sum(), variable)
    return values.detach(), gradient


def as_subject(
    thing: Any,
    *,
    kind: str | None = None,
    registry: Registry | None = None,
    device: str = "cpu",
    oracle: Oracle | None = None,
) -> Subject:
    """Make the subject of a name, a metric, a penalty or a callable.

    Parameters
    ----------
    thing : str, Metric, Penalty, callable or Subject
        What is to be examined; a subject is returned as it is.
    kind : {"metric", "penalty"}, optional
        What a name or a callable is; by default what a declared name says, and else a metric.
    registry : Registry, optional
        Plugins to look in; by default those that are installed.
    device : str
        Where to compute.
    oracle : callable, optional
        An independent implementation, ``(image, mad_image) -> (N,)``, as a distance; by default the one that is
        declared with the metric.
    """
    if isinstance(thing, Subject):
        return thing
    if not isinstance(thing, str):
        make: Callable[..., Any] = create_penalty if kind == "penalty" or isinstance(thing, Penalty) else create_metric
        made = make(thing)
        return Subject(made.name, lambda: made, None, device, oracle)
    registry = registry or default_registry()
    name = parse_name(thing)[0]
    entry = None if is_code(name) else _entry(name, kind, registry)
    is_penalty = kind == "penalty" or (entry is not None and not hasattr(entry.spec, "higher_is_better"))
    create: Callable[..., Any] = create_penalty if is_penalty else create_metric
    oracle = oracle or _declared_oracle(thing, entry)
    return Subject(thing, lambda: create(thing, registry=registry), entry, device, oracle)


def _declared_oracle(written: str, entry: AnyEntry | None) -> Oracle | None:
    """Return the oracle that is declared with a metric, made with the same options when it is first asked."""
    make = None if entry is None else getattr(entry.spec, "oracle", None)
    if entry is None or make is None:
        return None
    given = parse_name(written)[1]

    @cache
    def made() -> Oracle:
        return make(**complete_options(entry.spec.build, given, entry.name, entry.passed))

    return lambda image, mad_image: made()(image, mad_image)


def _entry(name: str, kind: str | None, registry: Registry) -> AnyEntry:
    if kind == "penalty":
        return registry.penalty(name)
    try:
        return registry.metric(name)
    except UnknownNameError:
        if kind == "metric":
            raise
        try:
            return registry.penalty(name)
        except UnknownNameError:
            pass
        raise

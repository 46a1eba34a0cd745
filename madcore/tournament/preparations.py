"""Reference images prepared once: the images of a quartet are made one after the other with the same preparations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from madcore.metric import Metric

__all__ = ["remember_preparations"]


def remember_preparations(metric: Metric, count: int) -> Metric:
    """Return a metric that prepares `count` reference images, which are the same every time, once for each dtype."""
    prepare = getattr(metric.function, "prepare", None)
    return metric if prepare is None else replace(metric, function=_Remembering(metric.function, prepare, count))


@dataclass(frozen=True)
class _Remembering:
    function: Callable[..., Any]
    make: Callable[[Tensor], Any]
    count: int
    made: dict[torch.dtype, tuple[Tensor, Any]] = field(default_factory=dict)

    def __call__(self, image: Tensor, mad_image: Tensor) -> Any:
        return self.function(image, mad_image)

    def prepare(self, image: Tensor) -> Any:
        if len(image) != self.count:  # some of them, while the others are finished
            return self.make(image)
        known, prepared = self.made.get(image.dtype, (None, None))
        if known is None or not torch.equal(known, image):
            prepared = self.make(image)
            self.made[image.dtype] = image, prepared
        return prepared

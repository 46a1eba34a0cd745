"""ColorVideoVDP as it documents its call, one pair of colour pictures after the other, for `madcore check`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["make_oracle"]


def make_oracle(*, display: str, pixels_per_degree: float | None) -> Callable[[Tensor, Tensor], Tensor]:
    """Return 10 minus the quality; ColorVideoVDP takes the picture under test first."""

    def distance(image: Tensor, mad_image: Tensor) -> Tensor:
        import torch

        from madcore_cvvdp.visibility import make_model

        model = make_model(display, pixels_per_degree, image.device)
        pairs = zip(mad_image, image, strict=True)
        return torch.stack([10 - model.predict(test, reference, dim_order="CHW")[0] for test, reference in pairs])

    return distance

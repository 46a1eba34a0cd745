"""piq's own functions, called as it documents: they tell `madcore check` the order of an asymmetric metric's images."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["iw_ssim", "mdsi", "pieapp", "vif"]

Oracle = Callable[["Tensor", "Tensor"], "Tensor"]


def vif(**options: Any) -> Oracle:
    """Return the distance of piq's VIF from 1."""
    return lambda image, mad_image: (1 - _compare("vif_p", image, mad_image, options)).abs()


def iw_ssim(**options: Any) -> Oracle:
    """Return 1 minus piq's IW-SSIM."""
    return lambda image, mad_image: 1 - _compare("information_weighted_ssim", image, mad_image, options)


def mdsi(**options: Any) -> Oracle:
    """Return piq's MDSI."""
    return lambda image, mad_image: _compare("mdsi", image, mad_image, options)


def pieapp(*, stride: int) -> Oracle:
    """Return how far piq's PieAPP is from that of identical images."""

    def distance(image: Tensor, mad_image: Tensor) -> Tensor:
        import piq

        score = piq.PieAPP(reduction="none", stride=stride).to(image)
        return (score(mad_image, image) - score(image, image)).abs()

    return distance


def _compare(name: str, image: Tensor, mad_image: Tensor, options: dict[str, Any]) -> Tensor:
    import piq

    chosen = {key: image.new_tensor(value) if isinstance(value, tuple) else value for key, value in options.items()}
    value: Tensor = getattr(piq, name)(x=mad_image, y=image, reduction="none", **chosen)
    return value

"""piq's functions as measures of a reference image and a compared one: order, range, channels, gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import piq
import torch
from torch import Tensor

from madcore import InputError, require_range
from madcore_piq.exact import Exact, unchecked

__all__ = ["FUNCTIONS", "Measure", "color"]

# iw_ssim inverts covariances; dss adds the type's epsilon to each of its weights, so that 1 is missed.
IN_DOUBLE = {"iw_ssim", "dss"}


@dataclass(frozen=True)
class Measure:
    """A function of piq with its options; the compared images are its first argument, the reference its second.

    Parameters
    ----------
    name : str
        Its name in `FUNCTIONS`.
    options : dict
        Keyword arguments of the function; tuples of numbers become tensors.
    data_range : float
        Largest value of a pixel; the smallest is 0.
    min_side : int
        Smallest height and width in pixels.
    in_color : bool
        Whether grey images are shown to the function as colour images of three equal channels.
    """

    name: str
    options: dict[str, Any]
    data_range: float = 1.0
    min_side: int = 1
    in_color: bool = False

    def __call__(self, image: Tensor, mad_image: Tensor) -> Tensor:
        """Compute the values, (N,), of images (N, C, H, W)."""
        require_range(mad_image, self.data_range, f"piq.{self.name}")
        return self.prepare(image)(mad_image)

    def prepare(self, image: Tensor) -> Callable[[Tensor], Tensor]:
        """Check the reference images once."""
        require_range(image, self.data_range, f"piq.{self.name}")
        dtype = torch.float64 if self.name in IN_DOUBLE else image.dtype
        reference = self._shown(image.clamp(0, self.data_range).to(dtype))
        options = {
            name: reference.new_tensor(value) if isinstance(value, tuple) else value
            for name, value in self.options.items()
        }
        compare = partial(FUNCTIONS[self.name], data_range=self.data_range, reduction="none", **options)

        def values(mad_image: Tensor) -> Tensor:
            with Exact(dtype):
                value = compare(self._shown(_clamp(mad_image, self.data_range).to(dtype)), reference)
            # Comparisons inside some functions take NaN for false; this lets no NaN vanish.
            return value.to(mad_image.dtype) + 0 * mad_image.detach().flatten(1).sum(1)

        return values

    def _shown(self, image: Tensor) -> Tensor:
        return color(image) if self.in_color else image


def color(image: Tensor) -> Tensor:
    """Show a grey image as three equal channels."""
    return image.expand(-1, 3, -1, -1) if image.shape[1] == 1 else image


def _clamp(image: Tensor, high: float) -> Tensor:
    """Clamp to [0, high], with the slope of the identity, so that no pixel is stuck at a bound."""
    inside = image.detach()
    return image + (inside.clamp(0, high) - inside)


def _one_by_one(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Apply a function that mixes the images of a batch to each image alone."""

    def each(mad_image: Tensor, image: Tensor, **options: Any) -> Tensor:
        pairs = zip(mad_image.split(1), image.split(1), strict=True)
        return torch.cat([function(*pair, **options) for pair in pairs])

    return each


def _vif_distance(mad_image: Tensor, image: Tensor, **options: Any) -> Tensor:
    """Compute the distance of VIF from 1, which it exceeds where contrast is raised."""
    return (1 - VIF(mad_image, image, **options)).abs()


def _haarpsi(mad_image: Tensor, image: Tensor, **options: Any) -> Tensor:
    """Compute HaarPSI; 1 for two black images, for which piq divides by 0."""
    black = ~(mad_image.flatten(1).any(1) | image.flatten(1).any(1))
    other = torch.where(black.view(-1, 1, 1, 1), 1, mad_image)
    return torch.where(black, 1, HAARPSI(other, image, **options))


def _iw_ssim(mad_image: Tensor, image: Tensor, **options: Any) -> Tensor:
    """Compute IW-SSIM; a reference image without texture has a covariance without inverse."""
    try:
        return IW_SSIM(mad_image, image, **options)
    except torch.linalg.LinAlgError:  # type: ignore[attr-defined]
        raise InputError(
            "piq.iw_ssim weights places by the information in the reference image, and this one has no texture; "
            "take another image or metric"
        ) from None


VIF, HAARPSI = unchecked(piq.vif_p), unchecked(piq.haarpsi)
IW_SSIM = unchecked(piq.information_weighted_ssim)
FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    "ssim": unchecked(piq.ssim),
    "ms_ssim": unchecked(piq.multi_scale_ssim),
    "iw_ssim": _iw_ssim,
    "vif": _vif_distance,
    "fsim": unchecked(piq.fsim),
    "gmsd": unchecked(piq.gmsd),
    "ms_gmsd": unchecked(piq.multi_scale_gmsd),
    "vsi": unchecked(piq.vsi),
    "haarpsi": _haarpsi,
    "mdsi": unchecked(piq.mdsi),
    "dss": unchecked(piq.dss),
    "srsim": _one_by_one(unchecked(piq.srsim)),
}

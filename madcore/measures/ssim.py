"""Structural similarity as a distance, 1 - SSIM (Wang, Bovik, Sheikh & Simoncelli 2004)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from madcore.errors import InputError
from madcore.measures.analytic import Measure, Prepared, check_images
from madcore.measures.fastest import fastest_structure
from madcore.measures.filtering import gaussian_window, uniform_window
from madcore.measures.structure import dissimilarity

__all__ = ["Ssim", "ssim"]


def ssim(
    image: Tensor,
    mad_image: Tensor,
    *,
    window: str = "gaussian",
    size: int = 11,
    sigma: float = 1.5,
    weights: str = "none",
    padding: str = "valid",
    k1: float = 0.01,
    k2: float = 0.03,
    data_range: float = 1.0,
) -> Tensor:
    """Compute one minus structural similarity, averaged over places and channels.

    Parameters
    ----------
    image, mad_image : Tensor
        Reference and compared images, (N, C, H, W), in a range `data_range` wide.
    window : {"gaussian", "uniform"}
        Weights of the pixels around each place.
    size : int
        Side of the window in pixels.
    sigma : float
        Standard deviation of the Gaussian window in pixels.
    weights : {"none", "information"}
        Whether all places count alike or by the information content of both images there (Wang & Simoncelli 2008,
        doi:10.1167/8.12.8), log((1 + v_x / C2) (1 + v_y / C2)).
    padding : {"valid", "reflect"}
        Only places where the window is inside the image, or every pixel, the image mirrored at its edges.
    k1, k2 : float
        Constants; C1 = (k1 data_range)^2 and C2 = (k2 data_range)^2.
    data_range : float
        Width of the pixel range.

    Returns
    -------
    Tensor
        One value for each image, (N,), from 0 for identical images to 2.

    Raises
    ------
    InputError
        If an image is smaller than the window (mirrored: than half of it), the images differ in shape or type, or an
        option is not one of those above.

    References
    ----------
    Wang, Bovik, Sheikh & Simoncelli (2004), doi:10.1109/TIP.2003.819861.
    """
    return Ssim(window, size, sigma, weights, padding, k1, k2, data_range)(image, mad_image)


@dataclass(frozen=True)
class Ssim(Measure):
    """The options of `ssim`; called, it computes the distance."""

    window: str = "gaussian"
    size: int = 11
    sigma: float = 1.5
    weights: str = "none"
    padding: str = "valid"
    k1: float = 0.01
    k2: float = 0.03
    data_range: float = 1.0

    def __post_init__(self) -> None:
        """Refuse options that mean nothing."""
        for name, allowed in (
            ("window", ("gaussian", "uniform")),
            ("weights", ("none", "information")),
            ("padding", ("valid", "reflect")),
        ):
            if getattr(self, name) not in allowed:
                raise InputError(f"ssim needs {name} to be {' or '.join(allowed)}; got {getattr(self, name)!r}")
        for name in ("size", "sigma", "k1", "k2", "data_range"):
            if not getattr(self, name) > 0:
                raise InputError(f"ssim needs {name} above 0; got {getattr(self, name)}")

    @property
    def min_side(self) -> int:
        """Smallest height and width in pixels: the window, or what can be mirrored to fill it."""
        return self.size if self.padding == "valid" else self.size // 2 + 1

    def check(self, image: Tensor) -> None:
        """Raise InputError unless the window fits into the images."""
        check_images(f"ssim with a window of {self.size} pixels", image, self.min_side)

    def prepare(self, image: Tensor) -> _PreparedSsim:
        """Compute the reference images' local statistics once."""
        return _PreparedSsim(self, image)

    def compose(self, image: Tensor, mad_image: Tensor) -> Tensor:
        """Compute the distances, (N,), by operations that autograd knows."""
        maps, weighted = (self.maps(image), self.maps(mad_image)), self.weights == "information"
        return dissimilarity(*maps, self.taps, *self.constants, weighted=weighted).view(image.shape[:2]).mean(1)

    @property
    def taps(self) -> Tensor:
        """The window along a line."""
        return gaussian_window(self.size, self.sigma) if self.window == "gaussian" else uniform_window(self.size)

    @property
    def constants(self) -> tuple[float, float]:
        """C1 and C2."""
        return (self.k1 * self.data_range) ** 2, (self.k2 * self.data_range) ** 2

    @property
    def margins(self) -> list[int]:
        """By how much images are extended on the left, right, top and bottom."""
        before = (self.size - 1) // 2
        return [0] * 4 if self.padding == "valid" else [before, self.size - 1 - before] * 2

    def maps(self, images: Tensor) -> Tensor:
        """Return the channels of all images, extended if the padding says so, (M, H, W)."""
        return (pad(images, self.margins, mode="reflect") if any(self.margins) else images).flatten(0, 1)


class _PreparedSsim(Prepared):
    measure: Ssim

    def __init__(self, measure: Ssim, image: Tensor) -> None:
        super().__init__(measure, image)
        weighted, share = measure.weights == "information", 1 / image.shape[1]
        maps = measure.maps(self.image)
        self.structure = fastest_structure(maps, measure.taps, *measure.constants, weighted=weighted, share=share)
        self.difference = torch.empty_like(self.structure.image)

    def evaluate(self, mad_image: Tensor, *, gradient: bool) -> tuple[Tensor, Tensor]:
        torch.sub(self.measure.maps(mad_image), self.structure.image, out=self.difference)
        values, slopes = self.structure.compare(self.difference, gradient=gradient)
        values = values.view(mad_image.shape[:2]).mean(1)
        if not gradient:
            return values, slopes
        slopes = slopes.unflatten(0, mad_image.shape[:2])
        if any(self.measure.margins):
            slopes = torch.ops.aten.reflection_pad2d_backward(slopes, mad_image, self.measure.margins)
        return values, slopes

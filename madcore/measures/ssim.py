"""Structural similarity as a distance, 1 - SSIM (Wang, Bovik, Sheikh & Simoncelli 2004)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from madcore.errors import InputError
from madcore.measures.filtering import gaussian_window, uniform_window
from madcore.measures.prepared import analytic
from madcore.measures.structure import LocalStructure

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
        If an image is smaller than the window, or an option is not one of those above.

    References
    ----------
    Wang, Bovik, Sheikh & Simoncelli (2004), doi:10.1109/TIP.2003.819861.
    """
    return Ssim(window, size, sigma, weights, padding, k1, k2, data_range)(image, mad_image)


@dataclass(frozen=True)
class Ssim:
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

    def __call__(self, image: Tensor, mad_image: Tensor) -> Tensor:
        """Compute the distances, (N,), of images (N, C, H, W)."""
        if torch.is_grad_enabled() and image.requires_grad:
            return self.prepare(image)._differentiable(mad_image, image)
        return self.prepare(image)(mad_image)

    def prepare(self, image: Tensor) -> _PreparedSsim:
        """Compute the reference images' local statistics once."""
        taps = gaussian_window(self.size, self.sigma) if self.window == "gaussian" else uniform_window(self.size)
        before = (self.size - 1) // 2 if self.padding == "reflect" else 0
        margins = (before, self.size - 1 - before) * 2 if self.padding == "reflect" else (0, 0, 0, 0)
        smallest = self.size if self.padding == "valid" else self.size // 2 + 1
        if image.ndim != 4 or min(image.shape[-2:]) < smallest:
            raise InputError(
                f"ssim with a window of {self.size} pixels needs images (N, C, H, W) of at least {smallest} pixels "
                f"a side; got {tuple(image.shape)}"
            )
        maps = (
            pad(image.detach(), margins, mode="reflect").flatten(0, 1) if any(margins) else image.detach().flatten(0, 1)
        )
        c1, c2 = (self.k1 * self.data_range) ** 2, (self.k2 * self.data_range) ** 2
        structure = LocalStructure.of(maps, taps, c1, c2)
        return _PreparedSsim(structure, margins, self.weights == "information", image.shape[1], image.detach())


@dataclass(frozen=True)
class _PreparedSsim:
    structure: LocalStructure
    margins: tuple[int, ...]
    weighted: bool
    channels: int
    image: Tensor

    def __call__(self, mad_image: Tensor) -> Tensor:
        return analytic(self, mad_image)

    def value_and_gradient(self, mad_image: Tensor, *, need_gradient: bool = True) -> tuple[Tensor, Tensor]:
        difference = self.structure.difference(self._maps(mad_image))
        values, gradient = self.structure.dissimilarity(
            difference, luminance=True, weighted=self.weighted, need_gradient=need_gradient
        )
        values = values.view(-1, self.channels).mean(1)
        if not need_gradient:
            return values, gradient
        gradient = self.structure.filter.crop(gradient).unflatten(0, (-1, self.channels))
        if any(self.margins):
            gradient = torch.ops.aten.reflection_pad2d_backward(gradient.contiguous(), mad_image, list(self.margins))
        return values, gradient / self.channels if self.channels > 1 else gradient.contiguous()

    def differentiable(self, mad_image: Tensor) -> Tensor:
        return self._differentiable(mad_image, self.image)

    def _differentiable(self, mad_image: Tensor, image: Tensor) -> Tensor:
        values = self.structure.differentiable(
            self._maps(mad_image), self._maps(image), luminance=True, weighted=self.weighted
        )
        return values.view(-1, self.channels).mean(1)

    def _maps(self, images: Tensor) -> Tensor:
        padded = pad(images, self.margins, mode="reflect") if any(self.margins) else images
        return padded.flatten(0, 1)

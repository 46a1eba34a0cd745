"""Multi-scale structural similarity as a distance, 1 - MS-SSIM (Wang, Simoncelli & Bovik 2003)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from madcore.errors import InputError
from madcore.measures.filtering import gaussian_window
from madcore.measures.prepared import analytic
from madcore.measures.structure import LocalStructure

__all__ = ["SCALE_WEIGHTS", "MsSsim", "ms_ssim"]

SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
FLOOR = 1e-3


def ms_ssim(
    image: Tensor,
    mad_image: Tensor,
    *,
    scale_weights: tuple[float, ...] = SCALE_WEIGHTS,
    size: int = 11,
    sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_range: float = 1.0,
) -> Tensor:
    """Compute one minus multi-scale structural similarity, averaged over channels.

    Each scale but the last contributes the mean of its contrast and structure term, the last the mean of SSIM, each to
    the power of its weight; between scales images are averaged over 2 x 2 pixels, an odd last row or
    column counting twice.

    A mean term can be negative, where its power does not exist.  Others rectify it, which makes a plateau without a
    gradient.  Here a term c is replaced by (c + sqrt(c^2 + e^2)) / 2, e = 0.001, divided by its value at 1: positive,
    increasing and smooth, and the same as c to 3e-7 relative wherever c > 0.5.

    Parameters
    ----------
    image, mad_image : Tensor
        Reference and compared images, (N, C, H, W), in a range `data_range` wide.
    scale_weights : tuple of float
        Exponents from the finest scale to the coarsest; as many scales as weights.
    size, sigma : int, float
        Side and standard deviation of the Gaussian window in pixels.
    k1, k2 : float
        Constants; C1 = (k1 data_range)^2 and C2 = (k2 data_range)^2.
    data_range : float
        Width of the pixel range.

    Returns
    -------
    Tensor
        One value for each image, (N,), from 0 for identical images to 1.

    Raises
    ------
    InputError
        If an image is too small: the window must fit into the coarsest scale, 161 pixels a side at the defaults.

    References
    ----------
    Wang, Simoncelli & Bovik (2003), doi:10.1109/ACSSC.2003.1292216.
    """
    return MsSsim(scale_weights, size, sigma, k1, k2, data_range)(image, mad_image)


@dataclass(frozen=True)
class MsSsim:
    """The options of `ms_ssim`; called, it computes the distance."""

    scale_weights: tuple[float, ...] = SCALE_WEIGHTS
    size: int = 11
    sigma: float = 1.5
    k1: float = 0.01
    k2: float = 0.03
    data_range: float = 1.0

    @property
    def min_side(self) -> int:
        """Smallest height and width in pixels."""
        return (self.size - 1) * 2 ** (len(self.scale_weights) - 1) + 1

    def __call__(self, image: Tensor, mad_image: Tensor) -> Tensor:
        """Compute the distances, (N,), of images (N, C, H, W)."""
        prepared = self.prepare(image)
        if torch.is_grad_enabled() and image.requires_grad:
            return prepared._differentiable(mad_image, image)
        return prepared(mad_image)

    def prepare(self, image: Tensor) -> _PreparedMsSsim:
        """Compute the reference images' local statistics at every scale once."""
        if image.ndim != 4 or min(image.shape[-2:]) < self.min_side:
            raise InputError(
                f"ms_ssim with {len(self.scale_weights)} scales needs images (N, C, H, W) of at least {self.min_side} "
                f"pixels a side; got {tuple(image.shape)}"
            )
        taps = gaussian_window(self.size, self.sigma)
        c1, c2 = (self.k1 * self.data_range) ** 2, (self.k2 * self.data_range) ** 2
        maps, scales = image.detach().flatten(0, 1), []
        for _ in self.scale_weights:
            scales.append(LocalStructure.of(maps, taps, c1, c2))
            maps = _halve(maps)
        return _PreparedMsSsim(tuple(scales), self.scale_weights, image.shape[1], image.detach())


@dataclass(frozen=True)
class _PreparedMsSsim:
    scales: tuple[LocalStructure, ...]
    scale_weights: tuple[float, ...]
    channels: int
    image: Tensor

    def __call__(self, mad_image: Tensor) -> Tensor:
        return analytic(self, mad_image)

    def value_and_gradient(self, mad_image: Tensor, *, need_gradient: bool = True) -> tuple[Tensor, Tensor]:
        difference = (mad_image - self.image).flatten(0, 1)
        missing, gradients, last = [], [], len(self.scales) - 1
        for index, scale in enumerate(self.scales):
            values, gradient = scale.dissimilarity(
                scale.filter.pad(difference), luminance=index == last, weighted=False, need_gradient=need_gradient
            )
            missing.append(values)
            gradients.append(scale.filter.crop(gradient))
            difference = _halve(difference) if index < last else difference
        terms = torch.stack(missing).double().requires_grad_(need_gradient)
        with torch.set_grad_enabled(need_gradient):
            distance = self._combine(terms)
            if not need_gradient:
                return self._of_images(distance).to(mad_image.dtype), mad_image
            (slopes,) = torch.autograd.grad(distance.sum() / self.channels, terms)
        total = gradients[last] * slopes[last].to(mad_image)[:, None, None]
        for index in range(last - 1, -1, -1):
            total = _halve_adjoint(total, gradients[index].shape[-2:])
            total.addcmul_(gradients[index], slopes[index].to(mad_image)[:, None, None])
        return self._of_images(distance.detach()).to(mad_image.dtype), total.view_as(mad_image)

    def differentiable(self, mad_image: Tensor) -> Tensor:
        return self._differentiable(mad_image, self.image)

    def _differentiable(self, mad_image: Tensor, image: Tensor) -> Tensor:
        compared, reference = mad_image.flatten(0, 1), image.flatten(0, 1)
        missing, last = [], len(self.scales) - 1
        for index, scale in enumerate(self.scales):
            missing.append(scale.differentiable(compared, reference, luminance=index == last, weighted=False))
            if index < last:
                compared, reference = _halve(compared), _halve(reference)
        return self._of_images(self._combine(torch.stack(missing).double())).to(mad_image.dtype)

    def _combine(self, missing: Tensor) -> Tensor:
        """Distances of the maps, (M,), from what each scale lacks to 1, (scales, M), in float64.

        Logarithms of what is near 1 are taken of the difference from 1, so that nothing cancels.
        """
        weights = torch.tensor(self.scale_weights, dtype=missing.dtype, device=missing.device)[:, None]
        return -torch.expm1((weights * _log_floored(missing)).sum(0))

    def _of_images(self, distance: Tensor) -> Tensor:
        return distance.view(-1, self.channels).mean(1)


def _log_floored(missing: Tensor) -> Tensor:
    """Logarithm of the floored term c = 1 - missing relative to its value at 1."""
    term = 1 - missing
    at_one = (1 + (1 + FLOOR**2) ** 0.5) / 2
    root = (term.square() + FLOOR**2).sqrt()
    # (c + root) / 2 loses all digits for negative c; e^2 / (root - c) / 2 is the same
    floored = torch.where(term > 0, (term + root) / 2, FLOOR**2 / (2 * (root - term.clamp(max=0))))
    near = torch.log1p(-missing.clamp(max=0.5)) + torch.log1p(
        ((1 + (FLOOR / term.clamp_min(0.5)).square()).sqrt() - 1) / 2 + 1 - at_one
    )
    return torch.where(missing < 0.5, near, (floored / at_one).log())


def _halve(maps: Tensor) -> Tensor:
    """Average over 2 x 2 pixels; an odd last row or column is doubled first."""
    height, width = maps.shape[-2:]
    return avg_pool2d(pad(maps[:, None], (0, width % 2, 0, height % 2), mode="replicate"), 2)[:, 0]


def _halve_adjoint(maps: Tensor, shape: torch.Size) -> Tensor:
    """Spread each value over the pixels that were averaged, twice over the last one of an odd side."""
    height, width = shape
    spread = (maps / 4).repeat_interleave(2, -2).repeat_interleave(2, -1)
    if height % 2:
        spread[:, height - 1] += spread[:, height]
    if width % 2:
        spread[..., width - 1] += spread[..., width]
    return spread[:, :height, :width].contiguous()

"""What figures compute of two images: where structure is lost, how much they differ, at which spatial frequencies."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from madcore.errors import InputError
from madcore.measures.filtering import convolve, gaussian_window

__all__ = ["local_ssim", "power_spectrum", "suitable_gain"]

SIZE, SIGMA, K1, K2 = 11, 1.5, 0.01, 0.03
CUT = 0.01  # of the pixels may be cut by a gain that nobody asked for


def local_ssim(image: Tensor, mad_image: Tensor, data_range: float = 1.0) -> Tensor:
    """Compute SSIM at every place where its window is inside the image, averaged over channels.

    Parameters
    ----------
    image, mad_image : Tensor
        (C, H, W), in a range `data_range` wide, both sides 11 pixels or more.
    data_range : float
        Width of the pixel range.

    Returns
    -------
    Tensor
        (H, W), float64, at most 1; NaN in the margin of 5 pixels.  The mean of the rest is one minus the metric
        ``ssim`` with its default options.

    References
    ----------
    Wang, Bovik, Sheikh & Simoncelli (2004), doi:10.1109/TIP.2003.819861, equation 13.
    """
    if min(image.shape[-2:]) < SIZE:
        raise InputError(f"an SSIM map needs images of {SIZE} pixels a side or more; got {tuple(image.shape)}")
    x, y, taps = image.double(), mad_image.double(), gaussian_window(SIZE, SIGMA)
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    mean_x, mean_y = convolve(x, taps), convolve(y, taps)
    variances = convolve(x * x + y * y, taps) - mean_x.square() - mean_y.square()
    covariance = convolve(x * y, taps) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + c1) / (mean_x.square() + mean_y.square() + c1)
    values = luminance * (2 * covariance + c2) / (variances + c2)
    whole = torch.full(image.shape[-2:], torch.nan, dtype=torch.float64)
    margin = SIZE // 2
    whole[margin:-margin, margin:-margin] = values.mean(0)
    return whole


def power_spectrum(difference: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Compute the power of a difference on rings of equal spatial frequency, averaged over channels.

    Parameters
    ----------
    difference : Tensor
        (C, H, W).

    Returns
    -------
    frequency : Tensor
        Middle of each ring in cycles per pixel, (R,); rings are 1 / min(H, W) wide and the constant part is left out.
    power : Tensor
        Mean over each ring of ``|DFT|^2 / (H W)``, (R,): white noise of variance v has power v at all frequencies.
    count : Tensor
        Coefficients on each ring, (R,); ``(power * count).sum() / (H W)`` is the variance of the difference.
    """
    height, width = difference.shape[-2:]
    power = torch.fft.fft2(difference.double()).abs().square().mean(0) / (height * width)
    vertical = torch.fft.fftfreq(height, dtype=torch.float64)[:, None]
    radius = torch.hypot(vertical, torch.fft.fftfreq(width, dtype=torch.float64))
    # of oblong images, frequencies below those of the first ring go to it
    ring = (radius * min(height, width)).round().long().clamp_min(1).flatten()[1:]
    count = torch.bincount(ring)
    total = torch.bincount(ring, weights=power.flatten()[1:])
    present = count > 0
    frequency = torch.arange(len(count), dtype=torch.float64) / min(height, width)
    return frequency[present], (total / count.clamp_min(1))[present], count[present]


def suitable_gain(difference: Tensor, data_range: float = 1.0) -> float:
    """Choose the power of two with which a difference fills the range around middle grey, at most 1 % of it cut."""
    largest = float(difference.abs().flatten().double().quantile(1 - CUT)) / data_range
    return 2.0 ** math.floor(math.log2(0.5 / largest)) if largest > 2**-40 else 1.0

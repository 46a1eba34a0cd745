"""Local dissimilarity of structure: 1 - SSIM at every place, and the analytic gradient of its mean.

Everything is computed in the difference d = mad_image - image, so that nothing cancels for images that are nearly
alike.  Under the window, with p = E[d], q = E[d^2], m = E[y^2 - x^2] = E[d (2 x + d)], local means m_x and
m_y = m_x + p, local variances v, and the usual constants,

    B1 = m_x^2 + m_y^2 + C1,              u = p^2 / B1           one minus the luminance term,
    B2 = 2 v_x + C2 + m - p (m_x + m_y),  w = (q - p^2) / B2     one minus the contrast and structure term,

and SSIM = (1 - u) (1 - w) (Wang et al. 2004, doi:10.1109/TIP.2003.819861, equations 6 to 13).  The derivatives are

    dw/dq = 1 / B2,   dw/dm = -w / B2,   dw/dp = -2 (p - w m_y) / B2,   du/dp = 2 (p - u m_y) / B1.

What depends on the reference alone, m_x, m_x^2 + C1 and 2 v_x + C2, is kept.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from madcore.measures.filtering import TiledFilter, convolve, planes_at_once

__all__ = ["Structure", "dissimilarity", "reference_statistics"]


class Structure(Protocol):
    """Reference maps with which others can be compared."""

    image: Tensor

    def compare(self, difference: Tensor, *, luminance: bool = True, gradient: bool = True) -> tuple[Tensor, Tensor]:
        """Return the distance of each map, (M,), and its gradient, (M, H, W)."""


def reference_statistics(image: Tensor, taps: Tensor, c1: float, c2: float) -> tuple[Tensor, Tensor, Tensor]:
    """Compute m_x, m_x^2 + C1 and 2 v_x + C2 of maps (M, H, W) where the window fits, in float64 until they are made.

    Returns
    -------
    tuple of Tensor
        Each (M, H - size + 1, W - size + 1), of the maps' type.
    """
    planes, (count, height, width) = planes_at_once(image), image.shape
    exact = TiledFilter(taps, (2, planes, height, width), image.new_empty(0).double())
    rows, columns = exact.valid
    mean, luminance, contrast = image.new_empty(3, count, rows, columns)
    for first in range(0, count, planes):
        group = slice(first, first + planes)
        exact.pixels[0] = image[group]
        torch.mul(exact.pixels[0], exact.pixels[0], out=exact.pixels[1])
        exact.apply()
        m, square = exact.padded[..., :rows, :columns]
        mean[group] = m
        luminance[group] = m.square() + c1
        contrast[group] = 2 * (square - m.square()).clamp_min(0) + c2
    return mean, luminance, contrast


def dissimilarity(
    image: Tensor,
    mad_image: Tensor,
    taps: Tensor,
    c1: float,
    c2: float,
    *,
    luminance: bool = True,
    weighted: bool = False,
) -> Tensor:
    """Compute the means of `TiledStructure`, (M,), by operations that autograd knows, of maps (M, H, W)."""

    def blur(maps: Tensor) -> Tensor:
        return convolve(maps, taps)

    difference = mad_image - image
    p, mean = blur(difference), blur(image)
    variance = blur(image.square()) - mean.square()
    change = blur(difference * (mad_image + image)) - p * (2 * mean + p)
    w = (blur(difference.square()) - p.square()) / (2 * variance + c2 + change)
    u = p.square() / (mean.square() + (mean + p).square() + c1)
    local = u + w - u * w if luminance else w
    if not weighted:
        return local.mean((1, 2))
    content = torch.log1p(variance / c2) + torch.log1p((variance + change) / c2)
    total = content.sum((1, 2))
    return (content * local).sum((1, 2)) / torch.where(total > 0, total, 1.0)

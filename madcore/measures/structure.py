"""Local dissimilarity of structure: 1 - SSIM at every place, and the analytic gradient of its mean.

Everything is computed in the difference d = mad_image - image, so that nothing cancels for images that are nearly
alike.  With local means m = E[d], E[d^2] and E[x d] under the window, local variance v_d = E[d^2] - m^2, and the usual
constants C1 and C2, SSIM = (A1 / B1) (A2 / B2) has

    B2 - A2 = v_d   and   B1 - A1 = m^2,   hence   1 - SSIM = r + q - r q   with   r = v_d / B2,   q = m^2 / B1.

One minus r is the contrast and structure term, one minus q the luminance term (Wang et al. 2004,
doi:10.1109/TIP.2003.819861, equations 6 to 13).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from madcore.measures.filtering import TiledFilter

__all__ = ["LocalStructure"]


@dataclass(frozen=True)
class LocalStructure:
    """Local statistics of reference maps (M, H, W), computed once in float64 and kept in the maps' own type.

    All but `image` have the filter's padded size.
    """

    image: Tensor
    centred: Tensor  # the maps less their mean, which changes no variance and loses no digits
    mean: Tensor
    centred_mean: Tensor
    variance: Tensor
    filter: TiledFilter
    c1: float
    c2: float

    @classmethod
    def of(cls, image: Tensor, taps: Tensor, c1: float, c2: float) -> LocalStructure:
        """Compute the statistics of maps (M, H, W) under a separable window."""
        exact = image.double()
        offset = exact.mean((-2, -1), keepdim=True)
        double = TiledFilter.create(taps, image.shape[-2], image.shape[-1], exact)
        centred = double.pad(exact - offset)
        mean = double.apply(centred)
        variance = (double.apply(centred.square()) - mean.square()).clamp_min(0)
        own = TiledFilter.create(taps, image.shape[-2], image.shape[-1], image)
        return cls(
            image,
            centred.to(image),
            (mean + offset).to(image),
            mean.to(image),
            variance.to(image),
            own,
            c1,
            c2,
        )

    def difference(self, mad_image: Tensor) -> Tensor:
        """Return  mad_image - image  for maps (M, H, W), padded."""
        return self.filter.pad(mad_image - self.image)

    def dissimilarity(
        self, difference: Tensor, *, luminance: bool, weighted: bool, need_gradient: bool
    ) -> tuple[Tensor, Tensor]:
        """Average the local dissimilarity of each map.

        Parameters
        ----------
        difference : Tensor
            From `difference`, (M, Hp, Wp).
        luminance : bool
            Whether to include the luminance term; without it the mean of r is computed.
        weighted : bool
            Whether to weigh each place by its information content (Wang & Simoncelli 2008, doi:10.1167/8.12.8).
        need_gradient : bool
            Whether the gradient is wanted.

        Returns
        -------
        values, gradient : Tensor
            (M,), and the gradient with respect to the difference, padded, (M, Hp, Wp); `difference` if not wanted.
        """
        moments = torch.stack([difference, difference * difference, difference * self.centred])
        mean, square, product = self.filter.apply(moments)
        spread = torch.addcmul(square, mean, mean, value=-1).clamp_min_(0)  # v_d
        shift = torch.addcmul(product, mean, self.centred_mean, value=-1)  # covariance of x and d
        inverse = torch.add(self.variance, shift).mul_(2).add_(spread).add_(self.c2).reciprocal_()  # 1 / B2
        r = spread * inverse
        if luminance:
            luminance_inverse = (self.mean + mean).square_().addcmul_(self.mean, self.mean).add_(self.c1).reciprocal_()
            q = (mean * mean).mul_(luminance_inverse)
            local = torch.addcmul(r + q, r, q, value=-1)
        else:
            local = r
        if weighted:
            content, total, values = self._weighted_mean(local, inverse)
        else:
            height, width = self.filter.valid
            total = mean.new_full((len(mean), 1, 1), height * width)
            values = local[:, :height, :width].sum((1, 2)) / total[:, 0, 0]
        if not need_gradient:
            return values, difference
        # derivatives with respect to E[d^2], E[x d] and m, see the module's formulas
        keep = (1 - r).mul_(inverse)
        on_product = (r * inverse).mul_(-2)
        on_mean = torch.addcmul(r * self.centred_mean, mean, 1 - r, value=-1).mul_(2).mul_(inverse)
        if luminance:
            rest = 1 - q
            keep.mul_(rest)
            on_product.mul_(rest)
            slope = torch.addcmul(mean, q, self.mean + mean, value=-1).mul_(2).mul_(luminance_inverse)
            on_mean.mul_(rest).addcmul_(slope, 1 - r)
        if weighted:
            # the weights depend on the local variance of the MAD image, which is B2 - v_x - C2
            change = (local - values[:, None, None]) / (1 / inverse - self.variance)
            keep.mul_(content).add_(change)
            on_product.mul_(content).add_(change, alpha=2)
            on_mean.mul_(content).addcmul_(change, self.centred_mean + mean, value=-2)
        slopes = torch.stack([on_mean, keep, on_product]).div_(total)
        on_mean, on_square, on_product = self.filter.adjoint(self.filter.clear_invalid(slopes))
        gradient = on_mean.addcmul_(difference, on_square, value=2).addcmul_(self.centred, on_product)
        return values, gradient

    def differentiable(self, mad_image: Tensor, image: Tensor, *, luminance: bool, weighted: bool) -> Tensor:
        """Compute the same means, (M,), by convolutions, differentiably in both maps (M, H, W), to any order."""

        def blur(maps: Tensor) -> Tensor:
            return self.filter.differentiable(maps[:, None])[:, 0]

        offset = image.detach().mean((-2, -1), keepdim=True)
        difference, centred = mad_image - image, image - offset
        mean, x_mean = blur(difference), blur(centred)
        spread = blur(difference.square()) - mean.square()
        variance = blur(centred.square()) - x_mean.square()
        shift = blur(difference * centred) - mean * x_mean
        denominator = 2 * (variance + shift) + spread + self.c2
        r = spread / denominator
        q = mean.square() / ((x_mean + offset).square() + (x_mean + offset + mean).square() + self.c1)
        local = r + q - r * q if luminance else r
        if not weighted:
            return local.flatten(1).mean(1)
        content = torch.log1p(variance / self.c2) + torch.log1p((variance + 2 * shift + spread) / self.c2)
        total = content.flatten(1).sum(1)
        return (content * local).flatten(1).sum(1) / torch.where(total > 0, total, 1.0)

    def _weighted_mean(self, local: Tensor, inverse: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        height, width = self.filter.valid
        other = (1 / inverse - self.variance - self.c2).clamp_min_(0)  # local variance of the MAD image
        content = torch.log1p(self.variance / self.c2) + torch.log1p(other / self.c2)
        inside = content[:, :height, :width]
        total = inside.sum((1, 2))
        total = torch.where(total > 0, total, 1.0)
        values = (inside * local[:, :height, :width]).sum((1, 2)) / total
        return content, total.view(-1, 1, 1), values

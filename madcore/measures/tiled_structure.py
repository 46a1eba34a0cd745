"""Local dissimilarity of structure as in `structure`, by tiled matrix products in torch, on any device.

Outside the valid region m_x^2 + C1 and 2 v_x + C2 are infinite, so that every term and every derivative is 0 there.
"""

from __future__ import annotations

import torch
from torch import Tensor

from madcore.measures.filtering import PIXELS_AT_ONCE, TiledFilter, planes_at_once
from madcore.measures.structure import reference_statistics

__all__ = ["TiledStructure"]


class TiledStructure:
    """Statistics of reference maps under a window, and the work space to compare other maps with them.

    Parameters
    ----------
    image : Tensor
        Reference maps, (M, H, W).
    taps : Tensor
        Window along rows and columns, (size,), float64, of sum 1.
    c1, c2 : float
        Constants of SSIM.
    weighted : bool
        Whether to weigh each place by its information content, log((1 + v_x / C2) (1 + v_y / C2)) (Wang & Simoncelli
        2008, doi:10.1167/8.12.8).
    share : float
        Factor of all gradients: that of one map's mean in what is measured.
    """

    def __init__(
        self, image: Tensor, taps: Tensor, c1: float, c2: float, *, weighted: bool = False, share: float = 1.0
    ) -> None:
        self.image, self.c1, self.c2, self.weighted = image.contiguous(), c1, c2, weighted
        self.taps = taps
        count, height, width = image.shape
        places = (height - len(taps) + 1) * (width - len(taps) + 1)
        self.planes = planes_at_once(image)
        # all derivatives have a factor of 2; the weights of places sum to 1 where they are taken
        gain = 2 * share if weighted else 2 * share / places
        self.filter = TiledFilter(taps, (3, self.planes, height, width), image, gain)
        self.mean, self.luminance, self.contrast = self._padded(reference_statistics(self.image, taps, c1, c2))
        length = self.mean[0].numel()
        size = length if image.is_cuda or self.planes > 1 else min(length, PIXELS_AT_ONCE)
        self.work = image.new_empty(5, self.planes, size)
        self.pieces = [self._cut(slice(first, first + self.planes)) for first in range(0, count, self.planes)]

    def compare(self, difference: Tensor, *, luminance: bool = True, gradient: bool = True) -> tuple[Tensor, Tensor]:
        """Average the local dissimilarity of each map.

        Parameters
        ----------
        difference : Tensor
            What the other maps have more than the reference maps, (M, H, W).
        luminance : bool
            Whether to include the luminance term; without it the mean of w is computed.
        gradient : bool
            Whether the gradient is wanted.

        Returns
        -------
        values, gradient : Tensor
            (M,), and their gradients with respect to the difference times the share, (M, H, W); empty if not wanted.
        """
        values = []
        slopes = torch.empty_like(difference) if gradient else difference.new_empty(0)
        for index, pieces in enumerate(self.pieces):
            group = slice(index * self.planes, (index + 1) * self.planes)
            self._filter(difference[group], self.image[group])
            if self.weighted:
                values.append(self._weighted(group, gradient))
            else:
                values.append(self._unweighted(pieces, luminance, gradient))
            if gradient:
                self._pull_back(difference[group], self.image[group], slopes[group])
        return torch.cat(values), slopes

    def _padded(self, statistics: tuple[Tensor, Tensor, Tensor]) -> list[Tensor]:
        """Extend m_x by zeros and the others by infinities to whole tiles, (M, Hp, Wp)."""
        height, width = self.filter.valid
        shape = len(self.image), *self.filter.padded.shape[2:]
        padded = [self.image.new_full(shape, beside) for beside in (0, torch.inf, torch.inf)]
        for whole, valid in zip(padded, statistics, strict=True):
            whole[:, :height, :width] = valid
        return padded

    def _cut(self, group: slice) -> list[tuple[Tensor, ...]]:
        """Cut what belongs to a group of planes into pieces: p, q, m, the statistics, and five pieces of work space."""
        maps = [*self.filter.padded, self.mean[group], self.luminance[group], self.contrast[group]]
        length, size = maps[0][0].numel(), self.work.shape[-1]
        spans = [slice(start, min(start + size, length)) for start in range(0, length, size)]
        return [
            (*(each.flatten(1)[:, span] for each in maps), *(each[:, : span.stop - span.start] for each in self.work))
            for span in spans
        ]

    def _filter(self, difference: Tensor, image: Tensor) -> None:
        """Leave p, q and m in the filter's maps."""
        first, second, third = self.filter.pixels
        first.copy_(difference)
        torch.mul(difference, difference, out=second)
        torch.addcmul(second, image, difference, value=2, out=third)
        self.filter.apply()

    def _pull_back(self, difference: Tensor, image: Tensor, out: Tensor) -> None:
        """Make the gradient of what the maps hold: half the derivative to p, that to q and minus that to m."""
        self.filter.adjoint()
        on_p, on_q, on_m = self.filter.pixels
        torch.addcmul(on_p, difference, on_q.sub_(on_m), out=out)
        out.addcmul_(image, on_m, value=-1)

    def _unweighted(self, pieces: list[tuple[Tensor, ...]], luminance: bool, gradient: bool) -> Tensor:
        """Average over places; leave the derivatives, of the sum, in the maps."""
        terms = _ssim_terms if luminance else _contrast_terms
        height, width = self.filter.valid
        first, *others = (terms(gradient, *piece) for piece in pieces)
        return sum(others, first) / (height * width)

    def _weighted(self, group: slice, gradient: bool) -> Tensor:
        """Average over places by their information content; leave the derivatives in the maps."""
        height, width = self.filter.valid
        p, q, m = self.filter.padded[..., :height, :width]
        mean, luminance, contrast = (
            each[group, :height, :width] for each in (self.mean, self.luminance, self.contrast)
        )
        change = torch.addcmul(m, p, 2 * mean + p, value=-1)  # v_y - v_x
        other = ((contrast + self.c2) / 2).add_(change)  # v_y + C2
        content = ((contrast + self.c2) / (2 * self.c2)).log_().add_((other / self.c2).log_()).clamp_min_(0)
        total = content.sum((1, 2), keepdim=True)
        content /= torch.where(total > 0, total, 1.0)
        own_mean, inverse = mean + p, (contrast + change).reciprocal_()
        u_inverse = torch.addcmul(luminance, own_mean, own_mean).reciprocal_()
        u, w = p.square().mul_(u_inverse), (q - p.square()).mul_(inverse)
        local = u + w - u * w
        values = (content * local).sum((1, 2), keepdim=True)
        if gradient:
            # the weights depend on v_y
            on_content = (local - values).div_(other).div_(torch.where(total > 0, total, 1.0))
            on_q = (1 - u).mul_(inverse).mul_(content)
            on_p = (
                content * (1 - w) * u_inverse * (p - u * own_mean) - on_q * (p - w * own_mean) - on_content * own_mean
            )
            slopes = torch.stack([on_p, on_q, on_q * w - on_content])
            self.filter.padded.zero_()
            self.filter.padded[..., :height, :width] = slopes
        return values[:, 0, 0]


def _ssim_terms(
    gradient: bool,
    p: Tensor,
    q: Tensor,
    m: Tensor,
    mean: Tensor,
    luminance: Tensor,
    contrast: Tensor,
    *work: Tensor,
) -> Tensor:
    """Sum 1 - SSIM over places; overwrite p, q, m with half its derivative to p, that to q and minus that to m."""
    square, own_mean, b1, u, w = work
    torch.mul(p, p, out=square)
    torch.add(mean, p, out=own_mean)
    torch.addcmul(luminance, own_mean, own_mean, out=b1)
    b2 = m.add_(contrast).addcmul_(mean, p, value=-2).sub_(square)
    torch.div(square, b1, out=u)
    torch.div(q.sub_(square), b2, out=w)
    rest = torch.sub(p.new_ones(()), u, out=square)
    total = torch.addcmul(u, w, rest, out=q).sum(-1)
    if gradient:
        torch.div(rest, b2, out=q)
        on_w = torch.addcmul(p, w, own_mean, value=-1, out=square)
        p.addcmul_(u, own_mean, value=-1)
        p.addcmul_(p, w, value=-1).div_(b1).addcmul_(on_w, q, value=-1)
        torch.mul(w, q, out=m)
    return total


def _contrast_terms(
    gradient: bool,
    p: Tensor,
    q: Tensor,
    m: Tensor,
    mean: Tensor,
    luminance: Tensor,
    contrast: Tensor,
    *work: Tensor,
) -> Tensor:
    """Sum w over places; overwrite p, q, m as `_ssim_terms` does."""
    square, own_mean, slope, _, w = work
    torch.mul(p, p, out=square)
    b2 = m.add_(contrast).addcmul_(mean, p, value=-2).sub_(square)
    torch.div(q.sub_(square), b2, out=w)
    if gradient:
        torch.add(mean, p, out=own_mean)
        torch.reciprocal(b2, out=q)
        torch.mul(w, own_mean, out=slope).sub_(p)
        torch.mul(slope, q, out=p)
        torch.mul(w, q, out=m)
    return w.sum(-1)

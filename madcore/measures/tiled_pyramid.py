"""Comparison of normalised Laplacian pyramids by their difference, in torch, on any device."""

from __future__ import annotations

import torch
from torch import Tensor

from madcore.measures.filtering import planes_at_once
from madcore.measures.normalization import ROUNDING, Band, BandSpace, NormalizedBand, smooth_root
from madcore.measures.pyramid import Resampling, doubling, halving, level_sizes

__all__ = ["TiledPyramid"]


class TiledPyramid:
    """The normalised bands of reference maps, and the work space to compare other maps with them.

    Parameters
    ----------
    maps : Tensor
        Reference maps, (M, H, W).
    bands : tuple of Band
        Constants of each band, from the finest to the coarsest.
    share : float
        Factor of all gradients: that of one map's distance in what is measured.
    """

    def __init__(self, maps: Tensor, bands: tuple[Band, ...], share: float = 1.0) -> None:
        self.planes, self.share = planes_at_once(maps), share
        self.levels = _Levels(maps[: self.planes], bands)
        self.references = [self.levels.references(group) for group in maps.split(self.planes)]

    def compare(self, difference: Tensor, *, gradient: bool = True) -> tuple[Tensor, Tensor]:
        """Average the root mean square difference of normalised bands over the bands of each map.

        Parameters
        ----------
        difference : Tensor
            What the other maps have more than the reference maps, (M, H, W).
        gradient : bool
            Whether the gradient is wanted.

        Returns
        -------
        values, gradient : Tensor
            (M,), float64, and their gradients with respect to the difference times the share, (M, H, W); empty if not
            wanted.
        """
        values, counts = [], self.levels.counts
        slopes = torch.empty_like(difference) if gradient else difference.new_empty(0)
        for index, reference in enumerate(self.references):
            group = slice(index * self.planes, (index + 1) * self.planes)
            self.levels.lows[0].copy_(difference[group])
            self.levels.decompose()
            squares = torch.stack([band.compare(gradient=gradient) for band in reference]) / counts
            values.append(smooth_root(squares).mean(0))
            if gradient:
                weights = self.share / ((squares + ROUNDING**2).sqrt() * counts * len(reference))
                self.levels.pull_back(weights.to(difference), slopes[group])
        return torch.cat(values), slopes


class _Levels:
    """The Laplacian pyramid of as many maps as these, (M, H, W), its adjoint, and the work space for both."""

    def __init__(self, maps: Tensor, bands: tuple[Band, ...]) -> None:
        sizes = level_sizes(maps, len(bands))
        self.counts = torch.tensor([[height * width] for height, width in sizes], device=maps.device).double()
        self.lows = [maps.new_empty(len(maps), *size) for size in sizes]
        # the last band is what remains
        self.bands = [*(torch.empty_like(low) for low in self.lows[:-1]), self.lows[-1]]
        self.constants = [constant for constant, _ in bands]
        self.spaces = [BandSpace(band, neighbours) for band, (_, neighbours) in zip(self.bands, bands, strict=True)]
        self.halves = [space.change for space in self.spaces[1:]]
        self.down, self.up, self.down_adjoint, self.up_adjoint = [], [], [], []
        levels = zip(self.lows[:-1], self.lows[1:], self.bands[:-1], self.halves, strict=True)
        for low, lower, band, half in levels:
            height, width = low.shape[-2:]
            between = maps.new_empty(len(maps), lower.shape[-2], width)
            down, up = ((make(height), make(width)) for make in (halving, doubling))
            self.down.append(Resampling(*down, low, lower, between))
            self.up.append(Resampling(*up, lower, band, between))
            self.up_adjoint.append(Resampling(up[0].T, up[1].T, band, half, between))
            self.down_adjoint.append(Resampling(down[0].T, down[1].T, lower, low, between))

    def references(self, maps: Tensor) -> list[NormalizedBand]:
        """Decompose reference maps."""
        self.lows[0].copy_(maps)
        self.decompose()
        given = zip(self.bands, self.constants, self.spaces, strict=True)
        return [NormalizedBand(*each) for each in given]

    def decompose(self) -> None:
        """Compute the bands of the maps in `lows[0]`."""
        for down, up, low, band in zip(self.down, self.up, self.lows[:-1], self.bands[:-1], strict=True):
            down()
            up()
            torch.sub(low, band, out=band)

    def pull_back(self, weights: Tensor, out: Tensor) -> None:
        """Turn the bands, gradients with respect to them but for weights (bands, M), into that to the maps, `out`."""
        for band, weight in zip(self.bands, weights[..., None, None], strict=True):
            band.mul_(weight)
        levels = zip(
            self.up_adjoint, self.down_adjoint, self.lows[1:], self.halves, self.lows, self.bands, strict=False
        )
        for up_adjoint, down_adjoint, lower, half, low, band in reversed(list(levels)):
            up_adjoint()
            lower.sub_(half)
            down_adjoint()
            torch.add(low, band, out=out if low is self.lows[0] else low)

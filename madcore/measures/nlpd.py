"""The normalized Laplacian pyramid distance (Laparra, Ballé, Berardino & Simoncelli 2016)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from madcore.errors import InputError
from madcore.measures.analytic import Measure, Prepared, check_images
from madcore.measures.fastest import fastest_band, fastest_resampling
from madcore.measures.filtering import planes_at_once
from madcore.measures.normalization import BandSpace, NormalizedBand, normalize
from madcore.measures.pyramid import doubling, halving

__all__ = ["Nlpd", "nlpd"]

# Semi-saturation and weights of the neighbours in each band, from the finest to the coarsest: offsets (row, column) and
# weights fitted by the authors to photographs.
BANDS: tuple[tuple[float, dict[tuple[int, int], float]], ...] = (
    (0.0248, {(-1, 0): 0.1011, (0, -1): 0.1493, (0, 1): 0.1460, (0, 2): 0.0072, (1, 0): 0.1015}),
    (0.0185, {(-1, 0): 0.0757, (0, -1): 0.1986, (0, 1): 0.1846, (1, 0): 0.0837}),
    (0.0179, {(-1, 0): 0.0477, (0, -1): 0.2138, (0, 1): 0.2243, (1, 0): 0.0467}),
    (0.0191, {(0, -1): 0.2503, (0, 1): 0.2616}),
    (0.0220, {(0, -1): 0.2598, (0, 1): 0.2552}),
    (0.2782, {(0, -1): 0.2215, (0, 1): 0.0717}),
)
MIN_SIDE = 33
ROUNDING = 1e-7  # of the root at 0, for a finite gradient there


def nlpd(image: Tensor, mad_image: Tensor, *, data_range: float = 1.0) -> Tensor:
    """Compute the normalized Laplacian pyramid distance, averaged over channels.

    Both images are decomposed into six bands, each coefficient is divided by a constant plus its neighbours' magnitude,
    and the root mean square difference of each band is averaged over bands.

    Parameters
    ----------
    image, mad_image : Tensor
        Reference and compared images, (N, C, H, W), in a range `data_range` wide that begins at 0.
    data_range : float
        Width of the pixel range.

    Returns
    -------
    Tensor
        One value for each image, (N,), 0 for identical images.

    Raises
    ------
    InputError
        If an image has fewer than 33 pixels a side, or the images differ in shape or type.

    References
    ----------
    Laparra, Ballé, Berardino & Simoncelli (2016), doi:10.2352/ISSN.2470-1173.2016.16.HVEI-103.
    """
    return Nlpd(data_range)(image, mad_image)


@dataclass(frozen=True)
class Nlpd(Measure):
    """The options of `nlpd`; called, it computes the distance."""

    data_range: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a range that means nothing."""
        if not self.data_range > 0:
            raise InputError(f"nlpd needs data_range above 0; got {self.data_range}")

    def check(self, image: Tensor) -> None:
        """Raise InputError unless all six bands can be computed."""
        check_images("nlpd", image, MIN_SIDE)

    def prepare(self, image: Tensor) -> _PreparedNlpd:
        """Decompose the reference images once."""
        return _PreparedNlpd(self, image)

    def compose(self, image: Tensor, mad_image: Tensor) -> Tensor:
        """Compute the distances, (N,), by operations that autograd knows."""
        pairs = zip(self._bands(mad_image), self._bands(image), strict=True)
        squares = torch.stack([(ours - theirs).square().mean((2, 3)) for ours, theirs in pairs])
        return _root(squares).mean((0, 2))

    def _bands(self, image: Tensor) -> list[Tensor]:
        low, bands = image / self.data_range, []
        for height, width in _sizes(image)[:-1]:
            half = halving(height).to(image) @ low @ halving(width).to(image).T
            bands.append(low - doubling(height).to(image) @ half @ doubling(width).to(image).T)
            low = half
        return [normalize(band, *constants) for band, constants in zip([*bands, low], BANDS, strict=True)]


class _PreparedNlpd(Prepared):
    measure: Nlpd

    def __init__(self, measure: Nlpd, image: Tensor) -> None:
        super().__init__(measure, image)
        maps = self.image.flatten(0, 1)
        self.planes = planes_at_once(maps)
        self.pyramid = _Pyramid(maps[: self.planes])
        self.references = [self.pyramid.references(group / measure.data_range) for group in maps.split(self.planes)]

    def evaluate(self, mad_image: Tensor, *, gradient: bool) -> tuple[Tensor, Tensor]:
        values, slopes = [], torch.empty_like(mad_image, memory_format=torch.contiguous_format)
        split = [each.flatten(0, 1).split(self.planes) for each in (mad_image, self.image, slopes)]
        share = mad_image.shape[1] * self.measure.data_range
        for other, given, out, reference in zip(*split, self.references, strict=True):
            torch.sub(other, given, out=self.pyramid.lows[0])
            if self.measure.data_range != 1:
                self.pyramid.lows[0].div_(self.measure.data_range)
            self.pyramid.decompose()
            sums = torch.stack([band.compare(gradient=gradient) for band in reference])
            squares = sums / self.pyramid.counts
            values.append(_root(squares).mean(0))
            if gradient:
                weights = 1 / ((squares + ROUNDING**2).sqrt() * self.pyramid.counts * len(reference) * share)
                self.pyramid.pull_back(weights.to(out), out)
        return torch.cat(values).view(mad_image.shape[:2]).mean(1).to(mad_image.dtype), slopes


class _Pyramid:
    """The Laplacian pyramid of as many maps as these, (M, H, W), its adjoint, and the work space for both."""

    def __init__(self, maps: Tensor) -> None:
        sizes = _sizes(maps)
        self.counts = torch.tensor([[height * width] for height, width in sizes], device=maps.device).double()
        self.lows = [maps.new_empty(len(maps), *size) for size in sizes]
        # the last band is what remains
        self.bands = [*(torch.empty_like(low) for low in self.lows[:-1]), self.lows[-1]]
        self.spaces = [BandSpace(band, neighbours) for band, (_, neighbours) in zip(self.bands, BANDS, strict=True)]
        self.halves = [space.change for space in self.spaces[1:]]
        self.down, self.up, self.down_adjoint, self.up_adjoint = [], [], [], []
        levels = zip(self.lows[:-1], self.lows[1:], self.bands[:-1], self.halves, strict=True)
        for low, lower, band, half in levels:
            height, width = low.shape[-2:]
            between = maps.new_empty(len(maps), lower.shape[-2], width)
            down, up = ((make(height), make(width)) for make in (halving, doubling))
            self.down.append(fastest_resampling(*down, low, lower, between))
            self.up.append(fastest_resampling(*up, lower, band, between))
            self.up_adjoint.append(fastest_resampling(up[0].T, up[1].T, band, half, between))
            self.down_adjoint.append(fastest_resampling(down[0].T, down[1].T, lower, low, between))

    def references(self, maps: Tensor) -> list[NormalizedBand]:
        """Decompose reference maps."""
        self.lows[0].copy_(maps)
        self.decompose()
        given = zip(self.bands, BANDS, self.spaces, strict=True)
        return [fastest_band(band, constant, space) for band, (constant, _), space in given]

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


def _root(squares: Tensor) -> Tensor:
    """Return the root, smooth at 0 and 0 there, without cancellation."""
    return squares / ((squares + ROUNDING**2).sqrt() + ROUNDING)


def _sizes(image: Tensor) -> list[tuple[int, int]]:
    """Return height and width of each band."""
    sizes = [(image.shape[-2], image.shape[-1])]
    for _ in BANDS[1:]:
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    return sizes

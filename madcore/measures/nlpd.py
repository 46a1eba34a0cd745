"""The normalized Laplacian pyramid distance (Laparra, Ballé, Berardino & Simoncelli 2016)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from madcore.errors import InputError
from madcore.measures.analytic import Measure, Prepared, check_images
from madcore.measures.normalization import NormalizedBand, normalize
from madcore.measures.pyramid import Resampling, doubling, halving

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
        self.planes = len(maps) if maps.is_cuda else 1
        self.pyramid = _Pyramid(maps[: self.planes])
        self.references = []
        for group in maps.split(self.planes):
            bands = self.pyramid.decompose(group / measure.data_range)
            given = zip(bands, BANDS, self.pyramid.work, strict=True)
            self.references.append([NormalizedBand(band.clone(), *constants, work) for band, constants, work in given])

    def evaluate(self, mad_image: Tensor, *, gradient: bool) -> tuple[Tensor, Tensor]:
        values, slopes = [], torch.empty_like(mad_image, memory_format=torch.contiguous_format)
        maps = zip(mad_image.flatten(0, 1).split(self.planes), self.image.flatten(0, 1).split(self.planes), strict=True)
        outs = slopes.flatten(0, 1).split(self.planes)
        for (mad_map, map_), reference, out in zip(maps, self.references, outs, strict=True):
            difference = torch.sub(mad_map, map_, out=self.pyramid.lows[0]).div_(self.measure.data_range)
            bands = self.pyramid.decompose(difference)
            sums = [given.compare(band, gradient=gradient) for given, band in zip(reference, bands, strict=True)]
            counts = mad_image.new_tensor([[band[0].numel()] for band in bands], dtype=torch.float64)
            squares = torch.stack(sums) / counts
            values.append(_root(squares).mean(0))
            if gradient:
                share = len(bands) * mad_image.shape[1] * self.measure.data_range
                weights = 1 / ((squares + ROUNDING**2).sqrt() * counts * share)
                for band, weight in zip(bands, weights.to(mad_image), strict=True):
                    band.mul_(weight[:, None, None])
                self.pyramid.pull_back(bands, out)
        return torch.cat(values).view(mad_image.shape[:2]).mean(1).to(mad_image.dtype), slopes


class _Pyramid:
    """The Laplacian pyramid of maps like these, (M, H, W), its adjoint, and the work space for both."""

    def __init__(self, maps: Tensor) -> None:
        sizes = _sizes(maps)
        self.lows, self.bands = ([maps.new_empty(len(maps), *size) for size in sizes] for _ in range(2))
        self.work = [maps.new_empty(3, len(maps), *size) for size in sizes]
        self.down, self.up, self.down_adjoint, self.up_adjoint = [], [], [], []
        for height, width in sizes[:-1]:
            down, up = ((make(height), make(width)) for make in (halving, doubling))
            self.down.append(Resampling.create(*down, maps))
            self.up.append(Resampling.create(*up, maps))
            self.down_adjoint.append(Resampling.create(down[0].T, down[1].T, maps))
            self.up_adjoint.append(Resampling.create(up[0].T, up[1].T, maps))

    def decompose(self, maps: Tensor) -> list[Tensor]:
        """Compute the bands of `maps`, from the finest to the coarsest, in the work space."""
        low, bands, lows = maps, self.bands, self.lows
        for down, up, half, band in zip(self.down, self.up, lows[1:], bands[:-1], strict=True):
            up(down(low, half), band)
            torch.sub(low, band, out=band)
            low = half
        bands[-1].copy_(low)
        return bands

    def pull_back(self, bands: list[Tensor], out: Tensor) -> None:
        """Turn gradients with respect to the bands into the one with respect to the maps, `out`."""
        slope = bands[-1]
        halves = [work[0] for work in self.work[1:]]
        steps = zip(self.down_adjoint, self.up_adjoint, bands[:-1], [out, *self.lows[1:-1]], halves, strict=True)
        for down_adjoint, up_adjoint, band, low, half in reversed(list(steps)):
            slope.sub_(up_adjoint(band, half))
            slope = down_adjoint(slope, low).add_(band)


def _root(squares: Tensor) -> Tensor:
    """Return the root, smooth at 0 and 0 there, without cancellation."""
    return squares / ((squares + ROUNDING**2).sqrt() + ROUNDING)


def _sizes(image: Tensor) -> list[tuple[int, int]]:
    """Return height and width of each band."""
    sizes = [(image.shape[-2], image.shape[-1])]
    for _ in BANDS[1:]:
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    return sizes

"""The normalized Laplacian pyramid distance (Laparra, Ballé, Berardino & Simoncelli 2016)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from madcore.errors import InputError
from madcore.measures.analytic import Measure, Prepared, check_images
from madcore.measures.fastest import fastest_pyramid
from madcore.measures.normalization import Band, normalize, smooth_root
from madcore.measures.pyramid import doubling, halving, level_sizes

__all__ = ["Nlpd", "nlpd"]

# Semi-saturation and weights of the neighbours in each band, from the finest to the coarsest: offsets (row, column) and
# weights fitted by the authors to photographs.
BANDS: tuple[Band, ...] = (
    (0.0248, {(-1, 0): 0.1011, (0, -1): 0.1493, (0, 1): 0.1460, (0, 2): 0.0072, (1, 0): 0.1015}),
    (0.0185, {(-1, 0): 0.0757, (0, -1): 0.1986, (0, 1): 0.1846, (1, 0): 0.0837}),
    (0.0179, {(-1, 0): 0.0477, (0, -1): 0.2138, (0, 1): 0.2243, (1, 0): 0.0467}),
    (0.0191, {(0, -1): 0.2503, (0, 1): 0.2616}),
    (0.0220, {(0, -1): 0.2598, (0, 1): 0.2552}),
    (0.2782, {(0, -1): 0.2215, (0, 1): 0.0717}),
)
MIN_SIDE = 33


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
        return smooth_root(squares).mean((0, 2))

    def _bands(self, image: Tensor) -> list[Tensor]:
        low, bands = image / self.data_range, []
        for height, width in level_sizes(image, len(BANDS))[:-1]:
            half = halving(height).to(image) @ low @ halving(width).to(image).T
            bands.append(low - doubling(height).to(image) @ half @ doubling(width).to(image).T)
            low = half
        return [normalize(band, *constants) for band, constants in zip([*bands, low], BANDS, strict=True)]


class _PreparedNlpd(Prepared):
    measure: Nlpd

    def __init__(self, measure: Nlpd, image: Tensor) -> None:
        super().__init__(measure, image)
        maps, share = self.image.flatten(0, 1), 1 / (image.shape[1] * measure.data_range)
        self.pyramid = fastest_pyramid(maps / measure.data_range, BANDS, share)
        self.difference = torch.empty_like(maps, memory_format=torch.contiguous_format)

    def evaluate(self, mad_image: Tensor, *, gradient: bool) -> tuple[Tensor, Tensor]:
        difference = torch.sub(mad_image.flatten(0, 1), self.image.flatten(0, 1), out=self.difference)
        if self.measure.data_range != 1:
            difference.div_(self.measure.data_range)
        values, slopes = self.pyramid.compare(difference, gradient=gradient)
        values = values.view(mad_image.shape[:2]).mean(1).to(mad_image.dtype)
        return values, slopes.unflatten(0, mad_image.shape[:2]) if gradient else slopes

"""The normalized Laplacian pyramid distance (Laparra, Ballé, Berardino & Simoncelli 2016)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from madcore.errors import InputError

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
BINOMIAL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
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
        If an image has fewer than 33 pixels a side.

    References
    ----------
    Laparra, Ballé, Berardino & Simoncelli (2016), doi:10.2352/ISSN.2470-1173.2016.16.HVEI-103.
    """
    return Nlpd(data_range)(image, mad_image)


@dataclass(frozen=True)
class Nlpd:
    """The options of `nlpd`; called, it computes the distance."""

    data_range: float = 1.0

    def __call__(self, image: Tensor, mad_image: Tensor) -> Tensor:
        """Compute the distances, (N,), of images (N, C, H, W)."""
        pyramid = self._pyramid(image)
        return pyramid.distance(pyramid.bands(image), mad_image)

    def prepare(self, image: Tensor) -> _PreparedNlpd:
        """Decompose the reference images once."""
        pyramid = self._pyramid(image)
        with torch.no_grad():
            return _PreparedNlpd(pyramid, pyramid.bands(image.detach()))

    def _pyramid(self, image: Tensor) -> _Pyramid:
        if image.ndim != 4 or min(image.shape[-2:]) < MIN_SIDE:
            raise InputError(
                f"nlpd needs images (N, C, H, W) of at least {MIN_SIDE} pixels a side; got {tuple(image.shape)}"
            )
        height, width = image.shape[-2:]
        levels = []
        for _ in BANDS[1:]:
            levels.append(
                (_down(height).to(image), _up(height).to(image), _down(width).to(image), _up(width).to(image))
            )
            height, width = (height + 1) // 2, (width + 1) // 2
        return _Pyramid(tuple(levels), self.data_range)


@dataclass(frozen=True)
class _PreparedNlpd:
    pyramid: _Pyramid
    bands: list[Tensor]

    def __call__(self, mad_image: Tensor) -> Tensor:
        return self.pyramid.distance(self.bands, mad_image)


@dataclass(frozen=True)
class _Pyramid:
    """Matrices of the blurs down and up, for rows and columns, at each of the levels."""

    levels: tuple[tuple[Tensor, Tensor, Tensor, Tensor], ...]
    data_range: float

    def bands(self, image: Tensor) -> list[Tensor]:
        """Decompose images (N, C, H, W) into normalized bands."""
        low, laplacian = image / self.data_range, []
        for down_rows, up_rows, down_columns, up_columns in self.levels:
            lower = down_rows @ low @ down_columns.T
            laplacian.append(low - up_rows @ lower @ up_columns.T)
            low = lower
        laplacian.append(low)
        return [_normalized(band, *constants) for band, constants in zip(laplacian, BANDS, strict=True)]

    def distance(self, reference: list[Tensor], mad_image: Tensor) -> Tensor:
        """Compute the distances, (N,), from the reference's bands."""
        squares = [
            (ours - theirs).square().mean((2, 3)) for ours, theirs in zip(self.bands(mad_image), reference, strict=True)
        ]
        roots = (torch.stack(squares) + ROUNDING**2).sqrt() - ROUNDING
        return roots.mean(0).mean(1)


def _normalized(band: Tensor, constant: float, neighbours: dict[tuple[int, int], float]) -> Tensor:
    padded = torch.nn.functional.pad(band.abs(), (2, 2, 2, 2))
    height, width = band.shape[-2:]
    pool = torch.full_like(band, constant)
    for (row, column), weight in neighbours.items():
        pool = pool + weight * padded[..., 2 + row : 2 + row + height, 2 + column : 2 + column + width]
    return band / pool


def _down(side: int) -> Tensor:
    """Blur by the binomial filter, the line mirrored at its ends, and keep every second pixel."""
    matrix = torch.zeros((side + 1) // 2, side, dtype=torch.float64)
    for row in range(len(matrix)):
        for offset, weight in zip(range(-2, 3), BINOMIAL, strict=True):
            matrix[row, _mirrored(2 * row + offset, side)] += weight
    return matrix


def _up(side: int) -> Tensor:
    """Put zeros between the pixels of the smaller line, mirrored at its ends, and blur by twice the binomial filter."""
    smaller = (side + 1) // 2
    matrix = torch.zeros(side, smaller, dtype=torch.float64)
    for row in range(side):
        for offset, weight in zip(range(-2, 3), BINOMIAL, strict=True):
            if (row + offset) % 2 == 0:
                matrix[row, _mirrored((row + offset) // 2, smaller)] += 2 * weight
    return matrix


def _mirrored(position: int, side: int) -> int:
    position = abs(position)
    return 2 * (side - 1) - position if position >= side else position

"""Multi-scale structural similarity as a distance, 1 - MS-SSIM (Wang, Simoncelli & Bovik 2003)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from madcore.errors import InputError
from madcore.measures.analytic import Measure, Prepared, check_images
from madcore.measures.averaging import Averaging
from madcore.measures.fastest import fastest_averaging, fastest_structure
from madcore.measures.filtering import gaussian_window
from madcore.measures.structure import dissimilarity

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
class MsSsim(Measure):
    """The options of `ms_ssim`; called, it computes the distance."""

    scale_weights: tuple[float, ...] = SCALE_WEIGHTS
    size: int = 11
    sigma: float = 1.5
    k1: float = 0.01
    k2: float = 0.03
    data_range: float = 1.0

    def __post_init__(self) -> None:
        """Refuse options that mean nothing."""
        if not self.scale_weights or min(self.scale_weights) < 0:
            raise InputError(f"ms_ssim needs scale_weights of 0 or more, one a scale; got {self.scale_weights}")
        for name in ("size", "sigma", "k1", "k2", "data_range"):
            if not getattr(self, name) > 0:
                raise InputError(f"ms_ssim needs {name} above 0; got {getattr(self, name)}")

    @property
    def min_side(self) -> int:
        """Smallest height and width in pixels."""
        return (self.size - 1) * 2 ** (len(self.scale_weights) - 1) + 1

    def check(self, image: Tensor) -> None:
        """Raise InputError unless the window fits into the coarsest scale."""
        check_images(f"ms_ssim with {len(self.scale_weights)} scales", image, self.min_side)

    def prepare(self, image: Tensor) -> _PreparedMsSsim:
        """Compute the reference images' local statistics at every scale once."""
        return _PreparedMsSsim(self, image)

    def compose(self, image: Tensor, mad_image: Tensor) -> Tensor:
        """Compute the distances, (N,), by operations that autograd knows."""
        pair, missing = (image.flatten(0, 1), mad_image.flatten(0, 1)), []
        for left in reversed(range(len(self.scale_weights))):
            missing.append(dissimilarity(*pair, self.taps, *self.constants, luminance=not left))
            pair = Averaging().halve(pair[0]), Averaging().halve(pair[1])
        weights = torch.tensor(self.scale_weights, dtype=torch.float64, device=image.device)
        distances = -torch.expm1(weights @ _log_floored(torch.stack(missing).double())[0])
        return distances.view(image.shape[:2]).mean(1).to(image.dtype)

    @property
    def taps(self) -> Tensor:
        """The window along a line."""
        return gaussian_window(self.size, self.sigma)

    @property
    def constants(self) -> tuple[float, float]:
        """C1 and C2."""
        return (self.k1 * self.data_range) ** 2, (self.k2 * self.data_range) ** 2


class _PreparedMsSsim(Prepared):
    measure: MsSsim

    def __init__(self, measure: MsSsim, image: Tensor) -> None:
        super().__init__(measure, image)
        maps, self.scales = self.image.flatten(0, 1), []
        self.averaging = fastest_averaging(maps)
        for _ in measure.scale_weights:
            self.scales.append(fastest_structure(maps, measure.taps, *measure.constants))
            maps = self.averaging.halve(maps)
        self.weights = torch.tensor(measure.scale_weights, dtype=torch.float64, device=image.device)
        self.differences = [torch.empty_like(scale.image) for scale in self.scales]

    def evaluate(self, mad_image: Tensor, *, gradient: bool) -> tuple[Tensor, Tensor]:
        torch.sub(mad_image.flatten(0, 1), self.scales[0].image, out=self.differences[0])
        for fine, coarse in pairwise(self.differences):
            self.averaging.halve(fine, out=coarse)
        missing, slopes = [], []
        for scale, difference in zip(self.scales, self.differences, strict=True):
            values, slope = scale.compare(difference, luminance=scale is self.scales[-1], gradient=gradient)
            missing.append(values)
            slopes.append(slope)
        logarithms, derivatives = _log_floored(torch.stack(missing).double())
        distances = -torch.expm1(self.weights @ logarithms)
        values = distances.view(mad_image.shape[:2]).mean(1).to(mad_image.dtype)
        if not gradient:
            return values, slopes[0]
        factors = (distances - 1) * self.weights[:, None] * derivatives / mad_image.shape[1]
        finer, last = factors.to(mad_image.dtype).split([len(slopes) - 1, 1])
        slopes[-1].mul_(last[0, :, None, None])
        for (coarse, fine), factor in zip(pairwise(reversed(slopes)), finer.flip(0), strict=True):
            self.averaging.pull_back(coarse, fine, factor)
        return values, slopes[0].unflatten(0, mad_image.shape[:2])


def _log_floored(missing: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logarithm of the floored term c = 1 - missing, and its derivative with respect to `missing`.

    The floored term, (c + r) / 2 with r = sqrt(c^2 + e^2), divided by its value at 1, has the logarithm
    asinh(c / e) - asinh(1 / e), here written such that nothing cancels at either end.
    """
    term = 1 - missing
    root = (term.square() + FLOOR**2).sqrt()
    scaled = term * (1 + FLOOR**2) ** 0.5
    positive = missing * (2 - missing) / (scaled.clamp_min(0) + root)
    return -torch.asinh(torch.where(term > 0, positive, (root - scaled) / FLOOR**2)), -1 / root

"""Total variation: the mean length of a picture's gradient, with a rounded tip so that it is smooth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor
from torch.nn.functional import pad

from madcore import InputError

__all__ = ["TotalVariation"]


@dataclass(frozen=True)
class TotalVariation:
    """Mean over pixels and channels of the length of the gradient, forward differences, 0 beyond the edge.

    Parameters
    ----------
    form : {"isotropic", "anisotropic"}
        Length of the gradient, the root of the sum of both squared differences; or the sum of their magnitudes.
    epsilon : float
        Every length v is sqrt(v^2 + epsilon^2) - epsilon, in units of the pixel range; 0 leaves the kink.
    """

    form: Literal["isotropic", "anisotropic"] = "isotropic"
    epsilon: float = 0.001

    def __post_init__(self) -> None:
        """Refuse an epsilon below 0."""
        if self.epsilon < 0:
            raise InputError(f"epsilon of total_variation must be 0 or more; got {self.epsilon:g}")

    def __call__(self, mad_image: Tensor) -> Tensor:
        """Compute the total variation, (N,), of pictures (N, C, H, W); 0 for flat ones."""
        rows = pad(mad_image.diff(dim=-2), (0, 0, 0, 1)).square()
        columns = pad(mad_image.diff(dim=-1), (0, 1)).square()
        squares = [rows + columns] if self.form == "isotropic" else [rows, columns]
        return sum(self._lengths(each).flatten(1).mean(1) for each in squares)  # type: ignore[return-value]

    def _lengths(self, squares: Tensor) -> Tensor:
        if self.epsilon == 0:
            # The root's slope is infinite at 0; where nothing changes it is to count 0.
            changed = squares > 0
            return squares.where(changed, 1.0).sqrt().where(changed, 0.0)
        # The same as sqrt(squares + epsilon^2) - epsilon, without its rounding near 0.
        return squares / ((squares + self.epsilon**2).sqrt() + self.epsilon)

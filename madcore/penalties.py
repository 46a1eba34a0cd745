"""Penalties: properties of an image that should stay small while it is synthesised, one value for each image.

A penalty is a plain function (N, C, H, W) -> (N,).  One that compares with the reference image has ``prepare(image)``,
which returns the function for that reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from madcore.blame import blamed_on
from madcore.errors import ContractError, InputError

__all__ = ["Penalty", "no_penalty", "penalize_range", "total_variation"]


@dataclass(frozen=True)
class Penalty:
    """A named penalty that keeps its contract: one value for each image.

    Parameters
    ----------
    function : callable
        Takes images (N, C, H, W), returns (N,).  May have ``prepare(image)``.
    name : str, optional
        Name for messages and records; by default that of `function`.
    identity : mapping
        What decides the values: full name, options, revision.  Goes into records.
    """

    function: Callable[[Tensor], Tensor]
    name: str = ""
    identity: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Give the penalty the name of its function where none was given."""
        if not callable(self.function):
            raise InputError(
                f"a penalty must be a name, a Penalty or a callable of one image batch, not {self.function!r}"
            )
        if not self.name:
            object.__setattr__(self, "name", getattr(self.function, "__name__", type(self.function).__name__))
        if not self.identity:
            object.__setattr__(self, "identity", {"penalty": self.name})

    def __call__(self, mad_image: Tensor) -> Tensor:
        """Compute the penalties, (N,), of images (N, C, H, W).

        Raises
        ------
        ContractError
            If it raises, or there is not one value for each image.
        """
        with blamed_on(f"penalty {self.name}", self.function, mad_image):
            values = self.function(mad_image)
        if not isinstance(values, Tensor):
            raise ContractError(f"penalty {self.name} must return a tensor; it returned {type(values).__name__}")
        if values.shape != (len(mad_image),):
            if len(mad_image) != 1 or values.numel() != 1:
                raise ContractError(
                    f"penalty {self.name} must return one value for each image, shape ({len(mad_image)},); "
                    f"it returned {tuple(values.shape)}"
                )
            values = values.reshape(1)
        return values

    def prepare(self, image: Tensor) -> Penalty:
        """Return the penalty with the reference images (N, C, H, W) fixed."""
        prepare = getattr(self.function, "prepare", None)
        if prepare is None:
            return self
        with blamed_on(f"penalty {self.name}", self.function, image):
            return Penalty(prepare(image), self.name, self.identity)


def penalize_range(mad_image: Tensor, *, allowed_range: tuple[float, float] = (0.0, 1.0)) -> Tensor:
    """Sum the squared distances of the pixels from the allowed range.

    Parameters
    ----------
    mad_image : Tensor
        Images (N, ...).
    allowed_range : tuple of float
        Smallest and largest value that cost nothing.

    Returns
    -------
    Tensor
        One value for each image, (N,); 0 if every pixel is inside.
    """
    outside = mad_image - mad_image.clamp(*allowed_range)
    return outside.square().reshape(len(mad_image), -1).sum(1)


def total_variation(mad_image: Tensor) -> Tensor:
    """Compute the anisotropic total variation: the mean absolute difference of neighbouring pixels.

    Parameters
    ----------
    mad_image : Tensor
        Images (N, C, H, W).

    Returns
    -------
    Tensor
        One value for each image, (N,), in units of the pixel range; 0 for a flat image.

    References
    ----------
    Rudin, Osher & Fatemi (1992), doi:10.1016/0167-2789(92)90242-F; here in its anisotropic (L1) form.
    """
    rows = mad_image.diff(dim=-2).abs().flatten(1).sum(1)
    columns = mad_image.diff(dim=-1).abs().flatten(1).sum(1)
    return (rows + columns) / mad_image[0].numel()


def no_penalty(mad_image: Tensor) -> Tensor:
    """Return zero for each image, (N,)."""
    return mad_image.new_zeros(len(mad_image))

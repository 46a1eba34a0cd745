"""Arrays to images: which axis is which, what the numbers mean, and whether they can be an image at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from madcore.errors import InputError

__all__ = ["LAYOUTS", "arrange"]

LAYOUTS = ("HW", "HWC", "CHW", "NHWC", "NCHW")
CHANNELS = (1, 2, 3, 4)  # grey, grey and alpha, colour, colour and alpha


def arrange(array: NDArray[Any], name: str, layout: str | None = None) -> Tensor:
    """Turn an array into an image.

    Parameters
    ----------
    array : ndarray
        Samples: unsigned integers (divided by the largest of their type), booleans, or floats in [0, 1].
    name : str
        Of the picture, for messages.
    layout : str, optional
        One of `LAYOUTS`; None finds out from the shape.

    Returns
    -------
    Tensor
        The image (1, C, H, W), C = 1 or 3, float64 in [0, 1].

    Raises
    ------
    InputError
        If the layout is unclear or wrong, or the numbers are not finite or outside the range, or the picture is not
        opaque.
    """
    scaled = torch.from_numpy(np.ascontiguousarray(_scale(array, name)))
    return _opaque(_axes(scaled, layout or _guess_layout(array.shape, name), name), name)


def _scale(array: NDArray[Any], name: str) -> NDArray[np.float64]:
    if array.dtype == bool:
        return array.astype(np.float64)
    if array.dtype.kind == "u":
        return array.astype(np.float64) / np.iinfo(array.dtype).max
    if array.dtype.kind != "f":
        raise InputError(
            f"{name} holds {array.dtype} numbers; allowed are unsigned integers and floats in [0, 1]: convert it"
        )
    if not np.isfinite(array).all():
        count = int((~np.isfinite(array)).sum())
        samples = "sample is" if count == 1 else "samples are"
        raise InputError(f"{name}: {count} {samples} NaN or infinite; allowed are numbers in [0, 1]")
    if array.size and (array.min() < 0 or array.max() > 1):
        raise InputError(
            f"{name} has pixel values from {array.min():g} to {array.max():g}; allowed are floats in [0, 1]: "
            "divide by the range or clip them"
        )
    return array.astype(np.float64)


def _guess_layout(shape: tuple[int, ...], name: str) -> str:
    layouts = [layout for layout in LAYOUTS if len(layout) == len(shape) and _channels(shape, layout) in CHANNELS]
    if len(layouts) > 1:
        raise InputError(
            f"{name} of shape {shape} may be {layouts[0]} or {layouts[1]}; say which with --layout (layout=)"
        )
    if not layouts:
        raise InputError(
            f"{name} has shape {shape}; allowed are (H, W), (H, W, C), (C, H, W) and (1, C, H, W), C 1 or 3"
        )
    return layouts[0]


def _channels(shape: tuple[int, ...], layout: str) -> int:
    return shape[layout.index("C")] if "C" in layout else 1


def _axes(array: Tensor, layout: str, name: str) -> Tensor:
    shape = tuple(array.shape)
    if layout not in LAYOUTS:
        raise InputError(f"layout {layout!r} does not exist; allowed are {', '.join(LAYOUTS)}")
    if len(shape) != len(layout):
        raise InputError(f"{name} has shape {shape}, which is not {layout}; give the layout that it has")
    image = array if "N" in layout else array[None]
    image = image[:, None] if layout == "HW" else image
    image = image.movedim(-1, 1) if layout.endswith("HWC") else image
    if len(image) != 1:
        raise InputError(f"{name} holds {len(image)} images; give one: save them as separate files")
    if image.shape[1] not in CHANNELS or not image.numel():
        raise InputError(
            f"{name} has {image.shape[2]} x {image.shape[3]} pixels of {image.shape[1]} channels; "
            "allowed are at least 1 x 1 of 1 or 3"
        )
    return image.contiguous()


def _opaque(image: Tensor, name: str) -> Tensor:
    if image.shape[1] in (1, 3):
        return image
    if not bool((image[:, -1] == 1).all()):
        raise InputError(
            f"{name} has an alpha channel, the last of {image.shape[1]}, with transparent pixels; "
            "put it on a background first, or save it without that channel"
        )
    return image[:, :-1].contiguous()

"""A picture by its file name or built-in name, as the tensor that metrics take."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

import torch
from torch import Tensor

from madcore.errors import InputError
from madcore.images.decoding import ARRAY_SUFFIXES, decode_file, decode_picture
from madcore.images.geometry import crop_image, resize_image, to_gray
from madcore.images.layout import arrange
from madcore.images.references import draw_reference
from madcore.pictures import DEAD_LEAVES, PHOTOGRAPHS, Window, photograph_path

__all__ = ["decode_image", "read_image"]


def read_image(
    source: str | os.PathLike[str],
    *,
    size: int | tuple[int, int] | None = None,
    crop: int | tuple[int, int] | Window | None = None,
    gray: bool = False,
    layout: str | None = None,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Read one picture.

    Parameters
    ----------
    source : str or path
        A file: PNG, JPEG, TIFF, BMP, GIF or WebP, or an array in .npy, .pt or .safetensors
        (``file.safetensors:name`` for one of several tensors).  Or a built-in picture: ``camera``, ``astronaut`` and
        others that scikit-image ships, ``dead_leaves`` and ``dead_leaves_color``, with a seed as in ``dead_leaves:7``.
        A file whose name is that of a built-in picture is written ``./camera``.
    size : int or tuple of int, optional
        Resize: length of the shorter side, or height and width.  Before `crop`.
    crop : int or tuple of int, optional
        Cut out: side, (height, width) in the middle, or (height, width, top, left).
    gray : bool
        Reduce colour to the luma of ITU-R BT.601.
    layout : str, optional
        Axes of an array file, "HW", "HWC", "CHW", "NHWC" or "NCHW", where its shape leaves it open.
    dtype : torch.dtype
        Of the result.

    Returns
    -------
    Tensor
        The image (1, C, H, W), C = 1 or 3, in [0, 1].

    Raises
    ------
    InputError
        If there is no such picture or it cannot be used as it is.

    Notes
    -----
    Unsigned integers are divided by the largest of their type.  Palettes become colours, CMYK becomes RGB by Pillow's
    formula, EXIF orientation is obeyed, colour profiles and gamma are ignored.  An alpha channel is dropped if every
    pixel is opaque and is an error if not.

    Examples
    --------
    >>> read_image("dead_leaves:7", size=64).shape
    torch.Size([1, 1, 64, 64])
    """
    image = _read(os.fspath(source), layout)
    if gray:
        image = to_gray(image)
    if size is not None:
        image = resize_image(image, size)
    if crop is not None:
        image = crop_image(image, crop)
    return image.to(dtype)


def decode_image(content: bytes, name: str = "picture") -> Tensor:
    """Return the image, (1, C, H, W) and float64 in [0, 1], that a picture file of this content holds."""
    array = decode_picture(content, name)
    return arrange(array, name, "HW" if array.ndim == 2 else "HWC")


def _read(source: str, layout: str | None) -> Tensor:
    name, _, detail = source.partition(":")
    if not source or detail.startswith("//"):
        raise InputError(f"{source!r} is no picture: give a file of this machine or the name of a built-in picture")
    if name in DEAD_LEAVES:
        return draw_reference(name, detail).double()
    if source in PHOTOGRAPHS:
        return decode_image(photograph_path(source).read_bytes(), source)
    path, entry = _split_entry(source)
    if not path.exists() and path.name == source and not path.suffix:
        _reject_unknown(source)
    array, is_picture = decode_file(path, entry)
    return arrange(array, source, ("HW" if array.ndim == 2 else "HWC") if is_picture else layout)


def _split_entry(source: str) -> tuple[Path, str]:
    name, _, entry = source.rpartition(":")
    if not Path(source).exists() and name.lower().endswith(ARRAY_SUFFIXES):
        return Path(name), entry
    return Path(source), ""


def _reject_unknown(source: str) -> None:
    names = [*DEAD_LEAVES, *PHOTOGRAPHS]
    near = difflib.get_close_matches(source, names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"built-in are {', '.join(names)}"
    raise InputError(f"there is neither a file nor a built-in picture {source!r}; {hint}")

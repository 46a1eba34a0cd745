"""Size, window and colour of an image."""

from __future__ import annotations

import operator

import torch
from torch import Tensor

from madcore.errors import InputError, is_exhaustion
from madcore.pictures import Window

__all__ = ["crop_image", "resize_image", "to_gray"]

LUMA = (0.299, 0.587, 0.114)


def resize_image(image: Tensor, size: int | tuple[int, int]) -> Tensor:
    """Resize by antialiased bicubic interpolation, clamped to [0, 1].

    Parameters
    ----------
    image : Tensor
        Images (N, C, H, W) in [0, 1].
    size : int or tuple of int
        New length of the shorter side, the aspect ratio kept; or new height and width.
    """
    height, width = image.shape[-2:]
    wanted = _lengths("size", size, "the shorter side, or (height, width)", (1, 2))
    if len(wanted) == 1:
        scale = wanted[0] / min(height, width)
        wanted = (round(height * scale), round(width * scale))
    if min(wanted) < 1:
        raise InputError(f"size must be at least 1 pixel; got {wanted[0]} x {wanted[1]}")
    if wanted == (height, width):
        return image
    try:
        return torch.nn.functional.interpolate(image, wanted, mode="bicubic", antialias=True).clamp(0, 1)
    except RuntimeError as error:
        if not is_exhaustion(error):
            raise
        raise InputError(f"size {wanted[0]} x {wanted[1]} does not fit into memory; make it smaller") from error


def crop_image(image: Tensor, window: int | tuple[int, int] | Window) -> Tensor:
    """Cut a window out of the image.

    Parameters
    ----------
    image : Tensor
        Images (N, C, H, W).
    window : int or tuple of int
        Side of a square; height and width; or height, width, top and left.  Without the last two, in the middle.

    Raises
    ------
    InputError
        If the window does not fit into the image.
    """
    given: object = window[:2] if isinstance(window, tuple) and window[2:] == (None, None) else window
    wanted = _lengths("crop", given, "the side, (height, width) or (height, width, top, left)", (1, 2, 4))
    height, width = (wanted * 2)[:2]
    rows, columns = image.shape[-2:]
    top, left = wanted[2:] or ((rows - height) // 2, (columns - width) // 2)
    if min(height, width) < 1 or min(top, left) < 0 or top + height > rows or left + width > columns:
        told = f"{height} x {width}" + (f" at {top}, {left}" if min(top, left) >= 0 else "")
        raise InputError(f"cannot crop {told} out of {rows} x {columns} pixels; make it smaller")
    return image[..., top : top + height, left : left + width].contiguous()


def _lengths(name: str, given: object, allowed: str, counts: tuple[int, ...]) -> tuple[int, ...]:
    """Return whole numbers as a tuple, or say what may be given."""
    try:
        lengths = tuple(operator.index(each) for each in (given if isinstance(given, tuple | list) else (given,)))
    except TypeError:
        lengths = ()
    if len(lengths) not in counts:
        raise InputError(f"{name} must be {allowed}, in whole pixels; got {given!r}")
    return lengths


def to_gray(image: Tensor) -> Tensor:
    """Return the luma of ITU-R BT.601, 0.299 R + 0.587 G + 0.114 B, of colour images; grey ones as they are."""
    if image.shape[1] == 1:
        return image
    return (image * image.new_tensor(LUMA)[:, None, None]).sum(1, keepdim=True).clamp(0, 1)

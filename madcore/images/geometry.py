"""Size, window and colour of an image."""

from __future__ import annotations

import torch
from torch import Tensor

from madcore.errors import InputError
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
    if isinstance(size, int):
        scale = size / min(height, width)
        size = (round(height * scale), round(width * scale))
    if min(size) < 1:
        raise InputError(f"size must be at least 1 pixel; got {size[0]} x {size[1]}")
    if size == (height, width):
        return image
    resized = torch.nn.functional.interpolate(image, size, mode="bicubic", antialias=True)
    return resized.clamp(0, 1)


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
    height, width, top, left = (window, window, None, None) if isinstance(window, int) else (*window, None, None)[:4]
    rows, columns = image.shape[-2:]
    top = (rows - height) // 2 if top is None else top
    left = (columns - width) // 2 if left is None else left
    if min(height, width) < 1 or min(top, left) < 0 or top + height > rows or left + width > columns:
        wanted = f"{height} x {width}" + (f" at {top}, {left}" if min(top, left) >= 0 else "")
        raise InputError(f"cannot crop {wanted} out of {rows} x {columns} pixels; make it smaller")
    return image[..., top : top + height, left : left + width].contiguous()


def to_gray(image: Tensor) -> Tensor:
    """Return the luma of ITU-R BT.601, 0.299 R + 0.587 G + 0.114 B, of colour images; grey ones as they are."""
    if image.shape[1] == 1:
        return image
    return (image * image.new_tensor(LUMA)[:, None, None]).sum(1, keepdim=True).clamp(0, 1)

"""Changes of a picture that some metric is known not to see, each of the same mean squared error."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["changes"]

SIZE = 0.05  # root mean square


def changes(image: Tensor) -> dict[str, Tensor]:
    """Change pictures (N, C, H, W) in ways that have names; each result is inside [0, 1] if `image` is in [0.2, 0.8].

    Colour is changed only where there are three channels.
    """
    rows = torch.arange(image.shape[-2], device=image.device)[:, None]
    columns = torch.arange(image.shape[-1], device=image.device)
    checkerboard = (1 - 2 * ((rows + columns) % 2)).to(image)
    ramp = torch.linspace(-1, 1, image.shape[-1], dtype=image.dtype, device=image.device)
    spot = torch.zeros_like(image)
    spot[..., image.shape[-2] // 2, image.shape[-1] // 2] = 1
    blurred = functional.avg_pool2d(functional.pad(image, (1, 1, 1, 1), mode="reflect"), 3, stride=1)
    directions = {
        "brightness": torch.ones_like(image),
        "contrast": image - image.mean((-2, -1), keepdim=True),
        "checkerboard": checkerboard.expand_as(image),
        "slow ramp": ramp.expand_as(image),
        "blur": blurred - image,
        "shift by a pixel": image.roll(1, -1) - image,
    }
    if image.shape[1] == 3:
        directions |= _colour_changes(image, checkerboard)
    changed = {name: _step(image, direction) for name, direction in directions.items()}
    return {**changed, "one pixel": (image + 0.15 * spot).clamp(0, 1)}


def _colour_changes(image: Tensor, checkerboard: Tensor) -> dict[str, Tensor]:
    """Change colour and not luma (ITU-R BT.601): everywhere, and as a fine pattern."""
    tint = image.new_tensor([1.0, -0.299 / 0.587, 0.0]).view(1, 3, 1, 1)
    return {"tint of equal luma": tint.expand_as(image), "colour pattern of equal luma": tint * checkerboard}


def _step(image: Tensor, direction: Tensor) -> Tensor:
    size = direction.square().mean((1, 2, 3), keepdim=True).sqrt().clamp_min(1e-12)
    return (image + SIZE * direction / size).clamp(0, 1)

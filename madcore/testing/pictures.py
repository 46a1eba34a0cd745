"""Pictures on which contracts are checked: made by formula, so that every machine has the same."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["add_noise", "standard_noise", "texture"]


def texture(count: int, channels: int, height: int, width: int) -> Tensor:
    """Draw `count` different pictures: waves, an edge and fine grain, no flat area, no saturated pixel.

    Returns
    -------
    Tensor
        (N, C, height, width), float64, in [0.1, 0.9].
    """
    rows = torch.arange(height, dtype=torch.float64)[:, None]
    columns = torch.arange(width, dtype=torch.float64)
    pictures = []
    for index in range(count):
        maps = []
        for channel in range(channels):
            phase = 0.9 * channel + 1.7 * index
            waves = torch.sin((0.35 + 0.1 * index) * rows + phase) * torch.cos(0.23 * columns + 0.01 * rows * columns)
            edge = (columns > width * (0.4 + 0.1 * index) + 0.3 * rows).double()
            maps.append(0.4 + 0.17 * waves + 0.16 * edge + 0.02 * channel)
        pictures.append(torch.stack(maps))
    stacked = torch.stack(pictures)
    return (stacked + 0.02 * standard_noise(stacked.shape, 99)).clamp(0.1, 0.9)


def standard_noise(shape: tuple[int, ...] | torch.Size, seed: int) -> Tensor:
    """Draw standard normal numbers, float64, without touching the global generator."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(tuple(shape), generator=generator, dtype=torch.float64)


def add_noise(image: Tensor, deviation: float, seed: int = 0) -> Tensor:
    """Add Gaussian noise and clamp to [0, 1]; of one seed the noise has one pattern at every strength."""
    return (image + deviation * standard_noise(image.shape, seed).to(image)).clamp(0, 1)

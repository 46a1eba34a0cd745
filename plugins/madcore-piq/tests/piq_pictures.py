"""Pictures for tests."""

import torch


def picture(side=48, channels=3, seed=0, count=1, dtype=torch.float64):
    """Smooth texture from 0.1 to 0.9."""
    generator = torch.Generator().manual_seed(seed)
    grid = torch.linspace(0, 9, side, dtype=dtype)
    phase = torch.rand(count, channels, 1, 1, generator=generator, dtype=dtype) * 6
    waves = torch.sin(grid[:, None] * 1.7 + phase) * torch.cos(grid * 2.3 - phase)
    return 0.5 + 0.3 * waves + 0.1 * (2 * torch.rand(waves.shape, generator=generator, dtype=dtype) - 1)


def noisy(image, deviation=0.05, seed=1):
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(seed), dtype=image.dtype)
    return (image + deviation * noise).clamp(0, 1)

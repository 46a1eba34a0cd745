"""Pictures that tests share: made by formula, so that no file is needed."""

import torch


def wave_picture(height=192, width=192, channels=3):
    """Smooth waves with an edge and a flat corner, in [0, 1], (1, C, H, W), float64."""
    rows = torch.arange(height, dtype=torch.float64)[:, None]
    columns = torch.arange(width, dtype=torch.float64)
    maps = []
    for channel in range(channels):
        waves = torch.sin(0.11 * rows + 0.3 * channel) * torch.cos(0.17 * columns + 0.002 * rows * columns)
        edge = (columns > width / 2 + 0.2 * rows).double()
        flat = ((rows < height / 5) & (columns < width / 5)).double()
        maps.append((0.5 + 0.25 * waves + 0.2 * edge) * (1 - flat) + 0.3 * flat)
    return torch.stack(maps).clamp(0, 1)[None]


def pair(height=192, width=192, channels=3, noise=0.05, seed=0):
    """The wave picture and a noisy copy, both in [0, 1]."""
    image = wave_picture(height, width, channels)
    generator = torch.Generator().manual_seed(seed)
    mad_image = image + noise * torch.randn(image.shape, generator=generator, dtype=torch.float64)
    return image, mad_image.clamp(0, 1)

"""Start images: where a run begins decides which of several basins it ends in.

The first is always the reference plus Gaussian noise.  The others are structured, after what extremal images of common
metrics look like; each is moved to the level before the run.
"""

from __future__ import annotations

import torch
from torch import Tensor

from madcore.problem import MADProblem

__all__ = ["START_NAMES", "noise_like", "start_images"]

START_NAMES = (
    "noise",
    "brighter",
    "darker",
    "fewest pixels",
    "equal steps",
    "negated noise",
    "more contrast",
    "less contrast",
    "blurred",
)


def noise_like(image: Tensor, seed: int) -> Tensor:
    """Draw standard normal noise, the same for every device, type and position in a batch.

    Parameters
    ----------
    image : Tensor
        Images (N, ...); each gets the same noise.
    seed : int
        Seed of the generator.
    """
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(image.shape[1:], generator=generator, dtype=torch.float64).to(image).expand_as(image)


def start_images(problem: MADProblem, first: Tensor, count: int, seed: int) -> list[Tensor]:
    """Return `count` start images, each (N, n): `first`, then the structured ones, then further noise.

    Each differs from the reference by about as much as `first` does, in the sum of squares; none is on the level yet.
    """
    reference = problem.reference
    size = (first - reference).square().mean(1, keepdim=True).sqrt()
    starts = [first]
    for name in START_NAMES[1:count]:
        starts.append(_structured(problem, name, first, size))
    for extra in range(len(starts), count):
        noise = noise_like(problem.image, seed + extra).flatten(1)
        starts.append(problem.clamp(reference + size * noise))
    return starts


def _structured(problem: MADProblem, name: str, first: Tensor, size: Tensor) -> Tensor:
    reference = problem.reference
    centred = reference - reference.mean(1, keepdim=True)
    direction = {
        "brighter": lambda: torch.ones_like(reference),
        "darker": lambda: -torch.ones_like(reference),
        "fewest pixels": lambda: _fewest_pixels(problem, size),
        "equal steps": lambda: _towards_farther_bound(problem).sign(),
        "negated noise": lambda: reference - first,
        "more contrast": lambda: centred,
        "less contrast": lambda: -centred,
        "blurred": lambda: _blurred(problem.image).flatten(1) - reference,
    }[name]()
    if name == "fewest pixels":
        return problem.clamp(reference + direction)
    scale = direction.square().mean(1, keepdim=True).sqrt()
    # a flat picture has no contrast and no blur: fall back on the first start
    usable = scale > 1e-6 * size
    step = size / scale.clamp_min(torch.finfo(scale.dtype).tiny) * direction
    return problem.clamp(torch.where(usable, reference + step, first))


def _towards_farther_bound(problem: MADProblem) -> Tensor:
    up, down = problem.high - problem.reference, problem.reference - problem.low
    return torch.where(up >= down, up, -down)


def _fewest_pixels(problem: MADProblem, size: Tensor) -> Tensor:
    """Move the pixels with most room wholly to their farther bound, as many as make up the wanted sum of squares."""
    room = _towards_farther_bound(problem).nan_to_num(posinf=0.0, neginf=0.0)
    ordered = room.abs().argsort(dim=1, descending=True, stable=True)
    total = room.gather(1, ordered).square().cumsum(1)
    taken = total - room.gather(1, ordered).square() <= size.square() * room.shape[1]
    return room * torch.zeros_like(room).scatter(1, ordered, taken.to(room.dtype))


def _blurred(image: Tensor) -> Tensor:
    if image.ndim != 4 or min(image.shape[-2:]) < 4:
        return image
    return torch.nn.functional.avg_pool2d(torch.nn.functional.pad(image, (2, 2, 2, 2), mode="reflect"), 5, stride=1)

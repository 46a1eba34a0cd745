"""Start images: where a run begins decides which of several basins it ends in.

The first is always the reference plus Gaussian noise.  The others are structured, after what extremal images of common
metrics look like; each is moved to the level before the run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real

import torch
from torch import Tensor

from madcore.errors import InputError, LevelError
from madcore.problem import MADProblem
from madcore.solvers.levels import held_error, move_along_ray, nearest_allowed, take_newton_steps

__all__ = ["START_NAMES", "Seed", "first_start", "noise_like", "put_on_level", "short", "start_images"]

Seed = int | Sequence[int]
DEFAULT_NOISE = 0.1  # as in plenoptic's class
FEWEST = "fewest pixels"
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


def noise_like(image: Tensor, seed: Seed) -> Tensor:
    """Draw standard normal noise, the same for every device, type and position in a batch.

    Parameters
    ----------
    image : Tensor
        Images (N, ...).
    seed : int or sequence of int
        Seed of the generator: one, and each image gets the same noise, or one for each image.

    Raises
    ------
    InputError
        If there are seeds, but not one for each image.
    """
    if isinstance(seed, int):
        generator = torch.Generator().manual_seed(seed)
        return torch.randn(image.shape[1:], generator=generator, dtype=torch.float64).to(image).expand_as(image)
    if isinstance(seed, str) or len(seed) != len(image):
        given = repr(seed) if isinstance(seed, str) else len(seed)
        raise InputError(f"seed must be one number or one for each of the {len(image)} images; got {given}")
    return torch.cat([noise_like(image[:1], each) for each in seed])


def start_images(problem: MADProblem, first: Tensor, level: Tensor | None, count: int, seed: Seed) -> list[Tensor]:
    """Return `count` start images, each (N, n): `first`, then the structured ones, then further noise.

    Each is inside the bounds and differs from the reference by about as much as `first` does; none need be on the
    level (N, k) yet.
    """
    size = (first - problem.reference).square().mean(1, keepdim=True).sqrt()
    starts = [first]
    for name in START_NAMES[1:count]:
        starts.append(
            _fewest_pixels(problem, level)
            if name == FEWEST and level is not None
            else _structured(problem, name, first, size)
        )
    for extra in range(len(starts), count):
        noise = noise_like(problem.image, _later(seed, extra)).flatten(1)
        starts.append(problem.bounds.clamp(problem.reference + size * noise))
    return starts


def _structured(problem: MADProblem, name: str, first: Tensor, size: Tensor) -> Tensor:
    reference = problem.reference
    centred = reference - reference.mean(1, keepdim=True)
    direction = {
        "brighter": lambda: torch.ones_like(reference),
        "darker": lambda: -torch.ones_like(reference),
        "equal steps": lambda: (problem.bounds.farther(reference) - reference).sign(),
        "negated noise": lambda: reference - first,
        "more contrast": lambda: centred,
        "less contrast": lambda: -centred,
        "blurred": lambda: _blurred(problem.image).flatten(1) - reference,
    }[name]()
    scale = direction.square().mean(1, keepdim=True).sqrt()
    # a flat picture has no contrast and no blur: fall back on the first start
    usable = scale > 1e-6 * size
    step = size / scale.clamp_min(torch.finfo(scale.dtype).tiny) * direction
    return problem.bounds.clamp(torch.where(usable, reference + step, first))


def _later(seed: Seed, extra: int) -> Seed:
    return seed + extra if isinstance(seed, int) else [each + extra for each in seed]


def _fewest_pixels(problem: MADProblem, level: Tensor) -> Tensor:
    """Move the pixels with most room wholly to their farther bound, just as many as reach the level.

    A corner of the box: from the noise start its pixels would have to pass the reference image's values.
    """
    far = problem.bounds.farther(problem.reference) - problem.reference
    far = torch.where(far.isfinite(), far, torch.zeros_like(far))
    rank = far.abs().argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    low, high = torch.zeros_like(level[:, 0]), torch.full_like(level[:, 0], float(far.shape[1]))
    for _ in range(math.ceil(math.log2(far.shape[1])) + 1):
        middle = ((low + high) / 2).ceil()
        held = problem.held_values(problem.bounds.clamp(problem.reference + far * (rank < middle[:, None])))
        enough = held[:, 0] >= level[:, 0]
        low, high = torch.where(enough, low, middle), torch.where(enough, middle, high)
    return problem.bounds.clamp(problem.reference + far * (rank < high[:, None]))


def _blurred(image: Tensor) -> Tensor:
    if image.ndim != 4 or min(image.shape[-2:]) < 4:
        return image
    return torch.nn.functional.avg_pool2d(torch.nn.functional.pad(image, (2, 2, 2, 2), mode="reflect"), 5, stride=1)


def put_on_level(
    problem: MADProblem, start: Tensor, levels: Tensor, tolerance: float, forgiving: bool
) -> tuple[Tensor, Tensor]:
    """Move start images to the levels; return them and which are not there, (N,).

    Of one held metric along the ray from the reference image, and where that ends before, along another, to the corner
    of the range; of several, and the mean luminance is one, by Newton steps first.

    Raises
    ------
    LevelError
        If no image got there and the caller is not `forgiving`.
    """
    precise = problem.precise
    dtype = precise.image.dtype
    wanted, point = levels.to(dtype), start.to(dtype)
    tolerance = 0.01 * tolerance if dtype == torch.float64 else tolerance
    several = levels.shape[1] - problem.holds_mean > 1
    moved, error = point, torch.full_like(wanted[:, 0], torch.inf)
    if levels.shape[1] > 1:
        moved, error = take_newton_steps(precise, precise, point, wanted, tolerance)
    for beginning in [] if several else [point, _corner(precise, point)]:
        if bool((error <= 1e-4).all()):
            break
        other = move_along_ray(precise, beginning, wanted, tolerance)
        found = held_error(precise, precise.held_values(other), wanted)
        nearer = ~(error <= 1e-4) & (found < error)
        moved, error = torch.where(nearer[:, None], other, moved), torch.where(nearer, found, error)
    off = ~(error <= 1e-4)
    if bool(off.all()) and not forgiving:
        raise LevelError(_missed(precise, point, wanted, moved, several))
    return problem.bounds.clamp(moved.to(start.dtype)), off


def _corner(problem: MADProblem, start: Tensor) -> Tensor:
    """Return the corner of the range that is farthest from the reference; where there is none, a place far out.

    With the mean luminance held far beyond that corner, so that a shift lets almost all pixels be at bounds; the start
    image decides between those that are equal in the reference.
    """
    reference, corner = problem.reference, problem.bounds.farther(problem.reference)
    far = torch.where(corner.isfinite(), corner, reference + 1e6 * (start - reference))
    return start + 1e3 * (far - reference) if problem.holds_mean else far


def _missed(problem: MADProblem, start: Tensor, levels: Tensor, moved: Tensor, several: bool) -> str:
    """Say why nobody got to the levels, and what to do."""
    if several:
        names = " and ".join(metric.name for metric in problem.reference_metrics)
        return (
            f"no image with levels {short(levels[0])} of {names} was found; the closest has "
            f"{short(problem.held_values(moved)[0])}: choose levels nearer to these"
        )
    kept = " at the reference image's mean luminance" if problem.holds_mean else ""
    largest = problem.held_values(nearest_allowed(problem, _corner(problem, start)))[:, 0]
    return (
        f"level {short(levels[:, 0])} of {problem.reference_metrics[0].name} is not reachable inside the pixel range "
        f"on this picture{kept}: 0 to {short(largest)} is; choose a level in between"
    )


def first_start(
    problem: MADProblem,
    initial_image: Tensor | None,
    noise: float | Sequence[float] | None,
    seed: Seed,
    width: float,
) -> Tensor:
    """Return the first start image, (N, n): the one given, or the reference plus noise; inside the bounds.

    `noise` is the standard deviation in units of `width`, the width of the pixel range, or one for each image; 0.1 if
    None.
    """
    reference = problem.reference
    if initial_image is not None:
        if noise is not None:
            raise InputError("give initial_image or initial_noise, not both")
        if not isinstance(initial_image, Tensor) or not initial_image.is_floating_point():
            given = initial_image.dtype if isinstance(initial_image, Tensor) else type(initial_image).__name__
            raise InputError(f"initial_image must be a floating-point tensor; got {given}")
        start = initial_image.detach().to(reference)
        if start.shape != problem.image.shape:
            raise InputError(
                f"initial_image must have the shape of image, {tuple(problem.image.shape)}; got {tuple(start.shape)}"
            )
        start = start.flatten(1)
        if bool((start != problem.bounds.clamp(start)).any()) and problem.bounds.movable is None:
            raise InputError(
                f"initial_image must be inside the pixel range; got {float(start.amin()):g} to {float(start.amax()):g}"
            )
        start = problem.bounds.clamp(start)
    else:
        if noise is None:
            noise = DEFAULT_NOISE
        each = [noise] if isinstance(noise, int | float) else list(noise)
        usable = all(isinstance(value, Real) and math.isfinite(value) and value > 0 for value in each)
        if len(each) not in (1, len(reference)) or not usable:
            raise InputError(f"initial_noise must be a positive number, or one for each image; got {noise}")
        deviation = reference.new_tensor(each)[:, None] * width
        start = problem.bounds.clamp(reference + deviation * noise_like(problem.image, seed).flatten(1))
    if bool((start == reference).all(1).any()):
        raise InputError(
            "the start image equals the reference image: there is nothing to hold; give noise or another start"
        )
    return start


def short(values: Tensor) -> str:
    """Write the first few numbers of a tensor."""
    numbers = [f"{value:.4g}" for value in values.flatten().tolist()]
    return ", ".join(numbers[:4]) + (", ..." if len(numbers) > 4 else "")

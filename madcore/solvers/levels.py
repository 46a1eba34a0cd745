"""Moving images onto the level: exactly, inside the range.

Along the ray from the reference image through a point a distance changes and little else does, so one number for each
image restores one held metric.  With several held metrics, and for the last digits, Newton steps are taken in the span
of their gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from madcore.problem import MADProblem
from madcore.solvers.multipliers import solve_normal

__all__ = ["held_error", "move_along_ray", "nearest_allowed", "restore", "take_newton_steps"]

FARTHEST = 20.0  # natural logarithm of the largest factor along a ray
PROJECTIONS = 5  # rounds of finding which pixels the bounds stop
SMALLEST_SHARE = 1e-3  # of a Newton step
NEARER_START = (0.01, 0.03, 0.1, 0.3, 1.0)  # shares of the way to the start image


def held_error(problem: MADProblem, held: Tensor, level: Tensor) -> Tensor:
    """Compute the largest relative error of the held values (N, k) of each image, (N,)."""
    return ((held - level).abs() / problem.error_scale(level)).amax(1)


def move_along_ray(problem: MADProblem, point: Tensor, level: Tensor, tolerance: float, tries: int = 50) -> Tensor:
    """Move images (N, n) along the clamped ray from the reference to the level of the one held metric.

    A secant iteration for  log g  against the logarithm of the distance, kept inside a bracket; the nearest point that
    was met is returned, also where the level is out of reach.  Where the mean luminance is held, too, every image on
    the way is shifted to that of the reference.

    Parameters
    ----------
    level : Tensor
        Wanted values, (N, 1), or (N, 2) with the mean luminance.
    tolerance : float
        Relative error at which to stop.
    """
    error, wanted = point - problem.reference, level[:, 0]
    below, above = torch.full_like(wanted, -FARTHEST), torch.full_like(wanted, FARTHEST)
    position = torch.zeros_like(wanted)
    best, best_error = point, torch.full_like(wanted, torch.inf)
    last_position, last_height = position, position
    for attempt in range(tries):
        trial = nearest_allowed(problem, torch.addcmul(problem.reference, error, position.exp()[:, None]))
        height = (problem.held_values(trial)[:, 0] / wanted).clamp_min(1e-30).log()
        nearer = height.abs() < best_error
        best = torch.where(nearer[:, None], trial, best)
        best_error = torch.minimum(best_error, height.abs().nan_to_num(torch.inf))
        if bool((best_error <= 0.5 * tolerance).all()):
            break
        below = torch.where(height < 0, torch.maximum(below, position), below)
        above = torch.where(height >= 0, torch.minimum(above, position), above)
        degree = (height - last_height) / (position - last_position) if attempt else torch.full_like(wanted, 1.5)
        secant = position - height / degree.nan_to_num(1.5).clamp(0.2, 8.0)
        trusted = (secant > below) & (secant < above) & (attempt % 4 < 3)
        last_position, last_height = position, height
        following = torch.where(trusted, secant, _middle(below, above, position))
        position = torch.where(best_error <= 0.5 * tolerance, position, following)
    return best


def nearest_allowed(problem: MADProblem, point: Tensor) -> Tensor:
    """Return the nearest images inside the bounds, and of the reference's mean luminance where that is held."""
    if not problem.holds_mean:
        return problem.bounds.clamp(point)
    error = point - problem.reference
    low, high = -error.amax(1), -error.amin(1)  # by these shifts no pixel is brighter, and none darker, than it was
    for _ in range(60):
        shift = (low + high) / 2
        shifted = problem.bounds.clamp_(point + shift[:, None])
        too_dark = (shifted - problem.reference).mean(1) < 0
        low, high = torch.where(too_dark, shift, low), torch.where(too_dark, high, shift)
    return shifted


def restore(
    problem: MADProblem,
    point: Tensor,
    level: Tensor,
    start: Tensor,
    tolerance: float,
    gradients: MADProblem | None = None,
) -> Tensor:
    """Return the images on the level, to `tolerance`, that are nearest to `point`; the best that was found elsewhere.

    Newton steps along the held gradients first, on pixels that are free and inside their bounds, since they move the
    image least; then on all pixels.  Of one held metric then the ray, and where no pixel is left that could raise the
    held value, the way to the start.  Of several, whose gradients can be all but dependent at an extreme, Newton steps
    again from nearer to the start.

    Parameters
    ----------
    start : Tensor
        Images on the level, (N, n), from which the run began.
    gradients : MADProblem, optional
        The same problem in a type of fewer digits, which are enough for gradients and cost less.
    """
    gradients = gradients or problem
    best, error = take_newton_steps(problem, gradients, point, level, tolerance, problem.bounds.interior(point))

    def off_bounds() -> Tensor:
        return take_newton_steps(problem, gradients, best, level, tolerance)[0]

    def ray() -> Tensor:
        return move_along_ray(problem, best, level, tolerance)

    def way_to_start() -> Tensor:
        return _move_towards_start(problem, best, level, start)

    def from_nearer_start(share: float) -> Tensor:
        return take_newton_steps(problem, gradients, torch.lerp(point, start, share), level, tolerance)[0]

    several = [partial(from_nearer_start, share) for share in NEARER_START]
    searches: list[Callable[[], Tensor]] = [ray, way_to_start] if level.shape[1] == 1 else [*several]
    for search in [off_bounds, *searches]:
        missed = error > tolerance
        if not bool(missed.any()):
            break
        candidate = search()
        found = held_error(problem, problem.held_values(candidate), level)
        nearer = missed & (found < error)
        best, error = torch.where(nearer[:, None], candidate, best), torch.where(nearer, found, error)
    return best


def take_newton_steps(
    problem: MADProblem,
    gradients: MADProblem,
    point: Tensor,
    level: Tensor,
    tolerance: float,
    free: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Move images by Newton steps, shorter ones where these bring them no nearer to the level.

    Parameters
    ----------
    problem, gradients, point, level, tolerance
        As for `restore`.
    free : Tensor, optional
        1 for pixels that may move and 0 for others, (N, n); by default all may.

    Returns
    -------
    best, error : Tensor
        The nearest images, (N, n), and their held errors, (N,).
    """
    free = torch.ones_like(point) if free is None else free
    best, held = point, problem.held_values(point)
    error = held_error(problem, held, level)
    share, nearer, jacobian = torch.ones_like(error), torch.ones_like(error, dtype=torch.bool), point[:, None]
    for _ in range(8 if level.shape[1] == 1 else 30):
        going = (error > 0.3 * tolerance) & (share >= SMALLEST_SHARE)
        if not bool(going.any()):
            break
        if bool(nearer.any()):
            jacobian = gradients.evaluate(best.to(gradients.image.dtype)).jacobian.to(best)
        trial = _newton(problem, best, jacobian, free, share[:, None] * (level - held))
        values = problem.held_values(trial)
        found = held_error(problem, values, level)
        nearer = going & (found < error)
        share = torch.where(nearer, 2 * share, 0.5 * share).clamp(max=1.0)
        best, held = torch.where(nearer[:, None], trial, best), torch.where(nearer[:, None], values, held)
        error = torch.where(nearer, found, error)
    return best, error


def _newton(problem: MADProblem, point: Tensor, jacobian: Tensor, free: Tensor, missing: Tensor) -> Tensor:
    """Move images to the nearest ones inside the bounds whose held values differ by `missing`, to first order.

    Of these the nearest is the clamped sum of the image and some multiples of the gradients; which, depends on what
    pixels the bounds stop.

    Parameters
    ----------
    jacobian : Tensor
        Gradients of the held metrics, (N, k, n).
    free : Tensor
        1 for pixels that may move and 0 for others, (N, n).
    missing : Tensor
        Wanted changes, (N, k).
    """
    weighted, inside, moved = jacobian * free[:, None], free, point
    multiples, found = torch.zeros_like(missing), torch.zeros_like(missing[:, 0], dtype=torch.bool)
    for _ in range(PROJECTIONS):
        left = missing - (jacobian @ (moved - point)[..., None])[..., 0]
        multiples = multiples + solve_normal(jacobian, inside, left) * ~found[:, None]
        moved = problem.bounds.clamp(point + (multiples[:, None] @ weighted)[:, 0])
        before, inside = inside, free * problem.bounds.interior(moved)
        found = found | (inside == before).all(1)
        if bool(found.all()):
            break
    step = moved - point
    cap = 0.5 * (point - problem.reference).norm(dim=1)
    length = step.norm(dim=1).clamp_min(torch.finfo(step.dtype).tiny)
    return problem.bounds.clamp(point + step * (cap / length).clamp(max=1.0)[:, None])


def _move_towards_start(problem: MADProblem, point: Tensor, level: Tensor, start: Tensor) -> Tensor:
    """Bisect between the point and the start image, moved outwards."""
    outside = problem.bounds.clamp(problem.reference + 1.5 * (start - problem.reference))
    low, high = torch.zeros_like(level[:, 0]), torch.ones_like(level[:, 0])
    for _ in range(50):
        middle = (low + high) / 2
        trial = torch.lerp(point, outside, middle[:, None])
        too_low = problem.held_values(trial)[:, 0] < level[:, 0]
        low, high = torch.where(too_low, middle, low), torch.where(too_low, high, middle)
    return trial


def _middle(below: Tensor, above: Tensor, position: Tensor) -> Tensor:
    """Bisect; where one side has not been seen yet, go there by a factor of e."""
    inner = torch.where(below > -FARTHEST, (below + above) / 2, above - 1)
    outer = torch.where(below > -FARTHEST, below + 1, position)
    return torch.where(above < FARTHEST, inner, outer)

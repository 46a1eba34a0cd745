"""One image of a synthesis as the figures see it, whether a `MADCompetition` or a `Result` made it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from madcore.competition import MADCompetition
from madcore.competition.checks import name_of
from madcore.competition.history import IterationError, resolve_iteration
from madcore.competition.level_set import allowed_range
from madcore.errors import InputError
from madcore.results import Quartet, Result
from madcore.wording import write_error, write_value

__all__ = ["Synthesis", "View", "both_metrics", "match_views", "metric_path", "view"]

Synthesis = MADCompetition | Result
KEYS = Quartet.KEYS


@dataclass(frozen=True)
class View:
    """What is known of the synthesis of one image.

    Attributes
    ----------
    optimized_metric, reference_metrics : str, tuple of str
        Names.
    minmax : str
        Direction.
    optimized, reference : array
        Values of the optimized metric, (T,), and of the held ones, (T, k), at the start, after every iteration, and of
        the image as it is returned.
    level : array
        Values at which the held metrics were to stay, (k,).
    penalties : array or None
        Values of the penalty, (T,), where they were recorded.
    image : Tensor
        The reference image, (C, H, W).
    kept : mapping of Tensor
        The images that are known, by iteration; the first and the last always.
    every : int
        How many iterations lie between kept images; 0 if none were kept.
    pixel_range : tuple of float
        Values of black and white.
    """

    optimized_metric: str
    reference_metrics: tuple[str, ...]
    minmax: str
    optimized: np.ndarray
    reference: np.ndarray
    level: np.ndarray
    penalties: np.ndarray | None
    image: Tensor
    kept: Mapping[int, Tensor]
    every: int
    pixel_range: tuple[float, float]

    @property
    def last(self) -> int:
        """Number of the last iteration."""
        return len(self.optimized) - 1

    @property
    def action(self) -> str:
        """``mse minimised``."""
        return f"{self.optimized_metric} {'minimised' if self.minmax == 'min' else 'maximised'}"

    def shown(self, iteration: int | None) -> int:
        """Return the iteration nearest to this one of which the image is known.

        Raises
        ------
        IterationError
            If there is no such iteration, or no images were kept.
        """
        wanted = resolve_iteration(iteration, len(self.optimized))
        if wanted in self.kept:
            return wanted
        if not self.every:
            raise IterationError(
                f"the image of iteration {wanted} was not kept, only 0 and {self.last}: synthesize with store_progress"
            )
        return min(self.kept, key=lambda kept: abs(kept - wanted))

    def describe(self, iteration: int) -> tuple[str, ...]:
        """Say in lines which image this is, with its values, level and held errors."""
        held = [
            f"{name} held at {write_value(level)}, error {write_error(abs(value - level) / max(abs(level), 1e-300))}"
            for name, level, value in zip(self.reference_metrics, self.level, self.reference[iteration], strict=True)
        ]
        lines = (f"{self.action}: {write_value(float(self.optimized[iteration]))}", *held)
        return lines if iteration == self.last else (*lines, f"iteration {iteration} of {self.last}")


def view(synthesis: Synthesis, batch_idx: int = 0, channel_idx: int | None = None) -> View:
    """Look at one image of a synthesis.

    Parameters
    ----------
    synthesis : MADCompetition or Result
        What was synthesised.
    batch_idx : int
        Which image of the batch.
    channel_idx : int, optional
        Which channel of it; all by default.

    Raises
    ------
    InputError
        If it is something else, has not begun, or has no such image or channel.
    """
    if isinstance(synthesis, Quartet):
        raise InputError("this figure shows one synthesis: choose one of the quartet's four, as quartet['a_min']")
    if not isinstance(synthesis, MADCompetition | Result):
        raise InputError(f"this figure shows a MADCompetition or a Result, not {type(synthesis).__name__}")
    if not synthesis.mad_image.numel():
        raise InputError("there is no MAD image to show yet: call setup or synthesize first")
    if synthesis.mad_image.ndim != 4:
        raise InputError(f"figures need images of shape (N, C, H, W); got {tuple(synthesis.mad_image.shape)}")
    count, channels = synthesis.mad_image.shape[:2]
    if not -count <= batch_idx < count:
        raise InputError(f"batch_idx must be from 0 to {count - 1}; got {batch_idx}")
    if channel_idx is not None and not -channels <= channel_idx < channels:
        raise InputError(f"channel_idx must be from 0 to {channels - 1}; got {channel_idx}")
    chosen = slice(None) if channel_idx is None else [channel_idx]

    def pick(images: Tensor) -> Tensor:
        return images.detach().cpu()[batch_idx][chosen]

    return _of_result(synthesis, pick, batch_idx) if isinstance(synthesis, Result) else _of_competition(synthesis, pick)


def match_views(*syntheses: Synthesis | Quartet, batch_idx: int = 0, channel_idx: int | None = None) -> dict[str, View]:
    """Look at the MAD images of two metrics, by ``a_min``, ``a_max``, ``b_min`` and ``b_max``.

    Parameters
    ----------
    *syntheses : Quartet, or MADCompetition or Result
        A quartet, or up to four syntheses of the same image in any order; a is the metric that the first optimises.
    batch_idx, channel_idx : int, optional
        As for `view`.

    Raises
    ------
    InputError
        If they are not of one image and two metrics, each minimised and maximised at most once.
    """
    if not syntheses:
        raise InputError("give a Quartet, or the syntheses of which one is to be made")
    every = [
        each for given in syntheses for each in (given.results.values() if isinstance(given, Quartet) else [given])
    ]
    if not every:
        raise InputError("the quartet holds no result: let at least one of its images be finished")
    views = [view(each, batch_idx, channel_idx) for each in every]
    names = list(dict.fromkeys(each.optimized_metric for each in views))
    if len(names) == 1:
        names += [name for name in views[0].reference_metrics if name != names[0]][:1]
    if len(names) != 2:
        raise InputError(f"four MAD images are of two metrics, each optimised in turn; got {', '.join(names)}")
    if any(each.image.shape != views[0].image.shape or (each.image != views[0].image).any() for each in views):
        raise InputError("the syntheses are of different reference images: give those of one image")
    keyed = {f"{'ab'[names.index(each.optimized_metric)]}_{each.minmax}": each for each in views}
    if len(keyed) < len(views):
        raise InputError("two of the syntheses optimise the same metric in the same direction: give each once")
    return {key: keyed[key] for key in KEYS if key in keyed}


def both_metrics(views: Mapping[str, View]) -> tuple[str, str]:
    """Return the names of metric a and metric b; refuse views in which several metrics are held."""
    found = set()
    for key, seen in views.items():
        if len(seen.reference_metrics) != 1:
            held = ", ".join(seen.reference_metrics)
            raise InputError(f"this figure is of two metrics; where {seen.action}, several are held ({held})")
        pair = (seen.optimized_metric, seen.reference_metrics[0])
        found.add(pair if key.startswith("a") else pair[::-1])
    if len(found) > 1:
        raise InputError(
            f"this figure is of two metrics; got {'; '.join(' and '.join(pair) for pair in sorted(found))}"
        )
    return found.pop()


def metric_path(key: str, seen: View) -> np.ndarray:
    """Return the values of metrics a and b over the iterations, (T, 2)."""
    both = (seen.optimized, seen.reference[:, 0])
    return np.stack(both if key.startswith("a") else both[::-1], axis=1)


def _of_result(result: Result, pick: Callable[[Tensor], Tensor], index: int) -> View:
    trace, steps = result.trace, int(result.evaluations[index])  # of a batch, longer runs have longer traces
    optimized = [*trace.optimized[:steps, index].tolist(), float(result.optimized_value[index])]
    penalty = trace.penalty[:steps, index].tolist()
    every, last = trace.store_progress, len(optimized) - 1
    kept = {number * every: pick(images) for number, images in enumerate(trace.mad_image) if number * every < last}
    low, high = float(result.pixel_range[0].amin()), float(result.pixel_range[1].amax())
    return View(
        optimized_metric=result.optimized_metric.name,
        reference_metrics=tuple(metric.name for metric in result.reference_metrics),
        minmax=result.minmax,
        optimized=np.array(optimized),
        reference=np.vstack([_numbers(trace.reference[:steps, index]), _numbers(result.reference_value[index])]),
        level=_numbers(result.level[index]),
        penalties=np.array([*penalty, penalty[-1]]),
        image=pick(result.image),
        kept={0: pick(result.initial_image), **kept, last: pick(result.mad_image)},
        every=every,
        pixel_range=_display_range(low, high, result.image),
    )


def _of_competition(competition: MADCompetition, pick: Callable[[Tensor], Tensor]) -> View:
    optimized = _numbers(competition.optimized_metric_loss)
    reference = _numbers(competition.reference_metric_loss)
    last, every = len(optimized) - 1, int(competition.store_progress or 0)
    saved = competition.saved_mad_image
    kept = {index * every: pick(saved[index]) for index in range(len(saved) - 1)}
    assert competition.initial_image is not None
    return View(
        optimized_metric=name_of(competition.optimized_metric),
        reference_metrics=(name_of(competition.reference_metric),),
        minmax=competition.minmax,
        optimized=optimized,
        reference=reference[:, None],
        level=reference[:1],
        penalties=_numbers(competition.penalties),
        image=pick(competition.image),
        kept={0: pick(competition.initial_image), **kept, last: pick(competition.mad_image)},
        every=every,
        pixel_range=_display_range(*allowed_range(competition.penalty_function), competition.image),
    )


def _numbers(values: Tensor) -> np.ndarray:
    return values.detach().cpu().double().numpy()


def _display_range(low: float, high: float, image: Tensor) -> tuple[float, float]:
    """Return the pixel range, or that of the reference images where pixels are not bounded."""
    if np.isfinite([low, high]).all() and high > low:
        return low, high
    return float(image.amin()), float(image.amax())

"""Fitness for MAD: what decides whether a metric that keeps its contract can be held or optimised well.

Nothing here is a matter of right and wrong: every finding is a few numbers and a sentence on what they mean for those
who choose levels, start images and partners.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import cast

import torch
from torch import Tensor

from madcore.images.dead_leaves import draw_dead_leaves
from madcore.metric import Metric
from madcore.testing.blind_spots import changes
from madcore.testing.partners import Role, play_against
from madcore.testing.pictures import add_noise, standard_noise
from madcore.testing.subject import Subject, as_subject
from madcore.wording import write_error

__all__ = ["Finding", "examine_fitness"]

SIDE = 64
DEVIATIONS = tuple(10 ** (power / 4) for power in range(-16, 1))
BLIND, WEAK = 1e-6, 1e-2  # of the value of noise with the same mean squared error
PATH_STEPS = 32
STILL = 1e-3


@dataclass(frozen=True)
class Finding:
    """One property of a metric.

    Parameters
    ----------
    subject : str
        The metric's name.
    name : str
        The property.
    measured : str
        The numbers, for people.
    meaning : str
        What follows from them, in a sentence.
    values : dict
        The numbers, for programs.
    """

    subject: str
    name: str
    measured: str
    meaning: str
    values: dict[str, object] = field(default_factory=dict)


def examine_fitness(metric: object, **settings: object) -> list[Finding]:
    """Measure how fit a metric is for MAD competition, on a picture of dead leaves.

    Parameters
    ----------
    metric : str, Metric or callable
        A name as `madcore.create_metric` takes it, or the metric itself.
    **settings
        `device` and `registry`, as for `as_subject`.

    Raises
    ------
    MadcoreError
        If the metric cannot be made, or fails on the picture.
    """
    subject = as_subject(metric, kind="metric", **settings)  # type: ignore[arg-type]
    image = _picture(subject)
    parts = (_noise, _smallest, _largest, _blind_spots, _path, _resolution, _held, _optimized)
    return [part(subject, image) for part in parts]


def _picture(subject: Subject) -> Tensor:
    channels, side = max(subject.channels), max(SIDE, subject.side)
    leaves = draw_dead_leaves(1, side=side, color=channels == 3)
    image = leaves if leaves.shape[1] == channels else leaves.expand(1, channels, -1, -1)
    return (0.2 + 0.6 * image).to(subject.device, subject.dtype).contiguous()


def _values(subject: Subject, image: Tensor, mad_images: list[Tensor]) -> list[float]:
    return [float(subject.value(image, mad_image)) for mad_image in mad_images]


def _noise(subject: Subject, image: Tensor) -> Finding:
    values = _values(subject, image, [add_noise(image, deviation) for deviation in DEVIATIONS])
    falls = [
        deviation for deviation, one, other in zip(DEVIATIONS[1:], values, values[1:], strict=False) if other < one
    ]
    shown = ", ".join(f"{value:.3g}" for value in values[4::4])
    meaning = (
        "More noise is always farther: levels given as noise:S are in the order of S."
        if not falls
        else f"More noise is nearer at noise {_list(falls)}: several levels noise:S may be the same there."
    )
    table = dict(zip((f"{deviation:.3g}" for deviation in DEVIATIONS), values, strict=True))
    return Finding(subject.name, "noise", f"{shown} at noise 0.001, 0.01, 0.1, 1", meaning, {"values": table})


def _smallest(subject: Subject, image: Tensor) -> Finding:
    dead = 0.0
    for deviation in DEVIATIONS:
        value, gradient = subject.value_and_gradient(image, add_noise(image, deviation))
        if float(value) <= 0 or not bool(gradient.any()):
            dead = deviation
    if not dead:
        meaning = "Noise of every strength has a value and a gradient: any start image will do."
        return Finding(subject.name, "dead zone", f"none down to noise {DEVIATIONS[0]:g}", meaning, {"noise": 0.0})
    meaning = f"Up to there value or gradient is 0: start from more noise than {dead:.2g}."
    return Finding(subject.name, "dead zone", f"up to noise {dead:.2g}", meaning, {"noise": dead})


def _largest(subject: Subject, image: Tensor) -> Finding:
    far = (image < 0.5).to(image)
    candidates = {
        "noise 1": add_noise(image, 1.0),
        "every pixel at its farther bound": far,
        "the negative": 1 - image,
        "black": torch.zeros_like(image),
        "white": torch.ones_like(image),
    }
    values = dict(zip(candidates, _values(subject, image, list(candidates.values())), strict=True))
    best = max(values, key=lambda name: values[name])
    usual = float(subject.value(image, add_noise(image, 0.1)))
    meaning = f"Levels up to this can be reached on such a picture, {values[best] / usual:.2g} times that of noise 0.1."
    return Finding(subject.name, "largest level", f"{values[best]:.4g} ({best})", meaning, {"values": values})


def _blind_spots(subject: Subject, image: Tensor) -> Finding:
    shares = {name: _share(subject, image, mad_image) for name, mad_image in changes(image).items()}
    blind = [name for name, share in shares.items() if share <= BLIND]
    weak = [f"{name} ({share:.1g})" for name, share in shares.items() if BLIND < share <= WEAK]
    measured = "; ".join(
        [
            f"sees nothing of: {', '.join(blind)}" if blind else f"sees all of: {', '.join(shares)}",
            *([f"hardly anything of: {', '.join(weak)}"] if weak else []),
        ]
    )
    meaning = "Where it is held, these changes are free." if blind or weak else "None among these."
    return Finding(subject.name, "blind spots", measured, meaning, {"shares of noise": shares})


def _share(subject: Subject, image: Tensor, mad_image: Tensor) -> float:
    """Compute a change's value relative to that of noise of the same mean squared error."""
    size = float((mad_image - image).square().mean().sqrt())
    noise = float(subject.value(image, image + size * standard_noise(image.shape, 3).to(image)))
    return float(subject.value(image, mad_image)) / noise if noise else math.inf


def _path(subject: Subject, image: Tensor) -> Finding:
    """Walk from one noise towards another in steps of 1 % of the error, and compare slopes with what happens."""
    start = (image + 0.05 * standard_noise(image.shape, 1).to(image)).to(_working(subject))
    image = image.to(start)
    move = 0.01 * 0.05 * standard_noise(image.shape, 2).to(start)
    points = [subject.value_and_gradient(image, start + step * move) for step in range(PATH_STEPS + 1)]
    values = torch.cat([value for value, _ in points]).double()
    slopes = torch.stack([(gradient * move).double().sum() for _, gradient in points])
    # Steps are compared with the length of the slope's path, so that a turning point does no harm.
    unexplained = (values.diff() - (slopes[1:] + slopes[:-1]) / 2).abs() / slopes.abs().mean().clamp_min(1e-300)
    typical, worst = float(unexplained.median()), float(unexplained.max())
    gradients = torch.stack([gradient.flatten().double() for _, gradient in points])
    turn = float(torch.nn.functional.cosine_similarity(gradients[1:], gradients[:-1]).clamp(-1, 1).mean().arccos())
    degrees = math.degrees(turn)
    meaning = (
        "Slopes tell what a step brings: it can be optimised and held as it is."
        if worst < 0.05
        else "Slopes miss a part of what a step brings: expect small steps and early ends."
        if typical < 0.3
        else "Slopes do not tell what a step brings: optimising it is a matter of luck."
    )
    errors = f"slopes err by {typical:.1g} of a step's change, at most {worst:.1g}"
    measured = f"{errors}; the gradient turns by {degrees:.2g} degrees a step"
    numbers: dict[str, object] = {"typical": typical, "worst": worst, "degrees": degrees}
    return Finding(subject.name, "path", measured, meaning, numbers)


def _resolution(subject: Subject, image: Tensor) -> Finding:
    """Find how finely float32 resolves the value: by its scatter under tiny moves, and against float64."""
    if torch.float32 not in subject.dtypes:
        return Finding(subject.name, "float32", "not computed in float32", "Choose float64 for the synthesis.", {})
    single = image.float()
    mad_image = (single + 0.05 * standard_noise(image.shape, 1).to(single)).clamp(0, 1)
    moves = [standard_noise(image.shape, 10 + seed).to(single) for seed in range(16)]
    value, gradient = subject.value_and_gradient(single, mad_image)
    moved = [(mad_image + 1e-6 * move) for move in moves]
    errors = [
        float(subject.value(single, other) - value) - float((gradient * (other - mad_image)).double().sum())
        for other in moved
    ]
    scatter = float(torch.tensor(errors).square().mean().sqrt() / value)
    bias = 0.0
    if torch.float64 in subject.dtypes:
        bias = float((subject.value(single.double(), mad_image.double()) - value.double()).abs() / value)
    resolved = max(scatter, bias)
    meaning = f"Held errors below {resolved:.0e} cannot be seen in float32" + (
        "; the end of a run is measured in float64." if torch.float64 in subject.dtypes else ", which is all it has."
    )
    numbers: dict[str, object] = {"scatter": scatter, "bias": bias}
    return Finding(subject.name, "float32", f"scatter {scatter:.0e}, bias {bias:.0e}", meaning, numbers)


def _held(subject: Subject, image: Tensor) -> Finding:
    return _played(subject, image, "held", f"while {_partner(subject)} is optimised")


def _optimized(subject: Subject, image: Tensor) -> Finding:
    return _played(subject, image, "optimised", f"while {_partner(subject)} is held")


def _partner(subject: Subject) -> str:
    return "mae" if subject.name == "mse" else "mse"


def _played(subject: Subject, image: Tensor, role: Role, meanwhile: str) -> Finding:
    metric = cast(Metric, subject.thing)
    trials = play_against(metric, _partner(subject), image.to(_working(subject)), role=role)
    numbers: dict[str, object] = {trial.minmax: asdict(trial) for trial in trials}
    failed = [trial for trial in trials if math.isnan(trial.held_error)]
    if failed:
        return Finding(subject.name, role, failed[0].status, f"It cannot be {role} {meanwhile}.", numbers)
    said = [
        f"{trial.minmax}: {trial.value / trial.start:.3g} times the start, held error {write_error(trial.held_error)}, "
        f"{trial.status}"
        for trial in trials
    ]
    well = all(trial.holds() and trial.moved for trial in trials)
    meaning = f"It {'can' if well else 'cannot well'} be {role} {meanwhile}."
    if all(trial.holds() and abs(trial.value / trial.start - 1) < STILL for trial in trials):
        meaning = f"Nothing moves {meanwhile}: what one of them calls equal, the other does, too."
    return Finding(subject.name, role, "; ".join(said), meaning, numbers)


def _working(subject: Subject) -> torch.dtype:
    """Return the type in which a synthesis usually runs."""
    return torch.float32 if torch.float32 in subject.dtypes else subject.dtype


def _list(numbers: list[float]) -> str:
    return ", ".join(f"{number:.2g}" for number in numbers)

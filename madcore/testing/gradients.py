"""Clauses about gradients: finite everywhere, and the derivative of the value."""

from __future__ import annotations

import torch
from torch import Tensor

from madcore.errors import InputError
from madcore.metric import Metric
from madcore.testing.pictures import add_noise, standard_noise
from madcore.testing.subject import Subject
from madcore.testing.verdict import Broken, NotJudged, clause

__all__ = ["check_differences", "check_gradient"]

# Where a kink is nearby the difference depends on the step, so the best of several counts.
STEPS = {torch.float64: (1e-4, 1e-5, 1e-6, 1e-7), torch.float32: (1e-2, 3e-3, 1e-3, 3e-4)}
ALLOWED = {torch.float64: 1e-3, torch.float32: 5e-2}


@clause
def check_gradient(subject: Subject) -> str:
    """Check that the gradient is finite on every picture, also at identity and on flat and saturated ones."""
    count = 0
    refused: dict[str, str] = {}
    for dtype in subject.dtypes:
        for name, image, mad_image in _hard_pairs(subject, dtype):
            try:
                values, gradient = subject.value_and_gradient(image, mad_image)
            except InputError as error:
                refused[name] = str(error)
                continue
            for what, found in (("value", values), ("gradient", gradient)):
                if not bool(torch.isfinite(found).all()):
                    bad = int((~torch.isfinite(found)).sum())
                    raise Broken(f"{name}, {dtype}: {bad} of {found.numel()} numbers of the {what} are not finite")
            if name == "noise 0.1" and isinstance(subject.thing, Metric) and not bool(gradient.any()):
                raise Broken(f"noise 0.1: the gradient is 0 everywhere although the value is {values[0]:.3g}")
            count += 1
    said = f"finite on {count} pairs, at identity, flat and saturated ones too"
    return f"{said}; refuses {', '.join(refused)}: {next(iter(refused.values()))}" if refused else said


def _hard_pairs(subject: Subject, dtype: torch.dtype) -> list[tuple[str, Tensor, Tensor]]:
    image, _ = subject.pair(1, dtype=dtype)
    flat, half = torch.full_like(image, 0.4), image.clone()
    half[..., : image.shape[-1] // 2] = (image[..., : image.shape[-1] // 2] > 0.45).to(dtype)
    gray = image.mean(1, keepdim=True).expand_as(image).contiguous()
    noisy = [(f"noise {deviation:g}", image, add_noise(image, deviation)) for deviation in (0.1, 1e-2, 1e-4, 1e-6)]
    return [
        *noisy,
        ("identity", image, image.clone()),
        ("flat against noise", flat, add_noise(flat, 0.1)),
        ("texture against flat", image, flat),
        ("flat against flat", flat, flat + 0.2),
        ("flat identity", flat, flat.clone()),
        ("black identity", torch.zeros_like(image), torch.zeros_like(image)),
        ("black against white", torch.zeros_like(image), torch.ones_like(image)),
        ("half saturated", half, add_noise(half, 0.1)),
        ("half saturated identity", half, half.clone()),
        ("gray", gray, add_noise(gray, 0.1)),
    ]


@clause
def check_differences(subject: Subject) -> str:
    """Check that the gradient is the derivative of the value, by finite differences in random directions."""
    dtype = subject.dtype
    image, mad_image = subject.pair(1, dtype=dtype)
    _, gradient = subject.value_and_gradient(image, mad_image)
    length = float(gradient.norm())
    if not length:
        if isinstance(subject.thing, Metric):
            raise Broken("the gradient is 0 everywhere")
        raise NotJudged("the gradient is 0 everywhere, as a penalty's may be")
    errors = []
    for seed in range(3):
        # Towards the gradient too, so that what it should say is never lost among what it should not.
        direction = standard_noise(image.shape, seed).to(image) + gradient / gradient.abs().amax()
        slope = float((gradient * direction).sum())
        found = [_difference(subject, image, mad_image, direction, step) for step in STEPS[dtype]]
        scale = max(abs(slope), length)
        errors.append(min(abs(each - slope) for each in found) / scale)
    error = sorted(errors)[1]
    if error > ALLOWED[dtype]:
        raise Broken(f"differs from finite differences by {error:.1e}: is a part of the value detached?")
    return f"finite differences agree to {error:.0e}, {str(dtype).removeprefix('torch.')}"


def _difference(subject: Subject, image: Tensor, mad_image: Tensor, direction: Tensor, step: float) -> float:
    ends = [subject.value(image, mad_image + sign * step * direction) for sign in (1, -1)]
    return float(ends[0] - ends[1]) / (2 * step)

"""Clauses about limits: size, channels and device are as declared, and what is refused is refused clearly."""

from __future__ import annotations

import torch

from madcore.errors import InputError, MadcoreError
from madcore.testing.pictures import add_noise, texture
from madcore.testing.simulated_device import simulated_device
from madcore.testing.subject import Subject, compute
from madcore.testing.verdict import Broken, clause

__all__ = ["check_channels", "check_device", "check_smallest"]


@clause
def check_smallest(subject: Subject) -> str:
    """Check that pictures of the smallest size are measured; smaller ones are refused, and never measured wrongly."""
    if getattr(subject.thing, "channels", None) is None:
        return f"nothing declared; works from {_pixels(_smallest_that_works(subject))} a side"
    side = subject.min_side
    trouble = _trouble(subject, side, side) or _trouble(subject, side, 3 * side + 1)
    if trouble:
        raise Broken(f"declares {_pixels(side)} a side, but there it {trouble}")
    if side == 1:
        return "from 1 pixel"
    image = texture(1, max(subject.channels), side - 1, 2 * side).to(subject.device, subject.dtype)
    try:
        subject.value(image, image)
    except InputError as error:
        return f"from {_pixels(side)} a side; {side - 1}: {error}"
    raise Broken(f"measures {_pixels(side - 1)} a side although it declares {side}")


def _trouble(subject: Subject, height: int, width: int) -> str:
    """Say what goes wrong at a size; empty if nothing."""
    image = texture(2, max(subject.channels), height, width).to(subject.device, subject.dtype)
    try:
        values, gradient = subject.value_and_gradient(image, add_noise(image, 0.1))
    except MadcoreError as error:
        return f"fails: {error}"
    finite = bool(torch.isfinite(values).all()) and bool(torch.isfinite(gradient).all())
    return "" if finite else f"is not finite: {values.tolist()}"


def _smallest_that_works(subject: Subject) -> int:
    trouble = _trouble(subject, subject.side, subject.side)
    if trouble:
        raise Broken(f"at {subject.side} pixels a side it {trouble}")
    low, high = 0, subject.side
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if not _trouble(subject, middle, middle) else (middle, high)
    return high


@clause
def check_channels(subject: Subject) -> str:
    """Check that declared numbers of channels are measured, others refused."""
    for channels in subject.channels:
        image, mad_image = subject.pair(2, channels=channels)
        if not bool(torch.isfinite(subject.value(image, mad_image)).all()):
            raise Broken(f"is not finite for {channels} channels")
    if getattr(subject.thing, "channels", None) is None:
        return f"nothing declared; works with {' and '.join(map(str, subject.channels))}"
    for channels in {1, 2, 3, 4} - set(subject.channels):
        image, mad_image = subject.pair(2, channels=channels)
        try:
            subject.value(image, mad_image)
        except InputError:
            continue
        raise Broken(f"measures {channels} channels, which it does not declare")
    return f"{' and '.join(map(str, subject.channels))}; others are refused"


@clause
def check_device(subject: Subject) -> str:
    """Check that the answer is where the images are, and everything that it needs follows them."""
    if subject.device != "cpu":
        image, mad_image = subject.pair(2)
        values, gradient = subject.value_and_gradient(image, mad_image)
        if values.device != image.device or gradient.device != image.device:
            raise Broken(f"images on {image.device} give a value on {values.device}")
        return f"follows the images to {image.device}"
    return _on_simulated_device(subject)


def _on_simulated_device(subject: Subject) -> str:
    thing, dtype = subject.build(), subject.dtypes[-1]
    pair = subject.pair(2, dtype=dtype)
    with simulated_device() as take, torch.no_grad():
        image, mad_image = map(take, pair)
        try:
            values = compute(thing, image, mad_image)
        except Exception as error:
            raise Broken(f"does not follow the images: {' '.join(str(error.__cause__ or error).split())}") from None
    if values.device != image.device:
        raise Broken(f"images on a GPU give a value on {values.device}")
    return "follows the images to a simulated GPU"


def _pixels(count: int) -> str:
    return f"{count} pixel{'' if count == 1 else 's'}"

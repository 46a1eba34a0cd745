"""Clauses about the values of a metric or penalty: shape, type, zero at identity, order, batches, preparation."""

from __future__ import annotations

import inspect

import torch
from torch import Tensor, nn

from madcore.metric import Metric
from madcore.testing.pictures import add_noise
from madcore.testing.subject import Subject, differentiate
from madcore.testing.trunks import evaluate_in_company
from madcore.testing.verdict import Broken, NotJudged, clause

__all__ = [
    "check_arguments",
    "check_batch",
    "check_float64",
    "check_identity",
    "check_noise",
    "check_prepared",
    "check_shape",
]

CLOSE = {torch.float64: 1e-8, torch.float32: 1e-3}
ZERO = {torch.float64: 1e-8, torch.float32: 1e-4}  # relative to the value at noise of 0.05
REFERENCE = {"reference", "ref", "original", "pristine"}
LADDER = (0.01, 0.03, 0.1, 0.3)


@clause
def check_shape(subject: Subject) -> str:
    """Check that there is one finite value for each image, in the type of the images."""
    for dtype in subject.dtypes:
        for channels in subject.channels:
            for count in (1, 3):
                image, mad_image = subject.pair(count, dtype=dtype, channels=channels)
                values = subject.value(image, mad_image)
                if values.shape != (count,) or values.dtype != dtype:
                    raise Broken(f"{count} images of {dtype} gave {tuple(values.shape)} of {values.dtype}")
                if not bool(torch.isfinite(values).all()):
                    raise Broken(f"not finite: {values.tolist()}")
    return f"(N,) for N = 1 and 3, channels {_list(subject.channels)}, {_list(subject.dtypes)}"


@clause
def check_identity(subject: Subject) -> str:
    """Check that identical images have the distance 0; others are farther."""
    worst = 0.0
    for dtype in subject.dtypes:
        image, mad_image = subject.pair(3, dtype=dtype)
        zero, away = subject.value(image, image.clone()), subject.value(image, mad_image)
        if not bool((away > 0).all()):
            raise Broken(
                f"noise has the distance {away.min():.3g}, identical images {zero.max():.3g}: larger must be more "
                "different; declare a similarity with higher_is_better=True"
            )
        worst = max(worst, float((zero.abs() / away).max()))
        if worst > ZERO[dtype]:
            hint = "; is it a similarity?" if bool((zero > away).any()) else ""
            raise Broken(f"{zero.abs().max():.3g} for identical images, {away.min():.3g} for noise{hint}")
    return f"at most {write_small(worst)} of the distance of noise"


@clause
def check_noise(subject: Subject) -> str:
    """Check that more noise is not nearer."""
    image, _ = subject.pair(3)
    values = torch.stack([subject.value(image, add_noise(image, deviation)) for deviation in LADDER])
    if bool((values < 0).any()):
        raise Broken(f"negative: {values.min():.3g}")
    back = (values[:-1] - values[1:]).amax(1) / values[-1].abs().amax()
    if bool((back > 1e-3).any()):
        step = int(back.argmax())
        raise Broken(f"noise of {LADDER[step + 1]} is nearer than noise of {LADDER[step]}: {_numbers(values[:, 0])}")
    return f"noise {_list(LADDER)}: {_numbers(values[:, 0])}"


@clause
def check_batch(subject: Subject) -> str:
    """Check that a batch is as its images one by one, values and gradients."""
    image, mad_image = subject.pair(3)
    together = subject.value_and_gradient(image, mad_image)
    singles = [subject.value_and_gradient(image[i : i + 1], mad_image[i : i + 1]) for i in range(3)]
    alone = tuple(torch.cat(parts) for parts in zip(*singles, strict=True))
    value, gradient = (difference(*both) for both in zip(together, alone, strict=True))
    if max(value, gradient) > CLOSE[subject.dtype]:
        raise Broken(f"3 images together differ from one by one: values by {value:.1e}, gradients by {gradient:.1e}")
    return f"values to {write_small(value)}, gradients to {write_small(gradient)}"


@clause
def check_prepared(subject: Subject) -> str:
    """Check that ``prepare(image)(mad_image)`` is ``(image, mad_image)``, values and gradients, also from a trunk."""
    thing = subject.thing
    if getattr(thing.function, "prepare", None) is None:
        raise NotJudged("has no prepare")
    if not isinstance(thing, Metric):
        raise NotJudged("a penalty may differ once it knows the reference image")
    image, mad_image = subject.pair(2)
    swapped = subject.value(mad_image, image)
    direct = differentiate(lambda other: thing(image, other), mad_image)
    prepared = thing.prepare(image)
    through_graph = differentiate(prepared, mad_image)
    fast = prepared.value_and_gradient(mad_image)
    worst = max(difference(one, other) for way in (through_graph, fast) for one, other in zip(way, direct, strict=True))
    if worst > CLOSE[subject.dtype]:
        crossed = difference(swapped, fast[0]) <= CLOSE[subject.dtype] < difference(direct[0], fast[0])
        hint = ": the arguments are swapped in one of them" if crossed else ""
        raise Broken(f"prepared and direct differ by {worst:.1e}{hint}")
    kept = [each.clone() for each in fast]
    prepared.value_and_gradient((image + mad_image) / 2)
    if max(difference(*both) for both in zip(fast, kept, strict=True)):
        raise Broken("a later call changes the values or gradients that were returned before: return new tensors")
    company = evaluate_in_company(prepared, mad_image)
    apart = max((difference(*each) for result in company for each in zip(result, fast, strict=True)), default=0.0)
    if apart > CLOSE[subject.dtype]:
        raise Broken(f"from the features of its trunk and alone, it differs by {apart:.1e}")
    told = f", through its trunk to {write_small(apart)}" if company else ""
    return f"values and gradients to {write_small(worst)}{told}"


@clause
def check_arguments(subject: Subject) -> str:
    """Check that the reference image comes first."""
    image, _ = subject.pair(2)
    mad_image = add_noise(0.5 + 0.7 * (image - 0.5), 0.05)
    forth, back = subject.value(image, mad_image), subject.value(mad_image, image)
    apart = difference(forth, back)
    if subject.oracle is not None:
        wanted = subject.oracle(image, mad_image)
        error = difference(forth, wanted)
        if error > 10 * CLOSE[subject.dtype]:
            swapped = difference(back, wanted) <= 10 * CLOSE[subject.dtype]
            raise Broken(f"{'arguments are swapped' if swapped else 'differs from the oracle'}: by {error:.1e}")
        return f"as the oracle to {write_small(error)}; swapped, it differs by {write_small(apart)}"
    if apart <= CLOSE[subject.dtype]:
        return f"symmetric to {write_small(apart)}"
    said = f"swapped, it differs by {write_small(apart)}"
    named = second_is_reference(subject.thing.function)
    if named:
        raise Broken(f"{said}, and it calls its second argument {named}: the reference image comes first")
    raise NotJudged(f"{said}; only an oracle tells which order is right: declare one, or name it with --oracle")


def second_is_reference(function: object) -> str:
    """Return what a function calls its second argument if that can only mean the reference image, else nothing."""
    called = function.forward if isinstance(function, nn.Module) else function
    try:
        names = list(inspect.signature(called).parameters)[:2]  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return ""
    meant = [bool(REFERENCE.intersection(name.lower().split("_"))) for name in names]
    return names[1] if meant == [False, True] else ""


@clause
def check_float64(subject: Subject) -> str:
    """Check that images of float64 are computed in float64 throughout."""
    if torch.float64 not in subject.dtypes:
        raise NotJudged(f"declares {_list(subject.dtypes)} only")
    image, mad_image = subject.pair(1, dtype=torch.float64)
    _, gradient = subject.value_and_gradient(image, mad_image)
    direction = gradient.sign()
    if not bool(direction.any()):
        raise NotJudged("has no gradient")
    slopes = torch.stack([_slope(subject, image, mad_image, direction, step) for step in (1e-8, 2e-8, 4e-8)])
    spread = float((slopes - slopes.mean()).abs().max() / gradient.abs().sum())
    if spread > 0.05 or not bool(slopes.abs().min() > 0):
        raise Broken(f"changes of 1e-8 are lost in rounding ({spread:.0%} of the slope): some step is float32")
    return f"a change of 1e-8 is seen to {write_small(spread)}"


def _slope(subject: Subject, image: Tensor, mad_image: Tensor, direction: Tensor, step: float) -> Tensor:
    ends = [subject.value(image, mad_image + sign * step * direction) for sign in (1, -1)]
    return (ends[0] - ends[1]).sum() / (2 * step)


def difference(one: Tensor, other: Tensor) -> float:
    """Compute the largest difference of two tensors relative to the largest number of both."""
    scale = max(float(one.abs().max()), float(other.abs().max()))
    return float((one - other).abs().max()) / scale if scale else 0.0


def _numbers(values: Tensor) -> str:
    return ", ".join(f"{value:.3g}" for value in values.tolist())


def _list(values: object) -> str:
    return ", ".join(str(value).removeprefix("torch.") for value in values)  # type: ignore[attr-defined]


def write_small(number: float) -> str:
    """Write a small number with one digit, and 0 as 0."""
    return f"{number:.0e}" if number else "0"

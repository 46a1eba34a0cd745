"""Try a network out before it is used: which pictures it takes, whether it is steady, whether it keeps pictures apart.

A network does not say what it takes, so its input is found by trial too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from madcore import InputError
from madcore_models.pictures import PictureInput
from madcore_models.representation import RefusedError, Representation

__all__ = ["computes_double", "find_input", "noise", "smallest_side", "try_out"]

SIDE = 64
USUAL_SIDE = 224
STEADY = 1e-4


def find_input(representation: Representation, wanted: PictureInput, made_for: int | None) -> tuple[PictureInput, int]:
    """Find how many channels a network takes, and a side of pictures that it takes; a run of it is traced.

    Parameters
    ----------
    representation : Representation
        What is tried out.
    wanted : PictureInput
        Size, mean and standard deviation.
    made_for : int, optional
        Side of the pictures that the network was made for.

    Raises
    ------
    InputError
        If it takes none.
    """
    refused: InputError | None = None
    for candidate, side in _candidates(wanted, made_for):
        pictures = candidate(noise(candidate.channels, side)[:1])
        try:
            representation.trace(pictures)
            representation(pictures)
        except RefusedError as error:
            refused = refused or error
            continue
        return candidate, side
    if _takes_integers(representation, wanted, made_for):
        raise InputError(f"{representation.name} takes integers, which have no gradient; name a network of pictures")
    raise refused or InputError(f"mean and std of {representation.name} must have one number, or one for each channel")


def try_out(representation: Representation, given: PictureInput, side: int) -> None:
    """Find out whether pictures must be given one by one, and refuse a network that is random.

    Raises
    ------
    InputError
        If it gives different features for one picture, or goes back to training mode.
    """
    pictures = given(noise(given.channels, side))
    with torch.no_grad():
        first, again = representation(pictures[:1]), representation(pictures[:1])
        if any(module.training for module in representation.network.modules()):
            raise InputError(f"{representation.name} puts itself into training mode when it runs; leave its mode alone")
        if not _alike(first, again):
            raise InputError(
                f"{representation.name} gives one picture different features each time; "
                "switch its randomness off in evaluation mode, e.g. dropout(x, training=self.training)"
            )
        try:
            both = representation(pictures)
        except InputError:
            representation.batched = False
        else:
            representation.batched = _alike(first, [features[:1] for features in both])


def smallest_side(representation: Representation, given: PictureInput, side: int) -> int:
    """Find the smallest side of pictures that are taken, by bisection below a side that is."""
    if given.size is not None:
        return 1
    small, large = 0, side
    while large - small > 1:
        middle = (small + large) // 2
        if _takes(representation, given, middle, torch.float32):
            large = middle
        else:
            small = middle
    return large


def computes_double(representation: Representation, given: PictureInput, side: int) -> bool:
    """Tell whether float64 pictures have float64 features."""
    return _takes(representation, given, side, torch.float64)


def _candidates(wanted: PictureInput, made_for: int | None) -> Iterator[tuple[PictureInput, int]]:
    sides = dict.fromkeys([SIDE, made_for or USUAL_SIDE]) if wanted.size is None else [SIDE]
    for side in sides:
        for channels in (3, 1):
            if {len(wanted.mean), len(wanted.std)} <= {1, channels}:
                yield replace(wanted, channels=channels), side


def _takes(representation: Representation, given: PictureInput, side: int, dtype: torch.dtype) -> bool:
    try:
        with torch.no_grad():
            features = representation(given(noise(given.channels, side)[:1].to(dtype)))
    except InputError:
        return False
    return all(each.dtype == dtype for each in features)


def _takes_integers(representation: Representation, wanted: PictureInput, made_for: int | None) -> bool:
    for shape in [(1, given.channels, side, side) for given, side in _candidates(wanted, made_for)] + [(1, SIDE)]:
        try:
            with torch.no_grad():
                representation.network(torch.zeros(shape, dtype=torch.long))
        except Exception:
            continue
        return True
    return False


def noise(channels: int, side: int) -> Tensor:
    """Draw two pictures (2, channels, side, side), always the same."""
    return torch.rand(2, channels, side, side, generator=torch.Generator().manual_seed(0))


def _alike(one: Sequence[Tensor], other: Sequence[Tensor]) -> bool:
    return all(
        a.shape == b.shape and bool((a - b).abs().amax() <= STEADY * a.abs().amax())
        for a, b in zip(one, other, strict=True)
    )

"""Whose fault it is when foreign code raises: that of the metric or penalty, or of the type of what it was given."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import Tensor, nn

from madcore.errors import ContractError, MadcoreError, is_exhaustion

__all__ = ["blamed_on", "explain_types"]

TYPES = re.compile(r"\btypes?\b|dtype|Double|Float|Half|BFloat16|Long")  # in what torch says of types that differ


@contextmanager
def blamed_on(culprit: str, function: object = None, images: Tensor | None = None) -> Iterator[None]:
    """Name the culprit in whatever it raises; running out of memory is not its fault.

    Parameters
    ----------
    culprit : str
        ``metric NAME`` or ``penalty NAME``.
    function : callable, optional
        What is called in the context ...
    images : Tensor, optional
        ... and with what, so that different types can be told apart from other errors.
    """
    try:
        yield
    except (Exception, SystemExit) as error:
        if isinstance(error, MadcoreError) or is_exhaustion(error):
            raise
        told = None if images is None else explain_types(culprit, function, images, error)
        raise ContractError(told or f"{culprit} raised {type(error).__name__}: {_first_line(error)}") from error


def explain_types(culprit: str, function: object, images: Tensor, error: BaseException) -> str | None:
    """Say that a function cannot compute with images of another type than its own numbers, None if that is not it."""
    if not isinstance(error, RuntimeError) or not TYPES.search(str(error)):
        return None
    types = _types(function)
    if not types or images.dtype in types:
        return None
    own, given = " and ".join(sorted(map(_word, types))), _word(images.dtype)
    computed = len(types) == 1 and types <= {torch.float32, torch.float64}
    images_first = f"the images, image.to(torch.{own}) or --dtype {own}, or " if computed else ""
    remedy = f"convert {images_first}the {culprit.split()[0]}, .to(torch.{given})"
    return f"{culprit} computes in {own} and was given {given} images: {remedy} ({_first_line(error)})"


def _types(function: Any) -> set[torch.dtype]:
    """Return the types of the numbers in modules and tensors that a function is, holds or refers to."""
    owners = [function, getattr(function, "func", None), getattr(function, "__self__", None)]
    held = owners + [each for owner in owners for each in getattr(owner, "__dict__", {}).values()]
    with suppress(TypeError, ValueError):  # neither a function nor a method of Python's; a variable without a value
        names = inspect.getclosurevars(function)
        held += [*names.nonlocals.values(), *names.globals.values()]
    tensors = [each for each in held if isinstance(each, Tensor)]
    for module in held:
        if isinstance(module, nn.Module):
            tensors += [*module.parameters(), *module.buffers()]
    return {tensor.dtype for tensor in tensors if tensor.is_floating_point()}


def _word(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [""])[0]

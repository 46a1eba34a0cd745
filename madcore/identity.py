"""What identifies a match: everything that decides its images, as a key that is hashed and recorded.

Metrics are identified by name, options with defaults filled in, and declared revision; pictures by their pixels.
Versions of packages, device and batch are not part of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from madcore.metric import Metric
from madcore.penalties import Penalty
from madcore.request import QUARTET, Request
from madcore.solvers import Solver

__all__ = ["identify", "match_key"]

IDENTIFYING = ("metric", "penalty", "options", "revision", "weights", "code")


def identify(thing: Metric | Penalty) -> dict[str, Any]:
    """Return the part of a metric's or penalty's identity that decides its values."""
    known = {"options": {}, "revision": 1, **thing.identity}
    return {name: known[name] for name in IDENTIFYING if name in known}


def match_key(
    request: Request,
    metrics: Sequence[Mapping[str, Any]],
    pictures: Mapping[str, str],
    size: Sequence[int],
    solver: Solver[Any],
    penalty: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Make the key of a request.

    Parameters
    ----------
    request : Request
        What was asked for.
    metrics : sequence of mapping
        Identities of its metrics, in their order.
    pictures : mapping of str
        Hashes of the pixels of ``image`` and, if there are any, ``start`` and ``mask``.
    size : sequence of int
        Height, width and channels of the image.
    solver : Solver
        What its name stands for.
    penalty : mapping, optional
        Identity of the penalty.
    """
    options = {
        "max_iter": request.max_iter,
        "tolerance": request.tolerance,
        "starts": request.starts,
        "dtype": request.dtype,
    }
    key: dict[str, Any] = {
        "schema": 1,
        **{letter: dict(metric) for letter, metric in zip(request.letters, metrics, strict=True)},
        "size": list(size),
        "level": request.level.record(),
        "seed": request.seed,
        "solver": {"name": solver.name, "revision": solver.revision, "options": {**options, **_chosen(request)}},
        **pictures,
    }
    if request.images != QUARTET:
        key["images"] = list(request.images)
    if request.initial_noise is not None and request.level.kind != "noise":
        key["initial_noise"] = request.initial_noise
    if penalty is not None:
        key["penalty"] = {**penalty, "weight": request.penalty_weight}
    return key


def _chosen(request: Request) -> dict[str, Any]:
    given = {"optimizer": request.optimizer, "optimizer_options": dict(request.optimizer_options)}
    return {name: value for name, value in given.items() if value}

"""A match as somebody receives it: the record is believed only where files and metrics bear it out."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load
from torch import Tensor

from madcore.errors import InputError, MadcoreError
from madcore.identity import identify
from madcore.images import decode_image, hash_pixels
from madcore.metric import Metric
from madcore.penalties import Penalty
from madcore.store import RECORD, SingleMatch, Store
from madcore.verification.rebuilding import Builder

__all__ = ["EXACT", "Received", "receive"]

EXACT = "exact.safetensors"


@dataclass
class Received:
    """The contents of a match, and what is wrong with them so far.

    Attributes
    ----------
    metrics : dict of Metric
        Rebuilt from the record's names and options, by letter.
    exact : dict of Tensor
        The exact images, (1, C, H, W) by name; empty if they cannot be read.
    reference : Tensor, optional
        The reference image if there is one with the pixels that the record names.
    problems : dict
        In words, by file name.
    """

    results: Store | SingleMatch
    record: dict[str, Any]
    metrics: dict[str, Metric]
    penalty: Penalty | None
    exact: dict[str, Tensor] = field(default_factory=dict)
    reference: Tensor | None = None
    problems: dict[str, list[str]] = field(default_factory=dict)

    @property
    def expected(self) -> list[str]:
        """Files that the match must have: a store has reference images elsewhere, and may keep PNG or exact alone."""
        pictures = [f"{name}.png" for name in ("start", *self.record["images"])]
        if isinstance(self.results, SingleMatch):
            return [EXACT, "reference.png", *pictures]
        kept = [group for group in ([EXACT], pictures) if set(group) & set(self.record["files"])]
        return [name for group in kept or [[EXACT], pictures] for name in group]

    def content(self, name: str) -> bytes | None:
        """Read a file, None if it is missing."""
        try:
            return self.results.read(self.record["id"], name)
        except InputError:
            return None

    def blame(self, name: str, problem: str) -> None:
        """Note what is wrong with a file."""
        self.problems.setdefault(name, []).append(problem)


def receive(results: Store | SingleMatch, match: str, builder: Builder) -> Received:
    """Read a match that madcore has written and rebuild its metrics.

    Parameters
    ----------
    results : Store or SingleMatch
        Where it is.
    match : str
        Its identity.
    builder : Builder
        Builds the metrics.

    Raises
    ------
    InputError
        If there is no record that can be read, or it names code that may not be run.
    MadcoreError
        If a metric does not exist here.
    """
    record = results.record(match)
    received = Received(results, record, *builder.rebuild(record))
    _compare_identities(received)
    _compare_hashes(received)
    _read_exact(received)
    received.reference = _find_reference(received)
    for each in ("reference", "start"):
        _compare_picture(received, each)
    return received


def _compare_identities(received: Received) -> None:
    """Values of a metric that has changed since prove nothing."""
    key = received.record["key"]
    for letter, metric in received.metrics.items():
        _compare_identity(received, metric.name, key[letter], identify(metric))
    if received.penalty:
        stated = {name: value for name, value in key["penalty"].items() if name != "weight"}
        _compare_identity(received, received.penalty.name, stated, identify(received.penalty))


def _compare_identity(received: Received, name: str, stated: dict[str, Any], found: dict[str, Any]) -> None:
    for part in sorted({*stated, *found}):
        if stated.get(part) != found.get(part):
            said = f"{name} has {part} {found.get(part)!r} here; the record has {stated.get(part)!r}"
            received.blame(RECORD, said)


def _compare_hashes(received: Received) -> None:
    listed = received.record["files"]
    for name in [*listed, *(name for name in received.expected if name not in listed)]:
        if Path(name).name != name:
            where = f"the record of {received.results.path}"
            raise InputError(f"{where} lists {name!r}, which is outside its folder; do not trust it")
        content = received.content(name)
        if content is None:
            received.blame(name, "is missing")
        elif name not in listed:
            received.blame(name, "is not in the record")
        elif sha256(content).hexdigest() != listed[name]["sha256"]:
            received.blame(name, "is not the file that was written")


def _read_exact(received: Received) -> None:
    content = received.content(EXACT)
    if content is None:
        return
    try:
        received.exact = _tensors(content)
    except Exception as error:  # a damaged file makes the decoder raise whatever it likes
        received.blame(EXACT, f"cannot be read ({str(error).splitlines()[0]})")


def _compare_picture(received: Received, name: str) -> None:
    """Note a picture of the reference or start image that is not the exact one, rounded."""
    exact, file = received.exact.get(name), f"{name}.png"
    content = received.content(file)
    if exact is None or content is None:
        return
    try:
        picture = decode_image(content, file)
    except MadcoreError as error:
        received.blame(file, str(error))
        return
    if picture.shape != exact.shape or bool(((picture - exact).abs() > 0.51 / 255).any()):
        received.blame(file, f"is not {EXACT}:{name}, rounded")


def _find_reference(received: Received) -> Tensor | None:
    """Return the picture whose pixels have the hash in the key: the exact one, or the PNG if it lost nothing."""
    stated, dtype = received.record["key"].get("image"), torch.float32
    if received.record["key"].get("solver", {}).get("options", {}).get("dtype") == "float64":
        dtype = torch.float64
    candidate = received.exact.get("reference")
    if candidate is not None:
        if hash_pixels(candidate) == stated:
            return candidate
        received.blame(f"{EXACT}:reference", "is not the reference image of the record")
    elif isinstance(received.results, Store):
        candidate = _stored_reference(received.results, stated)
        if candidate is not None:
            return candidate.to(dtype)
    picture = received.results.reference(stated, "png")
    try:
        decoded = None if picture is None else decode_image(picture).to(dtype)
    except MadcoreError:
        return None
    return decoded if decoded is not None and hash_pixels(decoded) == stated else None


def _stored_reference(store: Store, stated: str) -> Tensor | None:
    content = store.reference(stated, "safetensors")
    try:
        (tensor,) = _tensors(content or b"").values()
        return tensor if hash_pixels(tensor) == stated else None
    except Exception:  # as above: then the PNG must do
        return None


def _tensors(content: bytes) -> dict[str, Tensor]:
    return {name: tensor.permute(2, 0, 1)[None] for name, tensor in load(content).items()}

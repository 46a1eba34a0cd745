"""A match as somebody receives it: the record is believed only where files and metrics bear it out."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load
from torch import Tensor

from madcore.adhoc import is_code
from madcore.errors import InputError, MadcoreError
from madcore.identity import identify
from madcore.images import hash_pixels, read_image
from madcore.lookup import create_metric, create_penalty
from madcore.metric import Metric
from madcore.penalties import Penalty
from madcore.registry import Registry
from madcore.store import RECORD, read_match

__all__ = ["EXACT", "Received", "receive"]

EXACT = "exact.safetensors"


@dataclass
class Received:
    """The contents of a folder, and what is wrong with them so far.

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

    folder: Path
    record: dict[str, Any]
    metrics: dict[str, Metric]
    penalty: Penalty | None
    exact: dict[str, Tensor] = field(default_factory=dict)
    reference: Tensor | None = None
    problems: dict[str, list[str]] = field(default_factory=dict)

    def blame(self, name: str, problem: str) -> None:
        """Note what is wrong with a file."""
        self.problems.setdefault(name, []).append(problem)


def receive(folder: Path, registry: Registry | None = None, *, allow_code: bool = False) -> Received:
    """Read a folder that madcore has written and rebuild its metrics.

    Parameters
    ----------
    folder : Path
        With a record.
    registry : Registry, optional
        Plugins to look in.
    allow_code : bool
        Whether files and modules that the record names may be run.

    Raises
    ------
    InputError
        If there is no record that can be read, or it names code that may not be run.
    MadcoreError
        If a metric does not exist here.
    """
    record = read_match(folder)
    # of the key, which the id is a hash of: a metric that is left out elsewhere is measured all the same
    identities = {letter: identity for letter, identity in record["key"].items() if len(letter) == 1}
    penalty = record["key"].get("penalty")
    _refuse_code([*(each["metric"] for each in identities.values()), (penalty or {}).get("penalty", "")], allow_code)
    metrics = {
        letter: create_metric(each["metric"], registry=registry, **each["options"])
        for letter, each in identities.items()
    }
    rebuilt = create_penalty(penalty["penalty"], registry=registry, **penalty["options"]) if penalty else None
    received = Received(folder, record, metrics, rebuilt)
    for letter, metric in metrics.items():
        _compare_identity(received, metric.name, identities[letter], identify(metric))
    if penalty and rebuilt:
        stated = {name: value for name, value in penalty.items() if name != "weight"}
        _compare_identity(received, rebuilt.name, stated, identify(rebuilt))
    _compare_hashes(received)
    _read_exact(received)
    received.reference = _find_reference(received)
    return received


def _refuse_code(names: list[str], allow_code: bool) -> None:
    code = [name for name in names if is_code(name)]
    if code and not allow_code:
        raise InputError(
            f"the record names code that would be run ({', '.join(code)}); read it, then allow it with --allow-code"
        )


def _compare_identity(received: Received, name: str, stated: dict[str, Any], found: dict[str, Any]) -> None:
    """Values of a metric that has changed since prove nothing."""
    for part in sorted({*stated, *found}):
        if stated.get(part) != found.get(part):
            what = "is not the same code" if part == "code" else f"has {part} {found.get(part)!r}"
            said = "" if part == "code" else f"; the record has {stated.get(part)!r}"
            received.blame(RECORD, f"{name} {what} here{said}")


def _compare_hashes(received: Received) -> None:
    listed = received.record["files"]
    expected = [EXACT, *(f"{name}.png" for name in ("reference", "start", *received.record["images"]))]
    for name in [*listed, *(name for name in expected if name not in listed)]:
        if Path(name).name != name:
            raise InputError(f"{received.folder / RECORD} lists {name!r}, which is outside its folder; do not trust it")
        path = received.folder / name
        if not path.is_file():
            received.blame(name, "is missing")
        elif name not in listed:
            received.blame(name, "is not in the record")
        elif sha256(path.read_bytes()).hexdigest() != listed[name]["sha256"]:
            received.blame(name, "is not the file that was written")


def _read_exact(received: Received) -> None:
    path = received.folder / EXACT
    if not path.is_file():
        return
    try:
        tensors = load(path.read_bytes())
        received.exact = {name: tensor.permute(2, 0, 1)[None] for name, tensor in tensors.items()}
    except Exception as error:  # a damaged file makes the decoder raise whatever it likes
        received.blame(EXACT, f"cannot be read ({str(error).splitlines()[0]})")


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
    try:
        picture = read_image(received.folder / "reference.png", dtype=dtype)
        return picture if hash_pixels(picture) == stated else None
    except MadcoreError:
        return None

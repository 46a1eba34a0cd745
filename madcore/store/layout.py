"""Where things lie in a store, and the words that say so to whoever finds one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeGuard

from madcore.errors import InputError
from madcore.store.files import check_writable, list_names, make_folder, read_json, record_json, replace_file

__all__ = ["MARK", "README", "check_id", "check_place", "create_layout", "hex_of", "is_id", "is_store", "open_layout"]

FORMAT: dict[str, Any] = {"format": "madcore-store", "version": 1}
MARK = "STORE.json"
OURS = {
    "README.txt",
    "plans",
    "lock",
    "tmp",
    "matches",
    "scores",
    "references",
    "curves",
    "failures",
    "packs",
    "pixels.json",
}
README = """\
This folder is a store of madcore: finished MAD competitions between perceptual metrics.
Everything but index.sqlite is plain PNG, JSON, safetensors or ZIP and can be read without madcore.

STORE.json        format and version
plans/            exact copy of each plan that was played, named by the hash of its text, and IDs of its matches
matches/ab/ID/    one finished match; ab are the first two digits of its ID.  Never changed once it is there.
    match.json        the record: what was asked for (key), what came out (images), how it was made (made)
    a_min.png         metric a minimised while metric b is held; likewise a_max, b_min, b_max
    start.png         the image that all four started from
    exact.safetensors the same images as floating-point numbers, height x width x channels, in [0, 1]
references/       reference images, named by the SHA-256 of their pixels (key.image of the records)
scores/ab/ID.json what every judge, a metric of the plan, says of the images of a match
curves/           values of each metric for a reference image with noise of growing standard deviation
failures/ID.json  the last error of a match that could not be finished; gone once it is
packs/ab.zip      matches and scores of that shard, after `madcore pack`; ID/match.json and so on inside
index.sqlite      a copy of the numbers for quick queries; may be deleted at any time, as may pixels.json
lock/, tmp/       who is writing, and what is not finished; may be deleted when nobody is

A match is finished when its folder has its name: it is written under tmp/, synced and then renamed.
ID is the start of the SHA-256 of the key in canonical JSON, so equal requests have equal IDs.
Look: madcore status . | madcore matches . --where "held_error > 1e-5" | madcore verify .
"""
HEX = re.compile(r"[0-9a-f]+")


def check_place(path: Path) -> None:
    """Make sure that a store can be made in a folder, which need not exist.

    Raises
    ------
    InputError
        If the folder cannot be written, or holds something else.
    """
    check_writable(path)
    with _explained(path):
        others = [name for name in list_names(path) if name not in OURS]
    if others:
        raise InputError(f"{path} holds other files ({others[0]}); choose another folder for the store")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say in one line what the system has against a folder."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}); choose another folder") from error


def create_layout(path: Path, *, durable: bool = True) -> None:
    """Make an empty store, or leave the one that is there.

    Raises
    ------
    InputError
        If the folder cannot be written, or holds something else.
    """
    if is_store(path):
        return
    check_place(path)
    with _explained(path):
        make_folder(path, durable=durable)
        replace_file(path / "README.txt", README.encode(), durable=durable)
        replace_file(path / MARK, record_json(FORMAT), durable=durable)


def is_store(path: Path) -> bool:
    """Tell whether a folder is a store, of whatever version.

    Raises
    ------
    InputError
        If the system does not let us see.
    """
    with _explained(path):
        return (path / MARK).is_file()


def open_layout(path: Path) -> None:
    """Make sure that a folder is a store of a version that can be read.

    Raises
    ------
    InputError
        If it is not.
    """
    if not is_store(path):
        raise InputError(f"{path} is no store (it has no {MARK}); give a folder that `madcore tournament` has written")
    found = read_json(path / MARK) or {}
    if found.get("format") != FORMAT["format"]:
        raise InputError(f"{path / MARK} is damaged; it must say {FORMAT}")
    if found.get("version") != FORMAT["version"]:
        raise InputError(
            f"{path} has version {found.get('version')!r} of the store format; this madcore reads {FORMAT['version']}: "
            "use the madcore that wrote it"
        )


def is_id(match: object) -> TypeGuard[str]:
    """Tell whether something is the identity of a match."""
    return isinstance(match, str) and len(match) == 32 and HEX.fullmatch(match) is not None


def check_id(match: str) -> str:
    """Return the identity of a match if it is one: it becomes a path.

    Raises
    ------
    InputError
        If it is not 32 hexadecimal digits.
    """
    if not is_id(match):
        raise InputError(f"{match!r} is no identity of a match; it has 32 hexadecimal digits")
    return match


def hex_of(image_hash: str) -> str:
    """Return the digits of ``sha256:...``, which become a file name.

    Raises
    ------
    InputError
        If it is no hash.
    """
    digits = image_hash.removeprefix("sha256:")
    if not HEX.fullmatch(digits):
        raise InputError(f"{image_hash!r} is no hash of pixels; it is sha256: and hexadecimal digits")
    return digits

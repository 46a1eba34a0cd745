"""One finished match in a folder: the pictures, the exact floats and ``match.json``, the record of it all.

A file appears under its name only when it is complete, and the record last, so that a folder with a record is whole
however the process ended.  The record's ``key`` is everything that decides the images, and ``id`` a hash of it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from madcore.errors import InputError
from madcore.store.files import check_writable, discard, record_json, sync_folder, write_file

__all__ = [
    "RECORD",
    "SCHEMA",
    "canonical",
    "check_folder",
    "clear_folder",
    "complete_record",
    "damaged_files",
    "match_id",
    "parse_record",
    "read_match",
    "write_match",
]

SCHEMA = 1
RECORD = "match.json"
# Everything that madcore itself writes into a match's folder; other files in it are the user's.
OURS = re.compile(r"match\.json|exact\.safetensors|(reference|start|contact_sheet|[a-z]_(min|max))\.png")


def canonical(value: object) -> str:
    """Write a value as JSON in the one way that hashes are computed of: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def match_id(key: Mapping[str, Any]) -> str:
    """Compute the identity of a match, 32 hexadecimal digits, of its key.

    A quartet is the same whichever of its two metrics is called a; it is hashed with them in the order of their names.
    """
    return sha256(f"madcore-match-1\n{canonical(_ordered(key))}".encode()).hexdigest()[:32]


def check_folder(folder: Path, *, overwrite: bool = False) -> None:
    """Make sure, before anything is computed, that results can be written into a folder.

    Parameters
    ----------
    folder : Path
        Need not exist.
    overwrite : bool
        Whether results that are there already may be replaced.

    Raises
    ------
    InputError
        If the folder cannot be written, or holds results that may not be replaced.
    """
    check_writable(folder)
    found = _results(folder)
    if found and not overwrite:
        resume = "; if they are this command's, interrupted, go on with --resume" if RECORD in found else ""
        raise InputError(
            f"{folder} holds other results ({_some(found)}); choose another folder, or replace them with "
            f"--overwrite{resume}"
        )


def clear_folder(folder: Path) -> None:
    """Remove the results that a folder holds, the record first; other files stay."""
    names = _results(folder)
    for name in sorted(names, key=lambda name: name != RECORD):
        (folder / name).unlink()


def write_match(folder: Path, record: Mapping[str, Any], files: Mapping[str, bytes]) -> dict[str, Any]:
    """Write files and then the record, which lists them with their sizes and hashes.

    Parameters
    ----------
    folder : Path
        Made if it does not exist.
    record : mapping
        The record; what its ``files`` lists already stays listed.
    files : mapping
        Contents by file name.

    Returns
    -------
    dict
        The record as written.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    whole = complete_record(record, files)
    text = record_json(whole)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_all(folder, {**files, RECORD: text})
    except OSError as error:
        raise InputError(f"{folder} cannot be written ({error.strerror}); choose another folder") from error
    return whole


def complete_record(record: Mapping[str, Any], files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return a record that lists files with their sizes and hashes, besides those that it lists already."""
    listed = {name: {"bytes": len(content), "sha256": sha256(content).hexdigest()} for name, content in files.items()}
    return {**record, "files": {**record.get("files", {}), **listed}}


def read_match(folder: Path) -> dict[str, Any]:
    """Read the record of a folder.

    Raises
    ------
    InputError
        If there is none, or it is damaged or of another version of madcore.
    """
    path = folder / RECORD
    try:
        return parse_record(path.read_bytes(), str(path))
    except FileNotFoundError:
        raise InputError(f"{folder} holds no {RECORD}; give a folder that madcore has written") from None
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}); delete its folder and make the match again"
        ) from error


def parse_record(text: bytes, path: str) -> dict[str, Any]:
    """Read the text of a record; `path` is where it was found.

    Raises
    ------
    InputError
        If it is damaged or of another version of madcore.
    """
    try:
        record = json.loads(text)
    except ValueError as error:
        raise InputError(
            f"{path} cannot be read ({' '.join(str(error).split())}); delete its folder and make the match again"
        ) from error
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        found = record.get("schema") if isinstance(record, dict) else None
        raise InputError(f"{path} has schema {found!r}; this madcore reads {SCHEMA}")
    missing = [name for name in ("id", "key", "images", "files", "made") if name not in record]
    if missing or record["id"] != match_id(record["key"]):
        reason = f"no {', '.join(missing)}" if missing else "the id is not that of its key"
        raise InputError(f"{path} is damaged ({reason}); delete its folder and make the match again")
    return record


def damaged_files(folder: Path, record: Mapping[str, Any]) -> list[str]:
    """Name the files of a record that are missing or not as they were written."""
    return [name for name, listed in record["files"].items() if _hash(folder / name) != listed["sha256"]]


def _ordered(key: Mapping[str, Any]) -> Mapping[str, Any]:
    if "b" not in key or "images" in key or canonical(key["a"]) <= canonical(key["b"]):
        return key
    swapped = {**key, "a": key["b"], "b": key["a"]}
    value = key.get("level", {}).get("value")
    if isinstance(value, Mapping):
        swapped["level"] = {**key["level"], "value": {"a": value["b"], "b": value["a"]}}
    return swapped


def _results(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if OURS.fullmatch(path.name)) if folder.is_dir() else []


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def _write_all(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write all under temporary names first, so that the step from the old files to the new ones is short."""
    staged = {name: folder / f".{name}.{os.getpid()}" for name in files}
    try:
        for name, temporary in staged.items():
            write_file(temporary, files[name])
        for name, temporary in staged.items():
            temporary.replace(folder / name)
    finally:
        for temporary in staged.values():
            discard(temporary)
    sync_folder(folder)


def _hash(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest() if path.is_file() else ""

"""Files that survive: written whole, synced to the disk, and under their name only when complete."""

from __future__ import annotations

import json
import os
import socket
import tempfile
from contextlib import suppress
from pathlib import Path
from threading import get_ident
from typing import Any

from madcore.errors import InputError

__all__ = [
    "check_writable",
    "discard",
    "list_names",
    "make_folder",
    "read_json",
    "record_json",
    "replace_file",
    "sync_file",
    "sync_folder",
    "write_file",
]


def check_writable(folder: Path) -> None:
    """Make sure that files can be written into a folder, which need not exist; nothing is made.

    Raises
    ------
    InputError
        If they cannot.
    """
    try:
        existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        if not existing.is_dir():
            raise InputError(f"{folder} cannot be a folder, since {existing} is a file; choose another folder")
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:  # also of a name that is too long, or a folder that may not be entered
        raise InputError(f"{folder} cannot be written ({error.strerror}); choose another folder") from error


def write_file(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a file; where `durable`, it is on the disk when this returns."""
    with path.open("wb") as stream:
        stream.write(content)
        stream.flush()
        if durable:
            os.fsync(stream.fileno())


def replace_file(path: Path, content: bytes, *, staging: Path | None = None, durable: bool = True) -> None:
    """Write a file that others see as it was before or as it is now, never in between.

    Parameters
    ----------
    path : Path
        Its name.
    content : bytes
        What it holds.
    staging : Path, optional
        Folder on the same file system for what is unfinished; by default the file's own.
    durable : bool
        Whether it is on the disk when this returns.
    """
    temporary = (staging or path.parent) / f".{path.name}.{socket.gethostname()}.{os.getpid()}.{get_ident()}"
    make_folder(path.parent, durable=durable)
    make_folder(temporary.parent, durable=False)
    try:
        write_file(temporary, content, durable=durable)
        temporary.replace(path)
    finally:
        discard(temporary)
    if durable:
        sync_folder(path.parent)


def discard(unfinished: Path) -> None:
    """Remove a file that may never have come to be, since its place cannot be written."""
    with suppress(OSError):
        unfinished.unlink()


def make_folder(folder: Path, *, durable: bool = True) -> None:
    """Make a folder, and those that it is in, where they are missing."""
    if folder.is_dir():
        return
    make_folder(folder.parent, durable=durable)
    folder.mkdir(exist_ok=True)
    if durable:
        sync_folder(folder.parent)


def sync_file(path: Path) -> None:
    """Bring what a file holds to the disk."""
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk; where that is not POSIX it cannot be done."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def list_names(folder: Path, *, hidden: bool = False) -> list[str]:
    """List a folder in order; nothing where there is none.  Names with a dot in front are not finished yet."""
    try:
        return sorted(name for name in os.listdir(folder) if hidden or not name.startswith("."))
    except FileNotFoundError:
        return []


def read_json(path: Path) -> dict[str, Any] | None:
    """Read a file that holds a JSON object; None if there is none, or it holds something else."""
    try:
        found = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def record_json(value: object) -> bytes:
    """Write a value as JSON for a file that people may read too."""
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()

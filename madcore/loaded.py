"""What an imported module was run from: its file may have been saved again since, and only that can be hashed."""

from __future__ import annotations

import os
import struct
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

from madcore.errors import InputError
from madcore.weights import hash_file

__all__ = ["hash_loaded"]

_SEEN: dict[str, tuple[object, str]] = {}  # the spec, which a reload replaces, and the hash


def hash_loaded(module: ModuleType, name: str, *, is_new: bool) -> str | None:
    """Return ``sha256:...`` of the file that a module was run from; None if there is no single one.

    A module that others imported first is compared with the bytecode that Python kept of it: a file that was saved
    again shows, unless bytecode is not written here or another process has renewed it since.

    Parameters
    ----------
    module : module
        As imported.
    name : str
        What was asked for, for the message.
    is_new : bool
        Whether it was imported just now.

    Raises
    ------
    InputError
        If the file is no longer what runs.
    """
    file, spec = Path(getattr(module, "__file__", None) or ""), getattr(module, "__spec__", None)
    if not file.is_file():
        return None
    digest = hash_file(file)
    seen_spec, seen = _SEEN.get(module.__name__, (None, digest))
    if not is_new:
        changed = digest != seen if seen_spec is spec else _is_newer_than_bytecode(module, file)
        if changed:
            raise InputError(f"{file} was saved again after {name} was imported from it; restart Python")
    _SEEN[module.__name__] = (spec, digest)
    return digest


def _is_newer_than_bytecode(module: ModuleType, file: Path) -> bool:
    spec = getattr(module, "__spec__", None)
    if spec is None or spec.cached is None or not isinstance(spec.loader, SourceFileLoader):
        return False
    cached = Path(spec.cached)
    # What Python could not have renewed as it imported the module may be older than that.
    if sys.dont_write_bytecode or not cached.is_file() or not os.access(cached.parent, os.W_OK):
        return False
    with cached.open("rb") as bytecode:
        _, by_hash, *written = struct.unpack("<4s3I", bytecode.read(16))
    status = file.stat()
    return not by_hash and written != [int(status.st_mtime) & 0xFFFFFFFF, status.st_size & 0xFFFFFFFF]

"""Who writes a store: a lock that the kernel releases when its holder dies, however it dies."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from madcore.errors import InputError
from madcore.store.files import list_names

try:
    import fcntl
except ImportError:  # not POSIX: two writers waste work there, but do no damage, since the first commit of a match wins
    fcntl = None  # type: ignore[assignment]

__all__ = ["hold_lock", "lock_holder", "sweep"]

TRIES, PAUSE = 4, 0.05  # whoever only looks at the lock holds it for an instant


@contextmanager
def hold_lock(path: Path, store: Path) -> Iterator[None]:
    """Hold a lock file, in which stands who does.

    Raises
    ------
    InputError
        If another process holds it, or it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise InputError(f"{store} cannot be written ({error.strerror}); write into a copy of it") from error
    try:
        if not _patiently_locked(descriptor):
            holder = os.read(descriptor, 1000).decode(errors="replace").strip() or "another process"
            raise InputError(f"{store} is being written by {holder}; wait until it ends, or stop it")
        started = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}, since {started}\n".encode())
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def lock_holder(path: Path) -> str | None:
    """Say who holds a lock file, None if nobody does."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        if _locked(descriptor, shared=True):
            return None
        return os.read(descriptor, 1000).decode(errors="replace").strip() or "another process"
    finally:
        os.close(descriptor)


def sweep(folder: Path, older_than: float = 0.0) -> None:
    """Remove what a writer that died has left unfinished, if it has not been touched for so many seconds."""
    for name in list_names(folder, hidden=True):
        path = folder / name
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime >= older_than:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _patiently_locked(descriptor: int) -> bool:
    for _ in range(TRIES):
        if _locked(descriptor):
            return True
        time.sleep(PAUSE)
    return False


def _locked(descriptor: int, *, shared: bool = False) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

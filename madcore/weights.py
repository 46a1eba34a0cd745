"""Pretrained weights: which files a metric read, what is in them, and what to do where they cannot be fetched.

What ``build`` returns may have an attribute ``weight_files``: the files whose content decides the metric's values.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

__all__ = ["fetch_error", "hash_file", "weight_files"]


def weight_files(function: object) -> tuple[Path, ...]:
    """Return the files that a metric's weights were read from."""
    return tuple(map(Path, getattr(function, "weight_files", ())))


def hash_file(path: Path) -> str:
    """Return ``sha256:...`` of a file's content, read once in a process unless it has changed."""
    status = path.stat()
    return _hash(path.resolve(), status.st_mtime_ns, status.st_size)


@cache
def _hash(path: Path, changed: int, size: int) -> str:
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def fetch_error(name: str, error: BaseException) -> str | None:
    """Say what to do if a download is what failed; None for any other error.

    Parameters
    ----------
    name : str
        The metric as it was written.
    error : BaseException
        What its ``build`` raised.
    """
    failed = next((each for each in _chain(error) if isinstance(each, OSError)), None)
    if failed is None:
        return None
    reason = " ".join(str(getattr(failed, "reason", failed)).split())
    hint = f"run `madcore fetch {name}` where there is a network and copy its files to the same places here"
    from_hub = type(failed).__module__.partition(".")[0] == "huggingface_hub"
    variable, folder = ("HF_HOME", "huggingface") if from_hub else ("TORCH_HOME", "torch")
    return f"cannot get the weights of {name} ({reason}); {hint} ({variable} is {_home(variable, folder)})"


def _chain(error: BaseException) -> Iterator[BaseException]:
    each: BaseException | None = error
    while each is not None:
        yield each
        each = each.__cause__ or each.__context__


def _home(variable: str, folder: str) -> Path:
    """Return the folder that a library keeps downloads in, without importing it."""
    cache_home = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return Path(os.environ.get(variable, f"{cache_home}/{folder}")).expanduser()

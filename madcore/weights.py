"""Pretrained weights: which files a metric read, what is in them, and what to do where they cannot be fetched.

What ``build`` returns may have an attribute ``weight_files``: the files whose content decides the metric's values.
"""

from __future__ import annotations

import hashlib
import os
import pickle
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
    """Say what to do if a download failed, or left a file that cannot be read; None for any other error.

    Parameters
    ----------
    name : str
        The metric as it was written.
    error : BaseException
        What its ``build`` raised.
    """
    errors = list(_chain(error))
    failed = next((each for each in errors if isinstance(each, OSError)), None)
    if failed is not None:
        reason = " ".join(str(getattr(failed, "reason", failed)).split())
        hint = f"run `madcore fetch {name}` where there is a network and copy its files to the same places here"
        return f"cannot get the weights of {name} ({reason}); {hint} ({_home(failed)})"
    damaged = next(filter(_is_of_a_damaged_file, reversed(errors)), None)  # the first, whose words others repeat
    if damaged is not None:
        reason = " ".join(str(damaged).split()).partition(": ")[0] or type(damaged).__name__
        hint = f"the file is damaged: delete it and run `madcore fetch {name}`"
        return f"cannot read the weights of {name} ({reason}); {hint} ({_home(damaged)})"
    return None


def _is_of_a_damaged_file(error: BaseException) -> bool:
    # torch raises a RuntimeError of no class of its own for an archive that is cut short.
    return isinstance(error, pickle.UnpicklingError | EOFError) or "PytorchStreamReader" in str(error)


def _chain(error: BaseException) -> Iterator[BaseException]:
    each: BaseException | None = error
    while each is not None:
        yield each
        each = each.__cause__ or each.__context__


def _home(error: BaseException) -> str:
    """Name the folder that the library which failed keeps downloads in, without importing it."""
    from_hub = type(error).__module__.partition(".")[0] == "huggingface_hub"
    variable, folder = ("HF_HOME", "huggingface") if from_hub else ("TORCH_HOME", "torch")
    cache_home = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return f"{variable} is {Path(os.environ.get(variable, f'{cache_home}/{folder}')).expanduser()}"

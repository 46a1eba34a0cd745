"""A competition on disk: tensors and builtins only, so that reading a file runs no code of it.

Metrics and penalty are not stored: their names and their values on the stored images are, and `check_same` compares
those with what the loading object computes.
"""

from __future__ import annotations

import os
import pickle
import struct
import warnings
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from madcore import __version__
from madcore.competition.checks import InputTypeError, name_of
from madcore.errors import InputError, LoadWarning, is_exhaustion

__all__ = ["Checks", "examine", "read_competition", "write_competition"]

KIND = "madcore.MADCompetition"
SCHEMA = 1
# what torch raises of files that are none of its own, as their first letters have it
DAMAGED = (
    *(pickle.UnpicklingError, struct.error, EOFError, OSError, RuntimeError),
    *(LookupError, ValueError, AttributeError, AssertionError),
)


class FileError(InputError, OSError):
    """A file that cannot be read or written; also an OSError, which scripts for plenoptic may expect."""


class MissingFileError(FileError, FileNotFoundError):
    """A file, or the folder of one, that is not there."""


def write_competition(file_path: Any, contents: Mapping[str, Any]) -> None:
    """Write the sections of a competition, with the versions that made them.

    Raises
    ------
    FileError
        If the file cannot be written.
    InputError
        If something in `contents` is neither a tensor nor a builtin.
    """
    whole = {"kind": KIND, "schema": SCHEMA, "versions": _versions(), **_plain(contents, "")}
    with _opened(file_path, "write", "name a file in a folder that is there and can be written") as stream:
        torch.save(whole, stream)


@contextmanager
def _opened(file_path: Any, purpose: str, remedy: str) -> Iterator[Any]:
    """Open a file to "read" or to "write", unless it is open; what the system has against it is said in one line."""
    if hasattr(file_path, purpose):
        yield file_path
        return
    if not isinstance(file_path, str | os.PathLike):
        raise InputTypeError(f"file_path must be a path or an open file; got {file_path!r}")
    try:
        with open(file_path, f"{purpose[0]}b") as stream:
            yield stream
    except (OSError, ValueError) as error:  # ValueError: no file can have such a name
        kind = MissingFileError if isinstance(error, FileNotFoundError) else FileError
        past = "read" if purpose == "read" else "written"
        raise kind(f"{file_path} cannot be {past} ({getattr(error, 'strerror', None) or error}); {remedy}") from error


def _versions() -> dict[str, str]:
    return {"madcore": __version__, "torch": str(torch.__version__)}


def _plain(value: Any, path: str) -> Any:
    if isinstance(value, Tensor):
        return value.detach()
    if isinstance(value, Counter | OrderedDict):
        return value
    if isinstance(value, Mapping):
        return {key: _plain(item, f"{path}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_plain(item, path) for item in value)
    if isinstance(value, float):
        return float(value)  # numpy's floats are a subclass that safe loading rejects
    if value is None or isinstance(value, bool | int | str):
        return value
    raise InputError(f"cannot save {path.lstrip('.')}: {type(value).__name__} is neither a tensor nor a builtin")


def read_competition(file_path: Any, map_location: Any = None, **pickle_load_args: Any) -> dict[str, Any]:
    """Read what `write_competition` wrote, onto the CPU unless `map_location` says otherwise.

    Raises
    ------
    FileError
        If the file cannot be read.
    InputError
        If it is not a saved competition, or of a newer schema, or there is no such device.
    """
    with _opened(file_path, "read", "give a file that MADCompetition.save has written"):
        pass  # torch opens it itself, as some of its arguments want it
    _check_device(map_location)
    arguments = {"weights_only": True, **pickle_load_args}
    try:
        contents = torch.load(file_path, map_location="cpu" if map_location is None else map_location, **arguments)
    except DAMAGED as error:
        if is_exhaustion(error):
            raise
        raise InputError(
            f"{file_path} is not a saved MADCompetition: it is damaged, or no torch file; give one that "
            "MADCompetition.save has written"
        ) from error
    found = contents.get("kind") if isinstance(contents, dict) else None
    if found != KIND:
        raise InputError(f"{file_path} is not a saved MADCompetition of madcore; it holds {found or _origin(contents)}")
    if contents["schema"] > SCHEMA:
        newer = contents["versions"]["madcore"]
        raise InputError(
            f"{file_path} was saved by madcore {newer}, which is newer than {__version__}: upgrade madcore"
        )
    return dict(contents)


def _check_device(map_location: Any) -> None:
    if isinstance(map_location, str | torch.device):
        try:
            torch.empty(0, device=map_location)
        except (RuntimeError, AssertionError) as error:  # AssertionError: torch was built without CUDA
            given = str(map_location)
            raise InputError(
                f"map_location must be a device that this machine has, e.g. 'cpu'; got {given!r}"
            ) from error


def _origin(contents: Any) -> str:
    metadata = contents.get("save_metadata") if isinstance(contents, dict) else None
    return f"a {metadata['synthesis_object']}" if metadata else f"a {type(contents).__name__}"


@dataclass(frozen=True)
class Checks:
    """Comparisons of a saved competition with the object that loads it.

    Parameters
    ----------
    strict : bool
        Raise if a check fails; otherwise warn with `madcore.LoadWarning`.
    atol, rtol : float
        Tolerances of tensors, as in `torch.allclose`.
    """

    strict: bool
    atol: float
    rtol: float

    def same(self, what: str, saved: Any, here: Any) -> None:
        """Compare two tensors, numbers or strings.

        Raises
        ------
        InputError
            If device or type of tensors differ, or anything else does and the checks are strict.
        """
        if isinstance(here, Tensor):
            self._same_tensor(what, saved, here)
        elif not (_close(saved, here) if isinstance(here, float | int) else saved == here):
            self._fail(f"{what} is {here}, but {saved} was saved")

    def same_callable(self, role: str, saved: Mapping[str, Any], here: Callable[..., Tensor], *inputs: Tensor) -> None:
        """Compare name and value on `inputs` of a metric or penalty with those that were saved."""
        with torch.no_grad():
            self.same(f"value of {role} {name_of(here)}", saved["value"].to(inputs[0].device), here(*inputs))
        self.same(f"name of {role}", saved["name"].rpartition(".")[2], name_of(here).rpartition(".")[2])

    def _same_tensor(self, what: str, saved: Tensor, here: Tensor) -> None:
        for kind, remedy in (("device", "load with map_location"), ("dtype", "use the to method first")):
            if getattr(saved, kind) != getattr(here, kind):
                message = f"{what} has {kind} {getattr(here, kind)}, but {getattr(saved, kind)} was saved: {remedy}"
                raise InputError(message)
        if saved.shape != here.shape and not saved.numel() == here.numel() == 1:
            self._fail(f"{what} has shape {tuple(here.shape)}, but {tuple(saved.shape)} was saved")
        elif not torch.allclose(saved.reshape(here.shape), here, rtol=self.rtol, atol=self.atol):
            difference = (saved.reshape(here.shape) - here).abs().max().item()
            self._fail(f"{what} differs from what was saved, by up to {difference:.3g}")

    def _fail(self, message: str) -> None:
        if self.strict:
            raise InputError(f"{message}: make the object as the saved one was, or pass raise_on_checks=False")
        warnings.warn(message, LoadWarning, stacklevel=6)


def _close(saved: float, here: float) -> bool:
    return saved == here or abs(saved - here) <= 1e-8 + 1e-5 * abs(saved)


def examine(file_path: Any, map_location: Any = None) -> None:
    """Print what a saved competition holds: versions, names of callables, shapes of tensors, lengths of histories.

    Parameters
    ----------
    file_path : str or path
        A file that `MADCompetition.save` wrote.
    map_location : str, optional
        Device to load to; the CPU if not given.

    Raises
    ------
    InputError
        If the file cannot be read, or is not a saved competition.
    """
    contents = read_competition(file_path, map_location)
    installed = _versions()
    contents["versions"] = {name: f"{saved} (here {installed[name]})" for name, saved in contents["versions"].items()}
    print(f"{contents.pop('kind')}, schema {contents.pop('schema')}")
    for section, values in contents.items():
        print(f"\n{section}")
        width = max(map(len, values))
        for name, value in values.items():
            print(f"  {name:<{width}}  {_summary(value)}")


def _summary(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"{value.dtype} {tuple(value.shape)} on {value.device}".removeprefix("torch.")
    if isinstance(value, list):
        return f"{len(value)} values"
    if isinstance(value, dict):
        return str(value["name"]) if "name" in value else f"{len(value)} entries"
    return str(value)

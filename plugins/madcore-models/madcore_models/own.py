"""A user's own network: a module, a class or function of a file or package, TorchScript, a torch.export file."""

from __future__ import annotations

import copy
import hashlib
import sys
import warnings
import zipfile
from functools import reduce
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from madcore import InputError, PluginError
from madcore_models.found import DEFAULT, Found, near, seeded
from madcore_models.states import existing, is_state_file, load_state

__all__ = ["PROGRAMS", "load_program", "make_network", "take_module"]

PROGRAMS = (".pt", ".pt2", ".pth", ".ts")


def take_module(module: nn.Module, weights: str | None) -> Found:
    """Copy a module, so that the user's own stays as it is and later training does not change the metric."""
    name = type(module).__name__
    if weights != DEFAULT:
        raise InputError(f"weights={weights} goes with the name of a model; the module {name} has its own")
    try:
        return Found(copy.deepcopy(module), name)
    except Exception as error:
        raise InputError(f"the module {name} cannot be copied: {_line(error)}") from error


def make_network(place: str, attribute: str, weights: str | None, seed: int) -> Found:
    """Make the network of a class, or of a function without arguments, or take a module that is there.

    Parameters
    ----------
    place : str
        ``./file.py`` or ``package.module``.
    attribute : str
        Name within it.
    weights : str, optional
        ``DEFAULT`` or None leaves what the class makes; else a file with a state dictionary.
    seed : int
        Of the parameters that the class draws at random.
    """
    name = f"{place}:{attribute}"
    if weights not in (None, DEFAULT) and not is_state_file(weights):
        raise InputError(f"weights of {name} must be a file with its state dictionary; got {weights!r}")
    in_file = place.endswith(".py") or "/" in place
    files = [existing(Path(place).expanduser(), "model")] if in_file else []
    with seeded(seed):
        module = _run_file(files[0], name) if in_file else _import(place, name)
    made = _attribute(module, attribute, place)
    with seeded(seed):  # anew, because a file is run, and draws what it draws, only once
        network = copy.deepcopy(made) if isinstance(made, nn.Module) else _call(made, name)
    if weights not in (None, DEFAULT):
        files.append(Path(weights).expanduser())
        load_state(network, files[-1], name)
    return Found(network, name, files=tuple(files))


def load_program(path: Path, weights: str | None) -> Found:
    """Load a file of TorchScript or torch.export; refuse a pickle, since reading it runs whatever it says."""
    if weights != DEFAULT:
        raise InputError(f"weights={weights} does not go with {path}, which holds its own")
    kind = _kind(existing(path, "model"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # that torch would rather have the other kind
            if kind == "script":
                return Found(torch.jit.load(path, map_location="cpu"), str(path), files=(path,), has_layers=False)
            program = torch.export.load(path)
            network = torch.export.unflatten(program)
    except Exception as error:
        raise InputError(f"cannot load {str(path)!r}: {_line(error)}") from error
    _forget_examples(network)
    example = program.example_inputs[0] if program.example_inputs else ()
    return Found(network, str(path), size=example[0].shape[-1] if example else None, files=(path,))


def _forget_examples(network: nn.Module) -> None:
    """Drop the example values that an exported graph carries, which cannot be copied."""
    for module in network.modules():
        for node in getattr(module, "graph", torch.fx.Graph()).nodes:
            node.meta.pop("val", None)


def _kind(path: Path) -> str:
    names = zipfile.ZipFile(path).namelist() if zipfile.is_zipfile(path) else []
    inner = {name.partition("/")[2] for name in names}
    if any(name.startswith("code/") for name in inner):
        return "script"
    if any("exported_program" in name or name.startswith("models/") for name in (*names, *inner)):
        return "export"
    raise InputError(
        f"{str(path)!r} is neither TorchScript nor a torch.export file; if it holds a state dictionary, name the class "
        f"too: model=./net.py:CLASS,weights={path}; of a pickled module, save model.state_dict() first"
    )


def _run_file(path: Path, name: str) -> ModuleType:
    source = path.read_bytes()
    key = f"madcore_models_{hashlib.sha256(bytes(path.resolve()) + source).hexdigest()[:16]}"
    if key not in sys.modules:
        module = ModuleType(key)
        module.__file__ = str(path)
        # Dataclasses and pickle look their module up, so it must be there while it runs.
        sys.modules[key] = module
        try:
            exec(compile(source, str(path), "exec"), vars(module))
        except BaseException as error:
            del sys.modules[key]
            raise PluginError(f"{name} cannot be run: {_line(error)}") from error
    return sys.modules[key]


def _import(place: str, name: str) -> ModuleType:
    try:
        return import_module(place)
    except ModuleNotFoundError as error:
        raise InputError(f"there is no module {error.name!r} for {name!r}; or name a file: ./file.py:CLASS") from None
    except Exception as error:
        raise PluginError(f"{name} cannot be imported: {_line(error)}") from error


def _attribute(module: ModuleType, path: str, place: str) -> Any:
    try:
        return reduce(getattr, path.split("."), module)
    except AttributeError:
        known = [key for key, value in vars(module).items() if isinstance(value, type) and issubclass(value, nn.Module)]
        has = f"it has {', '.join(known)}" if known else "it has no torch.nn.Module"
        raise InputError(f"{place} has no {path!r}{near(path, known)}; {has}") from None


def _call(made: Any, name: str) -> nn.Module:
    if not callable(made):
        raise InputError(f"{name} is of type {type(made).__name__}; it must be a torch.nn.Module or make one")
    try:
        network = made()
    except OSError:  # a download of its own: madcore says what to do
        raise
    except Exception as error:
        raise InputError(f"{name}() makes no network: {_line(error)}; give its arguments defaults") from error
    if not isinstance(network, nn.Module):
        raise InputError(f"{name}() must return a torch.nn.Module; it returned {type(network).__name__}")
    return network


def _line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}"

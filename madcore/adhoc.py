"""Code that no plugin packages: ``package.module:attribute`` and ``./file.py:attribute`` as the name of a metric.

The signature decides what the attribute is: a callable of the images is the metric (or penalty) itself, a class or a
function that needs no argument makes one, and every parameter with a default is an option.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import partial, reduce
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from madcore.errors import InputError, MadcoreError, PluginError
from madcore.loaded import hash_loaded
from madcore.loading import describe_error
from madcore.options import complete_options, plain, unknown_name
from madcore.weights import hash_file

__all__ = ["Code", "blaming", "code_file", "find_code", "hash_code", "is_code", "is_code_in_file", "locate_code"]


@dataclass(frozen=True)
class Code:
    """An attribute that a name points to.

    Parameters
    ----------
    name : str
        The name as given.
    attribute : callable
        What it points to.
    file : Path, optional
        The file, absolute, where one was given.
    digest : str, optional
        ``sha256:...`` of its content, or of the file that the module was run from.
    """

    name: str
    attribute: Callable[..., Any]
    file: Path | None = None
    digest: str | None = None

    def identity(self, kind: str, options: Mapping[str, object]) -> dict[str, Any]:
        """Say what decides the values: the content, and of a file the attribute, wherever it lies."""
        code = {} if self.digest is None else {"code": self.digest}
        record: dict[str, Any] = {kind: self.name, "options": plain(options), "revision": 1, **code}
        if self.file is None:
            return record
        return {**record, kind: self.name.rpartition(":")[2], "file": str(self.file)}

    def make(self, given: Mapping[str, object], images: int) -> tuple[Callable[..., Any], dict[str, object]]:
        """Return the callable of that many images, and all options.

        Raises
        ------
        InputError
            If it takes another number of images.
        UnknownNameError, InputError
            If an option does not exist or its value is not allowed.
        PluginError
            If making it fails.
        """
        passed = _image_parameters(self.attribute, self.name, images)
        options = (
            {} if passed is None and not given else complete_options(self.attribute, given, self.name, passed or ())
        )
        if passed is None or passed:
            # Bound only where it must be: a callable object may have `prepare`, which a partial would hide.
            return partial(self.attribute, **{key: options[key] for key in given}) if given else self.attribute, options
        with blaming(self.name):
            made = self.attribute(**options)
        if not callable(made):
            raise PluginError(f"{self.name} must return a callable of {images} image batches; it returned {made!r}")
        _image_parameters(getattr(made, "forward", made), self.name, images)  # torch's modules hide what they take
        return made, options


def is_code(name: str) -> bool:
    """Tell whether a name points to code and not to a plugin."""
    return ":" in name or name.endswith(".py")


def is_code_in_file(value: object) -> bool:
    """Tell whether a value, perhaps of an option, is ``./file.py:attribute``."""
    return isinstance(value, str) and is_code(value) and _is_file(value.rpartition(":")[0])


def locate_code(name: str, folder: str | os.PathLike[str]) -> str:
    """Return a name, its options included, with the file of code, if it has one, found from a folder."""
    bare, comma, options = name.partition(",")
    place, colon, attribute = bare.rpartition(":")
    if not _is_file(place):
        return name
    return f"{Path(folder, Path(place).expanduser()).absolute()}{colon}{attribute}{comma}{options}"


def code_file(name: str) -> Path | None:
    """Return the file that the code of a name is in, without running it; None if there is no single one.

    Raises
    ------
    InputError
        If the name has no attribute, or there is no such module.
    """
    place, _ = _split(name)
    if _is_file(place):
        return Path(place).expanduser()
    loaded = sys.modules.get(place)
    return _existing(getattr(loaded, "__file__", None) if loaded else _find_module(place, name).origin)


def hash_code(name: str) -> str | None:
    """Return ``sha256:...`` of the file that code is in or was imported from, without running it; None without one.

    Parameters
    ----------
    name : str
        Code, or a file that holds a program.

    Raises
    ------
    InputError
        If there is no such module, or its file was saved again since it was imported.
    """
    loaded = sys.modules.get(name.rpartition(":")[0])
    if loaded is not None:
        return hash_loaded(loaded, name, is_new=False)
    file = code_file(name) if is_code(name) else Path(name).expanduser()
    return hash_file(file) if file and file.is_file() else None


def find_code(name: str) -> Code:
    """Import the module or file of a name and return the attribute.

    Raises
    ------
    InputError
        If there is no such module or file, a module's file was saved again since, or the attribute cannot be called.
    UnknownNameError
        If the module has no such attribute.
    PluginError
        If importing it fails.
    """
    place, path = _split(name)
    file, digest = None, None
    if _is_file(place):
        file = Path(place).expanduser().absolute()
        module, digest = _load_file(Path(place).expanduser(), name)
    else:
        is_new = place not in sys.modules
        module = _import(place, name)
        digest = hash_loaded(module, name, is_new=is_new)
    try:
        attribute = reduce(getattr, path.split("."), module)
    except AttributeError:
        known = [key for key in vars(module) if not key.startswith("_")]
        raise unknown_name(f"attribute of {place}", path, known) from None
    if not callable(attribute):
        raise InputError(f"{name} is of type {type(attribute).__name__}; it must be a callable of images, or make one")
    return Code(name, attribute, file, digest)


@contextmanager
def blaming(culprit: str) -> Iterator[None]:
    """Turn whatever foreign code raises into a PluginError that names the culprit, and its prints into talk."""
    try:
        with redirect_stdout(sys.stderr):
            yield
    except (MadcoreError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise PluginError(f"{culprit} does not work: {describe_error(error)}") from error


def _split(name: str) -> tuple[str, str]:
    place, _, attribute = name.rpartition(":")
    if not (place and attribute):
        raise InputError(f"{name!r} names no attribute; write ./file.py:attribute or package.module:attribute")
    return place, attribute


def _is_file(place: str) -> bool:
    return place.endswith(".py") or "/" in place or os.sep in place


def _import(place: str, name: str) -> ModuleType:
    with _missing_is_wrong_input(place, name), blaming(name):
        return import_module(place)


def _find_module(place: str, name: str) -> ModuleSpec:
    """Find a module; no package is run unless it has modules that are in none of its folders."""
    with _missing_is_wrong_input(place, name), blaming(name):
        parts = place.split(".")
        spec = find_spec(parts[0])
        for depth in range(2, len(parts) + 1):
            folders = spec and spec.submodule_search_locations
            spec = PathFinder.find_spec(".".join(parts[:depth]), folders) if folders else None
        spec = spec or find_spec(place)
        if spec is None:
            raise ModuleNotFoundError(name=place)
        return spec


def _existing(file: str | None) -> Path | None:
    return Path(file) if file and Path(file).is_file() else None


@contextmanager
def _missing_is_wrong_input(place: str, name: str) -> Iterator[None]:
    """Tell a module that does not exist from one that does not find what it imports itself."""
    try:
        yield
    except PluginError as error:
        cause = error.__cause__
        if isinstance(cause, ModuleNotFoundError) and cause.name and f"{place}.".startswith(f"{cause.name}."):
            hint = "install its package, or name a file: ./file.py:attribute"
            raise InputError(f"there is no module {cause.name!r} for {name!r}; {hint}") from None
        raise


def _load_file(path: Path, name: str) -> tuple[ModuleType, str]:
    try:
        source = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r} for {name!r}: {error.strerror}") from None
    digest = hashlib.sha256(source).hexdigest()
    key = hashlib.sha256(f"{path.resolve()} {digest}".encode()).hexdigest()[:16]
    module_name = f"madcore_file_{key}"
    if module_name not in sys.modules:
        module = ModuleType(module_name)
        module.__file__ = str(path)
        # Dataclasses and pickle look their module up, so it must be there while it runs.
        sys.modules[module_name] = module
        try:
            with blaming(name):
                exec(compile(source, str(path), "exec"), vars(module))
        except BaseException:
            del sys.modules[module_name]
            raise
    return sys.modules[module_name], f"sha256:{digest}"


def _image_parameters(attribute: Callable[..., Any], name: str, images: int) -> tuple[str, ...] | None:
    """Return the names of the parameters that take the images: none for a factory, None where they have no names."""
    if isinstance(attribute, type):
        return ()
    try:
        parameters = inspect.signature(attribute).parameters.values()
    except (ValueError, TypeError):
        return None
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = tuple(each.name for each in parameters if each.kind in positional and each.default is each.empty)
    if len(needed) < images and any(each.kind is each.VAR_POSITIONAL for each in parameters):
        return None
    if len(needed) not in (0, images):
        told = f"{name} needs {', '.join(needed)}; it must take {images} image batches, or only options"
        network = f"; a network of one picture is compared by models.features,model={name}, of madcore-models"
        raise InputError(told + network if (images, len(needed)) == (2, 1) else told)
    return needed

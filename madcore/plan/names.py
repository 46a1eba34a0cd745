"""Names in a plan looked up: metrics, penalties and observers among the plugins, pictures among the files."""

from __future__ import annotations

import difflib
import os
from glob import glob
from pathlib import Path
from typing import Any

from madcore.adhoc import code_file, is_code, locate_code
from madcore.errors import InputError
from madcore.options import complete_options, option_text, write_name
from madcore.pictures import DEAD_LEAVES, PHOTOGRAPHS, is_builtin, photograph_path
from madcore.plan.plan import Plan
from madcore.plan.values import name_of, number
from madcore.registry import AnyEntry, Registry

__all__ = ["Names"]


class Names:
    """Looks names up.

    Parameters
    ----------
    folder : Path
        What file names are relative to.
    registry : Registry
        The plugins.
    """

    def __init__(self, folder: Path, registry: Registry) -> None:
        self.folder = folder
        self.registry = registry
        self._competitors: dict[str, str] = {}

    def metric(self, value: Any) -> str:
        """Return the name, with options, of a metric that exists."""
        return self._metric(value)[0]

    def competitor(self, value: Any) -> str:
        """Return the name of a metric that was not named before, under whatever name."""
        written, identity = self._metric(value)
        if identity in self._competitors:
            earlier = self._competitors[identity]
            also = "" if earlier == written else f", as {earlier}"
            raise InputError(f"{written} is in the plan already{also}; leave one out")
        self._competitors[identity] = written
        return written

    def penalty(self, value: Any) -> tuple[str, float]:
        """Return the name of a penalty and its weight, which is an option to the user."""
        name, options = name_of(value)
        weight = _weight(options.pop("weight", Plan.penalty_weight))
        if is_code(name):
            self._check_code(name)
            return write_name(locate_code(name, self.folder), options), weight
        self._complete(self.registry.penalty(name), options)
        return write_name(name, options), weight

    def observer(self, value: Any) -> str:
        """Return the name, with options, of an observer that exists."""
        name, options = name_of(value)
        self._complete(self.registry.observer(name), options)
        return write_name(name, options)

    def pictures(self, source: str) -> list[str]:
        """Return the pictures that a name, a file name or a glob stands for."""
        if source in PHOTOGRAPHS:
            photograph_path(source)
        if is_builtin(source):
            return [source]
        if not set(source) & set("*?["):
            return [self._file(source)]
        found = sorted(glob(source, root_dir=self.folder, recursive=True))
        files = [name for name in found if (self.folder / name).is_file()]
        if not files:
            raise InputError(f"no file matches {source!r} in {self.folder.absolute()}")
        return [self._relative(name) for name in files]

    def _metric(self, value: Any) -> tuple[str, str]:
        name, options = name_of(value)
        if is_code(name):
            self._check_code(name)
            written = write_name(name, options)
            return written, locate_code(written, self.folder)
        entry = self.registry.metric(name)
        completed = self._complete(entry, options)
        return write_name(name, options), write_name(entry.name, completed)

    def _complete(self, entry: AnyEntry, options: dict[str, object]) -> dict[str, object]:
        if entry.missing:
            wanted = " ".join(repr(line) for line in entry.missing)
            raise InputError(f"{entry.name} needs what is not installed: pip install {wanted}")
        return complete_options(entry.spec.build, options, entry.name, entry.passed)

    def _check_code(self, name: str) -> None:
        file = code_file(locate_code(name, self.folder))
        if file is not None and not file.is_file():
            place, _, _ = name.rpartition(":")
            raise InputError(f"there is no file {place!r} for {name!r} in {self.folder.absolute()}")

    def _file(self, source: str) -> str:
        name = source if (self.folder / source).exists() else source.rpartition(":")[0]  # of one tensor of several
        if name and (self.folder / name).is_file():
            return self._relative(source)
        near = difflib.get_close_matches(source, [*DEAD_LEAVES, *PHOTOGRAPHS], 1)
        meant = f" (did you mean {near[0]}?)" if near else ""
        raise InputError(f"there is neither a file nor a built-in picture {source!r}{meant}")

    def _relative(self, name: str) -> str:
        """Return a file name as it is from the current folder, never that of a built-in picture."""
        path = os.path.join(self.folder, name) if self.folder != Path() else name
        return f"./{path}" if is_builtin(path) else path


def _weight(value: object) -> float:
    try:
        return number(float(value) if isinstance(value, str) else value)
    except ValueError:
        raise InputError(f"the weight of a penalty must be a number above 0; got {option_text(value)}") from None

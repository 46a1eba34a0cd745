"""The folder of one match, read as a store is, so that reports and figures take both."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from madcore.errors import InputError
from madcore.store.index import Index
from madcore.store.layout import MARK
from madcore.store.record import RECORD, read_match
from madcore.store.store import Store

__all__ = ["SingleMatch", "find_store", "open_results"]


def open_results(path: str | os.PathLike[str]) -> Store | SingleMatch:
    """Open a store, or the folder of one match, for reading.

    Raises
    ------
    InputError
        If the folder is neither.
    """
    folder = Path(path)
    if (folder / MARK).exists():
        return Store(folder)
    if (folder / RECORD).exists():
        return SingleMatch(folder)
    raise InputError(f"{folder} is neither a store (no {MARK}) nor a match (no {RECORD}); give a folder of madcore's")


def find_store(folder: Path) -> Store | None:
    """Return the store that a match's folder is in, None if it is in none."""
    inside = folder.absolute().parents
    return Store(inside[2]) if len(inside) > 2 and (inside[2] / MARK).exists() else None


class SingleMatch:
    """The folder that `madcore quartet` or `madcore synth` has written, with the reading methods of `Store`.

    Parameters
    ----------
    path : str or path
        The folder.

    Raises
    ------
    InputError
        If it holds no record that can be read.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._record = read_match(self.path)
        self._index = Index()
        self._index.refresh(self.ids(), lambda _: (self._record, 0.0))

    def ids(self) -> set[str]:
        """Return the identity of the match, as a set."""
        return {self._record["id"]}

    def __contains__(self, match: object) -> bool:
        return match == self._record["id"]

    def record(self, match: str) -> dict[str, Any]:
        """Return the record."""
        if match not in self:
            raise InputError(f"there is no match {match} in {self.path}")
        return self._record

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield the one record."""
        yield self._record

    def read(self, match: str, filename: str) -> bytes:
        """Read a file of the match, e.g. ``a_min.png``.

        Raises
        ------
        InputError
            If there is none.
        """
        self.record(match)
        try:
            return (self.path / Path(filename).name).read_bytes()
        except OSError as error:
            raise InputError(f"{self.path / filename} cannot be read ({error.strerror})") from None

    def damaged(self) -> dict[str, str]:
        """Return what is wrong with the record, by identity."""
        return self._index.damaged()

    def scores(self, match: str) -> None:
        """Return None: no judges are asked of a single match."""

    def curves(self) -> Iterator[dict[str, Any]]:
        """Yield nothing: no noise curves are measured for a single match."""
        return iter(())

    def curve(self, identity: Mapping[str, Any], image_hash: str) -> None:
        """Return None; see `curves`."""

    def reference(self, image_hash: str, suffix: str = "png") -> bytes | None:
        """Read the reference image; ``safetensors`` holds it under the name ``reference``."""
        name = "reference.png" if suffix == "png" else "exact.safetensors"
        is_it = image_hash.removeprefix("sha256:") == self._record["key"]["image"].removeprefix("sha256:")
        path = self.path / name
        return path.read_bytes() if is_it and path.is_file() else None

    def failures(self) -> list[dict[str, Any]]:
        """Return nothing: what fails is not written."""
        return []

    def plans(self) -> list[str]:
        """Return nothing: a single match has no plan."""
        return []

    def rows(self, where: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield a row for each MAD image; see `Store.query`."""
        return self._index.rows(where)

    def query(self, where: str | None = None) -> list[dict[str, Any]]:
        """Return a row for each MAD image for which a condition holds; see `Store.query`."""
        return list(self.rows(where))

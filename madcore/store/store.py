"""A store: all that a tournament has found, in one folder that survives whatever ends its writers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from madcore.errors import InputError
from madcore.store.files import list_names, read_json, record_json, replace_file
from madcore.store.index import Index
from madcore.store.layout import check_id, check_place, create_layout, hex_of, is_store, open_layout
from madcore.store.locks import hold_lock, lock_holder, sweep
from madcore.store.matches import Matches
from madcore.store.packing import pack_shards
from madcore.store.packs import SCORES
from madcore.store.record import canonical

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Durability", "Store", "check_durability", "curve_id"]

Durability = Literal["full", "fast"]
FILES = "files"  # what replaces files, under tmp; shared by all writers, so that only what is old is swept
ABANDONED = 3600.0


def check_durability(durability: str) -> None:
    """Make sure that a durability is one.

    Raises
    ------
    InputError
        If it is neither ``full`` nor ``fast``.
    """
    if durability not in get_args(Durability):
        raise InputError(f"durability must be full or fast; got {durability!r}")


class Store:
    """A folder of finished matches.

    Parameters
    ----------
    path : str or path
        Of a store that is there; `Store.create` makes one.

    Raises
    ------
    InputError
        If there is none, or another version of madcore wrote it.

    Examples
    --------
    >>> store = Store("results")
    >>> store.query("minmax = 'max' and held_error > 1e-5")
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        open_layout(self.path)
        self._matches = Matches(self.path)
        self._index = Index(self.path / "index.sqlite")

    @classmethod
    def create(cls, path: str | os.PathLike[str]) -> Store:
        """Open the store in a folder, making it where there is none.

        Raises
        ------
        InputError
            If the folder holds something else or cannot be written.
        """
        create_layout(Path(path))
        return cls(path)

    @classmethod
    def check(cls, path: str | os.PathLike[str], writer: str = "driver") -> None:
        """Make sure, before anything is computed, that a store can be written in a folder; none is made.

        Raises
        ------
        InputError
            If the folder holds something else or cannot be written, or another process is the writer of that name.
        """
        if is_store(Path(path)):
            with cls(path).lock(writer):
                return
        check_place(Path(path))

    # Matches

    def ids(self) -> set[str]:
        """Return the identities of all finished matches."""
        return self._matches.ids()

    def __contains__(self, match: object) -> bool:
        return match in self._matches

    def put(
        self,
        record: Mapping[str, Any],
        files: Mapping[str, bytes],
        *,
        writer: str = "driver",
        durability: Durability = "full",
    ) -> bool:
        """Commit a finished match; whoever comes first wins.

        Parameters
        ----------
        record : mapping
            With ``schema``, ``id``, ``key``, ``images``, ``start`` and ``made``; ``files`` is filled in.
        files : mapping
            Contents by name: ``a_min.png``, ``exact.safetensors``, ...
        writer : str
            Who writes; each has a folder of its own for what is unfinished.
        durability : str
            ``full`` has everything on the disk before this returns; ``fast``, for tests, leaves that to the system.

        Returns
        -------
        bool
            Whether this call committed it.

        Raises
        ------
        InputError
            If the identity is not that of the key, or the disk is full or cannot be written.
        """
        check_durability(durability)
        committed = self._matches.put(record, files, writer, durable=durability == "full")
        (self.path / "failures" / f"{record['id']}.json").unlink(missing_ok=True)
        return committed

    def record(self, match: str) -> dict[str, Any]:
        """Read a record.

        Raises
        ------
        InputError
            If there is none of that identity, or it is damaged.
        """
        return self._matches.record(match)

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield all records in the order of their identities, without those that `damaged` names."""
        for match in sorted(self.ids()):
            try:
                yield self.record(match)
            except InputError:
                continue

    def read(self, match: str, filename: str) -> bytes:
        """Read a file of a match, e.g. ``a_min.png``.

        Raises
        ------
        InputError
            If there is none.
        """
        return self._matches.read(match, filename)

    def damaged(self) -> dict[str, str]:
        """Return what is wrong with records that cannot be read, by identity."""
        return self.refreshed().damaged()

    # Judges

    def scores(self, match: str) -> dict[str, Any] | None:
        """Read what the judges say of a match; None if they have not been asked."""
        loose = read_json(self._scores_path(match))
        return self._matches.packs.read_json(match, SCORES) if loose is None else loose

    def put_scores(self, match: str, scores: Mapping[str, Any]) -> None:
        """Write what the judges say of a match, in the place of what was there."""
        self._replace(self._scores_path(match), record_json(scores))

    def curves(self) -> Iterator[dict[str, Any]]:
        """Yield the noise curves."""
        for name in list_names(self.path / "curves"):
            curve = read_json(self.path / "curves" / name)
            if curve is not None:
                yield curve

    def curve(self, identity: Mapping[str, Any], image_hash: str) -> dict[str, Any] | None:
        """Read the noise curve of a metric, by its identity in keys, for a reference image."""
        return read_json(self.path / "curves" / f"{curve_id(identity, image_hash)}.json")

    def put_curve(self, curve: Mapping[str, Any]) -> None:
        """Write a noise curve, which has ``identity`` and ``image``."""
        name = f"{curve_id(curve['identity'], curve['image'])}.json"
        self._replace(self.path / "curves" / name, record_json(curve))

    # References

    def reference(self, image_hash: str, suffix: str = "png") -> bytes | None:
        """Read the reference image with these pixels as ``png`` or ``safetensors``; None if it is not here."""
        try:
            return self._reference_path(image_hash, suffix).read_bytes()
        except FileNotFoundError:
            return None

    def put_reference(self, image_hash: str, files: Mapping[str, bytes]) -> None:
        """Write a reference image, contents by suffix, unless it is there."""
        for suffix, content in files.items():
            path = self._reference_path(image_hash, suffix)
            if not path.exists():
                self._replace(path, content)

    # What went wrong

    def fail(self, failure: Mapping[str, Any]) -> None:
        """Note why a match could not be finished; ``attempts`` counts up where it is not given."""
        path = self.path / "failures" / f"{check_id(failure['id'])}.json"
        attempts = (read_json(path) or {}).get("attempts", 0) + 1
        self._replace(path, record_json({"schema": 1, "attempts": attempts, **failure}))

    def failures(self) -> list[dict[str, Any]]:
        """Return the last error of each match that failed and has not been finished since."""
        folder = self.path / "failures"
        found = (read_json(folder / name) for name in list_names(folder))
        return [failure for failure in found if failure is not None and failure.get("id") not in self]

    def clear_failures(self) -> None:
        """Forget all failures, so that those matches are played again."""
        for name in list_names(self.path / "failures"):
            (self.path / "failures" / name).unlink(missing_ok=True)

    # Plans and writers

    def add_plan(self, text: str, matches: Iterable[str] = ()) -> Path:
        """Keep an exact copy of a plan, and the identities of its matches; return where it is."""
        path = self.path / "plans" / f"{sha256(text.encode()).hexdigest()[:12]}.toml"
        wanted = "".join(f"{match}\n" for match in matches)
        if wanted:
            self._replace(path.with_suffix(".matches"), wanted.encode())
        self._replace(path, text.encode())
        return path

    def planned(self) -> set[str]:
        """Return the identities of the matches of the latest plan; none where it has not said."""
        listed = [path.with_suffix(".matches") for path in self._plans()[-1:]]
        return {match for path in listed if path.is_file() for match in path.read_text().split()}

    def plans(self) -> list[str]:
        """Return the plans that were played, the latest last."""
        return [path.read_text(encoding="utf-8") for path in self._plans()]

    @contextmanager
    def lock(self, writer: str = "driver") -> Iterator[None]:
        """Be the only writer of that name, and remove what an earlier one left unfinished.

        Raises
        ------
        InputError
            If another process is, which is named.
        """
        with hold_lock(self.path / "lock" / writer, self.path):
            sweep(self.path / "tmp" / writer)
            sweep(self.path / "tmp" / FILES, ABANDONED)
            yield

    def writers(self) -> dict[str, str]:
        """Say who is writing, by name of the writer: process, host and since when."""
        found = {writer: lock_holder(self.path / "lock" / writer) for writer in list_names(self.path / "lock")}
        return {writer: holder for writer, holder in found.items() if holder is not None}

    def pack(self) -> Iterator[int]:
        """Move all finished matches into packs, one file a shard; they are read as before.

        Yields
        ------
        int
            How many matches of a shard were packed, shard by shard.

        Raises
        ------
        InputError
            If somebody is writing, or the disk is full or cannot be written.
        """
        with self.lock():
            others = {writer: holder for writer, holder in self.writers().items() if writer != "driver"}
            if others:
                raise InputError(f"{self.path} is being written by {', '.join(others.values())}; wait until it ends")
            yield from pack_shards(self.path, self._matches, self.path / "tmp" / "driver")

    # Queries

    def rows(self, where: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield a row for each MAD image; see `query`."""
        return self.refreshed().rows(where)

    def query(self, where: str | None = None) -> list[dict[str, Any]]:
        """Return a row for each MAD image for which a condition holds.

        Parameters
        ----------
        where : str, optional
            What SQL (SQLite's) has after WHERE, on the columns of a row; by default all rows.

        Returns
        -------
        list of dict
            In the order of identities, with the columns of `madcore.store.rows.COLUMNS`.

        Raises
        ------
        InputError
            If `where` is no condition.
        """
        return list(self.rows(where))

    def to_pandas(self, where: str | None = None) -> DataFrame:
        """Return the rows of `query` as a data frame.

        Raises
        ------
        InputError
            If pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise InputError("to_pandas needs pandas, which is not installed: pip install pandas") from None
        return pandas.DataFrame(self.query(where))

    def refreshed(self) -> Index:
        """Return the index with all matches that are here now."""
        self._index.refresh(self.ids(), lambda match: (self.record(match), self._matches.committed(match)))
        return self._index

    def _replace(self, path: Path, content: bytes) -> None:
        try:
            replace_file(path, content, staging=self.path / "tmp" / FILES)
        except OSError as error:
            raise InputError(
                f"{path} cannot be written ({error.strerror or error}); mend that and try again"
            ) from error

    def _plans(self) -> list[Path]:
        folder = self.path / "plans"
        paths = [folder / name for name in list_names(folder) if name.endswith(".toml")]
        return sorted(paths, key=lambda path: path.stat().st_mtime_ns)

    def _scores_path(self, match: str) -> Path:
        return self.path / "scores" / check_id(match)[:2] / f"{match}.json"

    def _reference_path(self, image_hash: str, suffix: str) -> Path:
        return self.path / "references" / f"{hex_of(image_hash)}.{suffix}"


def curve_id(identity: Mapping[str, Any], image_hash: str) -> str:
    """Return the name of the file that holds the noise curve of a metric for a reference image."""
    return sha256(canonical({"metric": identity, "image": image_hash}).encode()).hexdigest()[:32]

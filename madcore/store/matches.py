"""Matches in a store: a folder each in 256 shards, written aside and renamed when whole.  The rename is the commit."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from threading import get_ident
from typing import Any

from madcore.errors import InputError
from madcore.store.files import list_names, make_folder, record_json, sync_folder, write_file
from madcore.store.layout import check_id, is_id
from madcore.store.packs import Packs
from madcore.store.record import RECORD, complete_record, match_id, parse_record

__all__ = ["Matches"]

TAKEN = {errno.EEXIST, errno.ENOTEMPTY}


class Matches:
    """The finished matches of a store.

    Parameters
    ----------
    root : Path
        The store.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._root = str(root)
        self.packs = Packs(root / "packs")

    def ids(self) -> set[str]:
        """Return the identities of all matches, by their names alone."""
        matches = f"{self._root}/matches"
        ids = self.packs.ids()
        for shard in list_names(Path(matches)):
            ids.update(filter(is_id, os.listdir(f"{matches}/{shard}")))
        return ids

    def __contains__(self, match: object) -> bool:
        return is_id(match) and (self.folder(match).is_dir() or match in self.packs)

    def folder(self, match: str) -> Path:
        """Return where a match lies while it is not packed."""
        return Path(self._place(match))

    def read(self, match: str, name: str) -> bytes:
        """Read a file of a match, packed or not.

        Raises
        ------
        InputError
            If there is none.
        """
        if os.path.basename(name) != name:
            raise InputError(f"{name!r} is no file of a match; give a plain file name")
        try:
            try:
                with open(f"{self._place(match)}/{name}", "rb") as stream:
                    return stream.read()
            except FileNotFoundError:
                return self.packs.read(match, name)
        except FileNotFoundError:
            what = f"match {match} has no file {name}" if match in self else f"there is no match {match}"
            raise InputError(f"{what} in {self.root}") from None
        except OSError as error:
            raise InputError(f"{name} of match {match} in {self.root} cannot be read ({error.strerror})") from error

    def record(self, match: str) -> dict[str, Any]:
        """Read the record of a match.

        Raises
        ------
        InputError
            If there is none, or it is damaged.
        """
        place = f"{self._place(match)}/{RECORD}"
        record = parse_record(self.read(match, RECORD), place)
        if record["id"] != match:
            raise InputError(f"{place} is that of match {record['id']}; it lies in the wrong place")
        return record

    def committed(self, match: str) -> float:
        """Return when a match was stored, in seconds since 1970."""
        try:
            return os.stat(f"{self._place(match)}/{RECORD}").st_mtime
        except FileNotFoundError:
            return self.packs.committed(match)

    def put(self, record: Mapping[str, Any], files: Mapping[str, bytes], writer: str, durable: bool) -> bool:
        """Commit a match; False if it was there already."""
        match = check_id(record["id"])
        if match != match_id(record["key"]):
            raise InputError(f"match {match} cannot be stored: its id is not that of its key")
        if match in self:
            return False
        staged = self.root / "tmp" / writer / f"{match}.{os.getpid()}.{get_ident()}"
        try:
            self._stage(staged, complete_record(record, files), files, durable)
            return self._commit(staged, self.folder(match), durable)
        except OSError as error:
            raise InputError(
                f"{self.root} cannot be written ({error.strerror or error}); what was finished is kept: "
                "mend that and run the same command again"
            ) from error
        finally:
            shutil.rmtree(staged, ignore_errors=True)

    def _place(self, match: str) -> str:
        """Return `folder` as text: of a hundred thousand records, making paths would take a third of the time."""
        return f"{self._root}/matches/{check_id(match)[:2]}/{match}"

    def _stage(self, staged: Path, record: Mapping[str, Any], files: Mapping[str, bytes], durable: bool) -> None:
        staged.mkdir(parents=True, exist_ok=True)
        for name, content in {**files, RECORD: record_json(record)}.items():
            write_file(staged / name, content, durable=durable)
        if durable:
            sync_folder(staged)

    def _commit(self, staged: Path, folder: Path, durable: bool) -> bool:
        make_folder(folder.parent, durable=durable)
        try:
            staged.rename(folder)
        except OSError as error:
            if error.errno in TAKEN:  # by another writer, a moment ago
                return False
            raise
        if durable:
            sync_folder(folder.parent)
        return True

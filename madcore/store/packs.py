"""Packs: the matches of a shard in one ZIP file, for file systems that suffer from millions of small ones."""

from __future__ import annotations

import json
import os
import re
import struct
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from madcore.errors import InputError
from madcore.store.files import list_names
from madcore.store.layout import is_id
from madcore.store.record import RECORD

__all__ = ["SCORES", "Packs"]

SCORES = "scores.json"
END = struct.Struct("<4s4H2IH")  # end of central directory record, without comment
NAME = re.compile(rb"/match\.json")  # found by its text, many times faster than by 32 digits

Stamp = tuple[int, int]


class Packs:
    """Reads the files of packed matches.

    Parameters
    ----------
    folder : Path
        Where the packs are, if there are any.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._names: dict[str, tuple[Stamp, frozenset[str]]] = {}
        self._open: tuple[str, Stamp, zipfile.ZipFile] | None = None

    def ids(self) -> set[str]:
        """Return the identities of all packed matches."""
        shards = [Path(name).stem for name in list_names(self.folder) if name.endswith(".zip")]
        return {match for shard in shards for match in self._ids_of(shard)}

    def __contains__(self, match: str) -> bool:
        return match in self._ids_of(match[:2])

    def read(self, match: str, name: str) -> bytes:
        """Read a file of a packed match.

        Raises
        ------
        FileNotFoundError
            If there is none.
        """
        pack = self._pack(match[:2])
        if pack is None:
            raise FileNotFoundError(name)
        try:
            return pack.read(f"{match}/{name}")
        except KeyError:
            raise FileNotFoundError(name) from None

    def read_json(self, match: str, name: str) -> dict[str, Any] | None:
        """Read a file of a packed match that holds a JSON object; None if there is none."""
        try:
            found = json.loads(self.read(match, name))
        except (FileNotFoundError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def committed(self, match: str) -> float:
        """Return when a match was stored, in seconds since 1970; 0 if that is not known."""
        pack = self._pack(match[:2])
        if pack is None or match not in self:
            return 0.0
        return datetime(*pack.getinfo(f"{match}/{RECORD}").date_time, tzinfo=UTC).timestamp()

    def _ids_of(self, shard: str) -> frozenset[str]:
        stamp = self._stamp(shard)
        if stamp is None:
            return frozenset()
        known = self._names.get(shard)
        if known is None or known[0] != stamp:
            known = stamp, frozenset(_listed(self._path(shard)) or self._named(shard))
            self._names[shard] = known
        return known[1]

    def _named(self, shard: str) -> Iterator[str]:
        pack = self._pack(shard)
        names = pack.namelist() if pack else []
        return (name[:32] for name in names if name[32:] == f"/{RECORD}")

    def _stamp(self, shard: str) -> Stamp | None:
        try:
            found = os.stat(self._path(shard))
        except FileNotFoundError:
            return None
        return found.st_size, found.st_mtime_ns

    def _pack(self, shard: str) -> zipfile.ZipFile | None:
        """Open a pack, one at a time: matches are read shard by shard."""
        stamp = self._stamp(shard)
        if stamp is None:
            return None
        if self._open is None or self._open[:2] != (shard, stamp):
            self.close()
            try:
                self._open = shard, stamp, zipfile.ZipFile(self._path(shard))
            except zipfile.BadZipFile as error:
                raise InputError(f"{self._path(shard)} is damaged ({error}); restore it from a copy") from error
        return self._open[2]

    def close(self) -> None:
        """Close the pack that was read last."""
        if self._open is not None:
            self._open[2].close()
            self._open = None

    def _path(self, shard: str) -> Path:
        return self.folder / f"{shard}.zip"


def _listed(path: Path) -> set[str]:
    """Find the identities in the directory at a ZIP's end without taking it apart as `zipfile` does.

    Returns nothing for ZIPs with more than 65,534 files or 4 GB, whose end is of another form, and for damaged ones.
    """
    with path.open("rb") as stream:
        length = stream.seek(0, os.SEEK_END)
        stream.seek(max(length - END.size, 0))
        end = stream.read()
        if len(end) < END.size:
            return set()
        mark, _, _, _, count, size, start, comment = END.unpack(end)
        if mark != b"PK\5\6" or count == 0xFFFF or comment or start + size + END.size != length:
            return set()
        stream.seek(start)
        directory = stream.read(size)
    found = (directory[at.start() - 32 : at.start()].decode(errors="replace") for at in NAME.finditer(directory))
    return set(filter(is_id, found))

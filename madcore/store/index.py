"""The numbers of all records in SQLite, for quick queries: a copy that is mstored, and made anew, from the records."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from madcore.errors import InputError
from madcore.store.rows import COLUMNS, image_rows

__all__ = ["Index"]

VERSION = 1
COMMIT_EVERY = 1000
SCHEMA = f"""
CREATE TABLE matches (id TEXT PRIMARY KEY, seconds REAL, stored REAL, problem TEXT) WITHOUT ROWID;
CREATE TABLE images ({", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())}, PRIMARY KEY (id, image))
WITHOUT ROWID;
PRAGMA user_version = {VERSION};
"""
# What a condition may do: compute with the columns of the one table.
HARMLESS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION}


class Index:
    """A table of `COLUMNS` with a row for each MAD image.

    Parameters
    ----------
    path : Path, optional
        Of the file; in memory by default.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.ids: set[str] = set()  # as of the last refresh
        self._connection: sqlite3.Connection | None = None

    def refresh(self, ids: set[str], read: Callable[[str], tuple[Mapping[str, Any], float]]) -> None:
        """Take in the matches that are new, and forget those that are gone.

        Parameters
        ----------
        ids : set of str
            All matches that there are.
        read : callable
            Returns the record of a match, and when it was stored, in seconds since 1970.
        """
        try:
            self._update(self._connect(), ids, read)
        except sqlite3.DatabaseError:  # damaged, or in a place where SQLite cannot lock or write
            self.close()
            self._update(self._anew(), ids, read)
        self.ids = ids

    def rows(self, where: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield the rows for which a condition holds, a condition being what SQL has after WHERE.

        Raises
        ------
        InputError
            If it is none.
        """
        connection = self._connect()
        condition = f"WHERE (\n{where}\n)" if where is not None else ""
        connection.set_authorizer(_authorize)
        try:
            yield from map(dict, connection.execute(f"SELECT * FROM images {condition} ORDER BY id, image"))
        except (sqlite3.Error, sqlite3.Warning) as error:
            if where is None:
                raise
            raise InputError(_explain(where, error)) from None
        finally:
            connection.set_authorizer(None)

    def damaged(self) -> dict[str, str]:
        """Return what is wrong with records that cannot be read, by identity."""
        return {
            row["id"]: row["problem"]
            for row in self._connect().execute("SELECT id, problem FROM matches WHERE problem IS NOT NULL ORDER BY id")
        }

    def stored_since(self, when: float) -> list[float]:
        """Return when each match was stored that came after a time; both in seconds since 1970."""
        found = self._connect().execute("SELECT stored FROM matches WHERE problem IS NULL AND stored > ?", (when,))
        return [row["stored"] for row in found]

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = _open(str(self.path) if self.path else ":memory:")
        return self._connection

    def _anew(self) -> sqlite3.Connection:
        try:
            if self.path is not None:
                self.path.unlink(missing_ok=True)
            self._connection = self._connect()
        except (OSError, sqlite3.DatabaseError):
            self._connection = _open("")  # a temporary file, which SQLite removes
        return self._connection

    def _update(
        self, connection: sqlite3.Connection, ids: set[str], read: Callable[[str], tuple[Mapping[str, Any], float]]
    ) -> None:
        known = {row[0] for row in connection.execute("SELECT id FROM matches WHERE problem IS NULL")}
        _forget(connection, {*(known - ids), *self.damaged()})
        for count, match in enumerate(sorted(ids - known), 1):
            _take_in(connection, match, read)
            if count % COMMIT_EVERY == 0:
                connection.commit()
        connection.commit()


def _open(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=60)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA synchronous = OFF")  # a copy need not survive a power cut
    if connection.execute("PRAGMA user_version").fetchone()[0] != VERSION:
        connection.execute("BEGIN IMMEDIATE")
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            connection.execute(f'DROP TABLE "{name}"')
        for statement in SCHEMA.split(";"):
            connection.execute(statement)
        connection.commit()
    return connection


def _take_in(
    connection: sqlite3.Connection, match: str, read: Callable[[str], tuple[Mapping[str, Any], float]]
) -> None:
    try:
        record, stored = read(match)
        rows = [tuple(row.values()) for row in image_rows(record)]
        seconds, problem = record["made"].get("seconds"), None
    except InputError as error:
        rows, seconds, stored, problem = [], None, 0.0, str(error)
    except (LookupError, TypeError, AttributeError, ValueError) as error:  # a record may hold anything
        rows, seconds, stored, problem = [], None, 0.0, f"the record of match {match} makes no sense ({error!r})"
    marks = ", ".join("?" * len(COLUMNS))
    connection.executemany(f"INSERT OR REPLACE INTO images VALUES ({marks})", rows)
    connection.execute("INSERT OR REPLACE INTO matches VALUES (?, ?, ?, ?)", (match, seconds, stored, problem))


def _forget(connection: sqlite3.Connection, gone: Iterable[str]) -> None:
    for match in gone:
        connection.execute("DELETE FROM images WHERE id = ?", (match,))
        connection.execute("DELETE FROM matches WHERE id = ?", (match,))


def _authorize(action: int, first: str | None, second: str | None, *_: object) -> int:
    allowed = action in HARMLESS and (action != sqlite3.SQLITE_READ or first in ("images", ""))
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _explain(where: str, error: Exception) -> str:
    said = str(error)
    column = re.match(r"no such column: (\S+)", said)
    near = get_close_matches(column[1], COLUMNS, 1) if column else []
    meant = f" (did you mean {near[0]}?)" if near else ""
    known = f"; the columns are {', '.join(COLUMNS)}" if column and not near else ""
    return f"{where!r} is no condition ({said}{meant}){known}; write e.g. \"minmax = 'max' and held_error > 1e-5\""

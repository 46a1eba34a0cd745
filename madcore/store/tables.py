"""Rows written out for other programs: CSV, JSON and Parquet, without holding them all."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping
from io import TextIOWrapper
from itertools import islice
from typing import Any, BinaryIO

from madcore.errors import InputError
from madcore.store.rows import COLUMNS

__all__ = ["FORMATS", "write_rows"]

Rows = Iterable[Mapping[str, Any]]
AT_ONCE = 10_000


def write_rows(rows: Rows, stream: BinaryIO, form: str) -> int:
    """Write rows of a store's table; return how many.

    Parameters
    ----------
    rows : iterable of mapping
        As `madcore.Store.rows` yields them.
    stream : binary file
        Where to.
    form : str
        One of `FORMATS`.

    Raises
    ------
    InputError
        If Parquet is wanted and pyarrow is not installed.
    """
    return FORMATS[form](rows, stream)


def _csv(rows: Rows, stream: BinaryIO) -> int:
    text = TextIOWrapper(stream, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007 - the last is the number of rows
        writer.writerow(row.values())
    text.detach()
    return count


def _json(rows: Rows, stream: BinaryIO) -> int:
    count = 0
    for count, row in enumerate(rows, 1):
        line = json.dumps(row, ensure_ascii=False, allow_nan=False)
        stream.write(f"{',' if count > 1 else '['}\n{line}".encode())
    stream.write(b"\n]\n" if count else b"[]\n")
    return count


def _parquet(rows: Rows, stream: BinaryIO) -> int:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise InputError("Parquet needs pyarrow, which is not installed: pip install pyarrow, or --to csv") from None
    kinds = {"TEXT": pyarrow.string(), "INTEGER": pyarrow.int64(), "REAL": pyarrow.float64()}
    schema = pyarrow.schema([(name, kinds[kind]) for name, kind in COLUMNS.items()])
    left, count = iter(rows), 0
    with parquet.ParquetWriter(stream, schema) as writer:
        while some := list(islice(left, AT_ONCE)):
            writer.write_table(pyarrow.Table.from_pylist(some, schema))
            count += len(some)
    return count


FORMATS: dict[str, Callable[[Rows, BinaryIO], int]] = {"csv": _csv, "json": _json, "parquet": _parquet}

"""The tables of a study as CSV files."""

from __future__ import annotations

from pathlib import Path

from madcore.analysis import Study, tables, write_csv
from madcore.errors import InputError

__all__ = ["write_tables"]


def write_tables(study: Study, folder: Path) -> list[Path]:
    """Write every table that has rows, and return the files.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, rows in tables(study).items():
            if rows:
                written.append(folder / f"{name}.csv")
                written[-1].write_text(write_csv(rows), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{folder} cannot be written ({error.strerror}); choose another folder") from error
    return written

"""Making packs: the new one is written aside, read back and renamed before anything loose is removed."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from madcore.errors import InputError
from madcore.store.files import list_names, make_folder, sync_file, sync_folder
from madcore.store.matches import Matches
from madcore.store.packs import SCORES

__all__ = ["pack_shards"]


def pack_shards(root: Path, matches: Matches, staging: Path) -> Iterator[int]:
    """Put all loose matches into packs, with what their judges say.

    Parameters
    ----------
    root : Path
        The store.
    matches : Matches
        Its matches.
    staging : Path
        Folder for what is unfinished.

    Yields
    ------
    int
        How many matches a shard had to be packed, shard by shard.

    Raises
    ------
    InputError
        If the disk is full or cannot be written; nothing is lost.
    """
    make_folder(staging)
    make_folder(root / "packs")
    for shard in sorted({*list_names(root / "matches"), *list_names(root / "scores")}):
        loose = [root / "matches" / shard / match for match in list_names(root / "matches" / shard)]
        scores = [root / "scores" / shard / name for name in list_names(root / "scores" / shard)]
        if not loose and not scores:
            continue
        try:
            _pack(root / "packs" / f"{shard}.zip", loose, scores, staging)
            matches.packs.close()
            _remove(loose, scores, staging)
        except OSError as error:
            raise InputError(f"{root} cannot be packed ({error.strerror or error}); nothing is lost") from error
        yield len(loose)


def _pack(pack: Path, loose: list[Path], scores: list[Path], staging: Path) -> None:
    new = staging / pack.name
    superseded = {f"{path.stem}/{SCORES}" for path in scores} | {f"{folder.name}/" for folder in loose}
    with zipfile.ZipFile(new, "w", allowZip64=True) as target:
        if pack.exists():
            with zipfile.ZipFile(pack) as source:
                for entry in source.infolist():
                    if not {entry.filename, entry.filename[:33]} & superseded:
                        target.writestr(entry, source.read(entry))
        for folder in loose:
            for path in sorted(folder.iterdir()):
                _add(target, path, f"{folder.name}/{path.name}")
        for path in scores:
            _add(target, path, f"{path.stem}/{SCORES}")
    with zipfile.ZipFile(new) as written:
        bad = written.testzip()
    if bad is not None:
        raise OSError(f"{bad} was not written as it is")
    sync_file(new)
    new.replace(pack)
    sync_folder(pack.parent)


def _add(target: zipfile.ZipFile, path: Path, name: str) -> None:
    stored = datetime.fromtimestamp(path.stat().st_mtime, UTC).timetuple()[:6]
    entry = zipfile.ZipInfo(name, max(stored, (1980, 1, 1, 0, 0, 0)))  # the oldest that ZIP knows
    # pictures and floats hardly shrink
    entry.compress_type = zipfile.ZIP_DEFLATED if path.suffix == ".json" else zipfile.ZIP_STORED
    entry.external_attr = 0o644 << 16
    target.writestr(entry, path.read_bytes())


def _remove(loose: list[Path], scores: list[Path], staging: Path) -> None:
    for folder in loose:  # renamed first: a folder half removed would pass for a match
        aside = folder.rename(staging / f"{folder.name}.packed")
        shutil.rmtree(aside)
    for path in scores:
        path.unlink()

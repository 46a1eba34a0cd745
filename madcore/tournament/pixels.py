"""Hashes of pictures' pixels, remembered by what the pictures' files contain."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from madcore import __version__
from madcore.images import hash_pixels
from madcore.jobs import read_pictures
from madcore.pictures import PHOTOGRAPHS, photograph_path
from madcore.request import Request

__all__ = ["Pictures", "PixelHashes"]

Window = tuple[str | None, ...]


@dataclass(frozen=True)
class Pictures:
    """What identifies the pictures of a request.

    Parameters
    ----------
    hashes : dict
        ``sha256:...`` of ``image`` and, where the request has them, ``start`` and ``mask``.
    size : tuple of int
        Height, width and channels of the image.
    """

    hashes: dict[str, str]
    size: tuple[int, ...]


class PixelHashes:
    """Pixel hashes by contents of files and by how these are cut; kept in a file if one is given.

    Parameters
    ----------
    cache : Path, optional
        JSON file; a missing or damaged one is an empty one.
    """

    def __init__(self, cache: Path | None = None) -> None:
        self.cache = cache
        self._seen: dict[Window, Pictures] = {}
        self._files: dict[str, str] = {}
        self._stored = _load(cache)
        self._changed = False

    def of(self, request: Request) -> Pictures:
        """Return the hashes of a request's pictures, reading them only if they are new."""
        sources = (request.picture, request.start, request.mask)
        cut = (request.size, request.crop, str(request.gray), request.layout)
        window = (*sources, *cut)
        if window not in self._seen:
            contents = [None if source is None else self._content(source) for source in sources]
            name = sha256(json.dumps([__version__, *contents, *cut]).encode()).hexdigest()[:32]
            if name not in self._stored:
                self._stored[name] = asdict(_read(request))
                self._changed = True
            self._seen[window] = Pictures(**self._stored[name])  # type: ignore[arg-type]
        return self._seen[window]

    def save(self) -> None:
        """Write the cache if there is anything new in it."""
        if self.cache is None or not self._changed:
            return
        temporary = self.cache.with_name(f".{self.cache.name}.{os.getpid()}")
        temporary.write_text(json.dumps(self._stored), encoding="utf-8")
        temporary.replace(self.cache)
        self._changed = False

    def _content(self, source: str) -> str:
        if source not in self._files:
            self._files[source] = _content(source)
        return self._files[source]


def _read(request: Request) -> Pictures:
    pictures = read_pictures(request)
    channels, height, width = pictures["image"].shape[1:]
    return Pictures({name: hash_pixels(picture) for name, picture in pictures.items()}, (height, width, channels))


def _content(source: str) -> str:
    """Return what stands for the contents of a picture: a hash of its file, or its name if it is drawn."""
    path = photograph_path(source) if source in PHOTOGRAPHS else Path(source)
    entry = ""
    if not path.is_file() and ":" in source:  # FILE.safetensors:NAME
        name, _, entry = source.rpartition(":")
        path = Path(name)
    if not path.is_file():
        return f"drawn {source}"
    with path.open("rb") as stream:
        digest = sha256(stream.read()).hexdigest()
    # the suffix decides how a file is read
    return f"{digest} {path.suffix.lower()} {entry}"


def _load(cache: Path | None) -> dict[str, dict[str, object]]:
    try:
        stored = json.loads(cache.read_text(encoding="utf-8")) if cache is not None else {}
    except (OSError, ValueError):
        return {}
    return stored if isinstance(stored, dict) else {}

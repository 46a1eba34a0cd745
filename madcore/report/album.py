"""The pictures of a report: inside the page, or beside it where they would make it too large to send."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from madcore.errors import InputError

__all__ = ["Album", "Place", "is_picture", "read_pixels"]

THUMBNAIL = 96  # pixels of the longer side


@dataclass(frozen=True)
class Place:
    """Where a picture is found.

    Parameters
    ----------
    full, thumbnail : str, optional
        Keys of pictures inside the page.
    path : str, optional
        Of the full picture beside the page, relative to it.
    """

    full: str | None = None
    thumbnail: str | None = None
    path: str | None = None

    def record(self) -> dict[str, str]:
        """Return what is known."""
        found = {"full": self.full, "thumbnail": self.thumbnail, "path": self.path}
        return {name: value for name, value in found.items() if value is not None}


@dataclass
class Album:
    """Pictures that have been placed, each once however many matches show it.

    Parameters
    ----------
    page : Path
        The page; what is beside it goes to a folder named after it.
    room : int
        Bytes of pictures that may go inside in full.
    """

    page: Path
    room: int
    inside: dict[str, str] = field(default_factory=dict)  # data URIs by key
    beside: dict[str, str] = field(default_factory=dict)  # paths by hash

    @property
    def folder(self) -> Path:
        """Where pictures beside the page are."""
        return self.page.with_name(f"{self.page.stem}_files")

    def fits(self, pictures: Iterable[bytes]) -> bool:
        """Tell whether these pictures can all be inside in full."""
        new = {_hash(content): len(content) for content in pictures}
        return sum(size for name, size in new.items() if name not in self.inside) <= self.room

    def put_inside(self, content: bytes) -> Place:
        """Put a PNG into the page, in full."""
        name = _hash(content)
        if name not in self.inside:
            self.room -= len(content)
            self.inside[name] = _data_uri("png", content)
        return Place(full=name)

    def put_beside(self, content: bytes, *, thumbnail: bool) -> Place:
        """Write a PNG beside the page and, if wanted, a small one into it.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        name = _hash(content)
        if name not in self.beside:
            path = self.folder / f"{name}.png"
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            except OSError as error:
                raise InputError(f"{path} cannot be written ({error.strerror}); choose another place") from error
            self.beside[name] = f"{self.folder.name}/{path.name}"
        return Place(path=self.beside[name], thumbnail=self._thumbnail(name, content) if thumbnail else None)

    def _thumbnail(self, name: str, content: bytes) -> str:
        key = f"{name}-small"
        if key not in self.inside:
            picture = Image.fromarray((read_pixels(content) * 255).round().astype(np.uint8).squeeze())
            picture.thumbnail((THUMBNAIL, THUMBNAIL))
            stream = io.BytesIO()
            picture.save(stream, "WEBP", quality=80)
            self.inside[key] = _data_uri("webp", stream.getvalue())
        return key


def read_pixels(content: bytes) -> NDArray[Any]:
    """Read a PNG as an array (H, W, C), C = 1 or 3, in [0, 1]; 16-bit colour is read with 8 bits."""
    with Image.open(io.BytesIO(content)) as picture:
        samples = np.asarray(picture if picture.mode in ("L", "RGB") or picture.mode[0] == "I" else picture.convert())
    return np.atleast_3d(samples) / (255.0 if samples.dtype == np.uint8 else 65535.0)


def is_picture(content: bytes) -> bool:
    """Tell whether bytes are a whole PNG: its checksums are compared, its pixels are not decoded."""
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            picture.verify()
    except (OSError, SyntaxError, ValueError):
        return False
    return True


def _hash(content: bytes) -> str:
    return sha256(content).hexdigest()[:20]


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"

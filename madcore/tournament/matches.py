"""Requests completed to matches: names become identities and pictures become hashes, as far as possible unread.

A plan of thousands of matches names few pictures and few metrics, so each is looked at once; and a picture whose file
was seen before is not decoded again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from madcore.adhoc import is_code
from madcore.building import code_of
from madcore.identity import identify, match_key
from madcore.jobs import choose_solver
from madcore.lookup import create_penalty
from madcore.options import complete_options, parse_name, plain
from madcore.registry import Registry, default_registry
from madcore.request import Request
from madcore.store import match_id
from madcore.tournament.metrics import make_metric
from madcore.tournament.pixels import PixelHashes

__all__ = ["Completer", "Match"]


@dataclass(frozen=True)
class Match:
    """A request with its key: two metrics, one picture, one level, one seed.

    Parameters
    ----------
    id : str
        Hash of the key, 32 hexadecimal digits.
    key : mapping
        Everything that decides the images.
    request : Request
        What was asked for.
    """

    id: str
    key: Mapping[str, Any]
    request: Request

    @property
    def image(self) -> str:
        """Hash of the reference image's pixels, ``sha256:...``."""
        return str(self.key["image"])

    @property
    def samples(self) -> int:
        """Height times width times channels."""
        height, width, channels = self.key["size"]
        return int(height * width * channels)


@dataclass
class Completer:
    """Completes requests to matches; remembers the metrics and pictures that it has seen.

    Parameters
    ----------
    registry : Registry, optional
        Plugins to look in; by default those that are installed.
    cache : Path, optional
        File for the hashes of pictures, made if it does not exist; may be deleted at any time.
    folder : str
        Where files with code are looked for.
    """

    registry: Registry | None = None
    cache: Path | None = None
    folder: str = ""
    _metrics: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _penalties: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Open the cache."""
        self._pixels = PixelHashes(self.cache)

    def complete(self, request: Request) -> Match:
        """Find out what identifies a match.

        Raises
        ------
        MadcoreError
            If a name, a picture or an option cannot be used.
        """
        pictures = self._pixels.of(request)
        key = match_key(
            request,
            [self.metric(name) for name in request.metrics],
            pictures.hashes,
            pictures.size,
            choose_solver(request),
            None if request.penalty is None else self._penalty(request.penalty),
        )
        return Match(match_id(key), key, request)

    def metric(self, name: str) -> Mapping[str, Any]:
        """Return the identity of a metric; it is built only where its weights or its code must be looked at."""
        if name not in self._metrics:
            self._metrics[name] = _declared_identity(name, self.registry) or identify(
                make_metric(name, self.registry, self.folder)
            )
        return self._metrics[name]

    def save(self) -> None:
        """Write the cache."""
        self._pixels.save()

    def _penalty(self, name: str) -> Mapping[str, Any]:
        if name not in self._penalties:
            self._penalties[name] = identify(create_penalty(name, registry=self.registry))
        return self._penalties[name]


def _declared_identity(name: str, registry: Registry | None) -> dict[str, Any] | None:
    """Return what the declaration alone says; None for code, and for metrics that have weights or run code."""
    bare, given = parse_name(name)
    if is_code(bare):
        return None
    entry = (registry or default_registry()).metric(bare)
    options = complete_options(entry.spec.build, given, bare, entry.passed)
    if entry.spec.weights is not None or code_of(entry, options):
        return None
    return {"metric": entry.name, "options": plain(options), "revision": entry.spec.revision}

"""Matches grouped to be played together: of the same metrics, in the same order, on pictures of one size."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from madcore.engine import Batch
from madcore.room import room_for
from madcore.store import canonical
from madcore.tournament.matches import Match

__all__ = ["Task", "make_batches"]


@dataclass(frozen=True)
class Task:
    """A match to play, and what is to be made on the way.

    Parameters
    ----------
    match : Match
        The match.
    curves : tuple of str
        Judges whose noise curves of the reference image are missing.
    """

    match: Match
    curves: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The match's id."""
        return self.match.id

    @property
    def kind(self) -> str:
        """What is equal for matches that can be played together."""
        return _together(self.match)


def make_batches(
    matches: Iterable[Match],
    *,
    size: int | None = None,
    on_gpu: bool = False,
    limit: float | None = None,
    curves: Mapping[str, Collection[str]] | None = None,
) -> Iterator[Batch]:
    """Group matches so that one batch needs one pair of metrics and has one shape; batches of a pair follow each other.

    Parameters
    ----------
    matches : iterable of Match
        What is to be played.
    size : int, optional
        Matches in a batch; by default as many as are fast together.  What does not fit into memory players split.
    on_gpu : bool
        Whether the batches are played on GPUs, which want large ones.
    limit : float, optional
        Seconds that one match may take.
    curves : mapping, optional
        By hash of a reference image, the judges whose noise curves of it are missing; the first match of an image
        makes them.
    """
    groups: dict[str, list[Match]] = {}
    for match in matches:
        groups.setdefault(_together(match), []).append(match)
    missing = dict(curves or {})
    for name in sorted(groups):
        group = groups[name]
        count = size or room_for(group[0].samples, on_gpu)
        for start in range(0, len(group), count):
            part = group[start : start + count]
            tasks = tuple(Task(match, tuple(missing.pop(match.image, ()))) for match in part)
            yield Batch(part[0].id[:8], tasks, _pair(part[0]), limit)


def _pair(match: Match) -> str:
    return " against ".join(match.request.metrics)


def _together(match: Match) -> str:
    """Return what must be equal for matches to be one batch, as text that sorts pairs together."""
    apart = ("image", "start", "mask", "seed", "level")
    shared: dict[str, Any] = {name: value for name, value in match.key.items() if name not in apart}
    shared["level"] = match.key["level"]["kind"]
    given = [name for name in apart if name in match.key]
    return canonical([*match.request.metrics, match.request.bits, given, shared])

"""What comes of a match, finished or failed, and how it gets into a store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from madcore.engine import Failed, Lost
from madcore.request import Request
from madcore.store import Store

__all__ = ["Done", "commit", "failure_record"]


@dataclass(frozen=True)
class Done:
    """A finished match, ready to be stored.

    Parameters
    ----------
    record : mapping
        What becomes ``match.json``.
    files : mapping
        Contents by file name.
    scores : mapping
        What the judges say.
    references : mapping
        Files of the reference image by suffix.
    curves : tuple of mapping
        Noise curves that were made with it.
    """

    record: Mapping[str, Any]
    files: Mapping[str, bytes] = field(repr=False)
    scores: Mapping[str, Any] = field(default_factory=dict, repr=False)
    references: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    curves: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)


def commit(store: Store, done: Done, *, writer: str = "driver", durability: Literal["full", "fast"] = "full") -> bool:
    """Write a match and what belongs to it, itself last: whatever is in the store is whole.

    Returns
    -------
    bool
        Whether it was this call that committed it.
    """
    if done.references:
        store.put_reference(done.record["key"]["image"], done.references)
    for curve in done.curves:
        store.put_curve(curve)
    if done.scores:
        store.put_scores(done.record["id"], done.scores)
    return store.put(done.record, done.files, writer=writer, durability=durability)


def failure_record(event: Failed | Lost, request: Request) -> dict[str, Any]:
    """Return what a store keeps of a match that came to nothing."""
    return {
        "schema": 1,
        "id": event.id,
        "request": asdict(request),
        "names": dict(zip(request.letters, request.metrics, strict=True)),
        "picture": request.picture,
        "type": "Lost" if isinstance(event, Lost) else event.type,
        "message": event.message,
        "traceback": "" if isinstance(event, Lost) else event.traceback,
        "reason": event.reason,
        "when": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "attempts": event.attempts if isinstance(event, Lost) else 1,
    }

"""How far a tournament is, from what its store holds; whoever plays it is not asked."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from madcore.store.index import Index
from madcore.store.store import Store

__all__ = ["describe_store"]

SHOWN = ("id", "names", "picture", "reason", "message", "attempts")
WINDOW = 600.0  # seconds over which the rate is taken


def describe_store(store: Store) -> dict[str, Any]:
    """Count what a store holds.

    Returns
    -------
    dict
        ``finished``, ``failed`` and ``damaged`` matches; of the latest plan ``planned`` and ``to_play`` (None where
        it does not say); ``writers``, who is writing now; ``per_minute``, matches stored in the last ten minutes, and
        ``seconds_left``, both None where nobody is writing; ``failures`` and ``problems`` in words.
    """
    index, planned, failures, writers = store.refreshed(), store.planned(), store.failures(), store.writers()
    ids, damaged = index.ids, index.damaged()
    failed = {failure["id"] for failure in failures}
    to_play = len(planned - ids - failed) if planned else None
    rate = _rate(index) if writers else None
    return {
        "path": str(store.path),
        "finished": len(ids) - len(damaged),
        "failed": len(failures),
        "damaged": len(damaged),
        "planned": len(planned) or None,
        "planned_finished": len(planned & ids) if planned else None,
        "to_play": to_play,
        "writers": writers,
        "per_minute": rate,
        "seconds_left": 60 * to_play / rate if rate and to_play is not None else None,
        "plans": len(store.plans()),
        "failures": [{name: each.get(name) for name in SHOWN} for each in failures],
        "reasons": dict(Counter(str(each.get("reason")) for each in failures)),
        "problems": damaged,
    }


def _rate(index: Index) -> float | None:
    """Return matches a minute, of those stored in the last minutes; one alone tells nothing."""
    now = time.time()
    stored = index.stored_since(now - WINDOW)
    if len(stored) < 2:
        return None
    return 60 * (len(stored) - 1) / max(now - min(stored), 1.0)

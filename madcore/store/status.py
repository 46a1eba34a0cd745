"""How far a tournament is, from what its store holds; whoever plays it is not asked."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

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
    ids, planned, failures = store.ids(), store.planned(), store.failures()
    damaged, writers = store.damaged(), store.writers()
    failed = {failure["id"] for failure in failures}
    to_play = len(planned - ids - failed) if planned else None
    rate = _rate(store) if writers else None
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
        "failures": [
            {name: each.get(name) for name in ("id", "names", "picture", "reason", "message")} for each in failures
        ],
        "reasons": dict(Counter(str(each.get("reason")) for each in failures)),
        "problems": damaged,
    }


def _rate(store: Store) -> float | None:
    """Return matches a minute, of those stored in the last minutes; one alone tells nothing."""
    now = time.time()
    ended = store.stored_since(now - WINDOW)
    if len(ended) < 2:
        return None
    return 60 * (len(ended) - 1) / max(now - min(ended), 1.0)

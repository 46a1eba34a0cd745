"""The hooks that a plugin may implement; each returns frozen records and imports nothing heavy."""

from __future__ import annotations

import pluggy

from madcore.specs import MetricSpec, PenaltySpec

__all__ = ["hookimpl", "hookspec"]

hookspec = pluggy.HookspecMarker("madcore")
hookimpl = pluggy.HookimplMarker("madcore")


@hookspec
def madcore_metrics() -> list[MetricSpec]:  # type: ignore[empty-body]
    """Return the metrics that this plugin brings."""


@hookspec
def madcore_penalties() -> list[PenaltySpec]:  # type: ignore[empty-body]
    """Return the penalties that this plugin brings."""

"""The hooks that a plugin may implement; each returns frozen records and imports nothing heavy."""

from __future__ import annotations

import pluggy

from madcore.specs import EngineSpec, MetricSpec, ObserverSpec, PenaltySpec

__all__ = ["hookimpl", "hookspec"]

hookspec = pluggy.HookspecMarker("madcore")
hookimpl = pluggy.HookimplMarker("madcore")


@hookspec
def madcore_metrics() -> list[MetricSpec]:  # type: ignore[empty-body]
    """Return the metrics that this plugin brings."""


@hookspec
def madcore_penalties() -> list[PenaltySpec]:  # type: ignore[empty-body]
    """Return the penalties that this plugin brings."""


@hookspec
def madcore_engines() -> list[EngineSpec]:  # type: ignore[empty-body]
    """Return the engines that this plugin brings: places where tournaments are played."""


@hookspec
def madcore_observers() -> list[ObserverSpec]:  # type: ignore[empty-body]
    """Return the observers that this plugin brings; each is active only where a user names it."""

"""What listings say of a metric, a penalty or a plugin, as values that JSON can hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import Any

from madcore.errors import MadcoreError
from madcore.loading import Failure, Plugin
from madcore.options import options_of, plain
from madcore.registry import AnyEntry, Entry, Registry

__all__ = ["entry_record", "plugin_record"]


def entry_record(entry: AnyEntry) -> dict[str, Any]:
    """Describe a metric or penalty: every field of its declaration, its options, and who brings it."""
    spec = entry.spec
    options = [
        {"name": option.name, "allowed": option.allowed, **plain({"default": option.default})}
        for option in options_of(spec.build, entry.passed)
    ]
    declared = {each.name: getattr(spec, each.name) for each in fields(spec) if each.name not in ("name", "build")}
    plugin = {"name": entry.plugin.label, "distribution": entry.plugin.distribution, "version": entry.plugin.version}
    return {"name": entry.name, **declared, "options": options, "missing": entry.missing, "plugin": plugin}


def plugin_record(registry: Registry, name: str, build: bool = False) -> dict[str, Any]:
    """Describe a plugin: what it brings, or what is wrong with it.

    Parameters
    ----------
    registry : Registry
        Where it is.
    name : str
        Its name; empty for the core.
    build : bool
        Whether to build each of its metrics and penalties with its defaults.
    """
    if name and name not in registry.names:
        candidate = registry.installed[name][0]
        return _record(Plugin(name, candidate.distribution, candidate.version), "blocked", ())
    found = registry.plugin(name)
    if isinstance(found, Failure):
        plugin = Plugin(found.plugin, found.distribution, found.version)
        return _record(plugin, "failed", ({"stage": found.stage, "error": found.reason},))
    problems = tuple(_unbuildable(registry, found)) if build else ()
    return _record(found, "failed" if problems else "ok", problems)


def _record(plugin: Plugin, status: str, problems: tuple[dict[str, str], ...]) -> dict[str, Any]:
    return {
        "name": plugin.label,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "metrics": [spec.name for spec in plugin.metrics],
        "penalties": [spec.name for spec in plugin.penalties],
        "status": status,
        "problems": problems,
        "notes": plugin.notes,
    }


def _unbuildable(registry: Registry, plugin: Plugin) -> list[dict[str, str]]:
    from madcore.lookup import create_metric, create_penalty

    metrics: list[Callable[..., object]] = [partial(create_metric, Entry(plugin, spec).name) for spec in plugin.metrics]
    penalties: list[Callable[..., object]] = [
        partial(create_penalty, Entry(plugin, spec).name) for spec in plugin.penalties
    ]
    problems = []
    for create in [*metrics, *penalties]:
        try:
            create(registry=registry)
        except MadcoreError as error:
            problems.append({"stage": "build", "error": str(error)})
    return problems

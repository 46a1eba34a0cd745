"""What listings say of whatever a plugin brings, and of plugins, as values that JSON can hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

from madcore.building import create_engine
from madcore.errors import MadcoreError
from madcore.loading import Failure, Plugin
from madcore.options import options_of, plain
from madcore.registry import AnyEntry, Entry, Registry
from madcore.specs import ENGINE, KINDS, METRIC, PENALTY, Kind

__all__ = ["entry_record", "plugin_record"]

APART = ("name", "build", "code", "fetches", "oracle")  # the name is told in full, functions not at all


def entry_record(entry: AnyEntry) -> dict[str, Any]:
    """Describe what a plugin brings: every field of its declaration, its options, and who brings it."""
    spec = entry.spec
    options = [
        {"name": option.name, "allowed": option.allowed, **plain({"default": option.default})}
        for option in options_of(spec.build, entry.passed)
    ]
    declared = {each.name: getattr(spec, each.name) for each in fields(spec) if each.name not in APART}
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
        Whether to build all that it brings with its defaults, observers apart: they may write when they are made.
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
        **{kind.plural: [spec.name for spec in plugin.brings(kind)] for kind in KINDS},
        "status": status,
        "problems": problems,
        "notes": plugin.notes,
    }


def _unbuildable(registry: Registry, plugin: Plugin) -> Iterator[dict[str, str]]:
    from madcore.lookup import create_metric, create_penalty

    builders: list[tuple[Kind[Any], Callable[..., object]]] = [
        (METRIC, create_metric),
        (PENALTY, create_penalty),
        (ENGINE, create_engine),
    ]
    for kind, create in builders:
        for spec in plugin.brings(kind):
            try:
                create(Entry(plugin, spec).name, registry=registry)
            except MadcoreError as error:
                yield {"stage": "build", "error": str(error)}

"""The plugins of an environment, each loaded alone, and the names of what they bring.

The prefix of a name, ``plugin.metric``, alone decides which is loaded; bare names are the core's.  Whatever a plugin
raises becomes a `Failure`: a value that is shown to those who asked for that plugin or for the list, and that harms
nobody else.
"""

from __future__ import annotations

import os
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Generic

from madcore.discovery import core_candidate, find_candidates
from madcore.errors import PluginError, UnknownNameError
from madcore.loading import Candidate, Failure, Plugin, load
from madcore.options import unknown_name
from madcore.requirements import is_met
from madcore.specs import (
    ENGINE,
    KINDS,
    METRIC,
    OBSERVER,
    PENALTY,
    EngineSpec,
    Kind,
    MetricSpec,
    ObserverSpec,
    PenaltySpec,
    Spec,
)

__all__ = ["AnyEntry", "Entry", "Registry", "default_registry", "list_metrics"]

VARIABLE = "MADCORE_NO_PLUGIN"


@dataclass(frozen=True)
class Entry(Generic[Spec]):
    """A declared metric, penalty, engine or observer with the plugin that brings it."""

    plugin: Plugin
    spec: Spec

    @property
    def name(self) -> str:
        """Full name: ``plugin.metric``, or the bare name for the core's own."""
        return f"{self.plugin.name}.{self.spec.name}" if self.plugin.name else self.spec.name

    @property
    def missing(self) -> tuple[str, ...]:
        """Requirements of this entry that are not installed, or not in a version that will do."""
        return tuple(line for line in getattr(self.spec, "requires", ()) if not is_met(line))

    @property
    def passed(self) -> tuple[str, ...]:
        """Parameters of ``build`` that are no options: madcore passes them."""
        return ("data_range",) if getattr(self.spec, "data_range", False) else ()


AnyEntry = Entry[MetricSpec] | Entry[PenaltySpec] | Entry[EngineSpec] | Entry[ObserverSpec]


class Registry:
    """The plugins of this environment; each is loaded when it is first needed, once.

    Parameters
    ----------
    find : callable
        Returns the candidates; called when a third-party plugin is first asked for.
    blocked : iterable of str
        Names of plugins that are never loaded; ``"all"`` for all.
    """

    def __init__(self, find: Callable[[], Iterable[Candidate]], blocked: Iterable[str] = ()) -> None:
        self.blocked = frozenset(blocked)
        self._find = find
        self._loaded: dict[str, Plugin | Failure] = {}

    @classmethod
    def discover(cls, blocked: Iterable[str] = ()) -> Registry:
        """Make the registry of what is installed, without what `blocked` or ``MADCORE_NO_PLUGIN`` names."""
        named = (name.strip() for name in os.environ.get(VARIABLE, "").split(","))
        return cls(find_candidates, {*blocked, *filter(None, named)})

    @cached_property
    def installed(self) -> dict[str, tuple[Candidate, ...]]:
        """Every candidate by the plugin's name, blocked ones too."""
        groups: defaultdict[str, list[Candidate]] = defaultdict(list)
        for candidate in sorted(self._find(), key=lambda candidate: candidate.distribution):
            groups[candidate.name].append(candidate)
        return {name: tuple(groups[name]) for name in sorted(groups)}

    @property
    def names(self) -> list[str]:
        """Names of the third-party plugins that are not blocked."""
        return [] if "all" in self.blocked else [name for name in self.installed if name not in self.blocked]

    @property
    def unknown_blocked(self) -> list[str]:
        """Blocked names that no installed plugin has."""
        return sorted(self.blocked - {"all"} - set(self.installed)) if self.blocked else []

    def plugin(self, name: str) -> Plugin | Failure:
        """Load a plugin; the core is the one without a name.

        Raises
        ------
        UnknownNameError
            If there is none of that name, or it is blocked.
        """
        if name and name not in self.names:
            if name in self.installed:
                raise UnknownNameError(f"plugin {name} is blocked; see --no-plugin and {VARIABLE}")
            raise unknown_name("installed plugin", name, self.names, "`madcore plugins` lists them")
        if name not in self._loaded:
            self._loaded[name] = _load_only(self.installed[name]) if name else load(core_candidate())
        return self._loaded[name]

    def plugins(self) -> tuple[Plugin, ...]:
        """Load all plugins and return those that work, the core first."""
        return tuple(found for found in self._all() if isinstance(found, Plugin))

    def failures(self) -> tuple[Failure, ...]:
        """Load all plugins and return what is wrong with those that do not work."""
        return tuple(found for found in self._all() if isinstance(found, Failure))

    def entries(self, kind: Kind[Spec]) -> tuple[Entry[Spec], ...]:
        """Load all plugins and list what they bring of one kind."""
        return tuple(Entry(plugin, spec) for plugin in self.plugins() for spec in plugin.brings(kind))

    def entry(self, kind: Kind[Spec], name: str) -> Entry[Spec]:
        """Return what has a full name, ``plugin.name`` or ``name``, loading only that plugin.

        Raises
        ------
        UnknownNameError
            If there is none.
        PluginError
            If its plugin does not work.
        """
        plugin = self._owner(name)
        try:
            return Entry(plugin, _pick(name, plugin, kind))
        except UnknownNameError as error:
            if name not in self.names:
                raise
            brings = [f"{name}.{spec.name}" for spec in self._owner(f"{name}.").brings(kind)]
            told = ", ".join(brings) or f"no {kind.plural}"
            raise UnknownNameError(f"{name!r} is a plugin and no {kind.name}: it brings {told}") from error

    def find(self, name: str) -> AnyEntry:
        """Return the metric, else the penalty, engine or observer of a full name; raises as `metric` does."""
        for look in (self.metric, self.penalty, self.engine, self.observer):
            with suppress(UnknownNameError):
                return look(name)
        if "." in name or name in self.names:
            return self.metric(name)  # which says what its plugin has, or why that does not work
        known = [entry.name for kind in KINDS for entry in self.entries(kind)]
        raise unknown_name("metric, penalty, engine or observer", name, known)

    def metrics(self) -> tuple[Entry[MetricSpec], ...]:
        """Load all plugins and list their metrics."""
        return self.entries(METRIC)

    def penalties(self) -> tuple[Entry[PenaltySpec], ...]:
        """Load all plugins and list their penalties."""
        return self.entries(PENALTY)

    def engines(self) -> tuple[Entry[EngineSpec], ...]:
        """Load all plugins and list their engines."""
        return self.entries(ENGINE)

    def observers(self) -> tuple[Entry[ObserverSpec], ...]:
        """Load all plugins and list their observers."""
        return self.entries(OBSERVER)

    def metric(self, name: str) -> Entry[MetricSpec]:
        """Return the metric of a full name; raises as `entry` does."""
        return self.entry(METRIC, name)

    def penalty(self, name: str) -> Entry[PenaltySpec]:
        """Return the penalty of a full name."""
        return self.entry(PENALTY, name)

    def engine(self, name: str) -> Entry[EngineSpec]:
        """Return the engine of a full name; a plugin's name alone stands for its engine of the same name."""
        return self.entry(ENGINE, self._in_full(ENGINE, name))

    def observer(self, name: str) -> Entry[ObserverSpec]:
        """Return the observer of a full name; a plugin's name alone stands for its observer of the same name."""
        return self.entry(OBSERVER, self._in_full(OBSERVER, name))

    def _in_full(self, kind: Kind[Spec], name: str) -> str:
        core = (spec.name for spec in self._owner("").brings(kind))
        return f"{name}.{name}" if name not in core and name in self.names else name

    def _all(self) -> Iterator[Plugin | Failure]:
        return map(self.plugin, ["", *self.names])

    def _owner(self, name: str) -> Plugin:
        plugin = self.plugin(name.rpartition(".")[0])
        if isinstance(plugin, Failure):
            raise PluginError(str(plugin)) from plugin.error
        return plugin


@cache
def default_registry() -> Registry:
    """Return the registry that is used where none is given; it is made once in a process."""
    registry = Registry.discover()
    for name in registry.unknown_blocked:
        warnings.warn(f"{VARIABLE} names {name!r}, which is no installed plugin", stacklevel=2)
    return registry


def list_metrics(*, registry: Registry | None = None) -> tuple[str, ...]:
    """List the full names of all metrics, the core's first.

    Parameters
    ----------
    registry : Registry, optional
        Plugins to list; by default those that are installed.
    """
    return tuple(entry.name for entry in (registry or default_registry()).metrics())


def _load_only(candidates: tuple[Candidate, ...]) -> Plugin | Failure:
    """Load the one candidate of a name; of several, none, since which one is meant cannot be known."""
    if len(candidates) == 1:
        return load(candidates[0])
    first = candidates[0]
    owners = " and ".join(f"{candidate.distribution} {candidate.version}" for candidate in candidates)
    error = PluginError(f"{owners} all bring a plugin of this name; uninstall all but one")
    return Failure(first.name, ", ".join(candidate.distribution for candidate in candidates), "", "discovery", error)


def _pick(name: str, plugin: Plugin, kind: Kind[Spec]) -> Spec:
    by_name = {spec.name: spec for spec in plugin.brings(kind)}
    bare = name.rpartition(".")[2]
    if bare not in by_name:
        prefix = f"{plugin.name}." if plugin.name else ""
        known = [prefix + each for each in by_name]
        raise unknown_name(kind.name, name, known, f"`madcore {kind.plural}` lists them")
    return by_name[bare]

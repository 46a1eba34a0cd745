"""Call the ``build`` of what plugins declare, and make engines and observers of their names, without torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from madcore.adhoc import blaming, is_code_in_file
from madcore.engine import Engine
from madcore.errors import InputError, PluginError
from madcore.options import complete_options, parse_name
from madcore.registry import AnyEntry, Registry, default_registry

__all__ = ["build_entry", "code_of", "create_engine", "create_observer", "fetched_for", "split_options"]

WATCHES = ("match_started", "match_finished", "match_failed", "progress", "tournament_finished")
ENGINE = "run(...) and writes, driver or worker"
OBSERVER = f"one of the methods {', '.join(WATCHES)}"


def build_entry(entry: AnyEntry, options: Mapping[str, object]) -> Any:
    """Call ``build`` with options that were checked, and say whose fault it is if that fails.

    Raises
    ------
    PluginError
        If it requires something that is not installed, or raises.
    """
    if entry.missing:
        needed = " ".join(f"'{line}'" for line in entry.missing)
        raise PluginError(f"{entry.name} needs what is not installed; run: pip install {needed}")
    with blaming(_culprit(entry)):
        return entry.spec.build(**options)


def code_of(entry: AnyEntry, options: Mapping[str, object]) -> tuple[str, ...]:
    """Return what code of the user's own ``build`` will run: what is declared, else files that options name.

    Parameters
    ----------
    entry : Entry
        What would be built.
    options : mapping
        Checked and completed.

    Raises
    ------
    PluginError
        If the declaration raises.
    """
    return _declared(entry, "code", options, is_code_in_file)


def fetched_for(entry: AnyEntry, options: Mapping[str, object]) -> tuple[str, ...]:
    """Return what ``build`` will fetch from where an option says: what is declared, else addresses among the options.

    Parameters and errors are those of `code_of`.
    """
    return _declared(entry, "fetches", options, lambda value: isinstance(value, str) and "://" in value)


def create_engine(engine: str | Engine, *, registry: Registry | None = None, **options: object) -> Engine:
    """Make the engine of a name, ``"procs"`` or, with options, ``"procs,workers=2"``; an engine is taken as it is.

    Parameters
    ----------
    engine : str or Engine
        ``plugin.name``; bare names are the core's, and a plugin's name alone stands for its engine of the same name.
    registry : Registry, optional
        Plugins to look in; by default those that are installed.
    **options
        Options of the engine, as Python objects or as text.

    Raises
    ------
    UnknownNameError
        If there is no such engine, plugin or option.
    InputError
        If an option is given twice or its value is not allowed.
    PluginError
        If its plugin does not work, needs something that is not installed, or makes something that is no engine.
    """
    if not isinstance(engine, str):
        if not _is_engine(engine):
            raise InputError(f"{engine!r} is no engine; give a name, or an object with {ENGINE}")
        return engine
    name, given = split_options(engine, options)
    entry = (registry or default_registry()).engine(name)
    built = build_entry(entry, complete_options(entry.spec.build, given, entry.name))
    if not _is_engine(built):
        raise PluginError(f"{_culprit(entry)} must build an object with {ENGINE}")
    return built


def create_observer(observer: str | object, *, registry: Registry | None = None, **options: object) -> object:
    """Make the observer of a name, ``"tensorboard,dir=runs"``; an object with methods of an observer is taken as it is.

    Parameters and errors are those of `create_engine`.
    """
    if not isinstance(observer, str):
        if not _watches(observer):
            raise InputError(f"{observer!r} is no observer; give a name, or an object with {OBSERVER}")
        return observer
    name, given = split_options(observer, options)
    entry = (registry or default_registry()).observer(name)
    built = build_entry(entry, complete_options(entry.spec.build, given, entry.name))
    if not _watches(built):
        raise PluginError(f"{_culprit(entry)} must build an object with {OBSERVER}")
    return built


def split_options(text: str, options: Mapping[str, object]) -> tuple[str, dict[str, object]]:
    """Split a name from the options that are written after it, and join those that are given apart.

    Raises
    ------
    InputError
        If an option is given twice.
    """
    name, written = parse_name(text)
    for key in written:
        if key in options:
            raise InputError(f"option {key} of {name} is given twice, in {text!r} and as a keyword; give it once")
    return name, {**written, **options}


def _declared(
    entry: AnyEntry, field: str, options: Mapping[str, object], looks_so: Callable[[object], bool]
) -> tuple[str, ...]:
    """Return what a function of the specification says of the options; without it, those that look so."""
    declared = getattr(entry.spec, field, None)
    if declared is None:
        values = [each for value in options.values() for each in (value if isinstance(value, tuple) else (value,))]
        return tuple(str(each) for each in values if looks_so(each))
    with blaming(_culprit(entry)):
        return tuple(declared(**options))


def _is_engine(thing: object) -> bool:
    return getattr(thing, "writes", None) in ("driver", "worker") and callable(getattr(thing, "run", None))


def _watches(thing: object) -> bool:
    return any(callable(getattr(thing, method, None)) for method in WATCHES)


def _culprit(entry: AnyEntry) -> str:
    return f"{entry.name} of {entry.plugin.distribution} {entry.plugin.version}"

"""Load one plugin alone: import it, register its hooks, call them, and check what they return.

Every plugin gets its own `pluggy.PluginManager`, so that one with a misspelt hook or a raising one stops only itself.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

import pluggy

from madcore import hookspecs
from madcore.errors import Expired, PluginError
from madcore.options import options_of, unknown_name
from madcore.requirements import allows
from madcore.specs import KINDS, NAME, EngineSpec, Kind, MetricSpec, ObserverSpec, PenaltySpec, Spec

__all__ = ["Candidate", "Failure", "Plugin", "load"]

Stage = Literal["discovery", "import", "hooks", "declaration", "build"]
SLOW = 0.5
RESERVED = ("all", "madcore")


@dataclass(frozen=True)
class Candidate:
    """A plugin that was found and not loaded: an entry point, the distribution that has it and what that requires."""

    name: str
    distribution: str
    version: str
    load: Callable[[], object]
    requires: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plugin:
    """A plugin that works, and what it brings.

    Parameters
    ----------
    name : str
        Name of its entry point, the prefix of its metrics; empty for the core.
    distribution, version : str
        The distribution that has it.
    metrics, penalties, engines, observers : tuple
        What it declares.
    seconds : float
        Time that loading took.
    notes : tuple of str
        What its author should mend although it works.
    """

    name: str
    distribution: str
    version: str
    metrics: tuple[MetricSpec, ...] = ()
    penalties: tuple[PenaltySpec, ...] = ()
    engines: tuple[EngineSpec, ...] = ()
    observers: tuple[ObserverSpec, ...] = ()
    seconds: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Name for people: the core's is that of its distribution."""
        return self.name or self.distribution

    def brings(self, kind: Kind[Spec]) -> tuple[Spec, ...]:
        """Return what it declares of one kind."""
        return getattr(self, kind.plural)


@dataclass(frozen=True)
class Failure:
    """What is wrong with a plugin that could not be loaded, or with a metric of it that could not be built."""

    plugin: str
    distribution: str
    version: str
    stage: Stage
    error: BaseException

    @property
    def reason(self) -> str:
        """The error in one line."""
        return describe_error(self.error)

    def __str__(self) -> str:
        origin = " ".join(filter(None, (self.distribution, self.version)))
        return f"plugin {self.plugin or 'madcore'} ({origin}) failed at {self.stage}: {self.reason}"


def describe_error(error: BaseException) -> str:
    """Write any exception in one line."""
    text = " ".join(str(error).split())
    return text if isinstance(error, PluginError) else f"{type(error).__name__}{f': {text}' if text else ''}"


def load(candidate: Candidate) -> Plugin | Failure:
    """Load a plugin and return it, or what is wrong with it; only a user's interrupt and the end of a limit escape.

    What it prints to the standard output goes to the standard error: the standard output is for data.
    """
    stage: Stage = "discovery"
    printed, started, had_torch = io.StringIO(), time.perf_counter(), "torch" in sys.modules
    try:
        with redirect_stdout(printed):
            _check_plugin_name(candidate.name)
            _check_made_for_this(candidate)
            stage = "import"
            implementation = candidate.load()
            stage = "hooks"
            hook = _register(implementation, candidate.name)
            stage = "declaration"
            declared: dict[str, Any] = {kind.plural: _declared(getattr(hook, kind.hook), kind.spec) for kind in KINDS}
    except (KeyboardInterrupt, Expired):
        raise
    except BaseException as error:
        return Failure(candidate.name, candidate.distribution, candidate.version, stage, error)
    finally:
        sys.stderr.write(printed.getvalue())
    seconds = time.perf_counter() - started
    notes = _notes(seconds, bool(printed.getvalue()), "torch" in sys.modules and not had_torch)
    origin = (candidate.name, candidate.distribution, candidate.version)
    return Plugin(*origin, **declared, seconds=seconds, notes=notes)


def _check_plugin_name(name: str) -> None:
    if name and (name in RESERVED or not NAME.fullmatch(name)):
        taken = " or ".join(RESERVED)
        raise PluginError(f"the name of a plugin must be lower case letters, digits and underscores, and not {taken}")


def _check_made_for_this(candidate: Candidate) -> None:
    """Raise PluginError if the plugin's distribution requires another version of madcore, which pip only warns of."""
    version = import_module("madcore").__version__
    for line in candidate.requires:
        if not allows(line, version, "madcore"):
            hint = f"install another version of {candidate.distribution} or of madcore"
            raise PluginError(f"it is made for {line}, and this is madcore {version}; {hint}")


def _register(implementation: object, name: str) -> Any:
    """Register a plugin in a manager of its own and return the hooks."""
    manager = pluggy.PluginManager("madcore")
    manager.add_hookspecs(hookspecs)
    known = vars(manager.hook).copy()
    manager.register(implementation, name or "madcore")
    callers = manager.get_hookcallers(implementation) or []
    for caller in callers:
        if not caller.has_spec():
            raise PluginError(str(unknown_name("hook", caller.name, known, f"the hooks: {', '.join(sorted(known))}")))
    if not callers:
        raise PluginError("it implements no hook; mark its functions with @madcore.hookimpl")
    return manager.hook


def _declared(caller: Callable[[], list[object]], kind: type[Spec]) -> tuple[Spec, ...]:
    """Call a hook and check that it returns a list of records with one name each and readable options."""
    specs: dict[str, Spec] = {}
    for answer in caller():
        if not isinstance(answer, Sequence) or not all(isinstance(spec, kind) for spec in answer):
            raise PluginError(f"its hook must return a list of {kind.__name__}; it returned {_outline(answer)}")
        for spec in answer:
            if spec.name in specs:
                raise PluginError(f"it declares {spec.name!r} twice; give each a name of its own")
            options_of(spec.build, ("data_range",) if getattr(spec, "data_range", False) else ())
            specs[spec.name] = spec
    return tuple(specs.values())


def _outline(answer: object) -> str:
    if isinstance(answer, Sequence) and not isinstance(answer, str):
        return f"{type(answer).__name__} of {', '.join(sorted({type(part).__name__ for part in answer}))}"
    return type(answer).__name__


def _notes(seconds: float, printed: bool, torch: bool) -> tuple[str, ...]:
    notes = []
    if torch:
        notes.append(f"imports torch when it is loaded, which took {seconds:.1f} s; import it inside build")
    elif seconds > SLOW:
        notes.append(f"took {seconds:.1f} s to load; import inside build what is slow")
    if printed:
        notes.append("prints when it is loaded; the text went to the standard error")
    return tuple(notes)

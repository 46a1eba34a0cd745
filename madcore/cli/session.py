"""What one run of the launcher knows: which plugins are blocked, and the registry of the others."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import click

from madcore.errors import PluginError

if TYPE_CHECKING:
    from madcore.registry import Registry

__all__ = ["Session", "shared_options", "talk"]


def talk(message: str) -> None:
    """Write a line to the standard error."""
    # not click's echo, which would write past rich's bars into the middle of a line
    print(f"madcore: {message}", file=sys.stderr, flush=True)


@dataclass
class Session:
    """State of one run; commands get it with ``@click.pass_obj``.

    Parameters
    ----------
    blocked : set of str
        What ``--no-plugin`` named.
    strict : bool
        Whether a plugin that fails is an error.
    """

    blocked: set[str] = field(default_factory=set)
    strict: bool = False
    reported: bool = False

    @cached_property
    def registry(self) -> Registry:
        """The plugins of this run."""
        from madcore.registry import Registry

        registry = Registry.discover(self.blocked)
        for name in registry.unknown_blocked:
            known = f"; installed: {', '.join(registry.installed)}" if registry.installed else "; none is installed"
            talk(f"warning: --no-plugin or MADCORE_NO_PLUGIN names {name!r}, which is no installed plugin{known}")
        return registry

    def report_failures(self) -> None:
        """Say once, a line each, which plugins were left out."""
        if not self.reported:
            for failure in self.registry.failures():
                talk(f"warning: {failure}")
        self.reported = True

    def finish(self, value: Any) -> Any:
        """Return the command's exit code, or that of a failed plugin if ``--strict`` asks for it."""
        if not self.strict or value or not self.registry.failures():
            return value
        self.report_failures()
        return PluginError.exit_code


def shared_options() -> list[click.Parameter]:
    """Make the options that the launcher and each of its commands take."""
    return [
        click.Option(
            ["--no-plugin"],
            multiple=True,
            metavar="NAME",
            expose_value=False,
            callback=lambda context, _, names: context.ensure_object(Session).blocked.update(names),
            help="Do not load this plugin; 'all' for all.  Repeatable.",
        ),
        click.Option(
            ["--strict"],
            is_flag=True,
            expose_value=False,
            callback=_be_strict,
            help="Exit with 3 if any installed plugin fails.",
        ),
    ]


def _be_strict(context: click.Context, _: click.Parameter, strict: bool) -> None:
    session = context.ensure_object(Session)
    session.strict = session.strict or strict

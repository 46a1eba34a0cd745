"""A command group that imports a command when it is called and its help text never."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

from madcore.cli.session import Session, shared_options

__all__ = ["Command", "LazyGroup"]


@dataclass(frozen=True)
class Command:
    """Where a command is, and what the overview says about it.

    Parameters
    ----------
    module : str
        Module of `madcore.cli` that has it, under its own name.
    help : str
        One line.
    section : str
        Heading in the overview.
    """

    module: str
    help: str
    section: str


class LazyGroup(click.Group):
    """A group whose commands stand in a table.

    Parameters
    ----------
    commands_by_name : dict
        The table.
    """

    def __init__(self, *arguments: Any, commands_by_name: dict[str, Command], **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.table = commands_by_name

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the table's order."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command, and let it take the shared options too."""
        if cmd_name not in self.table:
            return None
        if cmd_name not in self.commands:
            command: click.Command = getattr(import_module(f"madcore.cli.{self.table[cmd_name].module}"), cmd_name)
            command.params.extend(shared_options())
            self.add_command(command, cmd_name)
        return self.commands[cmd_name]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one may be meant."""
        if args[0] not in self.table and not args[0].startswith("-"):
            near = get_close_matches(args[0], self.table, 1)
            meant = f" (did you mean {near[0]}?)" if near else ""
            ctx.fail(f"{args[0]!r} is no command{meant}; the commands: {', '.join(self.table)}.")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, then look for failed plugins if ``--strict`` asks for it."""
        return ctx.ensure_object(Session).finish(super().invoke(ctx))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the overview from the table."""
        for section in dict.fromkeys(command.section for command in self.table.values()):
            with formatter.section(section):
                formatter.write_dl(
                    [(name, command.help) for name, command in self.table.items() if command.section == section]
                )

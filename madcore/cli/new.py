"""The command ``new``: the files of a plugin, a copy of the template that madcore brings."""

from __future__ import annotations

import re
from pathlib import Path
from shlex import quote

import click

from madcore.cli.session import Session, talk
from madcore.errors import InputError
from madcore.loading import RESERVED, Plugin
from madcore.specs import KINDS, NAME

__all__ = ["new"]

TEMPLATE = "example"
# In a checkout the template is the plugin itself; a wheel brings a copy of it.
PLACES = ("madcore/template", f"plugins/madcore-{TEMPLATE}")
COPIED = (".py", ".toml", ".md")


@click.group(invoke_without_command=True)
@click.pass_context
def new(context: click.Context) -> None:
    """Write the files of a new plugin."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@new.command(short_help="A plugin that brings metrics, with tests.")
@click.argument("name")
@click.option("-o", "--output", type=Path, metavar="DIR", help="Folder to write; by default ./madcore-NAME.")
@click.pass_obj
def metric(session: Session, name: str, output: Path | None) -> None:
    """Write a distribution with a plugin NAME that brings two metrics and a penalty, and tests of them.

    Replace what it computes; NAME is the prefix of its metrics.

    \b
    Examples:
      madcore new metric texture
      pip install -e ./madcore-texture
      madcore check texture
    """  # noqa: D301
    if not NAME.fullmatch(name) or name in RESERVED:
        taken = " or ".join(RESERVED)
        raise InputError(f"NAME must be lower case letters, digits and underscores, and not {taken}; got {name!r}")
    if name in session.registry.installed:
        raise InputError(f"a plugin of the name {name!r} is installed; choose another name")
    core = session.registry.plugin("")
    if isinstance(core, Plugin) and any(spec.name == name for kind in KINDS for spec in core.brings(kind)):
        raise InputError(f"{name!r} is a name of madcore's own, which the plugin would hide; choose another name")
    folder = output or Path(_renamed(f"madcore-{TEMPLATE}", name))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is there already; give a new or an empty folder with -o")
    try:
        written = _copy_template(folder, name)
    except OSError as error:
        raise InputError(f"{folder} cannot be written ({error.strerror}); choose another folder with -o") from error
    for path in written:
        click.echo(path)
    talk(f"next: pip install -e {quote(str(folder))}, then madcore check {name}")


def _copy_template(folder: Path, name: str) -> list[Path]:
    template = _find_template()
    written = []
    for source in sorted(template.rglob("*")):
        inside = source.relative_to(template)
        if source.suffix not in COPIED or any(part.startswith(".") for part in inside.parts):
            continue
        target = folder / _renamed(str(inside), name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_renamed(source.read_text(encoding="utf-8"), name), encoding="utf-8")
        written.append(target)
    return written


def _find_template() -> Path:
    root = Path(__file__).parents[2]
    for place in PLACES:
        if (root / place / "pyproject.toml").is_file():
            return root / place
    raise InputError(f"this installation of madcore lacks its template ({root / PLACES[0]}); install madcore again")


def _renamed(text: str, name: str) -> str:
    """Write another name wherever the template's stands: with dashes in that of the distribution."""
    text = text.replace(f"madcore-{TEMPLATE}", f"madcore-{name.replace('_', '-')}")
    return re.sub(rf"(?<![a-z]){TEMPLATE}(?![a-z])", name, text)

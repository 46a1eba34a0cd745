"""The command ``init``: an example plan to begin with."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

import click

from madcore.cli.session import talk
from madcore.errors import InputError
from madcore.plan.example import example_plan

__all__ = ["init"]


@click.command()
@click.argument("file", type=click.Path(path_type=Path), default="plan.toml")
@click.option("--overwrite", is_flag=True, help="Replace a file of that name.")
def init(file: Path, overwrite: bool) -> None:
    """Write a commented example plan, which can be played as it is, to FILE (plan.toml).

    \b
    Examples:
      madcore init
      madcore tournament plan.toml --dry-run
      madcore tournament plan.toml -o results
    """  # noqa: D301 - click reads the character
    try:
        with file.open("w" if overwrite else "x", encoding="utf-8") as stream:
            stream.write(example_plan(str(file)))
    except FileExistsError:
        raise InputError(f"{file} exists; choose another name, or replace it with --overwrite") from None
    except OSError as error:
        raise InputError(f"{file} cannot be written ({error.strerror}); choose another place") from error
    talk(f"wrote {file}; next: madcore tournament {quote(str(file))} --dry-run")

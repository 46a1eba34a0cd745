"""Commands that look into a store: ``status``, ``matches``, ``pack``, ``export``.  None imports torch."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from madcore.cli.scoreboard import write_duration, write_rate
from madcore.cli.session import talk
from madcore.cli.tables import mark_names, write_json, write_named_table, write_table
from madcore.errors import InputError
from madcore.store import FORMATS, Store, describe_store, open_results, write_rows
from madcore.store.files import discard
from madcore.wording import write_error, write_value

__all__ = ["export", "matches", "pack", "status"]

HEADER = (
    "ID",
    "IMAGE",
    "PICTURE",
    "OPTIMIZED",
    "HELD",
    "LEVEL",
    "VALUE",
    "AT START",
    "HELD ERROR",
    "IN THE PNG",
    "ENDED",
)
AND = " + "  # between the names of several held metrics
SHOWN = 5  # failures in the table; all are in the JSON

store_argument = click.argument("path", type=click.Path(path_type=Path), metavar="STORE")
where_option = click.option(
    "--where", metavar="CONDITION", help="Only rows for which this holds: SQL on the columns, e.g. 'held_error > 1e-5'."
)


@click.command()
@store_argument
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def status(path: Path, as_json: bool) -> None:
    """Tell how far a tournament is, while it runs or after.

    \b
    Examples:
      madcore status STORE
      madcore status STORE --json
    """  # noqa: D301 - click reads the character
    found = describe_store(Store(path))
    if as_json:
        write_json(found)
        return
    write_table(_facts(found))
    for failure in found["failures"][:SHOWN]:
        click.echo(f"  {failure['id'][:8]}  {_pair(failure)}: {failure['reason']}: {failure['message']}")
    if len(found["failures"]) > SHOWN:
        click.echo(f"  and {len(found['failures']) - SHOWN} more; see --json")
    for problem in list(found["problems"].values())[:SHOWN]:
        click.echo(f"  {problem}")


@click.command()
@store_argument
@where_option
@click.option("--json", "as_json", is_flag=True, help="Write JSON, with all columns.")
def matches(path: Path, where: str | None, as_json: bool) -> None:
    """List what a store holds, a line for each MAD image; a folder of one match will do.

    \b
    Columns for --where
      id, image (a_min, ...), picture, image_hash, height, width, channels
      optimized, held, minmax            names as in the plan; min or max
      level_kind, level_value, level     as asked for; the held metric's value
      seed, optimized_value, held_value, start_value
      held_error, png_held_error         relative
      optimality, stopped, evaluations, seconds

    \b
    Examples:
      madcore matches STORE --where "optimized = 'ssim' and minmax = 'max'"
      madcore matches STORE --where 'held_error > 1e-5' --json
    """  # noqa: D301
    results = open_results(path)
    if as_json:
        write_rows(results.rows(where), sys.stdout.buffer, "json")
        return
    rows = list(results.rows(where))
    if rows:
        marks = mark_names(name for row in rows for name in (row["optimized"], *row["held"].split(AND)))
        named, marked = ([_row(row, shown) for row in rows] for shown in ({name: name for name in marks}, marks))
        write_named_table((HEADER, named), (HEADER, marked), {mark: name for name, mark in marks.items()})
    else:
        talk(f"no image in {path}" + (f" with {where}" if where else ""))


@click.command()
@store_argument
def pack(path: Path) -> None:
    """Put finished matches into one ZIP file a shard, for file systems that suffer from many small files.

    Everything reads a packed store as before, and a tournament can go on in it.  Nothing may be written meanwhile.

    \b
    Example:
      madcore pack STORE
    """  # noqa: D301
    store = Store(path)
    packed = list(store.pack())
    talk(f"packed {sum(packed)} matches; {path / 'packs'} has {len(list((path / 'packs').glob('*.zip')))} packs")


@click.command()
@store_argument
@click.option("--to", "form", required=True, type=click.Choice(list(FORMATS)), help="Format.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="By default the standard output.")
@where_option
def export(path: Path, form: str, output: Path | None, where: str | None) -> None:
    """Write the table of MAD images for other programs; its columns are those of `madcore matches`.

    \b
    Examples:
      madcore export STORE --to csv > images.csv
      madcore export STORE --to parquet -o images.parquet
    """  # noqa: D301
    rows = open_results(path).rows(where)
    if output is None:
        if form == "parquet" and sys.stdout.isatty():
            raise InputError("Parquet is no text for a terminal; name a file with -o")
        write_rows(rows, sys.stdout.buffer, form)
        return
    unfinished = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        with unfinished.open("wb") as stream:
            count = write_rows(rows, stream, form)
        unfinished.replace(output)
    except OSError as error:
        raise InputError(f"{output} cannot be written ({error.strerror}); choose another place") from error
    finally:
        discard(unfinished)
    talk(f"wrote {count} rows to {output}")


def _facts(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    facts = [("store", found["path"])]
    if found["planned"] is None:
        facts.append(("finished", f"{found['finished']} matches"))
    else:
        done = f"{found['planned_finished']} of {found['planned']} matches of the latest plan"
        others = found["finished"] - found["planned_finished"]
        facts += [
            ("finished", done + (f", and {others} others" if others > 0 else "")),
            ("to play", str(found["to_play"])),
        ]
    if found["failed"]:
        reasons = ", ".join(f"{count} {reason}" for reason, count in found["reasons"].items())
        facts.append(("failed", f"{found['failed']} ({reasons}); --retry-failed plays them again"))
    if found["damaged"]:
        facts.append(("damaged", f"{found['damaged']} records; remove their folders and play them again"))
    facts += [("writing", f"{writer}: {holder}") for writer, holder in found["writers"].items()]
    if found["per_minute"]:
        left = f", {write_duration(found['seconds_left'])} left" if found["seconds_left"] is not None else ""
        facts.append(("rate", f"{write_rate(found['per_minute'])} matches a minute{left}"))
    return facts


def _pair(failure: Mapping[str, Any]) -> str:
    names = " against ".join((failure["names"] or {}).values())
    return f"{names} on {failure['picture']}"


def _row(row: Mapping[str, Any], shown: Mapping[str, str]) -> tuple[str, ...]:
    level = row["level_value"] or ""
    return (
        row["id"][:8],
        row["image"],
        str(row["picture"]),
        f"{shown[row['optimized']]} {row['minmax']}",
        AND.join(shown[name] for name in row["held"].split(AND)),
        f"{row['level_kind']} {level}".strip(),
        write_value(row["optimized_value"]),
        write_value(row["start_value"]),
        write_error(row["held_error"]),
        write_error(row["png_held_error"]),
        row["stopped"],
    )

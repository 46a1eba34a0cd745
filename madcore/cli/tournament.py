"""The commands ``tournament`` and ``score``: a plan played into a store, and judges asked later."""

from __future__ import annotations

import re
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from madcore.cli.interrupt import RememberingCommand, command_to_resume, preparing
from madcore.cli.session import Session, talk
from madcore.cli.tables import mark_names, write_named_table
from madcore.errors import InputError
from madcore.wording import write_error

if TYPE_CHECKING:
    from madcore.store import Store
    from madcore.tournament import Tournament
    from madcore.tournament.summary import Summary

__all__ = ["score", "tournament"]

HEADER = ("OPTIMIZED", "HELD", "MATCHES", "LARGEST HELD ERROR", "IN THE PNG", "ENDED")
POSITIVE = click.FloatRange(0, min_open=True)


def _shard(_: click.Context, __: click.Parameter, text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise click.BadParameter(f"{text!r} is not I/N with I from 1 to N, e.g. 3/16")
    return int(found[1]), int(found[2])


def _batch(_: click.Context, __: click.Parameter, text: str) -> int | None:
    if text != "auto" and not (text.isdecimal() and int(text)):
        raise click.BadParameter(f"{text!r} is neither auto nor a number of matches")
    return None if text == "auto" else int(text)


@click.command(cls=RememberingCommand)
@click.argument("plan", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="STORE", help="Folder for the results.")
@click.option("--dry-run", is_flag=True, help="List what would be played, and estimate what it takes.")
@click.option(
    "--engine", default="local", metavar="NAME", show_default=True, help="Who plays where: NAME,OPTION=VALUE."
)
@click.option("--device", default="auto", metavar="NAME", show_default=True, help="auto, cpu, cuda or cuda:0,1.")
@click.option("--workers", type=click.IntRange(1), metavar="N", help="Processes, for engines that have them.")
@click.option(
    "--batch", default="auto", callback=_batch, metavar="N", show_default=True, help="Matches played together."
)
@click.option("--threads", type=click.IntRange(1), metavar="N", help="Processor threads of each worker.")
@click.option("--max-hours", type=POSITIVE, metavar="H", help="Stop in good order after so long.")
@click.option("--limit", type=POSITIVE, metavar="SECONDS", help="A match that takes longer has failed.")
@click.option("--shard", callback=_shard, metavar="I/N", help="Play only the I-th of N parts; for N such processes.")
@click.option("--retry-failed", is_flag=True, help="Play matches again that failed before.")
@click.option(
    "--observer", "observers", multiple=True, metavar="NAME", help="Who is told: NAME,OPTION=VALUE.  Repeatable."
)
@click.option("--log-json", type=click.Path(path_type=Path), metavar="FILE", help="Append each event as a JSON line.")
@click.pass_context
def tournament(context: click.Context, /, plan: Path, output: Path | None, dry_run: bool, **options: Any) -> int:
    """Play every match of PLAN that the store does not hold yet.

    PLAN is a TOML file; `madcore init` writes one to begin with.  However a run ends, the same command goes on where it
    was: finished matches are never played again, and a changed plan plays only what is new.

    \b
    Examples:
      madcore tournament plan.toml --dry-run
      madcore tournament plan.toml -o results
      madcore tournament plan.toml -o results --engine procs --device cuda:0,1
      madcore tournament plan.toml -o results --shard 3/16      one of 16 jobs of a scheduler
    """  # noqa: D301 - click reads the character
    session = context.ensure_object(Session)
    with preparing():
        from madcore.tournament import Tournament

        whole = Tournament.from_toml(plan, registry=session.registry)
        if dry_run:
            from madcore.cli.forecast import print_forecast

            return print_forecast(whole, output, options["device"], options["batch"], options["threads"])
    if output is None:
        raise InputError("no store is given; write -o FOLDER, or --dry-run to see what would be played")
    from madcore.cli.running import run_tournament

    summary = run_tournament(whole, output, options, session)
    _report(whole, output, summary)
    if summary.interrupted:
        reason = "the time is up" if summary.time_is_up else "interrupted"
        resume = command_to_resume(context, sorted(session.blocked), resume=False)
        raise KeyboardInterrupt(f"{reason}; to go on: {resume}")
    return 1 if summary.failed or summary.given_up else 0


def _report(tournament: Tournament, store: Path, summary: Summary) -> None:
    """Write a table of the pairs to the standard output."""
    if summary.interrupted:
        return
    from madcore.store import Store

    rows = pair_rows(Store(store), tournament)
    if rows:
        marks = mark_names(name for row in rows for name in row[:2])
        marked = [(marks[optimized], marks[held], *rest) for optimized, held, *rest in rows]
        write_named_table((HEADER, rows), (HEADER, marked), {mark: name for name, mark in marks.items()})
        click.echo(f"\nWritten to {store}.  Look at it with: madcore report {quote(str(store))}")


def pair_rows(store: Store, tournament: Tournament) -> list[tuple[str, ...]]:
    """Return a row for each ordered pair: how many matches, how well they hold, and how they ended."""
    wanted = {match.id for match in tournament.matches()}
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in store.rows():
        if row["id"] in wanted:
            groups.setdefault((row["optimized"], row["held"]), []).append(row)
    return [_pair_row(pair, rows) for pair, rows in sorted(groups.items())]


def _pair_row(pair: tuple[str, str], rows: list[dict[str, Any]]) -> tuple[str, ...]:
    ended: dict[str, int] = {}
    for row in rows:
        ended[row["stopped"]] = ended.get(row["stopped"], 0) + 1
    errors = [max((row[name] or 0.0 for row in rows), default=0.0) for name in ("held_error", "png_held_error")]
    how = ", ".join(f"{count} {status}" for status, count in sorted(ended.items(), key=lambda item: -item[1]))
    return (*pair, str(len({row["id"] for row in rows})), *map(write_error, errors), how)


@click.command()
@click.argument("store", type=click.Path(path_type=Path))
@click.option("--metric", "metrics", multiple=True, required=True, metavar="NAME", help="The judge.  Repeatable.")
@click.option("--device", default="auto", metavar="NAME", show_default=True, help="auto, cpu, cuda or cuda:INDEX.")
@click.pass_obj
def score(session: Session, /, store: Path, metrics: tuple[str, ...], device: str) -> int:
    """Let a metric judge every match of a STORE, without playing any again.

    \b
    Example:
      madcore score results --metric ms_ssim
    """  # noqa: D301 - click reads the character
    from madcore.cli.interrupt import interruptible
    from madcore.cli.notes import notes_said
    from madcore.store import Store
    from madcore.tournament import find_devices
    from madcore.tournament.matches import Completer
    from madcore.tournament.scoring import Scorer

    found, completer = Store(store), Completer(session.registry)
    judges = {name: completer.metric(name) for name in metrics}
    with found.lock(), notes_said(), interruptible() as stop:
        scorer = Scorer(found, judges, session.registry, find_devices(device)[0])
        count = scorer.score(sorted(found.ids()), stop.flag)
        for name, problem in scorer.broken.items():
            talk(f"error: {name} cannot judge: {problem}")
        for name, reason in scorer.silent.items():
            talk(f"warning: {name} has no value for some of the pictures: {reason}")
        others = "" if count == len(found.ids()) else "; the others had been before"
        click.echo(f"{count} of {len(found.ids())} matches were scored{others}")
        if stop.requested:
            raise KeyboardInterrupt
    return 1 if scorer.broken else 0

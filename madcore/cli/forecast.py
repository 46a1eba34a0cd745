"""What a tournament will be: its matches, and about how long and how large."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from madcore.cli.scoreboard import write_duration
from madcore.cli.session import talk
from madcore.cli.tables import mark_names, write_named_table
from madcore.cli.threads import usual_threads
from madcore.engine import cores, limit_threads
from madcore.store import Store
from madcore.store.layout import MARK

if TYPE_CHECKING:
    from madcore.tournament import Tournament
    from madcore.tournament.matches import Match

__all__ = ["print_forecast"]

HEADER = ("ID", "METRICS", "PICTURE", "SIZE", "LEVEL", "SEED", "STATE")


def print_forecast(
    tournament: Tournament, path: Path | None, device: str, batch: int | None, threads: int | None = None
) -> int:
    """Write a line for each match, then their number and what playing them will take.

    Parameters
    ----------
    tournament : Tournament
        What would be played.
    path : Path, optional
        The store, if there is one, whose matches are not played again.
    device : str
        Where it would be played.
    batch : int, optional
        Matches that would be played together; by default as many as are fast together.
    threads : int, optional
        Processor threads that would be used; by default as many as the launcher takes.
    """
    from madcore.tournament import find_devices
    from madcore.tournament.forecast import estimate_seconds

    matches = tournament.matches()
    states = _states(path)
    marks = mark_names(name for match in matches for name in match.request.metrics)
    named, marked = (
        [_row(match, states, shown) for match in matches] for shown in ({name: name for name in marks}, marks)
    )
    write_named_table((HEADER, named), (HEADER, marked), {mark: name for name, mark in marks.items()})
    pending = [match for match in matches if match.id not in states]
    click.echo(f"\n{len(matches)} match{'' if len(matches) == 1 else 'es'}, {len(pending)} of them to play")
    if not pending:
        return 0
    devices = find_devices(device)
    threads = threads or usual_threads((*tournament.plan.metrics, *tournament.plan.judges))
    if threads is not None:
        limit_threads(threads)
    seconds, broken = estimate_seconds(pending, tournament.registry, devices[0], tournament.plan.folder)
    for name, problem in broken.items():
        talk(f"warning: {name} cannot be played: {problem}")
    several = devices == ("cpu",) and len(pending) > 1 and cores() > 1
    more = f"; --engine procs plays on {cores()} cores" if several else ""
    click.echo(f"about {write_duration(seconds)} on one {devices[0]}, if nothing else runs there{more}")
    click.echo(_describe_batches(pending, devices[0], batch))
    click.echo(_describe_output(tournament, pending))
    return 1 if broken else 0


def _states(path: Path | None) -> dict[str, str]:
    if path is None or not (path / MARK).exists():
        return {}
    store = Store(path)
    return {failure["id"]: "failed" for failure in store.failures()} | dict.fromkeys(store.ids(), "finished")


def _row(match: Match, states: Mapping[str, str], shown: Mapping[str, str]) -> tuple[object, ...]:
    request, level = match.request, match.request.level
    said = level.value if isinstance(level.value, str) else " ".join(level.value.values())
    return (
        match.id[:8],
        " against ".join(shown[name] for name in request.metrics),
        request.picture,
        " x ".join(map(str, match.key["size"])),
        f"{level.kind}:{said}",
        request.seed,
        states.get(match.id, "to play"),
    )


def _describe_batches(matches: Sequence[Match], device: str, size: int | None) -> str:
    from madcore.tournament.forecast import estimate_batches
    from madcore.tournament.memory import USABLE

    largest, free = estimate_batches(matches, device, size)
    if largest == 1:
        return "one match at a time"
    if free is None:
        return f"up to {largest} matches together"
    usable = f"{USABLE * free / 1e9:.3g} of the {free / 1e9:.3g} GB of memory that are free now"
    return f"up to {largest} matches together, fewer if they need more than {usable}"


def _describe_output(tournament: Tournament, matches: Sequence[Match]) -> str:
    from madcore.plan import estimate_output

    plan = tournament.plan
    output = estimate_output([match.key["size"] for match in matches], plan.keep, plan.bits, plan.dtype)
    return f"about {output.bytes / 1e6:.3g} MB in {output.files} files"

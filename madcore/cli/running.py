"""A tournament run from the launcher: signals obeyed, progress shown, events logged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from madcore.cli.interrupt import interruptible
from madcore.cli.notes import notes_said
from madcore.cli.scoreboard import make_scoreboard
from madcore.cli.session import Session
from madcore.errors import InputError
from madcore.options import parse_name

if TYPE_CHECKING:
    from madcore.engine import Event
    from madcore.tournament import Tournament
    from madcore.tournament.summary import Summary

__all__ = ["run_tournament"]

PATIENCE = 4.0  # seconds from the first signal until the run is ended whatever it does
PASSED_ON = ("engine", "device", "workers", "batch", "threads", "limit", "max_hours", "shard", "retry_failed")


def run_tournament(tournament: Tournament, store: Path, options: Mapping[str, Any], session: Session) -> Summary:
    """Play, and return how it stands at the end, however that came.

    Raises
    ------
    MadcoreError
        As `madcore.Tournament.play` does.
    """
    from madcore.tournament.summary import Summary

    last = Summary(0)
    passed = {name: options[name] for name in PASSED_ON}
    passed["threads"] = options["threads"] or _usual_threads(tournament)
    log = options["log_json"]
    if log is not None:
        _check_log(log)
    with notes_said(), make_scoreboard(tournament) as board, interruptible(PATIENCE) as stop:

        def tell(event: Event | None, summary: Summary) -> None:
            nonlocal last
            last = summary
            board.update(event, summary)
            if log is not None and event is not None:
                with log.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps(_line(event, summary), ensure_ascii=False) + "\n")

        try:
            return tournament.play(store, **passed, observers=options["observers"], on_event=tell, stop=stop.flag)
        except KeyboardInterrupt:
            last.interrupted = True
            return last


def _usual_threads(tournament: Tournament) -> int | None:
    """Return 1 where all metrics are the core's: several processes use several cores better."""
    names = [parse_name(metric)[0] for metric in (*tournament.plan.metrics, *tournament.plan.judges)]
    return 1 if all(name.isidentifier() for name in names) else None


def _line(event: Event, summary: Summary) -> dict[str, Any]:
    """Return what the log says of an event: its fields, without what it carries."""
    said = {each.name: getattr(event, each.name) for each in fields(event) if each.name != "payload"}
    stand = {"finished": summary.finished, "failed": summary.failed, "left": summary.left}
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"time": now, "event": type(event).__name__.removesuffix("Event").lower(), **said, "summary": stand}


def _check_log(path: Path) -> None:
    """Make sure that lines can be appended to a file, without making it: what is refused leaves nothing behind."""
    try:
        with path.open("a") if path.exists() else TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise InputError(f"--log-json {path} cannot be written ({error.strerror}); choose another file") from error

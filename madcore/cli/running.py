"""A tournament run from the launcher: signals obeyed, progress shown, events logged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, TextIO

from madcore.cli.interrupt import interruptible
from madcore.cli.notes import notes_said
from madcore.cli.scoreboard import make_scoreboard
from madcore.cli.session import Session
from madcore.cli.threads import usual_threads
from madcore.errors import InputError

if TYPE_CHECKING:
    from typing import Self

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
    passed["threads"] = options["threads"] or usual_threads((*tournament.plan.metrics, *tournament.plan.judges))
    with (
        _Log(options["log_json"]) as log,
        notes_said(),
        make_scoreboard(tournament) as board,
        interruptible(PATIENCE) as stop,
    ):

        def tell(event: Event | None, summary: Summary) -> None:
            nonlocal last
            last = summary
            board.update(event, summary)
            if event is not None:
                log.write(_line(event, summary))

        try:
            return tournament.play(store, **passed, observers=options["observers"], on_event=tell, stop=stop.flag)
        except KeyboardInterrupt:
            last.interrupted = True
            return last


def _line(event: Event, summary: Summary) -> dict[str, Any]:
    """Return what the log says of an event: its fields, without what it carries."""
    said = {each.name: getattr(event, each.name) for each in fields(event) if each.name != "payload"}
    stand = {"finished": summary.finished, "failed": summary.failed, "left": summary.left}
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"time": now, "event": type(event).__name__.removesuffix("Event").lower(), **said, "summary": stand}


class _Log:
    """A file to which lines are appended, which is made with the first: what is refused leaves nothing behind."""

    def __init__(self, path: Path | None) -> None:
        self.path = None if path is None else path.absolute()
        self.stream: TextIO | None = None

    def __enter__(self) -> Self:
        """Make sure that it can be written; a pipe is left alone, since its reader would see its end."""
        if self.path is None or self.path.is_fifo():
            return self
        try:
            with self.path.open("a") if self.path.exists() else TemporaryFile(dir=self.path.parent):
                return self
        except OSError as error:
            message = f"--log-json {self.path} cannot be written ({error.strerror}); choose another file"
            raise InputError(message) from error

    def __exit__(self, *_: object) -> None:
        """Close it."""
        if self.stream is not None:
            self.stream.close()

    def write(self, line: Mapping[str, Any]) -> None:
        """Append a line of JSON, if there is a file."""
        if self.path is None:
            return
        if self.stream is None:
            self.stream = self.path.open("a", encoding="utf-8")
        self.stream.write(json.dumps(line, ensure_ascii=False) + "\n")
        self.stream.flush()

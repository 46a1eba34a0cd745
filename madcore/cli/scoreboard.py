"""How a tournament goes, on the standard error: bars on a terminal, a line every half minute elsewhere."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Protocol

from madcore.cli.session import talk
from madcore.engine import Event, Failed, Lost, WorkerEvent

if TYPE_CHECKING:
    from typing import Self

    from rich.progress import TaskID

    from madcore.tournament import Tournament
    from madcore.tournament.summary import Summary

__all__ = ["Bars", "Lines", "Scoreboard", "make_scoreboard", "write_duration", "write_rate"]

EVERY = 30.0  # seconds between two lines
TOLD = 10  # failures, a line each; a plan with a slip in it may have thousands


class Scoreboard(Protocol):
    """What shows how a tournament goes."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(self, *_: object) -> None:
        """End."""

    def update(self, event: Event | None, summary: Summary) -> None:
        """Take note of an event, and of how the tournament stands; None at the start."""


class Failures:
    """Says of the first failures what went wrong."""

    def __init__(self, tournament: Tournament) -> None:
        self.tournament = tournament
        self.count = 0

    def tell(self, event: Event | None) -> None:
        """Say a line if the event is a failure, or a worker's end."""
        if isinstance(event, WorkerEvent) and event.state in ("failed", "died"):
            talk(f"worker {event.worker} on {event.device} {event.state}: {event.message}")
        if not isinstance(event, Failed | Lost):
            return
        self.count += 1
        if self.count <= TOLD:
            request = self.tournament.find(event.id).request
            what = f"{' against '.join(request.metrics)} on {request.picture}"
            talk(f"{what} failed ({event.reason}): {' '.join(event.message.split())}")
        if self.count == TOLD:
            talk("further failures are not listed here; see `madcore status STORE`")


class Lines:
    """Says how it goes every half minute."""

    def __init__(self, tournament: Tournament, every: float = EVERY) -> None:
        self.failures = Failures(tournament)
        self.every = every
        self.summary: Summary | None = None
        self.over = threading.Event()
        self.clock = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Self:
        """Start the clock."""
        self.clock.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the clock, and say how it stands."""
        self.over.set()
        self.clock.join()
        if self.summary is not None and self.summary.played + self.summary.left:
            talk(write_standing(self.summary))

    def update(self, event: Event | None, summary: Summary) -> None:
        """Take note."""
        if self.summary is None:
            talk(write_start(summary))
        self.summary = summary
        self.failures.tell(event)

    def _tick(self) -> None:
        while not self.over.wait(self.every):
            if self.summary is not None:
                talk(write_standing(self.summary))


class Bars:
    """Shows a bar for the whole, and a line for each worker."""

    def __init__(self, tournament: Tournament) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(None), TextColumn("{task.fields[said]}"))
        self.bars = Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), redirect_stderr=True)
        self.failures = Failures(tournament)
        self.whole = self.bars.add_task("matches", said="", total=None)
        self.workers: dict[str, str] = {}
        self.rows: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        """Show the bars."""
        self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave them as they are."""
        self.bars.stop()

    def update(self, event: Event | None, summary: Summary) -> None:
        """Move the bars."""
        if event is None:
            talk(write_start(summary))
        done = summary.matches - summary.left
        self.bars.update(self.whole, total=summary.matches, completed=done, said=write_standing(summary))
        if isinstance(event, WorkerEvent):
            self.workers[event.worker] = event.device
        for worker, count in summary.by_worker.items():
            said = f"{count} finished on {self.workers.get(worker, 'unknown device')}"
            if worker not in self.rows:
                self.rows[worker] = self.bars.add_task(f"  {worker}", said=said, total=None)
            self.bars.update(self.rows[worker], said=said)
        self.failures.tell(event)


def write_start(summary: Summary) -> str:
    """Say what is to be played."""
    before = f", {summary.before} of them finished before" if summary.before else ""
    given_up = f", {summary.given_up} failed before (--retry-failed plays them again)" if summary.given_up else ""
    return f"{_count(summary.matches)}{before}{given_up}; {summary.left} to play"


def write_standing(summary: Summary) -> str:
    """Say how it goes."""
    parts = [f"{summary.finished} of {summary.played + summary.left} finished"]
    if summary.failed:
        parts.append(f"{summary.failed} failed")
    if summary.per_minute:
        parts.append(f"{write_rate(summary.per_minute)} per minute")
    if summary.left and summary.seconds_left is not None:
        parts.append(f"{write_duration(summary.seconds_left)} left")
    return ", ".join(parts)


def write_rate(rate: float) -> str:
    """Write a rate with three digits, or to the unit."""
    return f"{rate:.3g}" if rate < 100 else f"{rate:.0f}"


def write_duration(seconds: float) -> str:
    """Write a duration in the largest unit that makes sense."""
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}" if seconds < 20 * size else f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def make_scoreboard(tournament: Tournament) -> Scoreboard:
    """Make what fits the standard error."""
    return Bars(tournament) if sys.stderr.isatty() else Lines(tournament)


def _count(matches: int) -> str:
    return f"{matches} match{'' if matches == 1 else 'es'}"

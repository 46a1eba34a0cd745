"""The contract of engines as tests: whatever dies, each match ends once, and nobody waits long for the end."""

from __future__ import annotations

import math
import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar
from unittest import SkipTest

from madcore.building import create_engine
from madcore.engine import Batch, Engine, Event, Failed, Finished, Lost, Started
from madcore.errors import MadcoreError
from madcore.rehearsal import Act, MakeRehearsal
from madcore.testing.tournaments import play_tournament, read_values

__all__ = ["Act", "EngineContract", "MakeRehearsal"]


@dataclass
class Run:
    """What was seen of one run."""

    events: list[Event] = field(default_factory=list)
    played: list[tuple[str, int]] = field(default_factory=list)
    written: dict[str, bytes] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def finished(self) -> dict[str, Finished]:
        """Finished matches by id."""
        return {event.id: event for event in self.events if isinstance(event, Finished)}

    @property
    def failed(self) -> dict[str, Failed]:
        """Failed matches by id."""
        return {event.id: event for event in self.events if isinstance(event, Failed)}

    @property
    def lost(self) -> dict[str, Lost]:
        """Matches that were given up by id."""
        return {event.id: event for event in self.events if isinstance(event, Lost)}

    @property
    def ended(self) -> Counter[str]:
        """How often each match ended."""
        return Counter(event.id for event in self.events if isinstance(event, Finished | Failed | Lost))

    @property
    def plays(self) -> Counter[str]:
        """How often each match was begun."""
        return Counter(name for name, _ in self.played)

    @property
    def alive(self) -> set[int]:
        """Processes other than this one that played and still run."""
        return {process for _, process in self.played if process != os.getpid() and _runs(process)}


class EngineContract:
    """The contract of engines: subclass it and name the engine, or override `make`.

    Attributes
    ----------
    name : str
        The engine with its options, ``"procs,workers=2"``.
    apart : bool
        Whether players live in other processes, which the engine replaces when they die and ends when it must.
    patience : float
        Seconds that starting workers and ending them may take.
    """

    name: ClassVar[str] = ""
    apart: ClassVar[bool] = True
    patience: ClassVar[float] = 5.0

    def make(self) -> Engine:
        """Return the engine."""
        return create_engine(self.name)

    def play(
        self,
        *batches: Sequence[Act],
        limit: float | None = None,
        on_event: Callable[[Event, threading.Event], None] = lambda event, stop: None,
        error: str = "",
    ) -> Run:
        """Play batches of acts and return what was seen; `on_event` may stop or raise."""
        run, stop = Run(), threading.Event()

        def watch(event: Event) -> None:
            run.events.append(event)
            on_event(event, stop)

        with tempfile.TemporaryDirectory() as folder:
            make = MakeRehearsal(folder, error)
            started = time.monotonic()
            try:
                self.make().run(
                    (Batch(f"batch {number}", tuple(acts), limit=limit) for number, acts in enumerate(batches)),
                    make,
                    watch,
                    stop,
                )
            finally:
                run.seconds = time.monotonic() - started
                run.played = make.played()
                run.written = {path.stem: path.read_bytes() for path in Path(folder).iterdir() if path.suffix}
                self.last = run
        return run

    def results(self, run: Run) -> dict[str, bytes]:
        """Return the results of a run, whoever writes them."""
        if self.make().writes == "worker":
            return {name: run.written[name] for name in run.finished}
        return {name: event.payload for name, event in run.finished.items()}

    def test_each_match_ends_once(self) -> None:
        """Everything is played once, every result arrives, and each batch is announced."""
        acts = [Act(f"match{number}") for number in range(9)]
        run = self.play(acts[:4], acts[4:5], acts[5:])
        expect(self.results(run), {act.id: act.result for act in acts})
        expect(run.plays, Counter(act.id for act in acts))
        begun = [name for event in run.events if isinstance(event, Started) for name in event.ids]
        expect(sorted(begun), sorted(act.id for act in acts))

    def test_order_does_not_matter(self) -> None:
        """Results are those of the matches, in whatever order and company they are played."""
        acts = [Act(f"match{number}") for number in range(6)]
        forward, backward = self.play(acts[:3], acts[3:]), self.play(*([act] for act in reversed(acts)))
        expect(self.results(forward), self.results(backward))

    def test_nothing_to_play(self) -> None:
        """No batches, no outcome, no waiting."""
        expect(self.play().ended, Counter())

    def test_failures_are_text(self) -> None:
        """A match that fails says why, in text; the others of its batch are played."""
        run = self.play([Act("good"), Act("bad", "fail"), Act("late")])
        expect(set(run.finished), {"good", "late"})
        failed = run.failed["bad"]
        expect((failed.type, failed.message, failed.reason), ("ValueError", "bad fails", "non-finite"))
        expect("ValueError" in failed.traceback, True)

    def test_what_a_player_raises(self) -> None:
        """What escapes from a player, or cannot be handed over, fails what has no outcome yet and nothing else."""
        run = self.play([Act("good"), Act("bad", "raise"), Act("after")], [Act("forgotten", "forget")], [Act("other")])
        expect(set(run.finished), {"good", "other"})
        expect(set(run.failed), {"bad", "after", "forgotten"})
        expect(run.failed["bad"].message, "bad raises")

    def test_result_that_cannot_be_pickled(self) -> None:
        """It is the failure of its match."""
        self._needs_processes()
        if self.make().writes == "worker":
            raise SkipTest("workers write their results themselves")
        run = self.play([Act("locked", "lock"), Act("good")])
        expect((set(run.failed), set(run.finished)), ({"locked"}, {"good"}))

    def test_killed_worker(self) -> None:
        """What a killed worker had not reported is played again, once; what it had reported is not."""
        self._needs_processes()
        unlucky = Act("unlucky", "die once", 0.5)  # time for the report of the one before to arrive
        run = self.play([Act("before"), unlucky, Act("after")], [Act("other")])
        expect(run.ended, Counter(("before", "unlucky", "after", "other")))
        expect(set(run.finished), {"before", "unlucky", "after", "other"})
        expect((run.plays["before"], run.plays["unlucky"]), (1, 2))

    def test_poison(self) -> None:
        """A match that always kills its worker is given up after two deaths, and takes no other with it."""
        self._needs_processes()
        run = self.play([Act("poison", "die"), *(Act(f"match{number}") for number in range(4))], [Act("other")])
        expect(set(run.finished), {"match0", "match1", "match2", "match3", "other"})
        expect((run.lost["poison"].attempts, run.lost["poison"].reason), (2, "worker died"))
        expect((sum(run.ended.values()), run.plays["poison"]), (6, 2))

    def test_limit(self) -> None:
        """A match that outlasts its limit is ended and given up; the others are played."""
        self._needs_processes()
        run = self.play([Act("endless", "sleep", 600)], [Act("good")], limit=0.5)
        expect(set(run.finished), {"good"})
        expect((run.lost["endless"].reason, run.plays["endless"]), ("timeout", 1))

    def test_interrupt(self) -> None:
        """Once asked to stop, players end, outcomes are kept, and nothing new begins."""

        def stop_at_first(event: Event, stop: threading.Event) -> None:
            if isinstance(event, Finished):
                stop.set()

        waiting = [[Act(f"match{number}", "wait", 60)] for number in range(9)]
        run = self.play([Act("first")], *waiting, on_event=stop_at_first)
        expect(run.ended, Counter(["first"]))
        self._check_time(run, 5.0)

    def test_interrupt_of_the_deaf(self) -> None:
        """A player that does not stop is not waited for."""
        self._needs_processes()

        def stop_soon(event: Event, stop: threading.Event) -> None:
            if isinstance(event, Started):
                threading.Timer(0.5, stop.set).start()  # when it sleeps already

        run = self.play([Act("deaf", "sleep", 600)], on_event=stop_soon)
        expect((run.ended, run.plays), (Counter(), Counter(["deaf"])))
        self._check_time(run, 5.0)
        self._check_alone(run)

    def test_what_an_event_raises(self) -> None:
        """It ends the run at once and escapes; no worker outlives it."""

        def interrupt(event: Event, stop: threading.Event) -> None:
            if isinstance(event, Finished):
                raise KeyboardInterrupt

        try:
            self.play([Act("first")], [Act("second", "wait", 60)], on_event=interrupt)
        except KeyboardInterrupt:
            self._check_time(self.last, 2.0)
            self._check_alone(self.last)
        else:
            raise AssertionError("nothing was raised")

    def test_player_that_cannot_be_made(self) -> None:
        """Where no worker gets a player, the run ends with an error that says why."""
        try:
            self.play([Act("match")], error="no such weights")
        except MadcoreError as error:
            expect("no such weights" in str(error), True)
        else:
            raise AssertionError("nothing was raised")

    def test_a_tournament(self) -> None:
        """Real matches, stopped after the first and gone on with, have the values of a run in this process."""
        with tempfile.TemporaryDirectory() as folder:
            there, here = Path(folder, "there"), Path(folder, "here")
            first = play_tournament(there, self.make(), stop_early=True)
            second = play_tournament(there, self.make())
            expect((first.finished > 0, second.finished, second.failed), (True, 3 - first.finished, 0))
            play_tournament(here, create_engine("local"))
            measured, wanted = read_values(there), read_values(here)
        expect(set(measured), set(wanted))
        apart = {name for name, value in wanted.items() if not math.isclose(measured[name], value, rel_tol=1e-6)}
        expect(apart, set())

    def _needs_processes(self) -> None:
        if not self.apart:
            raise SkipTest("players live in this process")

    def _check_time(self, run: Run, seconds: float) -> None:
        if run.seconds > seconds + self.patience:
            raise AssertionError(
                f"it took {run.seconds:.1f} s; allowed are {seconds:g} and {self.patience:g} for start"
            )

    def _check_alone(self, run: Run) -> None:
        end = time.monotonic() + self.patience
        while run.alive and time.monotonic() < end:
            time.sleep(0.05)
        expect(run.alive, set())


def expect(measured: object, wanted: object) -> None:
    """Raise AssertionError unless both are equal."""
    if measured != wanted:
        raise AssertionError(f"expected {wanted}, got {measured}")


def _runs(process: int) -> bool:
    """Tell whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False

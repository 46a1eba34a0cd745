"""The worker processes of one run, as their driver sees them: started, given work, listened to, replaced.

Each is a fresh Python with one pipe (`madcore.engines.worker`), in a session of its own, where Ctrl-C does not reach
it.  It ends when its pipe does: none outlives the driver, however that dies.
"""

from __future__ import annotations

import subprocess
import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Self

from madcore.engine import Backlog, Batch, Callback, Event, Failed, Finished, Reason, Started, WorkerEvent
from madcore.engines.worker import command
from madcore.errors import PluginError

__all__ = ["Crew"]

STILLBORN = 2
STANDARD_ERROR = 2


@dataclass(eq=False)
class Worker:
    """One worker: what it has been given, and what it has said."""

    name: str
    device: str
    process: subprocess.Popen[bytes]
    connection: Connection
    out: deque[Batch]
    pair: str
    ready: bool = False
    failure: str = ""
    playing: bool = False  # the first batch of `out`, of which it still has to report `missing`
    missing: set[str] = field(default_factory=set)
    deadline: float | None = None

    def send(self, message: object) -> None:
        """Send it something, unless it has died, which the crew will hear of."""
        with suppress(OSError):
            self.connection.send(message)

    def note(self, message: Event | None) -> None:
        """Keep track of what it says; None is the end of a batch."""
        match message:
            case None:
                self.out.popleft()
                self.playing = False
            case WorkerEvent(state="failed"):
                self.failure = message.message
            case WorkerEvent():
                self.ready = True
                self.send(self.out[0])
            case Started():
                self.playing, self.missing = True, set(message.ids)
                self._renew()
            case Finished() | Failed():
                self.missing.discard(message.id)
                self._renew()

    def end(self, patience: float = 0.0) -> str:
        """Let it end by itself for that many seconds, then kill it; tell how it ended."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(patience)
        self.process.kill()
        code = self.process.wait()
        self.connection.close()
        return f"killed by signal {-code}" if code < 0 else f"ended with exit code {code}"

    def _renew(self) -> None:
        limit = self.out[0].limit
        self.deadline = time.monotonic() + limit * len(self.missing) if limit and self.missing else None


@dataclass
class Crew:
    """The workers of one run; a context, at whose end none is left.

    Parameters
    ----------
    backlog : Backlog
        What is to be played.
    make_player : bytes
        The pickled `MakePlayer`.
    threads : int
        Threads of each worker.
    on_event : callable
        Called with each event.
    slots : iterable of (str, str)
        Names and devices of the workers that may be there at once; each is started when there is a batch for it.
    """

    backlog: Backlog
    make_player: bytes
    threads: int
    on_event: Callback
    slots: Iterable[tuple[str, str]]
    workers: list[Worker] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._vacant = deque(self.slots)
        self._stillborn: Counter[str] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self.workers:
            worker.end()

    def hand_out(self) -> bool:
        """Give a batch to those without, then one in advance; tell whether any is under way."""
        for worker in self.workers:
            # The last batches are not given in advance: who is free first is to have them.
            if worker.ready and len(worker.out) < (2 if len(self.backlog) >= len(self.workers) else 1):
                self._give(worker)
        while self._vacant and (batch := self.backlog.take()) is not None:
            self.workers.append(self._start(*self._vacant.popleft(), batch))
        return any(worker.out for worker in self.workers)

    def listen(self, seconds: float, workers: Sequence[Worker] = ()) -> None:
        """Take what workers say within that time, and kill those that have outlasted their limit."""
        workers = workers or tuple(self.workers)
        heard = wait([worker.connection for worker in workers], seconds)
        for worker in [each for each in workers if each.connection in heard]:
            try:
                message = worker.connection.recv()
            except (EOFError, OSError):
                self._bury(worker, "worker died", worker.end(patience=1.0))
                continue
            worker.note(message)
            if message is not None and not worker.failure:
                self.on_event(message)
        now = time.monotonic()
        for worker in [each for each in self.workers if each.deadline is not None and each.deadline < now]:
            worker.end()
            self._bury(worker, "timeout", f"nothing was reported within {worker.out[0].limit:g} s for each match")

    def finish(self, seconds: float) -> None:
        """Ask all to stop, and take what they still yield within that time."""
        end = time.monotonic() + seconds
        for worker in self.workers:
            worker.send(None)
        while (playing := [worker for worker in self.workers if worker.playing]) and (
            left := end - time.monotonic()
        ) > 0:
            self.listen(left, playing)
        for worker in self.workers:
            self.on_event(WorkerEvent(worker.name, worker.device, "ended"))

    def _give(self, worker: Worker) -> None:
        batch = self.backlog.take(worker.pair)
        if batch is not None:
            worker.out.append(batch)
            worker.pair = batch.pair
            worker.send(batch)

    def _start(self, name: str, device: str, batch: Batch) -> Worker:
        ours, theirs = Pipe()
        with theirs:
            process = subprocess.Popen(
                command(theirs.fileno()),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=STANDARD_ERROR,  # what metrics print is talk
                start_new_session=True,
            )
        worker = Worker(name, device, process, ours, deque([batch]), batch.pair)
        worker.send((name, device, self.threads, self.make_player))
        return worker

    def _bury(self, worker: Worker, reason: Reason, message: str) -> None:
        """Take back what a worker had, and make its place vacant, unless no worker ever gets ready there."""
        self.workers.remove(worker)
        begun = worker.out.popleft() if worker.playing else None
        for batch in reversed(worker.out):
            self.backlog.put_back(batch)
        self._stillborn[worker.name] = 0 if worker.ready else self._stillborn[worker.name] + 1
        if not worker.failure and self._stillborn[worker.name] < STILLBORN:
            self._vacant.append((worker.name, worker.device))
        message = worker.failure or message
        self.on_event(WorkerEvent(worker.name, worker.device, "failed" if worker.failure else "died", message))
        for lost in self.backlog.lose(begun, worker.missing, reason, message, worker.name) if begun else ():
            self.on_event(lost)
        if not (self.workers or self._vacant):
            raise PluginError(f"no worker of engine procs can be started; the last one: {message}")

"""The actors of one run, as the driver sees them: started, given batches, heard, replaced when they die."""

from __future__ import annotations

import pickle
import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import ray
from ray.exceptions import RayError

from madcore import PluginError
from madcore.engine import Backlog, Batch, Callback, Failed, Finished, Reason, Started, WorkerEvent
from madcore_ray.actors import start_actor

__all__ = ["Crew"]

STILLBORN = 2


@dataclass(eq=False)
class Worker:
    """An actor and what is awaited of it: that it is ready, the next event of its batch, or nothing."""

    name: str
    actor: Any
    awaited: Any
    pair: str = ""
    ready: bool = False
    batch: Batch | None = None
    missing: set[str] = field(default_factory=set)
    deadline: float | None = None

    def give(self, batch: Batch) -> None:
        """Let it play a batch."""
        self.batch, self.pair, self.missing = batch, batch.pair, set(batch.ids)
        self.awaited = self.actor.play.options(num_returns="streaming").remote(batch)

    def note(self, event: Started | Finished | Failed) -> None:
        """Keep track of what it reports."""
        if not isinstance(event, Started):
            self.missing.discard(event.id)
        limit = self.batch.limit if self.batch else None
        self.deadline = time.monotonic() + limit * len(self.missing) if limit and self.missing else None

    def rest(self) -> None:
        """Await nothing."""
        self.awaited = self.batch = self.deadline = None


@dataclass
class Crew:
    """The actors of one run; a context, at whose end none is left.

    Parameters
    ----------
    backlog : Backlog
        What is to be played.
    make_player : bytes
        The pickled `MakePlayer`.
    on_event : callable
        Called with each event.
    threads, gpus : number
        What each actor has.
    names : iterable of str
        Names of the actors that may be there at once; each is started when there is a batch for it.
    """

    backlog: Backlog
    make_player: bytes
    on_event: Callback
    threads: int
    gpus: float
    names: Iterable[str]
    workers: list[Worker] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._vacant = deque(self.names)
        self._stillborn: Counter[str] = Counter()
        self._device = "cuda" if self.gpus else "cpu"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self.workers:
            ray.kill(worker.actor)

    def hand_out(self) -> bool:
        """Give a batch to those that await nothing; tell whether any is under way or waits."""
        for worker in self.workers:
            if worker.awaited is None and (batch := self.backlog.take(worker.pair)) is not None:
                worker.give(batch)
        starting = sum(not worker.ready for worker in self.workers)
        while self._vacant and len(self.backlog) > starting:
            self._start(self._vacant.popleft())
            starting += 1
        return len(self.backlog) > 0 or any(worker.batch for worker in self.workers)

    def listen(self, seconds: float, workers: Sequence[Worker] = ()) -> None:
        """Take what actors say within that time, and kill those that have outlasted their limit."""
        speaking = [worker for worker in workers or self.workers if worker.awaited is not None]
        heard = ray.wait([worker.awaited for worker in speaking], timeout=seconds)[0] if speaking else []
        for worker in [each for each in speaking if each.awaited in heard]:
            try:
                self._hear(worker)
            except RayError as error:
                first_line = str(error).strip().partition("\n")[0]
                self._bury(worker, "died", "worker died", f"{type(error).__name__}: {first_line}")
        now = time.monotonic()
        for worker in [each for each in speaking if each.deadline is not None and each.deadline < now]:
            limit = worker.batch.limit if worker.batch else 0
            self._bury(worker, "died", "timeout", f"nothing was reported within {limit:g} s for each match")

    def finish(self, seconds: float) -> None:
        """Ask all to stop, and take what they still yield within that time."""
        end = time.monotonic() + seconds
        for worker in self.workers:
            worker.actor.halt.options(concurrency_group="control").remote()
        while (playing := [each for each in self.workers if each.batch]) and (left := end - time.monotonic()) > 0:
            self.listen(left, playing)
        for worker in self.workers:
            self.on_event(WorkerEvent(worker.name, self._device, "ended"))

    def _start(self, name: str) -> None:
        actor = start_actor(name, self._device, self.threads, self.gpus)
        self.workers.append(Worker(name, actor, actor.prepare.remote(self.make_player)))

    def _hear(self, worker: Worker) -> None:
        if not worker.ready:
            failure = ray.get(worker.awaited)
            if failure:
                self._bury(worker, "failed", "worker died", failure)
                return
            worker.ready = True
            worker.rest()
            self.on_event(WorkerEvent(worker.name, self._device, "ready"))
            return
        try:
            event = pickle.loads(ray.get(next(worker.awaited)))
        except StopIteration:
            worker.rest()
            return
        worker.note(event)
        self.on_event(event)

    def _bury(self, worker: Worker, state: Any, reason: Reason, message: str) -> None:
        """Take back what an actor had, and make its place vacant, unless none ever gets ready there."""
        ray.kill(worker.actor)
        self.workers.remove(worker)
        self._stillborn[worker.name] = 0 if worker.ready else self._stillborn[worker.name] + 1
        if state == "died" and self._stillborn[worker.name] < STILLBORN:
            self._vacant.append(worker.name)
        self.on_event(WorkerEvent(worker.name, self._device, state, message))
        # Whether the batch had begun is not known: the last words of an actor that is killed may not arrive.
        batch = worker.batch
        for lost in self.backlog.lose(batch, worker.missing, reason, message, worker.name) if batch else ():
            self.on_event(lost)
        if not (self.workers or self._vacant):
            raise PluginError(f"no worker of engine ray can be started; the last one: {message}")

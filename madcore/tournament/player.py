"""The player: batches of matches in, finished matches out; keeps its metrics loaded between batches."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from threading import Event as Flag
from typing import Any, Literal

from torch import Tensor

from madcore.engine import Batch, Failed, Finished, Outcome
from madcore.errors import ContractError, Expired, InputError, MadcoreError, is_exhaustion
from madcore.jobs import CUT, Job, choose_device, prepare_job, read_pictures
from madcore.metric import Metric
from madcore.registry import Registry
from madcore.request import Request
from madcore.store import Store
from madcore.tournament.batching import Task
from madcore.tournament.gauges import gauge_of
from madcore.tournament.memory import Portions, release_memory
from madcore.tournament.metrics import make_metric
from madcore.tournament.outcomes import commit
from madcore.tournament.quartets import Jobs, Stopped, make_done, rehearse, synthesize_quartets
from madcore.tournament.timing import time_limit

__all__ = ["MatchPlayer", "PlayerMaker"]

NOT_FINITE = "not finite"  # as contracts are worded
LOADED, READ = 32, 64  # metrics and pictures that are kept


@dataclass(frozen=True)
class PlayerMaker:
    """Makes the player of a worker; can be pickled.

    Parameters
    ----------
    judges : tuple of str
        Metrics that score every match.
    blocked : tuple of str
        Plugins that are not loaded.
    folder : str
        Where files with code are looked for.
    keep : tuple of str
        ``png`` and ``exact``: what is stored of the images.
    store : str
        Folder of the store, for workers that write themselves.
    durability : str
        How they write.
    """

    judges: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()
    folder: str = ""
    keep: tuple[str, ...] = ("png", "exact")
    store: str = ""
    durability: Literal["full", "fast"] = "full"

    def __call__(self, device: str, writer: str = "") -> MatchPlayer:
        """Make the player of a worker that computes on `device` and, if it has a name, writes itself."""
        return MatchPlayer(self, device, writer)


class MatchPlayer:
    """Plays batches of `Task`.

    Parameters
    ----------
    maker : PlayerMaker
        What it is to do.
    device, writer : str
        See `madcore.engine.MakePlayer`.
    """

    def __init__(self, maker: PlayerMaker, device: str, writer: str = "") -> None:
        self.maker = maker
        self.device = device
        self.writer = writer
        self.registry = Registry.discover(maker.blocked)
        self.create = lru_cache(LOADED)(lambda name: make_metric(name, self.registry, maker.folder))
        self._read = lru_cache(READ)(_read)
        self._portions = Portions(gauge_of(choose_device(device)))
        self._delivered: set[str] = set()  # reference images

    @cached_property
    def judges(self) -> dict[str, Metric]:
        """The judges that can be built; what is wrong with another one is told where it plays."""
        judges = {}
        for name in self.maker.judges:
            try:
                judges[name] = self.create(name)
            except MadcoreError:
                continue
        return judges

    def __call__(self, batch: Batch, stop: Flag) -> Iterator[Outcome]:
        """Play a batch, in parts as large as fit; see `madcore.engine.Player`."""
        waiting: deque[Sequence[Task]] = deque([batch.items])  # type: ignore[list-item]
        while waiting and not stop.is_set():
            jobs, failed, parts = self._attempt(waiting.popleft(), batch, stop)
            waiting.extendleft(reversed(parts))
            yield from failed
            yield from self._finish(jobs, stop, batch.limit)

    def _attempt(
        self, tasks: Sequence[Task], batch: Batch, stop: Flag
    ) -> tuple[Jobs, list[Failed], list[Sequence[Task]]]:
        """Play tasks together; return what was played, what failed, and in which parts to try again if that cannot be.

        What will not fit is split, and what does not fit all the same is halved; of what fails otherwise, one may be at
        fault, so each is played alone.
        """
        kind = tasks[0].kind
        fits = self._portions.fit(kind, len(tasks), partial(self._rehearse, tasks[0], stop, batch.limit))
        if fits < len(tasks):
            return [], [], _split(tasks, fits)
        try:
            with time_limit(batch.limit and batch.limit * len(tasks)):
                return *synthesize_quartets(tasks, self._prepare, stop), []
        except Stopped:
            return [], [], []
        except (Exception, Expired) as error:
            if stop.is_set():  # as in `_finish`
                return [], [], []
            exhausted = is_exhaustion(error)
            if len(tasks) == 1:
                return [], [self._too_large(tasks[0], error) if exhausted else _failed(tasks[0].id, error)], []
        release_memory()  # not in the handler, where the error keeps tensors alive
        return [], [], _split(tasks, self._portions.halve(kind, len(tasks)) if exhausted else 1)

    def _rehearse(self, task: Task, stop: Flag, limit: float | None, count: int) -> None:
        if stop.is_set():
            raise Stopped
        with time_limit(limit and limit * count):
            rehearse(self._prepare(task), count, stop)

    def _too_large(self, task: Task, error: BaseException) -> Failed:
        height, width, channels = task.match.key["size"]
        message = (
            f"one match on {height} x {width} x {channels} samples needs more than {self._portions.describe()} on "
            f"{self.device}: take a smaller size or crop, or another device ({' '.join(str(error).split())})"
        )
        return replace(_failed(task.id, error), message=message)

    def _prepare(self, task: Task) -> Job:
        request = replace(task.match.request, device=self.device)
        pictures = self._read(*(getattr(request, name) for name in CUT))
        job = prepare_job(request, self.registry, create=self.create, pictures=pictures)
        if job.record["id"] != task.id:
            raise InputError(
                f"the picture or the metrics of {request.picture} changed since the plan was read; start again"
            )
        return job

    def _finish(self, jobs: Jobs, stop: Flag, limit: float | None) -> Iterator[Outcome]:
        for task, job in jobs:
            if stop.is_set():
                return
            try:
                with time_limit(limit):
                    new = task.match.image not in self._delivered
                    done = make_done(task, job, self.judges, keep=self.maker.keep, with_reference=new)
            except (Exception, Expired) as error:
                if stop.is_set():  # an interruption may come out of foreign code as any error
                    return
                yield _failed(task.id, error)
                continue
            if self.writer:
                commit(Store(self.maker.store), done, writer=self.writer, durability=self.maker.durability)
            self._delivered.add(task.match.image)
            yield Finished(task.id, None if self.writer else done)


def _read(*cut: Any) -> dict[str, Tensor]:
    return read_pictures(Request(metrics=(), **dict(zip(CUT, cut, strict=True))))


def _split(tasks: Sequence[Task], size: int) -> list[Sequence[Task]]:
    return [tasks[start : start + size] for start in range(0, len(tasks), size)]


def _failed(match: str, error: BaseException) -> Failed:
    if isinstance(error, Expired):
        return Failed(match, "TimeoutError", str(error), "", "timeout")
    if is_exhaustion(error):
        return Failed.by(match, error, "out of memory")
    return Failed.by(
        match, error, "non-finite" if isinstance(error, ContractError) and NOT_FINITE in str(error) else None
    )

"""The engine: shares a tournament out among jobs, reads their journals, and sends a job again that died."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import submitit

from madcore import InputError, PluginError
from madcore.engine import Batch, Callback, Failed, Finished, Lost, MakePlayer, WorkerEvent
from madcore_submitit.journal import Reader
from madcore_submitit.shard import STOP, Shard, remaining

__all__ = ["Resources", "SubmititEngine"]

TICK = 0.5  # seconds between looks at the journals
GRACE = 3.0  # seconds that jobs have to end in good order
LAST = 1.5  # and to die
REQUEUES = 20  # how often Slurm's time limit may end a job


@dataclass(frozen=True)
class Resources:
    """What each job asks for.

    Parameters
    ----------
    cluster : str
        ``slurm``, or ``local`` for processes of this machine, to try it out.
    hours : float
        Time limit; a job that reaches it is sent again and goes on.
    cpus, gpus : int
        Cores and GPUs.
    memory : int, optional
        Gigabytes.
    partition, account, qos, constraint : str, optional
        As for ``sbatch``.
    """

    cluster: Literal["slurm", "local"] = "slurm"
    hours: float = 4.0
    cpus: int = 1
    gpus: int = 0
    memory: int | None = None
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None

    def executor(self, folder: Path) -> submitit.AutoExecutor:
        """Return what sends jobs."""
        executor = submitit.AutoExecutor(folder, cluster=self.cluster, **{f"{self.cluster}_max_num_timeout": REQUEUES})
        optional = {
            "mem_gb": self.memory,
            "slurm_partition": self.partition,
            "slurm_account": self.account,
            "slurm_qos": self.qos,
            "slurm_constraint": self.constraint,
        }
        executor.update_parameters(
            name="madcore",
            timeout_min=max(1, round(60 * self.hours)),
            cpus_per_task=self.cpus,
            gpus_per_node=self.gpus,
            **{name: value for name, value in optional.items() if value is not None},
        )
        return executor


class SubmititEngine:
    """Plays in jobs, each with worker processes of its own.

    Parameters
    ----------
    shards : int
        Number of jobs.
    folder : str
        Where jobs keep their logs and journals; all nodes must see it, and the store.
    resources : Resources
        What each job asks for.
    workers, threads : int, optional
        Processes of each job, and threads of each; as for engine ``procs``.

    Raises
    ------
    InputError
        If a number is too small.
    """

    writes: Literal["driver", "worker"] = "worker"

    def __init__(
        self,
        shards: int,
        folder: str,
        resources: Resources,
        workers: int | None = None,
        threads: int | None = None,
    ) -> None:
        for name, value, least in (
            ("shards", shards, 1),
            ("cpus", resources.cpus, 1),
            ("gpus", resources.gpus, 0),
            ("workers", workers, 1),
            ("threads", threads, 1),
        ):
            if value is not None and value < least:
                raise InputError(f"{name} of engine submitit must be {least} or more; got {value}")
        if not resources.hours > 0:
            raise InputError(f"hours of engine submitit must be above 0; got {resources.hours:g}")
        self.shards = shards
        self.folder = Path(folder).absolute()
        self.resources = resources
        device = tuple(f"cuda:{index}" for index in range(resources.gpus)) or ("cpu",)
        self.options = {"device": device, "workers": workers, "threads": threads}

    def run(self, batches: Iterable[Batch], make_player: MakePlayer, on_event: Callback, stop: threading.Event) -> None:
        """Play all; see `madcore.engine.Engine`."""
        folder = self.folder / f"run-{uuid.uuid4().hex[:8]}"
        folder.mkdir(parents=True)
        shards = [
            Shard(f"shard-{number}", share, make_player, str(folder), self.options)
            for number, share in enumerate(share_out(tuple(batches), self.shards))
        ]
        jobs = [_Job(shard, Reader(shard.journal), on_event) for shard in shards]
        if not jobs:
            return
        try:
            executor = self.resources.executor(folder)
            with executor.batch():
                for job in jobs:
                    job.send(executor)
            while any(job.alive for job in jobs) and not stop.wait(TICK):
                for job in jobs:
                    job.advance(executor)
        except RuntimeError as error:
            raise PluginError(f"engine submitit cannot send jobs: {' '.join(str(error).split())}") from error
        finally:
            (folder / STOP).touch()
            end_jobs(jobs, GRACE if stop.is_set() else 0, wait=self.resources.cluster == "local")
        broken = [job.broken for job in jobs if job.broken]
        if broken:
            raise PluginError(f"{len(broken)} of {len(jobs)} jobs of engine submitit could not play: {broken[0]}")


@dataclass
class _Job:
    """A shard, the job that plays it, and how that went."""

    shard: Shard
    reader: Reader
    on_event: Callback
    job: Any = None
    alive: bool = True
    ended: bool = False
    deaths: int = 0
    broken: str = ""

    def send(self, executor: submitit.AutoExecutor) -> None:
        self.job = executor.submit(self.shard)

    def read(self) -> bool:
        """Pass on what the job wrote; tell whether any match ended."""
        news = list(self.reader.news())
        for event in news:
            self.ended = isinstance(event, WorkerEvent) and event.state == "ended"
            self.on_event(event)
        return any(isinstance(event, Finished | Failed | Lost) for event in news)

    def over(self) -> bool:
        """Tell whether nothing more will come; its process may still be about to end."""
        return self.ended or self.job.done()

    def advance(self, executor: submitit.AutoExecutor) -> None:
        """Pass on what is new, and send the shard again if its job died."""
        over = self.alive and self.job.done()  # before its last words are read
        if self.read():
            self.deaths = 0
        if over:
            self._end(executor)

    def _end(self, executor: submitit.AutoExecutor) -> None:
        self.alive = False
        left = remaining(self.shard.batches, self.shard.journal.ended())
        if not left:
            return
        error = self.job.exception()
        if error is None:
            self.broken = self.job.result()
            return
        self.deaths += 1
        message = " ".join(str(error).split()) or type(error).__name__
        self.on_event(WorkerEvent(self.shard.name, "", "died", message[:200]))
        if self.deaths > 1:
            for id in (id for batch in left for id in batch.ids):
                self.on_event(Lost(id, "worker died", self.deaths, message[:200], self.shard.name))
        else:
            self.alive = True
            self.send(executor)


def share_out(batches: Sequence[Batch], shards: int) -> Iterator[tuple[Batch, ...]]:
    """Cut a sequence of batches into parts of about as many matches, without those that would be empty."""
    total = sum(len(batch.items) for batch in batches)
    share: list[Batch] = []
    played = cut = 0
    for batch in batches:
        share.append(batch)
        played += len(batch.items)
        if played * shards >= total * (cut + 1):
            yield tuple(share)
            share, cut = [], played * shards // total
    if share:
        yield tuple(share)


def end_jobs(jobs: Sequence[_Job], seconds: float, *, wait: bool) -> None:
    """Let jobs end in good order for that long, pass on what they still write, and cancel those that have not ended.

    Slurm ends a job in its own time; processes of this machine are waited for.
    """
    sent = [job for job in jobs if job.job is not None]
    end = time.monotonic() + seconds
    while any(not job.over() for job in sent) and time.monotonic() < end:
        time.sleep(TICK / 5)
        for job in sent:
            job.read()
    for job in sent:
        if not job.over():
            job.job.cancel()
    end = time.monotonic() + LAST
    while wait and any(not job.job.done() for job in sent) and time.monotonic() < end:
        time.sleep(TICK / 5)

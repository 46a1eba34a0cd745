"""Play tournaments as jobs of a Slurm cluster: no daemon, no port, only a file system that all nodes see."""

from __future__ import annotations

from typing import Any, Literal

from madcore import EngineSpec, hookimpl

__version__ = "0.1.0"
__all__ = ["madcore_engines"]


def build_submitit(
    *,
    shards: int = 1,
    cluster: Literal["slurm", "local"] = "slurm",
    folder: str = "madcore-jobs",
    hours: float = 4.0,
    cpus: int = 1,
    gpus: int = 0,
    memory: int | None = None,
    partition: str | None = None,
    account: str | None = None,
    qos: str | None = None,
    constraint: str | None = None,
    workers: int | None = None,
    threads: int | None = None,
) -> Any:
    """Build the engine; see `madcore_submitit.engine.SubmititEngine` for the options."""
    from madcore_submitit.engine import Resources, SubmititEngine

    resources = Resources(cluster, hours, cpus, gpus, memory, partition, account, qos, constraint)
    return SubmititEngine(shards, folder, resources, workers, threads)


@hookimpl
def madcore_engines() -> list[EngineSpec]:
    """Declare the engine: users write ``--engine submitit,shards=8,gpus=1``."""
    return [EngineSpec("submitit", build_submitit, "jobs of a Slurm cluster, which write the store themselves")]

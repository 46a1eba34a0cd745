"""Play tournaments on Ray: one actor for each GPU, or several on CPUs, on this machine or on many."""

from __future__ import annotations

from typing import Any

from madcore import EngineSpec, hookimpl

__version__ = "0.1.0"
__all__ = ["madcore_engines"]


def build_ray(
    *, workers: int | None = None, threads: int = 1, gpus: float | None = None, address: str | None = None
) -> Any:
    """Build the engine; see `madcore_ray.engine.RayEngine` for the options."""
    from madcore_ray.engine import RayEngine

    return RayEngine(workers, threads, gpus, address)


@hookimpl
def madcore_engines() -> list[EngineSpec]:
    """Declare the engine: users write ``--engine ray,workers=8``."""
    return [EngineSpec("ray", build_ray, "actors on a Ray cluster, or on this machine if there is none")]

"""One MAD image of several jobs, synthesised together, and what each job keeps of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from madcore.api import synthesize
from madcore.export import describe_result, measure
from madcore.images import encode_png
from madcore.jobs import Job
from madcore.results import Result
from madcore.synthesis import Progress

__all__ = ["keep_result", "split_result", "synthesize_together"]


def synthesize_together(
    jobs: Sequence[Job],
    name: str,
    progress: Callable[[Progress], bool],
    *,
    start: Tensor | None = None,
    level: Any = None,
) -> Result:
    """Synthesise the image of this name for jobs that differ in nothing but pictures, levels and seeds.

    Parameters
    ----------
    jobs : sequence of Job
        With the same metrics, in the same objects, and pictures of one size.
    name : str
        ``a_min`` and the like.
    progress : callable
        Told how it goes; returns True to stop.
    start, level : optional
        To go on from there instead of beginning.
    """
    first, request = jobs[0], jobs[0].request
    held = request.held(name)
    if start is None:
        start, level = _together([job.start for job in jobs]), _levels(jobs, held)
    return synthesize(
        torch.cat([job.image for job in jobs]),
        first.metrics[name[0]],
        [first.metrics[letter] for letter in held],
        "min" if name.endswith("min") else "max",
        level=level,
        initial_image=start,
        initial_noise=None if start is not None else request.initial_noise,
        seed=[job.request.seed for job in jobs],
        starts=request.starts,
        mask=_together([job.mask for job in jobs]),
        penalty=first.penalty,
        penalty_lambda=request.penalty_weight,
        solver=first.solver,
        max_iter=request.max_iter,
        tolerance=request.tolerance,
        progress=progress,
    )


def split_result(result: Result) -> list[Result]:
    """Return the results of single images; the time that they took together is shared among them."""
    count = len(result.status)
    if count == 1:
        return [result]
    seconds = result.seconds / count
    rows = [result.take(torch.tensor([index])) for index in range(count)]
    return [dataclasses.replace(row, seconds=seconds) for row in rows]


def keep_result(job: Job, name: str, result: Result) -> dict[str, Any]:
    """Take a result of one image into the job's record and pictures, and return its entry."""
    entry, picture = describe_result(name, result, job.metrics, job.request.bits)
    job.record["images"][name] = entry
    job.record["made"]["seconds"] = round(job.record["made"]["seconds"] + result.seconds, 3)
    job.exact[name], job.pictures[name] = result.mad_image.cpu(), picture
    if "start" not in job.exact:
        job.exact["start"] = result.initial_image.cpu()
        job.record["start"] = {"exact": measure(job.metrics, job.image, result.initial_image)}
        for each in ("reference", "start"):
            job.pictures[each] = encode_png(job.exact[each], job.request.bits)
    return entry


def _together(pictures: Sequence[Tensor | None]) -> Tensor | None:
    given = [picture for picture in pictures if picture is not None]
    return torch.cat(given) if given else None


def _levels(jobs: Sequence[Job], held: str) -> Any:
    levels = [job.request.level.of(held) for job in jobs]
    if len(jobs) == 1 or not isinstance(levels[0], list):
        return None if levels[0] is None else levels if isinstance(levels[0], str) else levels[0]
    return [torch.tensor(column, dtype=torch.float64) for column in zip(*levels, strict=True)]

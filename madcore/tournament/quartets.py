"""Quartets of several matches made together, and each made ready for the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from threading import Event as Flag
from typing import Any, Literal

from torch import Tensor

from madcore.engine import Failed
from madcore.errors import MadcoreError
from madcore.execution import keep_result, split_result, synthesize_together
from madcore.images import decode_image, encode_tensors
from madcore.jobs import Job
from madcore.metric import Metric
from madcore.results import Result, Status
from madcore.tournament.batching import Task
from madcore.tournament.judging import merge_scores, noise_curve, score_images
from madcore.tournament.outcomes import Done
from madcore.tournament.preparations import remember_preparations

__all__ = ["Stopped", "make_done", "rehearse", "synthesize_quartets"]

EXACT = "exact.safetensors"
FEW = 2  # steps
UNUSABLE: dict[Status, Literal["non-finite", "error"]] = {Status.NON_FINITE: "non-finite", Status.INFEASIBLE: "error"}
Jobs = list[tuple[Task, Job]]


class Stopped(Exception):
    """The run was stopped; what is not finished is dropped."""


def rehearse(job: Job, count: int, stop: Flag) -> None:
    """Begin and at once finish an image of a match, `count` times together: it holds the memory of that many matches.

    Raises
    ------
    Exception
        Whatever a metric raises.
    """
    request = replace(job.request, max_iter=min(FEW, job.request.max_iter), starts=1)
    jobs = [replace(job, request=request)] * count
    synthesize_together(jobs, request.images[0], lambda _: stop.is_set())


def synthesize_quartets(tasks: Sequence[Task], prepare: Callable[[Task], Job], stop: Flag) -> tuple[Jobs, list[Failed]]:
    """Make the MAD images of matches that can be played together.

    Parameters
    ----------
    tasks : sequence of Task
        The matches.
    prepare : callable
        Makes the job of one.
    stop : threading.Event
        Looked at every few steps.

    Returns
    -------
    tuple of list
        Those that were finished, and those of which one image came to nothing.

    Raises
    ------
    Stopped
        If `stop` was set.
    Exception
        Whatever a metric raises; of several matches it is not known whose fault it is.
    """
    jobs: Jobs = []
    failed: list[Failed] = []
    for task in tasks:
        try:
            jobs.append((task, prepare(task)))
        except MadcoreError as error:
            failed.append(Failed.by(task.id, error))
    if jobs:
        first = jobs[0][1]  # all are played with its metrics
        first.metrics = {letter: remember_preparations(each, len(jobs)) for letter, each in first.metrics.items()}
    for name in tasks[0].match.request.images:
        if jobs:
            result = synthesize_together([job for _, job in jobs], name, lambda _: stop.is_set())
            if stop.is_set() or Status.INTERRUPTED in result.status:
                raise Stopped
            jobs = _keep(jobs, name, result, failed)
    for _, job in jobs:
        job.record["made"]["batch"] = len(tasks)
    return jobs, failed


def _keep(jobs: Jobs, name: str, result: Result, failed: list[Failed]) -> Jobs:
    """Take the results into the jobs; return those that go on."""
    usable = []
    for (task, job), row in zip(jobs, split_result(result), strict=True):
        status = row.status[0]
        if status in UNUSABLE:
            message = f"{name}: {status.meaning}"
            failed.append(Failed(task.id, status.name.title().replace("_", ""), message, "", UNUSABLE[status]))
        else:
            keep_result(job, name, row)
            usable.append((task, job))
    return usable


def make_done(
    task: Task, job: Job, judges: Mapping[str, Metric], *, keep: Sequence[str] = ("png", "exact"), with_reference: bool
) -> Done:
    """Encode what a job has made, and let the judges score it.

    Parameters
    ----------
    task, job : Task, Job
        A match, finished.
    judges : mapping of Metric
        By name as written.
    keep : sequence of str
        ``png`` and ``exact``: what is stored of the images.
    with_reference : bool
        Whether the reference image goes with it.
    """
    names = ("start", *job.request.images)
    exact = {name: job.exact[name] for name in names}
    pictures = {name: job.pictures[name] for name in names}
    written = {name: decode_image(picture, f"{name}.png") for name, picture in pictures.items()}
    values = score_images(judges, job.image, exact, written)
    image = job.exact["reference"]
    reference = {"png": job.pictures["reference"], "safetensors": encode_tensors({"image": image})}
    files = {f"{name}.png": picture for name, picture in pictures.items()} if "png" in keep else {}
    if "exact" in keep:
        files[EXACT] = encode_tensors(exact)
    return Done(
        record=job.record,
        files=files,
        scores=merge_scores(task.id, None, judges, values) if judges else {},
        references=reference if with_reference else {},
        curves=tuple(_curve(task, job.image, name, judges[name]) for name in task.curves if name in judges),
    )


def _curve(task: Task, image: Tensor, name: str, metric: Metric) -> dict[str, Any]:
    return noise_curve(name, metric, image, task.match.request.picture, task.match.image)

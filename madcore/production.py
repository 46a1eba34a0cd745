"""A job carried out: each MAD image synthesised, and written as soon as it is finished."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from safetensors.torch import load_file

from madcore.contact_sheet import draw_match
from madcore.errors import InputError
from madcore.execution import keep_result, synthesize_together
from madcore.images import encode_tensors
from madcore.jobs import Job
from madcore.results import Result, Status
from madcore.store import clear_folder, damaged_files, read_match, write_match
from madcore.synthesis import Progress

__all__ = ["Watcher", "produce"]

EXACT = "exact.safetensors"


class Watcher(Protocol):
    """Who is told how the work goes, and may stop it."""

    def started(self, name: str) -> None:
        """Hear that an image is begun."""

    def moved(self, name: str, progress: Progress) -> bool:
        """Hear how far an image is; True stops the work."""

    def finished(self, name: str, entry: Mapping[str, Any]) -> bool:
        """Hear what became of an image; True stops the work."""


def produce(job: Job, folder: Path, watcher: Watcher, *, overwrite: bool = False, resume: bool = False) -> bool:
    """Synthesise the images that are missing and write everything into a folder.

    Parameters
    ----------
    job : Job
        What to do; its record is completed.
    folder : Path
        Where to write.
    watcher : Watcher
        Told about every step.
    overwrite : bool
        Replace results that the folder holds.
    resume : bool
        Go on with those.

    Returns
    -------
    bool
        Whether all images were finished.
    """
    if resume:
        _recall(job, folder)
    for name in job.pending:
        watcher.started(name)
        result = _synthesize(job, name, lambda progress, name=name: watcher.moved(name, progress))  # type: ignore[misc]
        entry = keep_result(job, name, result)
        if overwrite and not resume:
            clear_folder(folder)
            overwrite = False
        _write(job, folder, [name])
        if watcher.finished(name, entry) or entry["stopped"] == Status.INTERRUPTED:
            break
    job.pictures["contact_sheet"] = draw_match(job.record, job.pictures)
    _write(job, folder, ["contact_sheet"])
    return not job.pending


def _synthesize(job: Job, name: str, progress: Callable[[Progress], bool]) -> Result:
    begun = job.record["images"].get(name)
    if begun is None:
        return synthesize_together([job], name, progress)
    # interrupted: on from where it was, at the level that it had
    start, level = job.exact[name].to(job.image), list(begun["level"].values())
    return synthesize_together([job], name, progress, start=start, level=level)


def _write(job: Job, folder: Path, names: list[str]) -> None:
    new = [name for name in ("reference", "start") if f"{name}.png" not in job.record.get("files", {})] + names
    files = {f"{name}.png": job.pictures[name] for name in new}
    job.record = write_match(folder, job.record, {**files, EXACT: encode_tensors(job.exact)})


def _recall(job: Job, folder: Path) -> None:
    """Take what the folder holds of this very request into the job."""
    record = read_match(folder)
    if record["id"] != job.record["id"]:
        raise InputError(
            f"{folder} holds results of another request; --resume needs the same metrics, picture and options"
        )
    damaged = damaged_files(folder, record)
    if damaged:
        raise InputError(f"{folder} is damaged ({', '.join(damaged)} changed or missing); start anew with --overwrite")
    job.record = record
    tensors = load_file(folder / EXACT)
    job.exact = {name: tensor.permute(2, 0, 1)[None] for name, tensor in tensors.items()}
    job.pictures = {name: (folder / f"{name}.png").read_bytes() for name in job.exact}

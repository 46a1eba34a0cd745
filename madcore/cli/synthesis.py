"""The commands ``quartet`` and ``synth``: MAD images of a picture, written to a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from madcore.cli.interrupt import RememberingCommand, command_to_resume, interruptible, preparing
from madcore.cli.notes import notes_said
from madcore.cli.progress import make_watcher
from madcore.cli.session import Session, talk
from madcore.cli.synthesis_options import make_request, synthesis_options
from madcore.cli.tables import write_json, write_named_table
from madcore.cli.threads import usual_threads
from madcore.errors import InputError, MadcoreError
from madcore.request import Request, read_level
from madcore.store import RECORD, check_folder
from madcore.wording import describe_image, write_error, write_value

if TYPE_CHECKING:
    from madcore.jobs import Job

__all__ = ["quartet", "synth"]

FAILED = ("off level", "infeasible level", "non-finite metric")


@click.command(cls=RememberingCommand)
@click.argument("metric_a")
@click.argument("metric_b")
@click.argument("image")
@synthesis_options
@click.pass_context
def quartet(context: click.Context, /, metric_a: str, metric_b: str, image: str, **options: Any) -> int:
    """Make the four MAD images of METRIC_A and METRIC_B on a picture.

    Each metric is minimised and maximised while the other is held constant.  IMAGE is a file (PNG, JPEG, TIFF, .npy,
    .pt, .safetensors) or a built-in picture: dead_leaves, dead_leaves_color, dead_leaves:SEED and, from scikit-image,
    camera, astronaut, chelsea, coffee and others.

    \b
    DIR receives
      reference.png, start.png   the reference and the start image
      a_min.png, a_max.png       METRIC_A minimised and maximised, METRIC_B held
      b_min.png, b_max.png       METRIC_B minimised and maximised, METRIC_A held
      contact_sheet.png          all six with their values
      exact.safetensors          all six as floats, (H, W, C)
      match.json                 the record: values, held errors, everything that decides them

    \b
    Examples:
      madcore quartet ssim mse camera --size 256 -o mad
      madcore quartet ssim,window=uniform mae photo.jpg --crop 256 --level noise:0.05 -o mad
    """  # noqa: D301 - click reads the character
    level = read_level(options["levels"], {"a": metric_a, "b": metric_b}, options["initial_noise"], options["start"])
    return _run(context, make_request((metric_a, metric_b), image, options, level=level), options)


@click.command(cls=RememberingCommand)
@click.argument("optimized")
@click.argument("held")
@click.argument("image")
@click.option("--minmax", type=click.Choice(["min", "max"]), required=True, help="Minimise or maximise OPTIMIZED.")
@click.option("--also-hold", multiple=True, metavar="METRIC", help="Hold this metric too.  Repeatable.")
@synthesis_options
@click.pass_context
def synth(
    context: click.Context,
    /,
    optimized: str,
    held: str,
    image: str,
    minmax: str,
    also_hold: tuple[str, ...],
    **options: Any,
) -> int:
    """Make one MAD image: OPTIMIZED minimised or maximised while HELD is constant.

    IMAGE and the files are those of `madcore quartet`; the MAD image is a_min.png or a_max.png, where a is OPTIMIZED
    and b, c, ... are HELD and what --also-hold names.

    \b
    Examples:
      madcore synth ssim mse camera --minmax max -o mad
      madcore synth ssim mse camera --minmax min --also-hold mae --level 0.01 --level 0.08 -o mad
    """  # noqa: D301 - click reads the character
    metrics = (optimized, held, *also_hold)
    letters = dict(zip("bcdefghijklmnopqrstuvwxyz", metrics[1:], strict=False))
    level = read_level(options["levels"], letters, options["initial_noise"], options["start"])
    return _run(context, make_request(metrics, image, options, images=(f"a_{minmax}",), level=level), options)


def _use_threads(threads: int | None, job: Job) -> None:
    """Set the number of processor threads: for the core's own metrics no more than the picture is worth."""
    import torch

    worth = usual_threads(job.request.metrics, job.image.numel())
    if threads is None and worth is not None:
        threads = min(worth, torch.get_num_threads())
    if threads is not None:
        torch.set_num_threads(threads)


def _run(context: click.Context, request: Request, options: Mapping[str, Any]) -> int:
    session, folder = context.ensure_object(Session), options["output"]
    overwrite, resume = options["overwrite"], options["resume"]
    if overwrite and resume:
        raise InputError("--overwrite starts anew and --resume goes on; give one of them")
    check_folder(folder, overwrite=overwrite or resume)
    with preparing():
        from madcore.jobs import prepare_job
        from madcore.production import produce

        job = prepare_job(request, session.registry)
    _use_threads(options["threads"], job)
    with interruptible() as stop:
        watcher = make_watcher(job.record["made"]["names"], stop, request.images, request.max_iter, request.starts)
        try:
            with notes_said(), watcher.shown:
                complete = produce(job, folder, watcher, overwrite=overwrite, resume=resume)
        except KeyboardInterrupt:
            complete = False
        except MadcoreError:
            if job.record["images"] and (folder / RECORD).exists():
                talk(f"what was finished before the error is in {folder}")
            raise
    if job.record["images"]:
        _report(job.record, folder, options["as_json"])
    if not complete:
        saved = bool(job.record["images"]) and (folder / RECORD).exists()
        resume = command_to_resume(context, sorted(session.blocked), resume=saved)
        raise KeyboardInterrupt(f"interrupted; to go on: {resume}")
    return 1 if any(entry["stopped"] in FAILED for entry in job.record["images"].values()) else 0


def _report(record: Mapping[str, Any], folder: Path, as_json: bool) -> None:
    if as_json:
        write_json(record)
        return
    names = record["made"]["names"]
    write_named_table(_table(record, names), _table(record, {letter: letter for letter in names}), names)
    click.echo(f"\nEvery metric as a distance, 0 for identical images.  Written to {folder}:")
    click.echo(f"  {' '.join([*record['files'], RECORD])}")
    if "contact_sheet.png" in record["files"]:  # a second signal comes before it is drawn
        click.echo(f"  Look at {folder / 'contact_sheet.png'}")


def _table(record: Mapping[str, Any], names: Mapping[str, str]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the header and a row for each image, with the metrics under these names."""
    metrics = [name if name == letter else f"{letter}: {name}" for letter, name in names.items()]
    rows = [("start", "start image", *_values(record["start"]["exact"]), "", "", "")]
    for name, entry in record["images"].items():
        errors = (write_error(entry["held_error"]), write_error(entry["png"]["held_error"]))
        rows.append((name, ", ".join(describe_image(name, names)), *_values(entry["exact"]), *errors, entry["stopped"]))
    return ("IMAGE", "WHAT", *metrics, "HELD ERROR", "IN THE PNG", "ENDED"), rows


def _values(values: Mapping[str, float | None]) -> list[str]:
    return [write_value(value, 6) for value in values.values()]

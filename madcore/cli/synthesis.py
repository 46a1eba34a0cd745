"""The commands ``quartet`` and ``synth``: MAD images of a picture, written to a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from madcore.cli.interrupt import RememberingCommand, command_to_resume, interruptible
from madcore.cli.progress import make_watcher
from madcore.cli.session import Session, talk
from madcore.cli.tables import table_width, write_json, write_table
from madcore.errors import InputError, MadcoreError
from madcore.options import parse_name, write_name
from madcore.request import Request, read_level
from madcore.store import RECORD, check_folder
from madcore.wording import describe_image, write_error, write_value

__all__ = ["quartet", "synth"]

FAILED = ("off level", "infeasible level", "non-finite metric")
WIDEST = 100  # table with the names of metrics; a wider one has their letters
# Options that a request takes under their own names, as they are.
AS_GIVEN = (
    *("start", "mask", "initial_noise", "seed", "starts", "size", "crop", "gray", "layout"),
    *("optimizer", "max_iter", "tolerance", "device", "dtype"),
)
Function = TypeVar("Function", bound=Callable[..., Any])

OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("-o", "--output", required=True, type=Path, metavar="DIR", help="Folder for the results."),
    click.option("--overwrite", is_flag=True, help="Replace results that the folder holds."),
    click.option("--resume", is_flag=True, help="Go on with the same command's interrupted results."),
    click.option("--json", "as_json", is_flag=True, help="Write the record, not a table, to the standard output."),
    click.option(
        "--level",
        "levels",
        multiple=True,
        metavar="LEVEL",
        help="Where metrics are held: noise:S (at the values that noise of standard deviation S gives; default "
        "noise:0.1), equivalent_noise:S (the mean over several noises) or a value.  For `quartet` NAME=VALUE, once "
        "for each metric; for `synth` VALUE or NAME=VALUE, once for each held metric.",
    ),
    click.option(
        "--start", metavar="FILE", help="Start image instead of noise; FILE.safetensors:NAME takes one of several."
    ),
    click.option(
        "--initial-noise", type=float, metavar="S", help="Standard deviation of the start image's noise.  [0.1]"
    ),
    click.option(
        "--seed", type=click.IntRange(0), default=0, metavar="N", help="Seed of the noise.", show_default=True
    ),
    click.option(
        "--starts",
        type=click.IntRange(1),
        default=1,
        metavar="N",
        help="Start images to try; best kept.",
        show_default=True,
    ),
    click.option("--mask", metavar="FILE", help="Picture that is white where pixels must not change."),
    click.option("--size", metavar="SIZE", help="Resize first: length of the shorter side, or HEIGHTxWIDTH."),
    click.option("--crop", metavar="SIZE", help="Then cut out SIDE or HEIGHTxWIDTH, in the middle or at +TOP+LEFT."),
    click.option("--gray", is_flag=True, help="Reduce colour to luma (ITU-R BT.601)."),
    click.option("--layout", metavar="AXES", help="Of array files: HW, HWC, CHW, NHWC or NCHW."),
    click.option(
        "--penalty",
        metavar="NAME",
        help="Also minimise this penalty: NAME,OPTION=VALUE,weight=0.1 (`madcore penalties`).",
    ),
    click.option(
        "--max-iter", type=click.IntRange(1), default=200, metavar="N", help="Steps for each start.", show_default=True
    ),
    click.option(
        "--tolerance", type=float, default=1e-6, metavar="T", help="Largest relative held error.", show_default=True
    ),
    click.option(
        "--solver",
        type=click.Choice(["level-set", "penalty"]),
        default="level-set",
        show_default=True,
        show_choices=True,
    ),
    click.option("--optimizer", metavar="NAME", help="With --solver penalty: class of torch.optim.  [Adam]"),
    click.option("--optimizer-option", "optimizer_options", multiple=True, metavar="NAME=VALUE", help="E.g. lr=0.01."),
    click.option(
        "--bits", type=click.Choice(["8", "16"]), default="8", help="Of the PNGs, a sample.", show_default=True
    ),
    click.option("--device", default="auto", metavar="NAME", help="auto, cpu, cuda or cuda:INDEX.", show_default=True),
    click.option(
        "--threads",
        type=click.IntRange(1),
        metavar="N",
        help="Processor threads.  [1 for the core's metrics, all for others]",
    ),
    click.option("--dtype", type=click.Choice(["float32", "float64"]), default="float32", show_default=True),
)


def _synthesis_options(command: Function) -> Function:
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@click.command(cls=RememberingCommand)
@click.argument("metric_a")
@click.argument("metric_b")
@click.argument("image")
@_synthesis_options
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
    return _run(context, _request((metric_a, metric_b), image, options, level=level), options)


@click.command(cls=RememberingCommand)
@click.argument("optimized")
@click.argument("held")
@click.argument("image")
@click.option("--minmax", type=click.Choice(["min", "max"]), required=True, help="Minimise or maximise OPTIMIZED.")
@click.option("--also-hold", multiple=True, metavar="METRIC", help="Hold this metric too.  Repeatable.")
@_synthesis_options
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
    return _run(context, _request(metrics, image, options, images=(f"a_{minmax}",), level=level), options)


def _request(metrics: Sequence[str], image: str, options: Mapping[str, Any], **more: Any) -> Request:
    penalty, weight = _split_penalty(options["penalty"])
    return Request(
        metrics=tuple(metrics),
        picture=image,
        penalty=penalty,
        penalty_weight=weight,
        solver=options["solver"].replace("-", "_"),
        optimizer_options=dict(_optimizer_option(text) for text in options["optimizer_options"]),
        bits=int(options["bits"]),
        **{name: options[name] for name in AS_GIVEN},
        **more,
    )


def _split_penalty(text: str | None) -> tuple[str | None, float]:
    """Take the weight, which is not the penalty's own option, out of NAME,OPTION=VALUE,weight=W."""
    if text is None:
        return None, Request.penalty_weight
    name, options = parse_name(text)
    weight = options.pop("weight", str(Request.penalty_weight))
    try:
        return write_name(name, options), float(weight)
    except ValueError:
        raise InputError(f"the weight of penalty {name} must be a number of at least 0; got {weight!r}") from None


def _optimizer_option(text: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise InputError(f"--optimizer-option {text!r} is not NAME=VALUE, e.g. lr=0.01")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _use_threads(threads: int | None, request: Request) -> None:
    """Set the number of processor threads; the core's own metrics are as fast on one, and leave the others free."""
    import torch

    names = [parse_name(metric)[0] for metric in request.metrics]
    if threads is None and all(name.isidentifier() for name in names):
        threads = 1
    if threads is not None:
        torch.set_num_threads(threads)


def _run(context: click.Context, request: Request, options: Mapping[str, Any]) -> int:
    session, folder = context.ensure_object(Session), options["output"]
    overwrite, resume = options["overwrite"], options["resume"]
    if overwrite and resume:
        raise InputError("--overwrite starts anew and --resume goes on; give one of them")
    check_folder(folder, overwrite=overwrite or resume)
    from madcore.jobs import prepare_job
    from madcore.production import produce

    job = prepare_job(request, session.registry)
    _use_threads(options["threads"], request)
    with interruptible() as stop:
        watcher = make_watcher(job.record["made"]["names"], stop, request.images, request.max_iter, request.starts)
        try:
            with watcher.shown:
                complete = produce(job, folder, watcher, overwrite=overwrite, resume=resume)
        except KeyboardInterrupt:
            complete = False
        except MadcoreError:
            if job.record["images"]:
                talk(f"what was finished before the error is in {folder}")
            raise
    if job.record["images"]:
        _report(job.record, folder, options["as_json"])
    if not complete:
        saved = bool(job.record["images"]) and (folder / RECORD).exists()
        talk(f"interrupted; to go on: {command_to_resume(context, sorted(session.blocked), resume=saved)}")
        raise KeyboardInterrupt
    return 1 if any(entry["stopped"] in FAILED for entry in job.record["images"].values()) else 0


def _report(record: Mapping[str, Any], folder: Path, as_json: bool) -> None:
    if as_json:
        write_json(record)
        return
    names = record["made"]["names"]
    header, *rows = _table(record, names)
    if table_width(rows, header) > WIDEST:
        for letter, name in names.items():
            click.echo(f"{letter}: {name}")
        click.echo()
        header, *rows = _table(record, {letter: letter for letter in names})
    write_table(rows, header)
    click.echo(f"\nEvery metric as a distance, 0 for identical images.  Written to {folder}:")
    click.echo(f"  {' '.join([*record['files'], RECORD])}")
    if "contact_sheet.png" in record["files"]:  # a second signal comes before it is drawn
        click.echo(f"  Look at {folder / 'contact_sheet.png'}")


def _table(record: Mapping[str, Any], names: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Return the header and a row for each image, with the metrics under these names."""
    metrics = [name if name == letter else f"{letter}: {name}" for letter, name in names.items()]
    rows = [
        ("IMAGE", "WHAT", *metrics, "HELD ERROR", "IN THE PNG", "ENDED"),
        ("start", "start image", *_values(record["start"]["exact"]), "", "", ""),
    ]
    for name, entry in record["images"].items():
        errors = (write_error(entry["held_error"]), write_error(entry["png"]["held_error"]))
        rows.append((name, ", ".join(describe_image(name, names)), *_values(entry["exact"]), *errors, entry["stopped"]))
    return rows


def _values(values: Mapping[str, float | None]) -> list[str]:
    return [write_value(value, 6) for value in values.values()]

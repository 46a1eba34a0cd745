"""What ``quartet`` and ``synth`` are asked for: the options of both, and the request that they make."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from madcore.errors import InputError
from madcore.options import parse_name, write_name
from madcore.request import Request

__all__ = ["make_request", "synthesis_options"]

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
        help="Processor threads.  [all; for the core's metrics what the picture is worth]",
    ),
    click.option("--dtype", type=click.Choice(["float32", "float64"]), default="float32", show_default=True),
)


def synthesis_options(command: Function) -> Function:
    """Give a command the options, in their order, as a decorator."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def make_request(metrics: Sequence[str], image: str, options: Mapping[str, Any], **more: Any) -> Request:
    """Make the request that metrics, a picture and the options ask for; `more` are fields that a command fills in."""
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

"""A request made ready: pictures read, metrics found, device and solver chosen; nothing computed yet."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import torch
from torch import Tensor

from madcore import __version__
from madcore.errors import InputError
from madcore.identity import identify, match_key
from madcore.images import hash_pixels, parse_window, read_image
from madcore.lookup import create_metric, create_penalty
from madcore.metric import Metric
from madcore.penalties import Penalty
from madcore.registry import Registry
from madcore.request import Request
from madcore.results import Status
from madcore.solvers import LevelSet, PenaltyMethod, Solver
from madcore.store import match_id

__all__ = ["CUT", "Job", "choose_device", "choose_solver", "prepare_job", "read_pictures"]

CUT = ("picture", "start", "mask", "size", "crop", "gray", "layout", "dtype")  # fields that decide the pictures
DISTANCES = "Metrics as distances: 0 for identical images."


@dataclass
class Job:
    """A request with everything that its names stand for, and what has been made of it so far."""

    request: Request
    metrics: dict[str, Metric]
    image: Tensor
    start: Tensor | None
    mask: Tensor | None
    solver: Solver[Any]
    penalty: Penalty | None
    record: dict[str, Any]
    exact: dict[str, Tensor] = field(default_factory=dict)  # (1, C, H, W) by name
    pictures: dict[str, bytes] = field(default_factory=dict)  # PNG by name

    @property
    def pending(self) -> list[str]:
        """Names of the images that are not finished."""
        done = self.record["images"]
        return [name for name in self.request.images if name not in done or done[name]["stopped"] == Status.INTERRUPTED]


def prepare_job(
    request: Request,
    registry: Registry | None = None,
    *,
    create: Callable[[str], Metric] | None = None,
    pictures: Mapping[str, Tensor] | None = None,
) -> Job:
    """Read the pictures and find the metrics; whatever can be wrong with a request is found here.

    Parameters
    ----------
    request : Request
        What was asked for.
    registry : Registry, optional
        Plugins to look in; by default those that are installed.
    create : callable, optional
        Makes a metric of its name, where they are kept to be used again.
    pictures : mapping, optional
        What `read_pictures` gives, where that is known.

    Raises
    ------
    MadcoreError
        If a name, a picture, the device or an option cannot be used.
    """
    device = choose_device(request.device)
    make = create or partial(create_metric, registry=registry)
    metrics = [make(name) for name in request.metrics]
    penalty = None if request.penalty is None else create_penalty(request.penalty, registry=registry)
    solver = choose_solver(request)
    pictures = read_pictures(request) if pictures is None else pictures
    channels, height, width = pictures["image"].shape[1:]
    key = match_key(
        request,
        [identify(metric) for metric in metrics],
        {name: hash_pixels(picture) for name, picture in pictures.items()},
        (height, width, channels),
        solver,
        None if penalty is None else identify(penalty),
    )
    for metric in metrics:
        metric.check_image(pictures["image"])
    on_device = {name: picture.to(device) for name, picture in pictures.items()}
    return Job(
        request=request,
        metrics=dict(zip(request.letters, metrics, strict=True)),
        image=on_device["image"],
        start=on_device.get("start"),
        mask=on_device.get("mask"),
        solver=solver,
        penalty=penalty,
        record={
            "schema": 1,
            "id": match_id(key),
            "key": key,
            "images": {},
            "made": _made(request, metrics, penalty, pictures, device),
        },
        exact={"reference": pictures["image"]},
    )


def read_pictures(request: Request) -> dict[str, Tensor]:
    """Read image, start and mask, all with the same window and size; only the fields of `CUT` matter."""
    size = None if request.size is None else parse_window(request.size, offsets=False)
    crop = None if request.crop is None else parse_window(request.crop, offsets=True)
    dtype = torch.float64 if request.dtype == "float64" else torch.float32
    sources = {"image": request.picture, "start": request.start, "mask": request.mask}
    pictures = {
        name: read_image(
            source,
            size=size,  # type: ignore[arg-type]
            crop=crop,
            gray=request.gray or name == "mask",
            layout=request.layout,
            dtype=dtype,
        )
        for name, source in sources.items()
        if source is not None
    }
    for name, picture in pictures.items():
        shape, wanted = tuple(picture.shape[-2:]), tuple(pictures["image"].shape[-2:])
        if shape != wanted:
            raise InputError(
                f"--{name} {sources[name]} has {shape[0]} x {shape[1]} pixels; "
                f"it must have those of the picture, {wanted[0]} x {wanted[1]}"
            )
    if "mask" in pictures:
        pictures["mask"] = (pictures["mask"] >= 0.5).to(dtype)
    return pictures


def choose_device(text: str) -> torch.device:
    """Return the device of a name; ``auto`` is the GPU where there is one."""
    if text == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    name, _, index = text.partition(":")
    if text != "cpu" and (name != "cuda" or (index and not index.isdecimal())):
        raise InputError(f"device {text!r} is not known; allowed are auto, cpu, cuda and cuda:INDEX")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "cuda" and int(index or 0) >= count:
        found = f"{count} CUDA device{'s' if count != 1 else ''}" if count else "no CUDA device"
        raise InputError(f"--device {text} was asked for, but this machine has {found}; use --device cpu or auto")
    return torch.device(text)


def choose_solver(request: Request) -> Solver[Any]:
    """Return the solver that a request names."""
    if request.solver == "level_set":
        if request.optimizer or request.optimizer_options:
            raise InputError(
                "--optimizer and --optimizer-option belong to --solver penalty; the level-set solver has none"
            )
        return LevelSet()
    if request.optimizer is None:
        return PenaltyMethod(options={**PenaltyMethod().options, **request.optimizer_options})
    return PenaltyMethod(optimizer=request.optimizer, options=dict(request.optimizer_options))


def _made(
    request: Request,
    metrics: list[Metric],
    penalty: Penalty | None,
    pictures: Mapping[str, Tensor],
    device: torch.device,
) -> dict[str, Any]:
    """Say how it was made: what does not decide the images, or not to the last bit."""
    height, width = pictures["image"].shape[-2:]
    level = request.level.record()
    said = f", {level['kind']} {level['value']}" if isinstance(level.get("value"), str) else ""
    plugins = {
        metric.identity["plugin"]["distribution"]: metric.identity["plugin"]["version"]
        for metric in metrics
        if "plugin" in metric.identity
    }
    identities = {
        **{letter: metric.identity for letter, metric in zip(request.letters, metrics, strict=True)},
        "penalty": {} if penalty is None else penalty.identity,
    }
    files = {name: identity["file"] for name, identity in identities.items() if "file" in identity}
    return {
        "names": dict(zip(request.letters, request.metrics, strict=True)),
        **({"files": files} if files else {}),
        "picture": request.picture,
        "summary": f"{request.picture}, {height} x {width}{said}, seed {request.seed}.  {DISTANCES}",
        "started": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "seconds": 0.0,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine(),
        "batch": 1,
        "versions": {"madcore": __version__, "torch": torch.__version__, **plugins},
    }

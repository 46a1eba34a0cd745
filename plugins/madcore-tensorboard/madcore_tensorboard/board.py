"""The observer: what it writes for a match that ends, and how the tournament stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.summary_pb2 import Summary
from torch.utils.tensorboard import SummaryWriter

from madcore.engine import Failed, Finished, Lost

__all__ = ["Board"]

COLORSPACES = {1: 1, 3: 3}  # channels to TensorBoard's numbers for grey and RGB


class Board:
    """Writes event files.

    Parameters
    ----------
    folder : str
        Where; each tournament that is started gets a folder in it, named by the time.
    images : bool
        Whether to write the pictures of each match, as they are in the store.
    hyperparameters : bool
        Whether each match becomes a row of the table of hyper-parameters, which takes a small file each.
    """

    def __init__(self, folder: str, images: bool = True, hyperparameters: bool = True) -> None:
        self.folder = Path(folder) / datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
        self.writer = SummaryWriter(str(self.folder))
        self.images = images
        self.hyperparameters = hyperparameters
        self.matches = 0

    def match_finished(self, event: Finished) -> None:
        """Write a match: its numbers, its pictures, and what it was a match of."""
        self.matches += 1
        record = event.payload.record
        for name, value in _scalars(record):
            self.writer.add_scalar(f"{_pair(record)}/{name}", value, self.matches)
        if self.images:
            self._write_images(record, event.payload.files)
        if self.hyperparameters:
            self.writer.add_hparams(_conditions(record), dict(_spreads(record)), run_name=f"matches/{event.id[:12]}")

    def match_failed(self, event: Failed | Lost) -> None:
        """Write why a match came to nothing."""
        kind = event.type if isinstance(event, Failed) else f"played {event.attempts} times"
        self.writer.add_text("failed", f"{event.id}: {event.reason}: {kind}: {event.message}", self.matches)

    def progress(self, summary: Mapping[str, Any]) -> None:
        """Write how the tournament stands."""
        for name in ("finished", "failed", "per_minute", "seconds_left"):
            if summary.get(name) is not None:
                self.writer.add_scalar(f"tournament/{name}", summary[name], int(summary.get("seconds", 0)))

    def tournament_finished(self, summary: Mapping[str, Any]) -> None:
        """Write how the tournament ended, and close the files."""
        self.progress(summary)
        self.writer.close()

    def _write_images(self, record: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
        height, width, channels = record["key"]["size"]
        made = record["made"]
        for name, content in files.items():
            if not name.endswith(".png") or name.partition(".")[0] not in {"start", *record["images"]}:
                continue
            # The files are PNGs already: to hand over pixels would encode them again.
            image = Summary.Image(
                height=height, width=width, colorspace=COLORSPACES[channels], encoded_image_string=content
            )
            tag = f"{_pair(record)}/{made['picture']}, {_level(record)}, seed {record['key']['seed']}/{name[:-4]}"
            self.writer.file_writer.add_summary(Summary(value=[Summary.Value(tag=tag, image=image)]), self.matches)


def _pair(record: Mapping[str, Any]) -> str:
    return " and ".join(record["made"]["names"].values())


def _level(record: Mapping[str, Any]) -> str:
    level = record["key"]["level"]
    return f"{level['kind']} {level.get('value', '')}".strip()


def _scalars(record: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Say how well it went: the worst of the images, and what it took."""
    images = record["images"].values()
    for name in ("held_error", "optimality"):
        known = [image[name] for image in images if image.get(name) is not None]
        if known:
            yield name, max(known)
    yield "seconds", record["made"]["seconds"]
    yield from _spreads(record)


def _spreads(record: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Say how far each metric could be moved while the other was held: from its minimum to its maximum."""
    for letter, metric in record["made"]["names"].items():
        ends = [record["images"].get(f"{letter}_{end}", {}).get("exact", {}).get(letter) for end in ("min", "max")]
        if None not in ends:
            yield f"spread of {metric}", ends[1] - ends[0]


def _conditions(record: Mapping[str, Any]) -> dict[str, str | int]:
    names = {f"metric {letter}": name for letter, name in record["made"]["names"].items()}
    return {**names, "picture": record["made"]["picture"], "level": _level(record), "seed": record["key"]["seed"]}

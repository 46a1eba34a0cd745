"""What the page knows of each match: pictures, values, certificate, words and the command that makes it again."""

from __future__ import annotations

import math
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from madcore.analysis import Attack, Results, Study, describe_difference, level_name, measure_difference
from madcore.errors import InputError
from madcore.report.album import Album, Place, is_picture, read_pixels
from madcore.report.command import command_line
from madcore.wording import describe_image

__all__ = ["Library", "list_matches", "match_command"]

THUMBNAILS = 500  # matches with small pictures inside the page where their full ones are not
FIGURES = ("held_error", "optimality", "stopped", "evaluations", "seconds")


class Library(Results, Protocol):
    """What is read of a store, or of the folder of a single match, besides its numbers."""

    path: Path

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield all records that can be read."""

    def read(self, match: str, filename: str) -> bytes:
        """Read a file of a match."""

    def reference(self, image_hash: str, suffix: str = "png") -> bytes | None:
        """Read a reference image."""

    def damaged(self) -> dict[str, str]:
        """Return what is wrong with records, by id."""

    def plans(self) -> list[str]:
        """Return the plans that were played."""


def list_matches(library: Library, study: Study, album: Album) -> list[dict[str, Any]]:
    """Describe all matches, those with the strongest disagreement first, and place their pictures.

    Parameters
    ----------
    library : Store or SingleMatch
        Where they are.
    study : Study
        What follows from them.
    album : Album
        Where their pictures go.
    """
    attacks: dict[str, list[Attack]] = defaultdict(list)
    for attack in study.attacks:
        attacks[attack.id].append(attack)
    records = sorted(library.records(), key=lambda record: (-_strength(attacks[record["id"]]), record["id"]))
    levels = {row["id"]: level_name(row) for row in study.rows}
    entries = []
    for index, record in enumerate(records):
        pictures = _read_pictures(library, record)
        entry = _describe(library, record, study, attacks[record["id"]])
        entry["level"] = levels.get(record["id"], "")
        _place(entry, pictures, album, small=index < THUMBNAILS)
        if index < THUMBNAILS:
            _put_into_words(entry, pictures)
        entries.append(entry)
    return entries


def _strength(attacks: list[Attack]) -> float:
    return max((each.change[0] for each in attacks if each.change is not None), default=0.0)


def _read_pictures(library: Library, record: Mapping[str, Any]) -> dict[str, bytes]:
    """Read what there is; a picture that is missing or damaged is missing on the page too."""
    found = {"reference": library.reference(record["key"]["image"])}
    for name in ("start", *record["images"]):
        try:
            found[name] = library.read(record["id"], f"{name}.png")
        except (InputError, OSError):
            found[name] = None
    return {name: content for name, content in found.items() if content and is_picture(content)}


def _describe(library: Library, record: Mapping[str, Any], study: Study, attacks: list[Attack]) -> dict[str, Any]:
    made, key = record["made"], record["key"]
    names = made["names"]
    return {
        "id": record["id"],
        "names": names,
        "picture": str(made["picture"]),
        "size": key["size"],
        "seed": key["seed"],
        "images": [{"name": "reference", "title": "reference image"}, {"name": "start", "title": "start image"}]
        + [_image(name, entry, names) for name, entry in record["images"].items()],
        "attacks": [_attack(each) for each in attacks],
        "values": _values(record, study.scores.get(record["id"], {})),
        "tolerance": key["solver"].get("options", {}).get("tolerance"),
        "made": {
            "started": made.get("started", ""),
            "seconds": made.get("seconds"),
            "device": made.get("device", ""),
            "versions": made.get("versions", {}),
            "solver": key["solver"]["name"],
        },
        "command": match_command(library, record),
    }


def match_command(library: Library, record: Mapping[str, Any]) -> str:
    """Write the command that makes a match of a store again, for the folder that we are in."""
    return command_line(record, _reference_file(library, record["key"]["image"]))


def _image(name: str, entry: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    what, held = describe_image(name, names)
    figures = {each: _finite(entry.get(each)) for each in FIGURES}
    return {"name": name, "title": what, "held": held, **figures, "png": entry.get("png", {})}


def _attack(attack: Attack) -> dict[str, Any]:
    noises = attack.noises or (None, None)
    return {
        "optimized": attack.optimized,
        "held": attack.held,
        "images": attack.images,
        "values": attack.values,
        "change": attack.change and [_finite(bound) for bound in attack.change],
        "noises": [noise and [noise.low, _finite(noise.high)] for noise in noises],
        "level": attack.held_noise and [attack.held_noise.low, _finite(attack.held_noise.high)],
        "held_value": attack.held_value,
        "start": attack.start_noise and [attack.start_noise.low, _finite(attack.start_noise.high)],
    }


def _values(record: Mapping[str, Any], scores: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
    """Collect the values of all metrics by metric and image; those of the record come first."""
    found: dict[str, dict[str, float | None]] = {name: {} for name in record["made"]["names"].values()}
    images = {"start": record.get("start", {}), **record["images"]}
    for image, entry in images.items():
        for letter, value in entry.get("exact", {}).items():
            found[record["made"]["names"][letter]][image] = value
    for image, said in scores.get("values", {}).items():
        for judge, value in said.get("exact", {}).items():
            found.setdefault(judge, {}).setdefault(image, _finite(value))
    return found


def _reference_file(library: Library, image_hash: str) -> str:
    """Name the file of the reference image, relative to the current folder."""
    digest, folder = image_hash.removeprefix("sha256:"), Path(os.path.relpath(library.path))
    choices = (
        folder / "references" / f"{digest}.safetensors",
        folder / "exact.safetensors",
        folder / "references" / f"{digest}.png",
    )
    found = next((path for path in choices if path.exists()), choices[-1])
    return f"{found}:reference" if found.name == "exact.safetensors" else str(found)


def _place(entry: dict[str, Any], pictures: Mapping[str, bytes], album: Album, *, small: bool) -> None:
    inside = album.fits(pictures.values())
    for image in entry["images"]:
        content = pictures.get(image["name"])
        if content is None:
            place = Place()
        elif inside:
            place = album.put_inside(content)
        else:
            place = album.put_beside(content, thumbnail=small)
        image["place"] = place.record()


def _put_into_words(entry: dict[str, Any], pictures: Mapping[str, bytes]) -> None:
    if "reference" not in pictures:
        return
    reference = read_pixels(pictures["reference"])
    for image in entry["images"][1:]:
        if image["name"] in pictures:
            picture = read_pixels(pictures[image["name"]])
            if picture.shape == reference.shape:
                image["words"] = describe_difference(measure_difference(reference, picture))


def _finite(value: Any) -> Any:
    """JSON has no infinity; None stands for it, as for a value that is not finite."""
    return None if isinstance(value, float) and not math.isfinite(value) else value

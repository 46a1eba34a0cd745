"""A record as rows of a table, one for each MAD image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["COLUMNS", "image_rows"]

COLUMNS = {
    "id": "TEXT",
    "image": "TEXT",
    "picture": "TEXT",
    "image_hash": "TEXT",
    "height": "INTEGER",
    "width": "INTEGER",
    "channels": "INTEGER",
    "optimized": "TEXT",
    "held": "TEXT",
    "minmax": "TEXT",
    "level_kind": "TEXT",
    "level_value": "TEXT",
    "level": "REAL",
    "seed": "INTEGER",
    "optimized_value": "REAL",
    "held_value": "REAL",
    "start_value": "REAL",
    "held_error": "REAL",
    "png_held_error": "REAL",
    "optimality": "REAL",
    "stopped": "TEXT",
    "evaluations": "INTEGER",
    "seconds": "REAL",
}


def image_rows(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a row of `COLUMNS` for each image of a record.

    Where several metrics are held, as `madcore synth` can, ``held`` names them all, and ``level`` and ``held_value``
    are None.
    """
    for image, entry in record["images"].items():
        yield _row(record, image, entry)


def _row(record: Mapping[str, Any], image: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    key, names = record["key"], record["made"]["names"]
    optimized = image[0]
    held = [letter for letter in names if letter != optimized]
    height, width, channels = key["size"]
    only = held[0] if len(held) == 1 else ""
    asked = key["level"].get("value")
    return {
        "id": record["id"],
        "image": image,
        "picture": record["made"]["picture"],
        "image_hash": key["image"],
        "height": height,
        "width": width,
        "channels": channels,
        "optimized": names[optimized],
        "held": " + ".join(names[letter] for letter in held),
        "minmax": image[2:],
        "level_kind": key["level"]["kind"],
        "level_value": asked.get(only) if isinstance(asked, Mapping) else asked,
        "level": entry["level"].get(only),
        "seed": key["seed"],
        "optimized_value": entry["exact"][optimized],
        "held_value": entry["exact"].get(only),
        "start_value": record.get("start", {}).get("exact", {}).get(optimized),
        "held_error": entry["held_error"],
        "png_held_error": entry.get("png", {}).get("held_error"),
        "optimality": entry["optimality"],
        "stopped": entry["stopped"],
        "evaluations": entry["evaluations"],
        "seconds": entry["seconds"],
    }

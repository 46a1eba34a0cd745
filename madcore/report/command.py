"""The command line that makes a match again, from its record."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

__all__ = ["command_line"]

QUARTET = {"a_min", "a_max", "b_min", "b_max"}
DEFAULTS = {"max_iter": 200, "tolerance": 1e-6, "starts": 1, "dtype": "float32"}


def command_line(record: Mapping[str, Any], reference: str) -> str:
    """Write the command that makes a match again.

    Parameters
    ----------
    record : mapping
        Of the match.
    reference : str
        File of the reference image, already cut and resized.

    Returns
    -------
    str
        For a shell.  What the record does not hold, the files of a start image or mask, stands in capitals.
    """
    key, names = record["key"], record["made"]["names"]
    if set(names) == {"a", "b"} and "images" not in key:
        words = ["madcore", "quartet", names["a"], names["b"], reference]
    else:
        image = key.get("images", list(record["images"]))[0]
        held = [name for letter, name in names.items() if letter != image[0]]
        words = ["madcore", "synth", names[image[0]], held[0], reference, "--minmax", image[2:]]
        words += [word for name in held[1:] for word in ("--also-hold", name)]
    words += [*_level(key["level"], names), *_solver(key, record["made"].get("files", {})), "-o", "again"]
    return shlex.join(words)


def _level(level: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    value = level.get("value")
    if isinstance(value, Mapping):
        return [word for letter, each in value.items() for word in ("--level", f"{names[letter]}={each}")]
    return ["--level", f"{level['kind']}:{value}"] if value else []


def _solver(key: Mapping[str, Any], files: Mapping[str, str]) -> list[str]:
    solver, words = key["solver"], []
    options = {"seed": key["seed"], **solver.get("options", {})}
    if solver["name"] != "level_set":
        words += ["--solver", "penalty"]
    for name, value in options.items():
        if name == "optimizer_options":
            words += [word for each, given in value.items() for word in ("--optimizer-option", f"{each}={given}")]
        elif value != {"seed": 0, **DEFAULTS}.get(name):
            words += [f"--{name.replace('_', '-')}", str(value)]
    if "initial_noise" in key:
        words += ["--initial-noise", str(key["initial_noise"])]
    if "penalty" in key:
        words += ["--penalty", f"{_penalty(key['penalty'], files)},weight={key['penalty']['weight']}"]
    for picture in ("start", "mask"):
        words += [f"--{picture}", f"{picture.upper()}_FILE"] if picture in key else []
    return words


def _penalty(identity: Mapping[str, Any], files: Mapping[str, str]) -> str:
    options = identity.get("options", {}).items()
    place = f"{files['penalty']}:" if "penalty" in files else ""
    return ",".join([f"{place}{identity['penalty']}", *(f"{name}={value}" for name, value in options)])

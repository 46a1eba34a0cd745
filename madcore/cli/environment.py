"""The command ``env``: what to paste into a bug report."""

from __future__ import annotations

import os
import platform
import re
from importlib import metadata
from typing import Any

import click

from madcore import __version__
from madcore.cli.records import plugin_record
from madcore.cli.session import Session
from madcore.cli.tables import write_json, write_table
from madcore.registry import Registry

__all__ = ["env"]

DEVELOPERS = re.compile(r"extra == ['\"](dev|docs|test)['\"]|^madcore")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
@click.pass_obj
def env(session: Session, as_json: bool) -> None:
    """Show versions, plugins and devices, for bug reports."""
    session.reported = True
    facts: dict[str, dict[str, Any]] = {
        "system": {"madcore": __version__, "python": platform.python_version(), "platform": platform.platform()},
        "packages": _packages(),
        "plugins": _plugins(session.registry),
        "devices": _devices(),
        "variables": {name: value for name, value in sorted(os.environ.items()) if name.startswith("MADCORE_")},
    }
    if as_json:
        write_json(facts)
        return
    rows = [(group, name, value) for group, values in facts.items() for name, value in values.items()]
    # Each group is named once, on its first line.
    starts = {group: next(iter(values), None) for group, values in facts.items()}
    write_table([(group if name == starts[group] else "", name, value) for group, name, value in rows])


def _packages() -> dict[str, str]:
    """Find the versions of everything that madcore can use, without importing any."""
    used = (line for line in metadata.requires("madcore") or [] if not DEVELOPERS.search(line))
    named = (re.match(r"[A-Za-z0-9._-]+", line) for line in used)
    return {match.group(): _version(match.group()) for match in named if match}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _plugins(registry: Registry) -> dict[str, str]:
    records = [plugin_record(registry, name) for name in registry.installed]
    return {each["name"]: f"{each['distribution']} {each['version']}, {each['status']}" for each in records}


def _devices() -> dict[str, str]:
    try:
        import torch
    except Exception as error:  # a broken torch is what a bug report may be about
        return {"torch": f"cannot be imported: {type(error).__name__}: {error}"}
    cuda = {f"cuda:{index}": torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())}
    threads, built_for = torch.get_num_threads(), torch.version.cuda
    here = "" if cuda else ", but there is no such device"
    return {
        "cpu": f"{threads} thread{'' if threads == 1 else 's'}",
        "cuda": f"torch is for {built_for}{here}" if built_for else "not in this torch",
        **cuda,
    }

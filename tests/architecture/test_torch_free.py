"""What names, listings and help cost: never torch."""

import importlib.metadata
import json
import subprocess
import sys

import pytest

from madcore.cli import COMMANDS

PROGRAM = """
import contextlib, io, json, sys
{statement}
print(json.dumps(sorted(sys.modules)))
"""
HEAVY = {"torch", "numpy", "PIL", "rich", "matplotlib", "skimage"}


def modules_after(statement):
    command = [sys.executable, "-c", PROGRAM.format(statement=statement)]
    return set(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))


def modules_after_launching(*arguments):
    return modules_after(
        "from madcore.cli import run\n"
        f"with contextlib.redirect_stdout(io.StringIO()): code = run({list(arguments)})\n"
        "assert code == 0"
    )


def test_the_probe_sees_torch():
    assert "torch" in modules_after("import madcore; madcore.Metric")


def test_import():
    assert not modules_after("import madcore; madcore.MetricSpec, madcore.list_metrics()") & HEAVY


@pytest.mark.parametrize(
    "arguments",
    [
        ["metrics"],
        ["metrics", "ssim", "--json"],
        ["penalties"],
        ["plugins"],
        ["plugins", "--requirements"],
        ["show", "ssim"],
    ],
    ids=" ".join,
)
def test_listings(arguments):
    assert not modules_after_launching(*arguments, "--no-plugin", "all") & HEAVY


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], []], ids=str)
def test_overview_does_not_even_look_for_plugins(arguments):
    assert not modules_after_launching(*arguments) & {*HEAVY, "pluggy", "importlib.metadata", "madcore.registry"}


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_commands(command):
    assert not modules_after_launching(command, "--help") & HEAVY


def test_installed_plugins_of_our_own_are_as_light():
    names = {point.name for point in importlib.metadata.entry_points(group="madcore")}
    if names:
        assert not modules_after_launching("metrics", "--strict") & HEAVY

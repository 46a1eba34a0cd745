"""What the README shows works as it stands, and is what the program does."""

import re
import shlex
from pathlib import Path

import pytest
import torch
from PIL import Image

from madcore.cli import run

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
SHELL = [
    [line.split("#")[0].strip() for line in block.splitlines() if line.startswith("madcore ")]
    for block in re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)
]
SHELL = [commands for commands in SHELL if commands]
DEMO = re.search(r"\$\(BIN\)/(madcore quartet .*) -o demo", (ROOT / "Makefile").read_text())[1]


def table(text):
    """Return the rows of the demo's table: name, sentence, values of a and b, held error, status."""
    row = r"^(start|[ab]_\w+)  (.*?)  +(\S+) +(\S+)(?: +(\S+) +\S+ +(.*))?$"
    return [(name, what, float(a), float(b), *rest) for name, what, a, b, *rest in re.findall(row, text, flags=re.M)]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("code", PYTHON, ids=range(len(PYTHON)))
def test_python_examples_run(code):
    exec(code, {})


@pytest.mark.parametrize("commands", SHELL, ids=lambda commands: commands[0])
def test_shell_examples_run(commands, capsys):
    for command in commands:
        assert run(shlex.split(command)[1:]) == 0
        captured = capsys.readouterr()
        assert captured.out or captured.err


def test_the_demo_prints_what_the_readme_says_and_makes_its_picture(capsys):
    assert run([*shlex.split(DEMO)[1:], "-o", "demo"]) == 0
    shown, made = table(README), table(capsys.readouterr().out)
    assert [row[0] for row in made] == ["start", "a_min", "a_max", "b_min", "b_max"]
    assert [row[:2] for row in shown] == [row[:2] for row in made]
    for one, other in zip(shown, made, strict=True):
        assert one[2:4] == pytest.approx(other[2:4], rel=0.1)  # runs differ in rounding between machines
    assert all(float(row[4]) <= 1e-6 for row in [*shown[1:], *made[1:]])
    with Image.open("demo/contact_sheet.png") as sheet, Image.open(ROOT / "docs/images/quartet.png") as picture:
        assert sheet.size == picture.size


def test_the_plugin_declares_a_metric_that_builds():
    code = next(code for code in PYTHON if "hookimpl" in code)
    module = {}
    exec(code, module)
    (spec,) = module["madcore_metrics"]()
    assert spec.build(power=1.0)(torch.zeros(2, 1, 4, 4), torch.ones(2, 1, 4, 4)).tolist() == [1.0, 1.0]
    assert len([line for line in code.splitlines() if line]) <= 10


def test_there_are_examples_of_both_kinds():
    assert len(PYTHON) >= 3
    shown = {command.split()[1] for commands in SHELL for command in commands}
    assert shown >= {"quartet", "synth", "metrics", "show", "init", "tournament", "report"}

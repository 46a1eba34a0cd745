"""What the README shows works as it stands."""

import os
import pathlib
import re
import shlex
import subprocess
import sys

import pytest

README = (pathlib.Path(__file__).parents[1] / "README.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
SHELL = [
    line.split("#")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)
    for line in block.splitlines()
    if line.startswith("madcore ")
]


@pytest.mark.parametrize("code", PYTHON, ids=range(len(PYTHON)))
def test_python_examples_run(code, tmp_path):
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", SHELL)
def test_shell_examples_run(command, tmp_path):
    words = [sys.executable, "-m", *shlex.split(command)]
    environment = {**os.environ, "COLUMNS": "120"}
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_plugin_declares_a_metric_that_builds():
    import torch

    module = {}
    exec(next(code for code in PYTHON if "hookimpl" in code), module)
    (spec,) = module["madcore_metrics"]()
    assert spec.build(power=1.0)(torch.zeros(2, 1, 4, 4), torch.ones(2, 1, 4, 4)).tolist() == [1.0, 1.0]
    assert len(next(code for code in PYTHON if "hookimpl" in code).strip().splitlines()) <= 11


def test_there_are_examples_of_both_kinds():
    assert len(PYTHON) >= 3
    assert len(SHELL) >= 4

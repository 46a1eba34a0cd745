"""The author's guide, followed word by word, leads to a plugin that keeps the contract."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import madcore
from madcore.testing import Outcome, check_prepared, evaluate_together
from madcore.testing.contracts import METRIC_CLAUSES

GUIDE = (Path(__file__).parents[1] / "docs" / "plugins.md").read_text()
FILES = dict(re.findall(r"^`(\S+)`:\n\n```python\n(.*?)```", GUIDE, flags=re.DOTALL | re.MULTILINE))
CODE = FILES.pop("mine.py")
BEGIN, MAKE, USE = re.findall(r"```sh\n(.*?)```", GUIDE, flags=re.DOTALL)

INSTALLING = ["--no-build-isolation", "--no-deps", "--no-index", "--quiet", "--upgrade"]


def follow(commands, folder, environment):
    """Run a block of commands; an install goes beside the environment that runs the tests."""
    for line in commands.splitlines():
        words = shlex.split(line)
        if words[0] == "cd":
            folder = folder / words[1]
            continue
        if words[:2] == ["pip", "install"]:
            words = ["pip", "install", *INSTALLING, "--target", environment["PYTHONPATH"], words[-1]]
        words = [sys.executable, "-m", *words] + (["-p", "no:cacheprovider"] if words[0] == "pytest" else [])
        done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return folder


@pytest.fixture
def environment(tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    return {**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}


def test_a_metric_in_a_file(tmp_path, environment):
    (tmp_path / "mine.py").write_text(CODE)
    follow(BEGIN, tmp_path, environment)
    assert (tmp_path / "try" / "contact_sheet.png").exists()


def test_a_plugin(tmp_path, environment):
    follow(MAKE.removesuffix("pytest\n"), tmp_path, environment)  # the copy's own tests: test_cli_new.py
    folder = tmp_path / "madcore-contrast"
    assert len(FILES) == 3
    for name, code in FILES.items():
        assert (folder / name).exists(), f"the guide replaces {name}, which the copy does not have"
        (folder / name).write_text(code)
    # The guide's editable installation has the new files already.
    shutil.copytree(folder / "madcore_contrast", tmp_path / "site" / "madcore_contrast", dirs_exist_ok=True)
    follow(USE, folder, environment)
    assert (folder / "mad" / "contact_sheet.png").exists()


def test_every_clause_is_explained():
    explained = re.search(r"\| clause \|.*?\n\n", GUIDE, flags=re.DOTALL)[0]
    clauses = re.findall(r"^\| (\w+) \|", explained, flags=re.MULTILINE)[1:]
    assert clauses == [check.__name__.removeprefix("check_") for check in METRIC_CLAUSES]


def test_the_metrics_that_share_a_trunk():
    (code,) = [
        block for block in re.findall(r"```python\n(.*?)```", GUIDE, flags=re.DOTALL) if "class Pyramid:" in block
    ]
    made = {}
    exec(code, made)
    runs = []

    class Counted(made["Pyramid"]):
        def __call__(self, images, layers):
            runs.append(layers)
            return super().__call__(images, layers)

    metrics = [madcore.Metric(made["PyramidDistance"](layers, Counted())) for layers in ((1,), (0, 2))]
    assert all(check_prepared(metric).outcome is Outcome.PASSED for metric in metrics)
    runs.clear()
    evaluate_together(metrics, *torch.rand(2, 1, 3, 8, 8))
    assert runs == [(1,), (0, 2), (1, 0, 2)]

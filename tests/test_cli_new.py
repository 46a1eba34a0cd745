"""A copy of the template is a plugin: it installs, passes its own tests, and keeps the contract."""

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from madcore.cli import run

ROOT = Path(__file__).parents[1]


def succeed(*words, **settings):
    done = subprocess.run([sys.executable, *map(str, words)], capture_output=True, text=True, check=False, **settings)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("new") / "copy"
    assert run(["new", "metric", "my_texture", "-o", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def installed(copy):
    site = copy.parent / "site"
    flags = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--quiet"]
    succeed("-m", "pip", "install", *flags, "--target", site, copy)
    return {**os.environ, "PYTHONPATH": str(site)}


def test_every_name_is_the_new_one(copy):
    project = tomllib.loads((copy / "pyproject.toml").read_text())["project"]
    assert project["name"] == "madcore-my-texture"
    assert project["entry-points"]["madcore"] == {"my_texture": "madcore_my_texture"}
    texts = {path: path.read_text() for path in copy.rglob("*") if path.is_file()}
    assert len(texts) == 6
    assert not [path for path, text in texts.items() if "example" in f"{path.relative_to(copy)} {text}".lower()]


def test_the_copy_passes_its_own_tests(copy, installed):
    said = succeed("-m", "pytest", "-p", "no:cacheprovider", "-q", cwd=copy, env=installed)
    assert "passed" in said
    assert "failed" not in said


def test_the_copy_keeps_the_contract(installed):
    said = succeed("-m", "madcore", "check", "my_texture", env=installed)
    assert "my_texture.gradient: " in said
    assert "No clause is broken." in said


def test_a_wheel_brings_the_template(tmp_path):
    succeed("-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path, cwd=ROOT)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as files:
        files.extractall(tmp_path / "site")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site"), "PYTHONSAFEPATH": "1"}
    said = succeed("-m", "madcore", "new", "metric", "other", cwd=tmp_path, env=environment)
    assert "madcore-other/madcore_other/measures.py" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Foo"], "lower case letters"),
        (["all"], "not all or madcore"),
        (["ssim"], "a name of madcore's own"),
        (["procs"], "a name of madcore's own"),
        (["fine", "-o", "."], "is there already"),
        (["fine", "-o", "Makefile/x"], "Makefile/x cannot be written (Not a directory); choose another folder with -o"),
    ],
)
def test_bad_input(arguments, message, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # where something would be written
    (tmp_path / "Makefile").touch()
    assert run(["new", "metric", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["Makefile"]


def test_without_more_words_it_helps(capsys):
    assert run(["new"]) == 0
    said = capsys.readouterr().out
    assert "metric  A plugin that brings metrics, with tests." in said
    assert "..." not in said.partition("Commands:")[2]

"""Metrics that are files: what identifies them is their content, from wherever a tournament is played."""

import shutil

import pytest

from madcore.cli import run
from madcore.report.command import command_line
from madcore.store import Store
from madcore.tournament import Tournament

CODE = """
def error(image, mad_image):
    return (mad_image - image).square().mean((1, 2, 3))


def weigh(*, power: float = 2.0):
    return lambda image: image.abs().pow(power).flatten(1).mean(1)
"""
PLAN = """
metrics = ["./mine.py:error", "mae"]
pictures = ["dead_leaves"]
size = 24
penalty = { name = "./mine.py:weigh", power = 3, weight = 0.001 }
[solver]
max_iter = 5
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder with a plan, its code and, played from there, a store."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "mine.py").write_text(CODE)
    (folder / "plan.toml").write_text(PLAN)
    monkeypatch.chdir(folder)
    assert run(["tournament", "plan.toml", "-o", str(tmp_path / "store")]) == 0
    return folder


def test_nothing_is_played_again_from_elsewhere(home, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["tournament", "home/plan.toml", "-o", "store"]) == 0
    shutil.move(home, tmp_path / "new")
    assert run(["tournament", str(tmp_path / "new" / "plan.toml"), "-o", "store"]) == 0
    assert capsys.readouterr().err.count("1 of them finished before; 0 to play") == 2
    assert len(list(Store(tmp_path / "store").curves())) == 2


def test_other_code_is_another_metric(home):
    before = Tournament.from_toml(home / "plan.toml").matches()
    (home / "mine.py").write_text(CODE + "# as before\n")
    assert Tournament.from_toml(home / "plan.toml").matches() != before


def test_metrics_are_called_as_the_plan_does_it(home, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    plan = (home / "plan.toml").read_text()
    (home / "plan.toml").write_text(f'levels = ["noise:0.1", "noise:0.2"]\n{plan}')
    assert run(["tournament", "home/plan.toml", "-o", "store"]) == 0
    store = Store("store")
    assert {row["optimized"] for row in store.rows()} == {"./mine.py:error", "mae"}
    assert {name for match in store.ids() for name in store.scores(match)["judges"]} == {"./mine.py:error", "mae"}


def test_records_say_where_the_code_was(home, tmp_path, monkeypatch, capsys):
    (match,) = Store(tmp_path / "store").ids()
    record = Store(tmp_path / "store").record(match)
    assert record["made"]["files"]["penalty"] == str(home / "mine.py")
    assert f"--penalty {home / 'mine.py'}:weigh,power=3.0,weight=0.001" in command_line(record, "reference.png")
    monkeypatch.chdir(tmp_path)
    assert run(["verify", "store"]) == 2
    assert "code that would be run" in capsys.readouterr().err
    assert run(["verify", "store", "--allow-code"]) == 0
    shutil.move(home, tmp_path / "new")
    assert run(["verify", "store", "--allow-code"]) == 2
    assert "put a copy of mine.py into the current folder" in capsys.readouterr().err
    shutil.copy(tmp_path / "new" / "mine.py", ".")
    assert run(["verify", "store", "--allow-code"]) == 0

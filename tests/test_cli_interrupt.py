"""Ctrl-C and SIGTERM before the work begins; what they do during it is tested with each command."""

import os
import signal
import subprocess
import sys

import click
import pytest

from madcore import cli

SLOW = """
import sys, time
print("reading", file=sys.stderr, flush=True)
time.sleep(60)
"""
PLAN = 'metrics = ["mse", "{metric}"]\npictures = ["dead_leaves"]\nsize = 16\n'
COMMANDS = [
    ["synth", "METRIC", "mse", "dead_leaves", "--size", "16", "--minmax", "max", "-o", "OUT"],
    ["quartet", "mse", "METRIC", "dead_leaves", "--size", "16", "-o", "OUT"],
    ["tournament", "PLAN", "--dry-run", "-o", "OUT"],
    ["tournament", "PLAN", "-o", "OUT"],
    ["audit", "METRIC", "dead_leaves", "-o", "OUT"],
]


@pytest.fixture
def words(tmp_path):
    """What stands for the words of the commands; the metric's file takes a minute to read."""
    metric, plan = f"{tmp_path / 'slow.py'}:metric", tmp_path / "plan.toml"
    (tmp_path / "slow.py").write_text(SLOW)
    plan.write_text(PLAN.format(metric=metric))
    return {"METRIC": metric, "PLAN": str(plan), "OUT": str(tmp_path / "out")}


def interrupt(arguments, number, *folders):
    """Run the launcher with modules from these folders too; send it a signal while it reads; return code and talk."""
    path = os.pathsep.join(filter(None, [*map(str, folders), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "MADCORE_NO_PLUGIN": "all", "PYTHONPATH": path}
    command = [sys.executable, "-m", "madcore", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as run:
        assert run.stderr.readline() == "reading\n"
        run.send_signal(number)
        out, err = run.communicate(timeout=30)
    assert out == ""
    return run.returncode, err.strip()


def name(command):
    return " ".join(command[:1] + command[2:3])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", COMMANDS[:3], ids=name)
def test_while_metrics_are_read_it_costs_nothing(tmp_path, words, command, number):
    said = interrupt([words.get(word, word) for word in command], number)
    assert said == (130, "madcore: interrupted before anything was computed")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", COMMANDS, ids=name)
def test_while_libraries_are_imported_it_costs_nothing(tmp_path, words, command):
    (tmp_path / "libraries").mkdir()
    (tmp_path / "libraries" / "torch.py").write_text(SLOW)
    said = interrupt([words.get(word, word) for word in command], signal.SIGINT, tmp_path / "libraries")
    assert said == (130, "madcore: interrupted before anything was computed")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()], ids=repr)
def test_whatever_is_interrupted_says_so(capsys, monkeypatch, error):
    def fail():
        raise error

    monkeypatch.setitem(cli.launcher.commands, "env", click.Command("env", callback=fail))
    assert cli.run(["env"]) == 130
    assert capsys.readouterr().err.strip() == "madcore: interrupted"

"""``madcore tournament`` and ``madcore score``: what they print, how they end, how they are interrupted."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from madcore.cli import run
from madcore.store import Store

PLAN = """
metrics = ["mse", "mae"]
pictures = ["camera", "coins"]
size = "32"
seeds = [0, 1]
[solver]
max_iter = 12
"""
SLOW = """
import time
from types import SimpleNamespace


def metric(image, mad_image):
    time.sleep({seconds})
    return (image - mad_image).square().mean((1, 2, 3))
"""


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    return str(path)


@pytest.fixture
def slow_plan(tmp_path):
    """A plan that takes minutes: a picture of one match takes seconds between two looks at the clock."""
    (tmp_path / "slow.py").write_text(SLOW.format(seconds=0.05))
    path = tmp_path / "slow.toml"
    path.write_text(PLAN.replace('"mse"', f'"{tmp_path / "slow.py"}:metric"'))
    return str(path)


def test_commands_that_are_told_can_be_pasted(tmp_path, capsys):
    store, plan = tmp_path / "my store", tmp_path / "my plan.toml"
    assert run(["init", str(plan)]) == 0
    assert f"next: madcore tournament '{plan}' --dry-run" in capsys.readouterr().err
    plan.write_text('metrics = ["mse", "mae"]\npictures = ["dead_leaves"]\nsize = 16\n[solver]\nmax_iter = 2\n')
    assert run(["tournament", str(plan), "-o", str(store)]) == 0
    assert capsys.readouterr().out.endswith(f"madcore report '{store}'\n")


def test_a_plan_is_played(plan, tmp_path, capsys):
    assert run(["tournament", plan, "-o", str(tmp_path / "store")]) == 0
    out, err = capsys.readouterr()
    assert "4 matches; 4 to play" in err
    assert "4 of 4 finished" in err
    assert out.splitlines()[0].split()[:3] == ["OPTIMIZED", "HELD", "MATCHES"]
    assert out.splitlines()[1].split()[:3] == ["mae", "mse", "4"]
    assert len(Store(tmp_path / "store").query()) == 16


def test_long_names_stand_once_above_the_tables(plan, tmp_path, capsys):
    long = "ssim,window=uniform,size=7,sigma=1.5,padding=reflect"
    (tmp_path / "plan.toml").write_text(PLAN.replace('"mae"', f'"{long}"').replace("[0, 1]", "[0]"))
    for more in ((), ("--dry-run",)):
        assert run(["tournament", plan, "-o", str(tmp_path / "store"), *more]) == 0
        out = capsys.readouterr().out
        assert out.startswith(f"m1: {long}\n\n")
        assert out.count(long) == 1
        assert "m1" in out.splitlines()[4]
        assert max(map(len, out.splitlines()[1:5])) <= 100


def test_the_same_command_goes_on(plan, tmp_path, capsys):
    for _ in range(2):
        assert run(["tournament", plan, "-o", str(tmp_path / "store")]) == 0
    assert capsys.readouterr().err.splitlines()[2:] == ["madcore: 4 matches, 4 of them finished before; 0 to play"]


def test_a_dry_run_writes_nothing(plan, tmp_path, capsys):
    assert run(["tournament", plan, "-o", str(tmp_path / "store"), "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert out.count("mae against mse") == 4
    assert "4 matches, 4 of them to play" in out
    assert " MB in " in out
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(("count", "told"), [(1, ""), (3, "; --engine procs plays on 3 cores")])
def test_a_dry_run_tells_of_cores_that_would_be_idle(plan, capsys, monkeypatch, count, told):
    monkeypatch.setattr("madcore.cli.forecast.cores", lambda: count)
    assert run(["tournament", plan, "--dry-run", "--device", "cpu"]) == 0
    assert capsys.readouterr().out.splitlines()[-3].endswith(f" on one cpu, if nothing else runs there{told}")


@pytest.mark.parametrize(("options", "threads"), [((), 1), (("--threads", "2"), 2)])
def test_a_dry_run_times_with_the_threads_of_the_run(plan, monkeypatch, options, threads):
    taken = []
    monkeypatch.setattr("torch.set_num_threads", taken.append)
    monkeypatch.setattr("madcore.engine.workers.os.environ", {})
    assert run(["tournament", plan, "--dry-run", *options]) == 0
    assert taken == [threads]


@pytest.mark.parametrize(
    ("free", "batch", "told"),
    [
        (8e9, (), "up to 2 matches together, fewer if they need more than 4 of the 8 GB of memory that are free now"),
        (8e9, ("--batch", "1"), "one match at a time"),
        (None, (), "up to 2 matches together"),
    ],
)
def test_a_dry_run_tells_what_limits_batches(plan, capsys, monkeypatch, free, batch, told):
    gauge = None if free is None else SimpleNamespace(free=lambda: free)
    monkeypatch.setattr("madcore.tournament.forecast.gauge_of", lambda device: gauge)
    assert run(["tournament", plan, "--dry-run", *batch]) == 0
    assert told in capsys.readouterr().out.splitlines()


def test_a_store_is_needed(plan, capsys):
    assert run(["tournament", plan]) == 2
    assert "-o" in capsys.readouterr().err


def test_events_are_logged(plan, tmp_path):
    log = tmp_path / "log"
    run(["tournament", plan, "-o", str(tmp_path / "store"), "--log-json", str(log), "--batch", "1"])
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert sum(line["event"] == "finished" for line in lines) == 4
    assert {line["event"] for line in lines} == {"worker", "started", "finished"}
    assert lines[-1]["summary"] == {"finished": 4, "failed": 0, "left": 0}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_events_are_logged_into_a_pipe(plan, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    lines = []
    reader = threading.Thread(target=lambda: lines.extend(pipe.read_text().splitlines()), daemon=True)
    reader.start()
    assert run(["tournament", plan, "-o", str(tmp_path / "store"), "--log-json", str(pipe), "--batch", "1"]) == 0
    reader.join(60)
    assert sum(json.loads(line)["event"] == "finished" for line in lines) == 4


@pytest.mark.parametrize("log", ["", "missing/log", "plan.toml/log"])
def test_a_log_that_cannot_be_written_is_refused_before_there_is_a_store(plan, tmp_path, log, capsys):
    assert run(["tournament", plan, "-o", str(tmp_path / "store"), "--log-json", str(tmp_path / log)]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"madcore: error: --log-json {tmp_path / log} cannot be written (")
    assert err.count("\n") == 1
    assert not (tmp_path / "store").exists()


def test_what_is_refused_leaves_neither_store_nor_log(tmp_path, capsys):
    (tmp_path / "mine.py").write_text("def make(*, size: int = 1):\n    raise RuntimeError('no weights')\n")
    (tmp_path / "plan.toml").write_text(PLAN.replace('"mse"', f'"{tmp_path / "mine.py"}:make"'))
    before = set(tmp_path.rglob("*"))
    files = ["-o", str(tmp_path / "new" / "store"), "--log-json", str(tmp_path / "log")]
    assert run(["tournament", str(tmp_path / "plan.toml"), *files]) == 3
    assert capsys.readouterr().err.count("\n") == 1
    assert set(tmp_path.rglob("*")) == before


def test_a_failed_match_is_told_and_counts(tmp_path, capsys):
    (tmp_path / "mine.py").write_text("def metric(image, mad_image):\n    raise ValueError('no')\n")
    (tmp_path / "plan.toml").write_text(PLAN.replace('"mse"', f'"mse", "{tmp_path / "mine.py"}:metric"'))
    assert run(["tournament", str(tmp_path / "plan.toml"), "-o", str(tmp_path / "store")]) == 1
    err = capsys.readouterr().err
    assert "4 of 12 finished, 8 failed" in err
    assert "failed (error): metric" in err


def test_a_judge_is_added(plan, tmp_path, capsys):
    run(["tournament", plan, "-o", str(tmp_path / "store")])
    assert run(["score", str(tmp_path / "store"), "--metric", "ssim,window=uniform"]) == 0
    assert capsys.readouterr().out.endswith("\n4 of 4 matches were scored\n")
    store = Store(tmp_path / "store")
    assert all("ssim,window=uniform" in store.scores(match)["judges"] for match in store.ids())
    assert len(list(store.curves())) == 6


def test_a_judge_that_does_not_take_the_pictures_is_told_of(plan, tmp_path, capsys):
    run(["tournament", plan, "-o", str(tmp_path / "store")])
    assert run(["score", str(tmp_path / "store"), "--metric", "ms_ssim"]) == 0
    said = "warning: ms_ssim has no value for some of the pictures: ms_ssim needs at least 161 pixels a side"
    assert said in capsys.readouterr().err


def test_the_time_that_is_up_is_told(plan, tmp_path, capsys):
    assert run(["tournament", plan, "-o", str(tmp_path / "store"), "--max-hours", "1e-9"]) == 130
    assert "the time is up; to go on: madcore tournament" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option",
    [
        *(["--shard", "4/3"], ["--batch", "0"], ["--engine", "lokal"], ["--device", "tpu"]),
        *(["--max-hours", "-1"], ["--max-hours", "nan"], ["--limit", "0"]),
    ],
)
def test_options_that_cannot_be(plan, tmp_path, option, capsys):
    assert run(["tournament", plan, "-o", str(tmp_path / "store"), *option]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def start(plan, store, *options):
    command = [sys.executable, "-m", "madcore", "tournament", plan, "-o", str(store), "--batch", "1", *options]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, "MADCORE_NO_PLUGIN": "all"}
    )
    while "to play" not in process.stderr.readline():
        assert process.poll() is None
    return process


def interrupt(process, *numbers):
    """Send signals, a moment apart; return the seconds from the last until the command to go on is told, and the talk.

    How long Python then takes to end is not ours, and on a busy machine longer than all the rest.
    """
    for number in numbers:
        time.sleep(0.5)
        process.send_signal(number)
    begun = time.monotonic()
    told = []
    for line in process.stderr:
        told.append(line)
        if "to go on" in line:
            break
    seconds = time.monotonic() - begun
    told += process.communicate(timeout=30)[1].splitlines()
    assert process.returncode == 130
    return seconds, "".join(told)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_ends_in_good_order(slow_plan, tmp_path, number):
    seconds, told = interrupt(start(slow_plan, tmp_path / "store"), number)
    assert seconds < 5
    assert f"to go on: madcore tournament {slow_plan} -o {tmp_path / 'store'} --batch 1" in told
    assert "Traceback" not in told


def test_a_metric_that_does_not_come_back_is_not_waited_for(slow_plan, tmp_path):
    (tmp_path / "slow.py").write_text(SLOW.format(seconds=60))
    seconds, told = interrupt(start(slow_plan, tmp_path / "store"), signal.SIGINT)
    assert 3 < seconds < 5
    assert "to go on" in told


def test_a_second_signal_ends_at_once(slow_plan, tmp_path):
    (tmp_path / "slow.py").write_text(SLOW.format(seconds=60))
    seconds, _ = interrupt(start(slow_plan, tmp_path / "store"), signal.SIGINT, signal.SIGINT)
    assert seconds < 2.5

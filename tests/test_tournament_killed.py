"""Tournaments that are killed at random moments and begun again: nothing lost, nothing half written, nothing twice."""

import os
import random
import signal
import time
from collections import Counter
from hashlib import sha256

import pytest
from tournaments import Inventor, contents, play, small_plan

from madcore.store import Store

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a process that can be killed")


def play_until_killed(plan, store, seconds, log, finished=0, **options):
    """Play in a process of its own, which logs finished matches; kill it some time after that many have ended."""
    enough = finished + (len(log.read_text().split()) if log.exists() else 0)
    process = os.fork()
    if process == 0:
        with log.open("a") as lines:

            def note(event, summary):
                if type(event).__name__ == "Finished":
                    lines.write(f"{event.id}\n")
                    lines.flush()

            try:
                play(plan, store, on_event=note, **options)
            finally:
                os._exit(0)
    while finished and len(log.read_text().split() if log.exists() else ()) < enough:
        time.sleep(0.01)
    time.sleep(seconds)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)


def assert_whole(store):
    """Every match that is there has all its files, as they were written."""
    store = Store(store)
    assert not store.damaged()
    for record in store.records():
        for name, listed in record["files"].items():
            assert sha256(store.read(record["id"], name)).hexdigest() == listed["sha256"]


def times(store):
    """When the files of finished matches were last written."""
    return {path: path.stat().st_mtime_ns for path in (store / "matches").glob("*/*/*")}


def test_thirty_kills_of_a_driver(tmp_path):
    draw, plan = random.Random(5), small_plan(seeds=tuple(range(150)))
    store, log = tmp_path / "store", tmp_path / "log"
    play(small_plan(), store, engine=Inventor())
    for _ in range(30):
        before = times(store)
        seconds = 0.03 + 0.07 * draw.random()
        play_until_killed(plan, store, seconds, log, engine=Inventor(0.002), durability="full")
        assert before.items() <= times(store).items()
        assert_whole(store)
        assert set(log.read_text().split()) <= Store(store).ids()
    summary = play(plan, store, engine=Inventor())
    assert summary.before > 5
    assert len(Store(store).ids()) == 150
    assert not list((store / "tmp").rglob("*.png"))
    assert max(Counter(log.read_text().split()).values()) == 1


def test_three_kills_of_the_real_player(tmp_path):
    plan = small_plan(pictures=("camera", "coins", "moon"), seeds=(0, 1), judges=("all",))
    play(plan, tmp_path / "whole", batch=1)
    for seconds in (0.01, 0.07, 0.15):
        before = contents(tmp_path / "killed")
        play_until_killed(plan, tmp_path / "killed", seconds, tmp_path / "log", finished=1, batch=1)
        assert before.items() <= contents(tmp_path / "killed").items()
        assert_whole(tmp_path / "killed")
    assert play(plan, tmp_path / "killed", batch=1).before >= 3
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def test_what_surrounds_the_matches_is_the_same_after_a_kill(tmp_path):
    plan = small_plan(pictures=("camera", "coins"), judges=("all",))
    play(plan, tmp_path / "whole", batch=1)
    play_until_killed(plan, tmp_path / "killed", 0.1, tmp_path / "log", finished=1, batch=1)
    play(plan, tmp_path / "killed", batch=1)
    for folder in ("scores", "curves", "references"):
        found = [
            {path.name: path.read_bytes() for path in (tmp_path / store / folder).rglob("*.*")}
            for store in ("whole", "killed")
        ]
        assert found[0]
        assert found[0] == found[1]

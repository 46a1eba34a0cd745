import os
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from madcore.building import create_engine
from madcore.engine import Backlog, Batch, Failed, Finished, Started, WorkerEvent, outcomes, spread
from madcore.engines.procs import Procs
from madcore.errors import InputError, PluginError, UnknownNameError
from madcore.hookspecs import hookimpl
from madcore.loading import Candidate
from madcore.registry import Registry
from madcore.rehearsal import Act, MakeRehearsal
from madcore.specs import EngineSpec


def batch(*names, pair=""):
    return Batch("+".join(names), tuple(map(Act, names)), pair)


def run(engine, batches, make_player, on_event=lambda event: None):
    events = []
    create_engine(engine).run(
        batches, make_player, lambda event: (events.append(event), on_event(event)), threading.Event()
    )
    return events


class TellThreads:
    def __call__(self, device, writer=""):
        names = (os.environ["OMP_NUM_THREADS"], device)
        return lambda batch, stop: (Finished(act.id, (*names, "torch" in sys.modules)) for act in batch.items)


class Print:
    def __call__(self, device, writer=""):
        print("made")
        return lambda batch, stop: iter([Failed.by(act.id, MemoryError()) for act in batch.items])


class Stillborn:
    def __call__(self, device, writer=""):
        os._exit(7)


def test_devices_and_threads_reach_the_workers():
    events = run("procs,device=cpu+cuda:1,threads=3", [batch("a"), batch("b")], TellThreads())
    payloads = sorted(event.payload for event in events if isinstance(event, Finished))
    assert payloads == [("3", "cpu", False), ("3", "cuda:1", False)]
    assert {event.state for event in events if isinstance(event, WorkerEvent)} == {"ready", "ended"}


def test_no_more_workers_than_batches():
    events = run("procs,workers=9", [batch("a"), batch("b")], TellThreads())
    assert sum(isinstance(event, WorkerEvent) and event.state == "ready" for event in events) <= 2


def test_what_workers_print_is_talk(capfd):
    events = run("procs,workers=1", [batch("a")], Print())
    assert capfd.readouterr() == ("", "made\n")
    assert [event.reason for event in events if isinstance(event, Failed)] == ["out of memory"]


def test_workers_that_die_before_they_are_ready():
    with pytest.raises(PluginError, match=r"no worker of engine procs can be started; .* ended with exit code 7"):
        run("procs,workers=2", [batch("a")], Stillborn())


def test_worker_that_is_killed_while_it_waits_is_replaced(tmp_path):
    make = MakeRehearsal(str(tmp_path))

    def kill_once(event):
        if isinstance(event, Finished) and event.id == "a":
            os.kill(make.played()[0][1], signal.SIGKILL)
            time.sleep(0.1)

    events = run("procs,workers=1", [batch("a"), batch("b"), batch("c")], make, kill_once)
    assert [event.id for event in events if isinstance(event, Finished)] == ["a", "b", "c"]


DRIVER = """
import threading
from madcore.building import create_engine
from madcore.engine import Batch
from madcore.rehearsal import Act, MakeRehearsal
create_engine("procs,workers=2").run(
    [Batch(n, (Act(n, "sleep", 60),)) for n in "abcd"], MakeRehearsal({folder!r}), print, threading.Event()
)
"""


@pytest.mark.parametrize(("number", "group"), [(signal.SIGKILL, False), (signal.SIGKILL, True), (signal.SIGINT, True)])
def test_no_worker_outlives_its_driver(tmp_path, number, group):
    make = MakeRehearsal(str(tmp_path))
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER.format(folder=str(tmp_path))],
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: len(make.played()) == 2)
    (os.killpg if group else os.kill)(driver.pid, number)
    driver.wait()
    wait_for(lambda: not any(is_running(process) for _, process in make.played()))


def wait_for(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_running(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{process}/stat") as stat:
        return " Z " not in stat.read()


def test_backlog_prefers_the_pair_that_is_loaded():
    backlog = Backlog([batch("a", pair="x"), batch("b", pair="y"), batch("c", pair="x")])
    assert [backlog.take(pair).id for pair in ("y", "x", "x")] == ["b", "a", "c"]
    assert backlog.take() is None


def test_backlog_reads_only_as_far_as_it_must():
    read = []
    backlog = Backlog(read.append(number) or batch(str(number)) for number in range(1000))
    backlog.take()
    assert len(read) < 100


def test_backlog_plays_what_was_lost_alone_and_once():
    backlog = Backlog([batch("a", "b", "c")])
    assert backlog.lose(backlog.take(), {"b", "c"}, "worker died") == []
    alone = [backlog.take(), backlog.take()]
    assert sorted(each.ids for each in alone) == [("b",), ("c",)]
    (lost,) = backlog.lose(alone[0], set(alone[0].ids), "worker died", "killed", "w")
    assert (lost.attempts, lost.message, lost.worker) == (2, "killed", "w")


def test_backlog_gives_up_at_once_what_alone_outlasts_its_limit():
    backlog = Backlog([batch("a"), batch("b", "c")])
    assert [lost.id for lost in backlog.lose(backlog.take(), {"a"}, "timeout")] == ["a"]
    assert backlog.lose(backlog.take(), {"b", "c"}, "timeout") == []


def test_outcomes_carry_the_worker():
    play = MakeRehearsal("/tmp")
    (outcome,) = outcomes(lambda batch, stop: iter([Finished("a")]), batch("a"), threading.Event(), "w")
    assert (outcome.worker, play.error) == ("w", "")


@pytest.mark.parametrize(
    ("devices", "workers", "expected"),
    [(("cuda:0", "cuda:1"), None, 2), (("cuda:0", "cuda:1"), 3, 3), (("cpu",), 5, 5), (("auto",), 1, 1)],
)
def test_spread(devices, workers, expected):
    assert len(spread(devices, workers)) == expected


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("procs,workers=0", InputError, "number of workers must be 1 or more"),
        ("procs,threads=0", InputError, "threads of engine procs must be 1 or more"),
        ("local,threads=0", InputError, "threads of engine local must be 1 or more"),
        ("local,device=cpu+cuda:0", InputError, "local plays on one device; got cpu, cuda:0; use engine procs"),
        ("procs,device=", InputError, "needs a device"),
        ("proc", UnknownNameError, r"'proc' is no engine \(did you mean procs\?\); `madcore engines` lists them"),
        ("procs,worker=2", UnknownNameError, "did you mean workers"),
        ("procs,workers=two", InputError, r"workers of procs must be int\|none; got 'two'"),
    ],
)
def test_wrong_engines_are_told(name, error, message):
    with pytest.raises(error, match=message):
        create_engine(name)


def test_engines_of_plugins():
    specs = [EngineSpec("cloud", lambda: Procs(workers=1)), EngineSpec("fog", lambda: 3)]
    implementation = SimpleNamespace(engines=hookimpl(specname="madcore_engines")(lambda: specs))
    registry = Registry(lambda: [Candidate("cloud", "madcore-cloud", "1", lambda: implementation)])
    assert isinstance(create_engine("cloud", registry=registry), Procs)
    engine = Procs(workers=1)
    assert create_engine(engine, registry=registry) is engine
    with pytest.raises(InputError, match="is no engine; give a name, or an object with run"):
        create_engine(registry, registry=registry)
    with pytest.raises(PluginError, match="must build an object with run"):
        create_engine("cloud.fog", registry=registry)


def test_started_precedes_finished():
    events = run("procs,workers=1", [batch("a", "b")], TellThreads())
    kinds = [type(event) for event in events]
    assert kinds == [WorkerEvent, Started, Finished, Finished, WorkerEvent]

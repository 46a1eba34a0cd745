from types import SimpleNamespace

import pytest

from madcore.building import create_observer
from madcore.engine import Failed, Finished, Lost, Started, WorkerEvent
from madcore.errors import InputError, PluginError, UnknownNameError
from madcore.hookspecs import hookimpl
from madcore.loading import Candidate
from madcore.observers import Observers
from madcore.registry import Registry
from madcore.specs import ObserverSpec

METHODS = ("match_started", "match_finished", "match_failed", "progress", "tournament_finished")


class Recorder:
    def __init__(self, prefix=""):
        self.prefix = prefix
        self.calls = []
        for method in METHODS:
            setattr(self, method, lambda argument, method=method: self.calls.append((method, argument)))


class Broken:
    def match_finished(self, event):
        raise OSError("disk\nfull")


def test_each_event_goes_to_its_method():
    recorder = Recorder()
    observers = Observers({"it": recorder}, print)
    events = [Started(("m",)), Finished("m"), Failed("n", "ValueError", "no"), Lost("k", "timeout", 1)]
    for event in [WorkerEvent("w", "cpu", "ready"), *events]:
        observers.event(event)
    observers.finish({"finished": 1})
    names = ["match_started", "match_finished", "match_failed", "match_failed", "tournament_finished"]
    assert recorder.calls == list(zip(names, [*events, {"finished": 1}], strict=True))


def test_one_that_raises_is_reported_once_and_dropped():
    lines, recorder = [], Recorder()
    observers = Observers({"broken": Broken(), "it": recorder}, lines.append)
    for name in "abc":
        observers.event(Finished(name))
    assert lines == ["warning: observer broken failed at match_finished and is dropped: OSError: disk full"]
    assert len(recorder.calls) == 3
    assert len(observers) == 1


def test_interrupt_is_no_failure_of_an_observer():
    def interrupt(event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Observers({"it": SimpleNamespace(progress=interrupt)}, print).progress({})


def test_progress_at_most_once_a_second():
    now, recorder = [0.0], Recorder()
    observers = Observers({"it": recorder}, print, lambda: now[0])
    for now[0] in (0.0, 0.4, 0.9, 1.1, 1.9, 2.2):
        observers.progress({"at": now[0]})
    assert [summary["at"] for _, summary in recorder.calls] == [0.0, 1.1, 2.2]


def test_observer_without_methods_hears_nothing():
    observers = Observers({"deaf": object()}, pytest.fail)
    observers.event(Finished("m"))
    observers.finish({})


def build(*, prefix: str = "run"):
    return Recorder(prefix)


def registry_of(*specs):
    implementation = SimpleNamespace(observers=hookimpl(specname="madcore_observers")(lambda: list(specs)))
    return Registry(lambda: [Candidate("board", "madcore-board", "1", lambda: implementation)])


def test_plugins_name_alone_stands_for_its_observer_of_that_name():
    registry = registry_of(ObserverSpec("board", build), ObserverSpec("other", build))
    assert create_observer("board,prefix=x", registry=registry).prefix == "x"
    assert create_observer("board.other", registry=registry).prefix == "run"


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("bord", UnknownNameError),
        ("board.bord", UnknownNameError),
        ("board,prefx=x", UnknownNameError),
        ("", InputError),
    ],
)
def test_wrong_names_are_told(name, error):
    with pytest.raises(error):
        create_observer(name, registry=registry_of(ObserverSpec("board", build)))


def test_what_is_no_observer():
    with pytest.raises(PluginError, match="must build an object with one of the methods match_started"):
        create_observer("board", registry=registry_of(ObserverSpec("board", lambda: 3)))


def test_object_is_taken_as_it_is():
    recorder = Recorder()
    assert create_observer(recorder) is recorder


def test_any_other_object_is_told():
    with pytest.raises(
        InputError, match="3 is no observer; give a name, or an object with one of the methods match_st"
    ):
        create_observer(3)

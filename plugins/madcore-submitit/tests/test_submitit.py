import importlib.metadata
import os
import signal
import threading
from pathlib import Path

import pytest
from madcore_submitit.engine import share_out
from madcore_submitit.journal import Journal, Reader
from madcore_submitit.shard import Shard

from madcore import InputError, PluginError, create_engine
from madcore.engine import Batch, Failed, Finished, Lost, Started, WorkerEvent
from madcore.testing import Act, EngineContract, MakeRehearsal


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


class TestSubmitit(EngineContract):
    name = "submitit,cluster=local,shards=2,workers=1"
    patience = 15.0


def batch(*names):
    return Batch("+".join(names), tuple(map(Act, names)))


def test_shares_are_about_equal_and_keep_the_order():
    batches = [batch(*(f"{number}{letter}" for letter in "abc"[: 1 + number % 3])) for number in range(20)]
    for shards in (1, 3, 7, 50):
        shares = list(share_out(batches, shards))
        assert [each for share in shares for each in share] == batches
        assert len(shares) == min(shards, 20)
        assert max(sum(len(each.items) for each in share) for share in shares) <= 39 / shards + 3


def test_nothing_is_no_share():
    assert list(share_out([], 3)) == []


@pytest.mark.parametrize(
    "event",
    [
        Started(("a", "b"), "w"),
        Finished("a", None, "w"),
        Failed("b", "ValueError", "no", "text\nof lines", "non-finite", "w"),
        Lost("c", "timeout", 1, "slow", "w"),
        WorkerEvent("w", "cuda:0", "ready"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_events_survive_the_journal(event):
    journal = Journal(Path("journal"))
    journal.write(event)
    assert journal.read()[0] == [event]


def test_reader_waits_for_whole_lines():
    journal = Journal(Path("journal"))
    reader = Reader(journal)
    assert list(reader.news()) == []
    journal.write(Finished("a"))
    with journal.path.open("a") as file:
        file.write('{"event": "Fini')
    assert [event.id for event in reader.news()] == ["a"]
    with journal.path.open("a") as file:
        file.write('shed", "id": "b"}\n')
    assert [event.id for event in reader.news()] == ["b"]


def test_a_shard_that_is_sent_again_goes_on(tmp_path):
    shard = Shard("shard-0", (batch("a", "b"), batch("c")), MakeRehearsal("."), str(tmp_path), {"workers": 1})
    shard.journal.write(Finished("a"))
    assert shard.checkpoint().function is shard
    assert shard() == ""
    assert [name for name, _ in MakeRehearsal(".").played()] == ["b", "c"]
    assert sorted(path.name for path in tmp_path.glob("*.shard-0")) == ["b.shard-0", "c.shard-0"]


def test_a_job_that_dies_is_sent_again():
    make, events = MakeRehearsal("."), []

    def kill_the_job_once(event):
        events.append(event)
        if isinstance(event, Started) and len(make.played()) == 2:
            worker = make.played()[-1][1]
            job = int(Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[1])
            os.kill(job, signal.SIGKILL)

    batches = [batch("first"), Batch("slow", (Act("slow", "sleep", 3), Act("last")))]
    engine = create_engine("submitit,cluster=local,workers=1")
    engine.run(batches, make, kill_the_job_once, threading.Event())
    assert sorted(event.id for event in events if isinstance(event, Finished)) == ["first", "last", "slow"]
    assert [name for name, _ in make.played()] == ["first", "slow", "slow", "last"]


def test_where_there_is_no_slurm(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(PluginError, match="engine submitit cannot send jobs"):
        create_engine("submitit").run([batch("a")], MakeRehearsal("."), print, threading.Event())


@pytest.mark.parametrize("option", ["shards=0", "hours=0", "cpus=0", "gpus=-1", "workers=0", "threads=0"])
def test_numbers_that_are_too_small(option):
    with pytest.raises(InputError, match="of engine submitit must be"):
        create_engine(f"submitit,{option}")


def test_changelog_has_the_version():
    version = importlib.metadata.version("madcore-submitit")
    assert f"## {version}\n" in Path(__file__).parents[1].joinpath("CHANGELOG.md").read_text()

"""A store whatever ends its writers: kill -9, a full disk, a second driver, a crash while packing."""

import errno
import fcntl
import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
import zipfile
from pathlib import Path

import pytest
from records import made_files, made_record

from madcore.errors import InputError
from madcore.store import Store, damaged_files

ROUNDS = 30
WRITER = """
import sys
from records import made_files, made_record
from madcore.store import Store
store = Store(sys.argv[1])
with store.lock(sys.argv[2]):
    print("ready", flush=True)
    for number in map(int, sys.argv[3:]):
        record = made_record(number)
        if store.put(record, made_files(number), writer=sys.argv[2], durability="fast"):
            print(number, flush=True)
"""


@pytest.fixture
def store(tmp_path):
    return Store.create(tmp_path / "store")


def test_a_lock_that_cannot_be_written_is_one_line(store):
    (store.path / "lock" / "driver").mkdir(parents=True)
    words = r"store cannot be written \(Is a directory\); write into a copy of it"
    with pytest.raises(InputError, match=words), store.lock("driver"):
        pass


def start(program, *arguments):
    command = [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def is_whole(store, number):
    record = store.record(made_record(number)["id"])
    assert record["images"] == made_record(number)["images"]
    return not damaged_files(store.path / "matches" / record["id"][:2] / record["id"], record)


def kill_at_random(store, chance, first):
    """Let two writers race over overlapping matches and kill both; return what each said it had committed."""
    numbers = list(range(first, first + 400))
    writers = [start(WRITER, store.path, name, *chance.sample(numbers, 300)) for name in ("one", "two")]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    time.sleep(chance.uniform(0.0, 0.05))
    for writer in writers:
        writer.send_signal(signal.SIGKILL)
    return [[int(line) for line in writer.communicate()[0].splitlines()] for writer in writers]


def test_killed_writers_lose_nothing_and_leave_nothing_half_written(store):
    chance, acknowledged = random.Random(0), []
    for turn in range(ROUNDS):
        for said in kill_at_random(store, chance, first=100 * turn):
            acknowledged += said
    assert len(acknowledged) == len(set(acknowledged)) > ROUNDS  # each committed by one writer only
    stored = {record["key"]["seed"] for record in store.records()}
    assert set(acknowledged) <= stored
    assert len(stored - set(acknowledged)) <= 2 * ROUNDS  # killed between the commit and the word of it
    assert all(is_whole(store, number) for number in stored)
    assert store.damaged() == {}
    assert {row["seed"] for row in store.query()} == stored


def test_what_the_dead_left_is_swept_by_their_successor(store):
    for writer in ("driver", "other"):
        (store.path / "tmp" / writer / "half").mkdir(parents=True)
    with store.lock():
        assert os.listdir(store.path / "tmp" / "driver") == []
    assert os.listdir(store.path / "tmp" / "other") == ["half"]


def test_a_second_driver_is_told_who_is_the_first(store):
    with start(WRITER, store.path, "driver", *range(10**4)) as first:
        first.stdout.readline()
        with pytest.raises(InputError, match=rf"written by process {first.pid} on \S+, since .*; wait"), store.lock():
            pass
        assert list(store.writers()) == ["driver"]
        with store.lock("other"):  # another writer may
            pass
        first.kill()
        first.communicate()
    assert store.writers() == {}
    with store.lock():  # the kernel has let go of it
        pass


def test_a_driver_waits_for_whoever_is_looking_at_the_lock(store, monkeypatch):
    with store.lock():
        pass
    with (store.path / "lock" / "driver").open() as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        monkeypatch.setattr(time, "sleep", lambda _: fcntl.flock(looking, fcntl.LOCK_UN))
        with store.lock():
            assert list(store.writers()) == ["driver"]
        assert store.writers() == {}


def full_disk(monkeypatch, after):
    """Let the disk be full after so many files; return how to make room."""
    written, real = [], os.fsync

    def fsync(descriptor):
        written.append(descriptor)
        if len(written) > after:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return monkeypatch.undo


def put_all(store, numbers):
    for number in numbers:
        store.put(made_record(number), made_files(number))


@pytest.mark.parametrize("after", range(9))
def test_a_full_disk_is_said_and_harms_nothing(store, monkeypatch, after):
    store.put(made_record(1), made_files(1))
    make_room = full_disk(monkeypatch, after)
    with pytest.raises(InputError, match=r"No space left on device\); what was finished is kept"):
        put_all(store, range(2, 5))
    make_room()
    assert os.listdir(store.path / "tmp" / "driver") == []
    assert all(is_whole(store, record["key"]["seed"]) for record in store.records())
    assert 1 in {record["key"]["seed"] for record in store.records()}
    put_all(store, range(2, 5))
    assert len(store.ids()) == 4


def test_a_limit_of_the_system_on_a_file_is_said_too(store):
    program = """
        import resource, signal, sys
        from records import made_record
        from madcore.errors import InputError
        from madcore.store import Store
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            Store(sys.argv[1]).put(made_record(1), {"exact.safetensors": bytes(200_000)})
        except InputError as error:
            print(error)
    """
    with start(program, store.path) as writer:
        assert "File too large" in writer.communicate()[0]
    assert store.ids() == set()
    assert os.listdir(store.path / "tmp" / "driver") == []


def fill(store, count):
    for number in range(count):
        record = made_record(number)
        store.put(record, made_files(number), durability="fast")
        store.put_scores(record["id"], {"number": number})


def everything(store):
    return {
        match: (store.record(match), store.read(match, "b_min.png"), store.scores(match))
        for match in sorted(store.ids())
    }


def test_a_packed_store_reads_as_before(store):
    fill(store, 20)
    before, rows = everything(store), store.query()
    assert sum(store.pack()) == 20
    assert not list((store.path / "matches").glob("*/*"))
    assert everything(store) == before == everything(Store(store.path))
    assert Store(store.path).query() == rows
    (store.path / "index.sqlite").unlink()
    assert Store(store.path).query() == rows


def test_a_packed_store_can_be_written_and_packed_again(store):
    fill(store, 5)
    list(store.pack())
    assert not store.put(made_record(3), {})
    fill(store, 10)
    match = made_record(3)["id"]
    store.put_scores(match, {"number": "new"})
    before = everything(store)
    assert sum(store.pack()) == 5
    assert everything(store) == before
    assert store.scores(match) == {"number": "new"}


def test_a_pack_is_an_ordinary_zip(store):
    fill(store, 1)
    match = made_record(0)["id"]
    list(store.pack())
    with zipfile.ZipFile(store.path / "packs" / f"{match[:2]}.zip") as pack:
        assert json.loads(pack.read(f"{match}/match.json"))["id"] == match
        assert pack.read(f"{match}/a_max.png") == made_files(0)["a_max.png"]


def test_nothing_is_packed_while_somebody_writes(store):
    fill(store, 1)
    with store.lock("shard-2-of-4"), pytest.raises(InputError, match="is being written by process"):
        list(store.pack())


@pytest.mark.parametrize("moment", range(8))
def test_a_crash_while_packing_loses_nothing(store, monkeypatch, moment):
    fill(store, 6)
    list(store.pack())
    fill(store, 12)
    before, calls = everything(store), []
    for owner, name in ((Path, "rename"), (Path, "replace"), (Path, "unlink"), (zipfile.ZipFile, "testzip")):
        real = getattr(owner, name)

        def crash(*arguments, real=real):
            calls.append(real)
            if len(calls) == 3 * moment + 1:
                raise KeyboardInterrupt
            return real(*arguments)

        monkeypatch.setattr(owner, name, crash)
    with pytest.raises(KeyboardInterrupt):
        list(store.pack())
    monkeypatch.undo()
    assert everything(Store(store.path)) == before
    list(store.pack())
    assert everything(Store(store.path)) == before
    assert not list((store.path / "matches").glob("*/*"))


def test_a_damaged_pack_is_named(store):
    fill(store, 1)
    list(store.pack())
    (pack,) = (store.path / "packs").iterdir()
    pack.write_bytes(pack.read_bytes()[:-30])
    with pytest.raises(InputError, match=rf"{pack.name} is damaged"):
        Store(store.path).ids()

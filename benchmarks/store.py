"""How fast a store takes records and answers, with made-up matches of 24 KB of pictures.

Run: ``python benchmarks/store.py [RECORDS] [SYNCED]``; 100,000 records and 500 synced ones by default, in a temporary
folder (``TMPDIR``).  Floors are what the operating system and JSON take alone on the same machine, in the same minute.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from records import made_record

from madcore.store import Store

PICTURES = {f"{name}.png": bytes(6000) for name in ("a_min", "a_max", "b_min", "b_max")}


def timed(action):
    begun = time.perf_counter()
    result = action()
    return time.perf_counter() - begun, result


def fill(store, numbers, durability, files):
    for number in numbers:
        store.put(made_record(number), files, durability=durability)


def floor_of_writing(folder, count):
    """Write and sync as many files and folders, with nothing around it."""
    for number in range(count):
        match = folder / f"{number}"
        match.mkdir()
        for name, content in {**PICTURES, "match.json": json.dumps(made_record(number), indent=1).encode()}.items():
            with (match / name).open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
        for synced in (match, folder):
            descriptor = os.open(synced, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)


def floor_of_listing(store):
    """Walk through the folders, with nothing around it."""
    return sum(len(os.listdir(shard)) for shard in os.scandir(store.path / "matches"))


def status(store):
    """Run the command as a user does; return seconds and the most memory that it took, in MB."""
    command = [sys.executable, "-m", "madcore", "status", str(store.path)]
    seconds, _ = timed(lambda: subprocess.run(command, check=True, capture_output=True))
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def measure(store, count):
    seconds, ids = timed(store.ids)
    floor, listed = timed(lambda: floor_of_listing(store))
    assert len(ids) == listed == count
    print(f"{count:7} records: listed in {seconds:.3f} s, {seconds / floor:.1f} times the folders alone", flush=True)
    index, _ = timed(lambda: store.query("0"))
    again, _ = timed(lambda: store.query("held_error > 1e-3 and minmax = 'max'"))
    command, memory = status(store)
    print(f"{count:7} records: index made or mended in {index:.1f} s; a query {again:.2f} s", flush=True)
    print(f"{count:7} records: `madcore status` {command:.2f} s (aim: under 2 s), {memory:.0f} MB", flush=True)


def main(records=100_000, synced=500):
    with tempfile.TemporaryDirectory() as folder:
        store = Store.create(Path(folder) / "synced")
        (Path(folder) / "floor").mkdir()
        floor, _ = timed(lambda: floor_of_writing(Path(folder) / "floor", synced))
        seconds, _ = timed(lambda: fill(store, range(synced), "full", PICTURES))
        rate = f"{synced / seconds:.0f} a second ({1000 * seconds / synced:.1f} ms each)"
        print(f"written with fsync: {rate}, {seconds / floor:.1f} times the files alone", flush=True)
        store, done = Store.create(Path(folder) / "large"), 0
        for count in sorted({records // 10, records}):
            seconds, _ = timed(
                lambda count=count, done=done: fill(store, range(done, count), "fast", {"a_min.png": b""})
            )
            print(f"{count:7} records: {(count - done) / seconds:.0f} a second without fsync", flush=True)
            done = count
            measure(store, count)
        seconds, packed = timed(lambda: sum(store.pack()))
        print(f"{packed:7} records: packed in {seconds:.0f} s", flush=True)
        seconds, ids = timed(lambda: Store(store.path).ids())
        assert len(ids) == records
        print(f"{records:7} records: listed in {seconds:.2f} s when packed; status {status(store)[0]:.2f} s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

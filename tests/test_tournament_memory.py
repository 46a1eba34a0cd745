"""Batches are as large as fit into memory, which is measured before they are played."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from madcore.room import Appetite
from madcore.tournament import gauges
from madcore.tournament.gauges import GpuMemory, ProcessMemory, gauge_of
from madcore.tournament.memory import USABLE, Portions

MEGABYTE = 2**20
HERE = gauge_of(torch.device("cpu"))
amounts = st.integers(0, 10**6)
counts = st.integers(1, 200)
told_by_linux = pytest.mark.skipif(HERE is None, reason="this system does not tell what a process holds")


@given(each=amounts, shared=amounts, count=counts, free=st.integers(-10, 10**8))
def test_what_fits_is_as_much_as_can_be(each, shared, count, free):
    fits = Appetite(each, shared).fit(count, free)
    assert 0 <= fits <= count
    assert fits == 0 or shared + fits * each <= free
    assert fits == count or shared + (fits + 1) * each > free


@given(each=amounts, shared=amounts)
def test_one_and_two_tell_all(each, shared):
    assert Appetite.of(shared + each, shared + 2 * each) == Appetite(each, shared)


@given(one=amounts, two=amounts, count=counts, free=amounts)
def test_whatever_was_measured_two_fit_where_two_did(one, two, count, free):
    assume(count >= 2 and free >= max(one, two))
    assert Appetite.of(one, two).fit(count, free) >= 1


class Imagined:
    """A device whose memory is filled by the number that a trial is of."""

    def __init__(self, free, each, shared=0):
        self.room, self.each, self.shared = free, each, shared
        self.trials = []

    def held(self):
        return 7

    def free(self):
        return self.room

    def highest(self, run):
        run()
        return 7 + self.shared + self.trials[-1] * self.each


@given(each=st.integers(1, 100), shared=amounts, count=counts, free=amounts)
def test_portions_fit_and_are_small_only_where_they_must(each, shared, count, free):
    device = Imagined(free, each, shared)
    fits = Portions(device).fit("kind", count, device.trials.append)
    usable = USABLE * free
    assert fits == 1 or shared + fits * each <= usable
    if 2 * (shared + each) <= usable:
        assert fits == count or shared + (fits + 1) * each > usable


def test_one_trial_is_enough_where_there_is_plenty():
    device = Imagined(free=1000, each=10, shared=10)
    portions = Portions(device)
    assert [portions.fit("kind", 8, device.trials.append) for _ in range(3)] == [8, 8, 8]
    assert device.trials == [1]


def test_nothing_is_tried_for_one():
    device = Imagined(free=1000, each=10)
    assert Portions(device).fit("kind", 1, device.trials.append) == 1
    assert device.trials == []


def test_two_are_tried_only_where_they_fit():
    device = Imagined(free=1000, each=300)
    assert Portions(device).fit("kind", 8, device.trials.append) == 1
    assert max(device.trials) == 1


def test_what_is_free_now_counts():
    device = Imagined(free=1000, each=10)
    portions = Portions(device)
    fits = partial(portions.fit, "kind", 8, device.trials.append)
    assert fits() == 8
    device.room = 100
    assert fits() == 5
    assert portions.halve("kind", 5) == 3
    assert fits() == 3


@pytest.mark.parametrize(("error", "later"), [(MemoryError(), 1), (ValueError("no such thing"), 5)])
def test_a_trial_that_fails(error, later):
    def attempt(count):
        raise error

    device = Imagined(free=1000, each=100)
    portions = Portions(device)
    assert portions.fit("kind", 8, attempt) == 1
    assert portions.fit("kind", 8, device.trials.append) == later


@told_by_linux
def test_the_process_is_seen_to_grow():
    before = HERE.held()
    grown = HERE.highest(lambda: torch.ones(64 * MEGABYTE, dtype=torch.uint8)) - before
    assert 62 * MEGABYTE < grown < 96 * MEGABYTE
    assert HERE.held() < before + 32 * MEGABYTE


PLAYED_IN_230_MB = f"""
import sys
from pathlib import Path

sys.path.insert(0, {str(Path(__file__).parent)!r})
from tournaments import play, small_plan

from madcore.store import Store
from madcore.tournament.gauges import ProcessMemory
from madcore.tournament.memory import USABLE

ProcessMemory.free = lambda _: int({230 * MEGABYTE} / USABLE)
play(small_plan(("./mine.py:hungry", "mae"), seeds=tuple(range(4)), max_iter=1), Path("store"))
print(sorted(record["made"]["batch"] for record in Store(Path("store")).records()))
"""


@told_by_linux
def test_batches_are_as_large_as_fit(tmp_path):
    hungry = "def hungry(image, mad_image):\n"
    hungry += f"    image.new_ones(len(image), {8 * MEGABYTE})\n"  # 32 MB in float32, 64 MB in float64
    hungry += "    return (image - mad_image).square().mean((1, 2, 3))\n"
    (tmp_path / "mine.py").write_text(hungry)
    # in a process of its own: where much has been given back to the system, any work takes some of it again
    command = [sys.executable, "-c", PLAYED_IN_230_MB]
    played = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert played == "[1, 3, 3, 3]\n"


@pytest.mark.parametrize(
    ("line", "folder", "limit", "usage"),
    [
        ("0::/job/step", "job", "memory.max", "memory.current"),
        ("4:cpu,memory:/job/step", "memory/job/step", "memory.limit_in_bytes", "memory.usage_in_bytes"),
        ("0::/unknown/here", "", "memory.max", "memory.current"),
    ],
)
def test_limits_of_control_groups_count(tmp_path, monkeypatch, line, folder, limit, usage):
    (tmp_path / "groups" / folder).mkdir(parents=True)
    (tmp_path / "groups" / folder / limit).write_text("1000\n")
    (tmp_path / "groups" / folder / usage).write_text("700\n")
    (tmp_path / "groups" / folder / "memory.stat").write_text("anon 500\ninactive_file 200\n")
    (tmp_path / "cgroup").write_text(f"3:cpuset:/\n{line}\n")
    monkeypatch.setattr(gauges, "GROUPS", tmp_path / "groups")
    monkeypatch.setattr(gauges, "PROCESS", tmp_path)
    monkeypatch.setattr(gauges, "cores", torch.get_num_threads)
    assert ProcessMemory().free() == 500


@told_by_linux
def test_a_worker_takes_of_the_memory_what_it_has_of_the_cores(monkeypatch):
    monkeypatch.setattr(gauges, "cores", lambda: torch.get_num_threads())
    whole = ProcessMemory().free()
    monkeypatch.setattr(gauges, "cores", lambda: 4 * torch.get_num_threads())
    assert ProcessMemory().free() == pytest.approx(whole / 4, rel=0.2)


@pytest.mark.gpu
def test_a_gpu_is_seen_to_fill():
    gauge = gauge_of(torch.device("cuda"))
    assert isinstance(gauge, GpuMemory)
    before, free = gauge.held(), gauge.free()

    def attempt(count):
        torch.ones(count * 64 * MEGABYTE, dtype=torch.uint8, device="cuda")

    assert gauge.highest(partial(attempt, 2)) - before == 128 * MEGABYTE
    assert gauge.held() == before
    most = int(USABLE * free) // (64 * MEGABYTE)
    assert most - 2 <= Portions(gauge).fit("kind", 10**6, attempt) <= most + 2

"""Tournaments that cannot begin: what is wrong is said before anything is written, and what was there stays."""

import pytest
from tournaments import play, small_plan

from madcore.errors import InputError, MadcoreError, PluginError
from madcore.store import Store

BROKEN = "def make(*, size: int = 1):\n    raise RuntimeError('no weights')\n"


@pytest.fixture
def broken(tmp_path):
    """The name of a metric that cannot be built."""
    (tmp_path / "broken.py").write_text(BROKEN)
    return f"{tmp_path / 'broken.py'}:make"


@pytest.fixture
def empty(tmp_path):
    """A file that is no picture."""
    (tmp_path / "empty.png").touch()
    return str(tmp_path / "empty.png")


def refuse(store, plan=None, error=MadcoreError, **options):
    with pytest.raises(error):
        play(small_plan() if plan is None else plan, store, **options)


def test_a_metric_that_cannot_be_built_leaves_no_folder(tmp_path, broken):
    refuse(tmp_path / "new" / "store", small_plan(("mse", broken)), PluginError)
    assert not (tmp_path / "new").exists()


def test_a_judge_that_cannot_be_built_leaves_no_folder(tmp_path, broken):
    refuse(tmp_path / "new" / "store", small_plan(judges=(broken,)), PluginError)
    assert not (tmp_path / "new").exists()


def test_a_picture_that_cannot_be_read_leaves_no_folder(tmp_path, empty):
    refuse(tmp_path / "new" / "store", small_plan(pictures=(empty,)), InputError)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "options",
    [{"engine": "lokal"}, {"engine": "local", "workers": 2}, {"engine": "local", "device": "tpu"}, {"shard": (4, 3)}],
    ids=lambda options: " ".join(options),
)
def test_options_that_cannot_be_leave_no_folder(tmp_path, options):
    refuse(tmp_path / "new" / "store", **options)
    assert not (tmp_path / "new").exists()


def test_a_folder_that_was_there_stays_as_it_was(tmp_path, broken):
    (tmp_path / "store").mkdir()
    refuse(tmp_path / "store", small_plan(("mse", broken)))
    assert list((tmp_path / "store").iterdir()) == []


def test_a_store_that_was_there_keeps_all_that_it_has(tmp_path, broken):
    play(small_plan(), tmp_path / "store")
    before = {path: path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file()}
    refuse(tmp_path / "store", small_plan(("mse", broken)))
    assert {path: path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file()} == before


def test_a_second_driver_is_refused_before_it_reads_a_picture(tmp_path, empty):
    store = Store.create(tmp_path / "store")
    with store.lock(), pytest.raises(InputError, match="is being written by process"):
        play(small_plan(pictures=(empty,)), store.path)


@pytest.mark.parametrize("inside", ["", "notes.txt", "notes.txt/store"])
def test_a_place_for_no_store_is_refused_before_a_picture_is_read(tmp_path, empty, inside):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    with pytest.raises(InputError, match="choose another folder"):
        play(small_plan(pictures=(empty,)), tmp_path / "mine" / inside)


@pytest.mark.parametrize("name", ["n" * 300, "n" * 300 + "/store"], ids=["itself", "above"])
def test_a_name_that_is_too_long_is_said_in_one_line(tmp_path, name):
    with pytest.raises(InputError, match=r"cannot be written .File name too long.; choose another folder"):
        play(small_plan(), tmp_path / name)

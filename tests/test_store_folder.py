"""A store: what is put is read, whoever comes first wins, and nothing else passes for a store."""

import json
import os
import shutil

import pandas
import pytest
from records import made_files, made_record

from madcore.errors import InputError
from madcore.store import SingleMatch, Store, open_results, write_match


@pytest.fixture
def store(tmp_path):
    return Store.create(tmp_path / "store")


def put(store, *numbers, **keywords):
    records = [made_record(number) for number in numbers]
    for number, record in zip(numbers, records, strict=True):
        assert store.put(record, made_files(number), durability="fast", **keywords)
    return [record["id"] for record in records]


def test_what_is_put_is_read(store):
    (match,) = put(store, 3)
    assert store.ids() == {match}
    assert match in store
    assert store.record(match)["images"] == made_record(3)["images"]
    assert store.read(match, "a_min.png") == made_files(3)["a_min.png"]
    assert store.record(match)["files"]["a_min.png"]["bytes"] == len(made_files(3)["a_min.png"])
    assert [record["id"] for record in store.records()] == [match]


def test_the_first_commit_wins(store):
    (match,) = put(store, 1)
    assert not store.put(made_record(1), {"a_min.png": b"other"})
    assert store.read(match, "a_min.png") == made_files(1)["a_min.png"]
    assert os.listdir(store.path / "tmp" / "driver") == []


def test_a_store_explains_itself(store):
    text = (store.path / "README.txt").read_text()
    put(store, 1)
    assert all(name in text for name in set(os.listdir(store.path)) - {"README.txt"})
    assert json.loads((store.path / "STORE.json").read_text()) == {"format": "madcore-store", "version": 1}


def test_it_can_be_moved(store, tmp_path):
    (match,) = put(store, 1)
    rows = store.query()
    shutil.move(store.path, tmp_path / "elsewhere")
    moved = Store(tmp_path / "elsewhere")
    assert moved.query() == rows
    assert moved.read(match, "b_max.png") == made_files(1)["b_max.png"]


def test_another_version_is_refused(store):
    (store.path / "STORE.json").write_text('{"format": "madcore-store", "version": 2}')
    for open_it in (Store, Store.create, open_results):
        with pytest.raises(InputError, match=r"version 2 of the store format; this madcore reads 1"):
            open_it(store.path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "zarr"}'])
def test_a_damaged_mark_is_refused(store, text):
    (store.path / "STORE.json").write_text(text)
    with pytest.raises(InputError, match=r"STORE\.json is damaged"):
        Store(store.path)


def test_folders_that_are_no_stores(tmp_path):
    with pytest.raises(InputError, match="is no store"):
        Store(tmp_path)
    with pytest.raises(InputError, match="neither a store"):
        open_results(tmp_path)
    (tmp_path / "holiday.png").touch()
    with pytest.raises(InputError, match=r"holds other files \(holiday\.png\)"):
        Store.create(tmp_path)
    with pytest.raises(InputError, match="choose another folder"):
        Store.create(tmp_path / "holiday.png" / "store")


def test_creating_goes_on_where_it_was_killed(tmp_path):
    for name in ("README.txt", ".STORE.json.host.1.2"):
        (tmp_path / name).touch()
    assert Store.create(tmp_path).ids() == set()
    assert Store.create(tmp_path).ids() == set()


def test_identities_are_no_paths(store):
    (match,) = put(store, 1)
    for bad in ("../../etc", "", "g" * 32, match[:31]):
        assert bad not in store
        with pytest.raises(InputError, match="is no identity of a match"):
            store.record(bad)
    for bad in ("../match.json", "/etc/passwd"):
        with pytest.raises(InputError, match="plain file name"):
            store.read(match, bad)
    with pytest.raises(InputError, match="is no hash"):
        store.reference("sha256:../../secret")


def test_what_is_not_there(store):
    (match,) = put(store, 1)
    with pytest.raises(InputError, match=r"has no file c_max\.png"):
        store.read(match, "c_max.png")
    with pytest.raises(InputError, match="there is no match"):
        store.record("0" * 32)
    assert store.scores(match) is store.reference("sha256:00") is store.curve({}, "sha256:00") is None


def test_a_record_under_a_wrong_identity_is_not_stored(store):
    with pytest.raises(InputError, match="not that of its key"):
        store.put({**made_record(), "id": "0" * 32}, {})
    assert store.ids() == set()


def test_scores_curves_and_references(store):
    (match,) = put(store, 1)
    for scores in ({"schema": 1, "judges": {}}, {"schema": 1, "judges": {"mse": {}}}):
        store.put_scores(match, scores)
        assert store.scores(match) == scores
    curve = {"identity": {"metric": "mse"}, "image": "sha256:ab", "values": [1.0]}
    store.put_curve(curve)
    assert list(store.curves()) == [curve] == [store.curve({"metric": "mse"}, "sha256:ab")]
    store.put_reference("sha256:ab", {"png": b"picture", "safetensors": b"floats"})
    store.put_reference("sha256:ab", {"png": b"again"})
    assert (store.reference("ab"), store.reference("sha256:ab", "safetensors")) == (b"picture", b"floats")


def test_failures_count_and_end_when_the_match_is_finished(store):
    record = made_record(1)
    failure = {"id": record["id"], "reason": "timeout", "message": "too long"}
    store.fail(failure)
    store.fail(failure)
    assert [(each["id"], each["attempts"]) for each in store.failures()] == [(record["id"], 2)]
    put(store, 1)
    assert store.failures() == []
    store.fail({"id": made_record(2)["id"]})
    store.clear_failures()
    assert store.failures() == []


def test_plans_and_what_they_want(store):
    store.add_plan("first", ["1" * 32])
    path = store.add_plan("second", ["2" * 32, "3" * 32])
    assert (store.plans(), store.planned()) == (["first", "second"], {"2" * 32, "3" * 32})
    assert (path.read_text(), len(path.stem)) == ("second", 12)


def test_damaged_records_do_not_hide_the_others(store):
    matches = put(store, 1, 2, 3)
    (store.path / "matches" / matches[1][:2] / matches[1] / "match.json").write_text("{")
    assert {record["id"] for record in store.records()} == {matches[0], matches[2]}
    assert list(store.damaged()) == [matches[1]]
    assert len(store.query()) == 8


def test_a_record_that_makes_no_sense_is_damaged(store):
    record = made_record(1)
    record["images"]["a_max"] = 1
    store.put(record, {})
    assert "makes no sense" in store.damaged()[record["id"]]


def test_a_data_frame(store):
    put(store, 1, 2)
    frame = store.to_pandas("minmax = 'max'")
    assert isinstance(frame, pandas.DataFrame)
    assert (len(frame), set(frame["optimized"])) == (4, {"ssim", "mse"})


def test_without_pandas(store, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(InputError, match="pip install pandas"):
        store.to_pandas()


def test_the_folder_of_one_match_reads_as_a_store_does(tmp_path):
    record = write_match(tmp_path, made_record(1), {**made_files(1), "reference.png": b"picture"})
    results = open_results(tmp_path)
    assert isinstance(results, SingleMatch)
    assert list(results.records()) == [record] == [results.record(record["id"])]
    assert results.read(record["id"], "a_max.png") == made_files(1)["a_max.png"]
    assert results.reference(record["key"]["image"]) == b"picture"
    assert results.reference("sha256:ff") is None
    assert [row["image"] for row in results.query("minmax = 'min'")] == ["a_min", "b_min"]
    assert (results.failures(), list(results.curves()), results.scores(record["id"])) == ([], [], None)

"""Queries: an index that is mended by itself, and conditions that can do nothing but choose."""

import json

import pytest
from records import made_files, made_record

from madcore.errors import InputError
from madcore.store import SingleMatch, Store, write_match
from madcore.store.rows import COLUMNS, image_rows


@pytest.fixture
def store(tmp_path):
    store = Store.create(tmp_path / "store")
    for number in range(3):
        assert store.put(made_record(number), made_files(number), durability="fast")
    return store


def test_a_row_of_each_image(store):
    rows = store.query("seed = 1 and image = 'b_max'")
    assert len(rows) == 1
    assert list(rows[0]) == list(COLUMNS)
    expected = {"optimized": "mse", "held": "ssim", "minmax": "max", "optimized_value": 0.02, "held_value": 0.25}
    expected |= {"level": 0.25, "level_kind": "noise", "level_value": "0.1", "start_value": 0.01, "held_error": 2e-9}
    expected |= {"height": 64, "width": 48, "channels": 3, "stopped": "converged", "png_held_error": 2e-5}
    assert expected.items() <= rows[0].items()


def test_rows_are_those_of_the_records(store):
    rows = [row for record in store.records() for row in image_rows(record)]
    assert store.query() == sorted(rows, key=lambda row: (row["id"], row["image"]))


def test_values_that_are_not_finite_or_not_single():
    record = made_record(level={"kind": "values", "value": {"a": "0.25", "b": "0.01"}})
    record["images"]["a_max"]["exact"]["a"] = None
    rows = {row["image"]: row for row in image_rows(record)}
    assert rows["a_max"]["optimized_value"] is None
    assert (rows["a_max"]["level_value"], rows["b_max"]["level_value"]) == ("0.01", "0.25")


def test_several_held_metrics(tmp_path):
    record = made_record(names=("ssim", "mse"))
    record["made"]["names"]["c"] = "mae"
    record["images"] = {"a_max": record["images"]["a_max"]}
    write_match(tmp_path, record, {})
    (row,) = SingleMatch(tmp_path).query()
    assert (row["held"], row["level"], row["held_value"]) == ("mse + mae", None, None)


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ("held_error > 2.5e-9", 4),
        ("1", 12),
        ("0", 0),
        ("optimized = 'ssim' and minmax = 'max'", 3),
        ("id like '%'", 12),
    ],
)
def test_conditions(store, where, count):
    assert len(store.query(where)) == count


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("held_eror > 1", r"no such column: held_eror \(did you mean held_error\?\)"),
        ("quality > 1", "the columns are id, image"),
        ("held_error >", "syntax error"),
        ("", "syntax error"),
        ("1); DROP TABLE images; --", "is no condition"),
        ("1) UNION SELECT * FROM matches --", "is no condition"),
        ("id IN (SELECT id FROM matches)", "prohibited"),
        ("(SELECT count(*) FROM sqlite_master)", "not authorized"),
        ("load_extension('x')", "is no condition"),
        ("held_error > ?", "is no condition"),
    ],
)
def test_conditions_that_are_none(store, where, said):
    with pytest.raises(InputError, match=said) as caught:
        store.query(where)
    assert "\n" not in str(caught.value)
    assert len(store.query()) == 12


def test_new_matches_are_taken_in_and_lost_ones_forgotten(store):
    assert len(store.query()) == 12
    store.put(made_record(7), {}, durability="fast")
    gone = made_record(0)["id"]
    (store.path / "matches" / gone[:2] / gone).rename(store.path / "tmp" / "gone")
    assert {row["seed"] for row in store.query()} == {1, 2, 7}


def test_only_new_records_are_read(store, monkeypatch):
    store.query()
    read = []
    again = Store(store.path)
    monkeypatch.setattr(again, "record", lambda match: read.append(match) or store.record(match))
    again.put(made_record(8), {}, durability="fast")
    assert len(again.query()) == 16
    assert read == [made_record(8)["id"]]


@pytest.mark.parametrize("content", [None, b"", b"no database" * 1000, "cut"])
def test_the_index_may_be_deleted_or_damaged(store, content):
    rows, index = store.query(), store.path / "index.sqlite"
    store._index.close()
    whole = index.read_bytes()
    index.unlink()
    if content is not None:
        index.write_bytes(whole[: len(whole) // 2] if content == "cut" else content)
    assert Store(store.path).query() == rows


def test_an_index_of_another_version_is_made_anew(store):
    rows = store.query()
    connection = store._index._connect()
    connection.execute("PRAGMA user_version = 99")
    connection.execute("ALTER TABLE images RENAME TO pictures")
    store._index.close()
    assert Store(store.path).query() == rows


def test_where_no_index_can_be_written(store, monkeypatch):
    (store.path / "index.sqlite").mkdir()
    assert len(store.query()) == 12


def test_rows_come_one_by_one(store):
    rows = store.rows()
    assert next(rows)["image"] == "a_max"
    rows.close()
    assert json.dumps(store.query("seed = 2")[0])

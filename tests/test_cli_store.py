"""``madcore status``, ``matches``, ``pack``, ``export`` and ``verify`` on stores, played and made up."""

import csv
import io
import json
import re
import shutil

import pandas
import pytest
from records import made_files, made_record

from madcore.cli import run
from madcore.store import Store

PLAN = """
metrics = ["ssim", "mse"]
pictures = ["camera", "coffee"]
size = 32
judges = []
[solver]
max_iter = 8
[output]
keep = KEEP
"""


@pytest.fixture(scope="module", params=["png, exact", "png", "exact"])
def played(request, tmp_path_factory):
    """A store that a tournament has written; once for each choice of what is kept."""
    folder = tmp_path_factory.mktemp("played")
    keep = json.dumps(request.param.split(", "))
    (folder / "plan.toml").write_text(PLAN.replace("KEEP", keep))
    assert run(["tournament", str(folder / "plan.toml"), "-o", str(folder / "store")]) == 0
    return folder / "store"


@pytest.fixture
def made(tmp_path):
    """A store of three matches that nobody played."""
    store = Store.create(tmp_path / "store")
    for number in range(3):
        store.put(made_record(number), made_files(number), durability="fast")
    return store


@pytest.fixture
def says(capsys):
    """Run a command; return its exit code, output and errors."""

    def ran(*arguments):
        capsys.readouterr()
        code = run(list(map(str, arguments)))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return ran


def test_a_played_store_verifies_packed_or_not(played, says, tmp_path):
    store = shutil.copytree(played, tmp_path / "elsewhere")
    code, out, _ = says("verify", store)
    assert (code, out.splitlines()[-1]) == (0, "2 matches: all hold.")
    assert says("pack", store)[0] == 0
    assert says("verify", store)[:2] == (code, out)


def test_a_match_in_a_store_verifies_as_a_folder_does(played, says):
    folder = next((played / "matches").glob("*/*"))
    code, out, _ = says("verify", folder, "--json")
    assert code == 0
    assert {each["file"] for each in json.loads(out)["files"]} >= {"match.json"}
    (file, *_) = sorted(path.name for path in folder.iterdir() if path.name != "match.json")
    assert says("verify", folder / file)[0] == 0


def test_a_tampered_match_is_found(played, says, tmp_path):
    store = shutil.copytree(played, tmp_path / "store")
    file = sorted(path for path in store.glob("matches/*/*/*") if path.name != "match.json")[0]
    file.write_bytes(file.read_bytes()[:-20] + bytes(20))
    code, out, _ = says("verify", store, "--json")
    found = {
        match["id"]: [each for each in match["files"] if not each["holds"]] for match in json.loads(out)["matches"]
    }
    bad = [match for match, files in found.items() if files]
    assert (code, bad) == (1, [file.parent.name])
    assert any("is not the file that was written" in each["problems"] for each in found[bad[0]])


def test_a_match_without_its_reference_cannot_be_measured(played, says, tmp_path):
    store = shutil.copytree(played, tmp_path / "store")
    for path in (store / "references").iterdir():
        path.unlink()
    code, out, _ = says("verify", store)
    assert code == 1
    assert "cannot be measured without the reference image" in out


def test_a_damaged_reference_image_is_none(played, says, tmp_path):
    store = shutil.copytree(played, tmp_path / "store")
    for path in (store / "references").iterdir():
        path.write_bytes(b"damaged")
    assert "cannot be measured without the reference image" in says("verify", store)[1]


@pytest.mark.parametrize("change", [lambda record: "{", lambda record: re.sub("optimality|held_error", "x", record)])
def test_a_damaged_record_is_one_of_many(played, says, tmp_path, change):
    store = shutil.copytree(played, tmp_path / "store")
    path = next(store.glob("matches/*/*/match.json"))
    path.write_text(change(path.read_text()))
    code, out, _ = says("verify", store)
    assert (code, out.splitlines()[-1]) == (1, "2 matches: 1 does not hold.")


def test_a_sample(played, says):
    code, out, _ = says("verify", played, "--sample", "1")
    assert (code, out.splitlines()[-1]) == (0, "1 of 2 matches: all hold.")
    folder = next((played / "matches").glob("*/*"))
    assert "--sample is for stores" in says("verify", folder, "--sample", "1")[2]


def test_status(made, says):
    made.add_plan("plan", [*made.ids(), "0" * 32, "1" * 32])
    made.fail({"id": "0" * 32, "names": {"a": "ssim", "b": "mse"}, "picture": "camera", "reason": "timeout"})
    code, out, _ = says("status", made.path, "--json")
    found = json.loads(out)
    counts = {"finished": 3, "planned": 5, "planned_finished": 3, "failed": 1, "to_play": 1, "damaged": 0}
    assert code == 0
    assert counts.items() <= found.items()
    assert (found["reasons"], found["writers"], found["per_minute"]) == ({"timeout": 1}, {}, None)
    out = says("status", made.path)[1]
    assert "3 of 5 matches of the latest plan" in out
    assert "ssim against mse on camera: timeout" in out


def test_status_while_somebody_writes(made, says):
    made.add_plan("plan", [*made.ids(), "0" * 32])
    with made.lock():
        found = json.loads(says("status", made.path, "--json")[1])
    assert list(found["writers"]) == ["driver"]
    assert found["per_minute"] > 0
    assert found["seconds_left"] == pytest.approx(60 / found["per_minute"])


def test_status_of_an_empty_store(tmp_path, says):
    Store.create(tmp_path)
    code, out, _ = says("status", tmp_path)
    assert (code, "0 matches" in out) == (0, True)


def test_matches(made, says):
    code, out, _ = says("matches", made.path, "--where", "held_error > 2.5e-9")
    lines = out.splitlines()
    assert (code, len(lines), lines[0].split()[:2]) == (0, 6, ["ID", "IMAGE"])
    rows = json.loads(says("matches", made.path, "--where", "held_error > 2.5e-9", "--json")[1])
    assert rows == made.query("held_error > 2.5e-9")


def test_long_names_stand_once_above_matches_that_stay_on_a_line(tmp_path, says):
    store, names = Store.create(tmp_path), ("models.features,layers=features.3", "ssim")
    store.put(made_record(names=names), made_files(), durability="fast")
    lines = says("matches", tmp_path)[1].splitlines()
    assert lines[:2] == [f"m1: {names[0]}", ""]
    assert [line.split()[3:6] for line in lines[4:6]] == [["m1", "max", "ssim"], ["m1", "min", "ssim"]]
    assert max(map(len, lines)) <= 100


def test_no_matches_and_no_condition(made, says):
    assert says("matches", made.path, "--where", "seed > 99")[::2] == (
        0,
        f"madcore: no image in {made.path} with seed > 99\n",
    )
    assert json.loads(says("matches", made.path, "--where", "seed > 99", "--json")[1]) == []
    code, _, error = says("matches", made.path, "--where", "sed > 99")
    assert (code, "did you mean seed?" in error, error.count("\n")) == (2, True, 1)


def test_export_as_csv_and_json(made, says, tmp_path):
    rows = made.query()
    read = list(csv.DictReader(io.StringIO(says("export", made.path, "--to", "csv")[1])))
    assert [row["id"] for row in read] == [row["id"] for row in rows]
    assert float(read[0]["held_error"]) == rows[0]["held_error"]
    assert says("export", made.path, "--to", "json", "-o", tmp_path / "rows.json")[2].endswith("rows.json\n")
    assert json.loads((tmp_path / "rows.json").read_text()) == rows


def test_export_into_what_is_no_folder(made, says, tmp_path):
    (tmp_path / "file").touch()
    code, out, err = says("export", made.path, "--to", "csv", "-o", tmp_path / "file" / "x.csv")
    assert (code, out) == (2, "")
    assert err == f"madcore: error: {tmp_path}/file/x.csv cannot be written (Not a directory); choose another place\n"


def test_export_as_parquet(made, says, tmp_path):
    assert says("export", made.path, "--to", "parquet", "-o", tmp_path / "rows.parquet")[0] == 0
    frame = pandas.read_parquet(tmp_path / "rows.parquet")
    pandas.testing.assert_frame_equal(frame, made.to_pandas(), check_dtype=False)


def test_export_without_pyarrow(made, says, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    code, _, error = says("export", made.path, "--to", "parquet", "-o", tmp_path / "rows.parquet")
    assert (code, "pip install pyarrow" in error) == (2, True)
    assert not list(tmp_path.glob("*.parquet"))


def test_what_is_no_store(tmp_path, says):
    for command in ("status", "matches", "pack"):
        code, _, error = says(command, tmp_path / "none")
        assert (code, error.count("\n")) == (2, 1)

"""Records on disk: written whole or not at all, read back as they were, and refused if they are not what they say."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from madcore.errors import InputError
from madcore.store import canonical, check_folder, clear_folder, damaged_files, match_id, read_match, write_match

SSIM = {"metric": "ssim", "options": {"window": "gaussian"}, "revision": 1}
MSE = {"metric": "mse", "options": {}, "revision": 1}


def make_key(a=SSIM, b=MSE, **changes):
    level = {"kind": "noise", "value": "0.1"}
    return {"schema": 1, "a": a, "b": b, "image": "sha256:0", "size": [4, 4, 1], "level": level, "seed": 0} | changes


def make_record(key=None):
    key = key or make_key()
    return {"schema": 1, "id": match_id(key), "key": key, "images": {}, "made": {"seconds": 1.5}}


def test_what_is_written_is_read_back(tmp_path):
    written = write_match(tmp_path / "new" / "mad", make_record(), {"a_min.png": b"picture"})
    assert read_match(tmp_path / "new" / "mad") == written
    assert written["files"]["a_min.png"]["bytes"] == 7
    assert sorted(os.listdir(tmp_path / "new" / "mad")) == ["a_min.png", "match.json"]


def test_a_second_write_keeps_what_was_listed(tmp_path):
    first = write_match(tmp_path, make_record(), {"a_min.png": b"one"})
    second = write_match(tmp_path, first, {"a_max.png": b"two"})
    assert set(second["files"]) == {"a_min.png", "a_max.png"}
    assert damaged_files(tmp_path, read_match(tmp_path)) == []


def test_changed_and_missing_files_are_found(tmp_path):
    record = write_match(tmp_path, make_record(), {"a_min.png": b"one", "a_max.png": b"two", "b_min.png": b"three"})
    (tmp_path / "a_min.png").write_bytes(b"ONE")
    (tmp_path / "a_max.png").unlink()
    assert damaged_files(tmp_path, record) == ["a_min.png", "a_max.png"]


def test_identity_does_not_depend_on_the_order_of_a_pair_or_of_keys():
    assert match_id(make_key(SSIM, MSE)) == match_id(make_key(MSE, SSIM))
    assert match_id(dict(reversed(make_key().items()))) == match_id(make_key())
    levels = [{"kind": "values", "value": {"a": "1", "b": "2"}}, {"kind": "values", "value": {"a": "2", "b": "1"}}]
    assert match_id(make_key(SSIM, MSE, level=levels[0])) == match_id(make_key(MSE, SSIM, level=levels[1]))
    assert match_id(make_key(SSIM, MSE, level=levels[0])) != match_id(make_key(MSE, SSIM, level=levels[0]))


@pytest.mark.parametrize(
    "change",
    [{"seed": 1}, {"image": "sha256:1"}, {"size": [4, 5, 1]}, {"a": {**SSIM, "revision": 2}}, {"images": ["a_min"]}],
)
def test_identity_depends_on_everything_in_the_key(change):
    assert match_id(make_key() | change) != match_id(make_key())


def test_a_single_image_is_not_the_same_with_its_metrics_swapped():
    assert match_id(make_key(SSIM, MSE, images=["a_min"])) != match_id(make_key(MSE, SSIM, images=["a_min"]))


def test_canonical_json_refuses_what_json_cannot_say():
    assert canonical({"b": [1.5, "ä"], "a": None}) == '{"a":null,"b":[1.5,"ä"]}'
    with pytest.raises(ValueError, match="JSON"):
        canonical(float("nan"))


def test_a_folder_with_results_is_refused_and_one_with_other_files_is_not(tmp_path):
    (tmp_path / "holiday.png").touch()
    check_folder(tmp_path)
    (tmp_path / "a_max.png").touch()
    with pytest.raises(InputError, match=r"holds other results \(a_max\.png\).*--overwrite"):
        check_folder(tmp_path)
    (tmp_path / "match.json").touch()
    with pytest.raises(InputError, match="interrupted, go on with --resume"):
        check_folder(tmp_path)
    check_folder(tmp_path, overwrite=True)


def test_clearing_removes_results_only(tmp_path):
    write_match(tmp_path, make_record(), {"a_min.png": b"one", "exact.safetensors": b"two"})
    (tmp_path / "holiday.png").touch()
    clear_folder(tmp_path)
    assert os.listdir(tmp_path) == ["holiday.png"]


def test_checking_a_folder_does_not_make_it(tmp_path):
    check_folder(tmp_path / "one" / "two")
    assert os.listdir(tmp_path) == []


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a file; choose another folder"):
        check_folder(tmp_path / "file" / "mad")
    with pytest.raises(InputError, match="choose another folder"):
        write_match(tmp_path / "file" / "mad", make_record(), {})


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a folder that not even root can write")
def test_an_unwritable_folder_is_refused():
    with pytest.raises(InputError, match="cannot be written"):
        check_folder(Path("/proc/self/mad"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read"),
        ("[]", "schema None"),
        ('{"schema": 2}', "this madcore reads 1"),
        ('{"schema": 1}', "no id"),
        (json.dumps({**make_record(), "files": {}, "id": "0" * 32}), "not that of its key"),
    ],
)
def test_damaged_records_are_refused(tmp_path, text, said):
    (tmp_path / "match.json").write_text(text)
    with pytest.raises(InputError, match=said):
        read_match(tmp_path)


def test_a_folder_without_record_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"holds no match\.json"):
        read_match(tmp_path)


def test_a_failed_write_leaves_the_old_files(tmp_path):
    write_match(tmp_path, make_record(), {"a_min.png": b"old"})
    with pytest.raises(TypeError):
        write_match(tmp_path, make_record(), {"a_min.png": b"new", "a_max.png": "not bytes"})
    assert damaged_files(tmp_path, read_match(tmp_path)) == []
    assert sorted(os.listdir(tmp_path)) == ["a_min.png", "match.json"]


def test_a_killed_writer_leaves_whole_files(tmp_path):
    code = """
        import sys, pathlib
        from madcore.store import match_id, write_match
        record = {"schema": 1, "id": match_id({}), "key": {}, "images": {}, "made": {}}
        folder, count = pathlib.Path(sys.argv[1]), 0
        while True:
            write_match(folder, record, {"a_min.png": bytes([count % 256]) * 200_000})
            count += 1
            print(count, flush=True)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        while int(writer.stdout.readline()) < 20:
            pass
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
    assert len(set((tmp_path / "a_min.png").read_bytes())) == 1
    assert read_match(tmp_path)["files"]["a_min.png"]["bytes"] == 200_000

"""``madcore quartet`` and ``madcore synth`` as users meet them: files, values, errors, interruption."""

import errno
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from io import StringIO

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console
from safetensors.torch import load_file

from madcore.cli import run
from madcore.cli.interrupt import Stop
from madcore.cli.progress import Bars
from madcore.cli.threads import usual_threads
from madcore.images import read_image
from madcore.jobs import prepare_job
from madcore.lookup import create_metric
from madcore.production import produce
from madcore.request import Request
from madcore.store import damaged_files, read_match

SMALL = ("dead_leaves", "--size", "24", "--max-iter", "20", "-o")
FILES = ("reference.png", "start.png", "a_min.png", "a_max.png", "b_min.png", "b_max.png", "contact_sheet.png")


@pytest.fixture(scope="module")
def mad(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quartet") / "mad"
    assert run(["quartet", "mse", "mae", *SMALL, str(folder)]) == 0
    return folder


@pytest.fixture
def photo(tmp_path):
    noise = np.random.default_rng(3).integers(40, 220, (20, 24), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "photo.png")
    return str(tmp_path / "photo.png")


def failure(capsys, *arguments):
    """Run what must fail, and return its exit code and its one line."""
    code = run([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    lines = captured.err.strip().splitlines()
    assert captured.out == ""
    assert len(lines) == 1, captured.err
    return code, lines[0]


@pytest.mark.parametrize(
    ("metrics", "samples", "threads"),
    [
        (("ssim", "mse"), 256 * 256, 1),
        (("ssim,window=uniform", "mse"), 1024 * 1024, 4),
        (("ssim", "lpips.lpips"), 1024 * 1024, None),
        (("./mine.py:distance", "mse"), 1024 * 1024, None),
    ],
)
def test_the_cores_metrics_get_as_many_threads_as_a_picture_is_worth(metrics, samples, threads):
    assert usual_threads(metrics, samples) == threads


@pytest.mark.parametrize(("options", "threads"), [((), 1), (("--threads", "3"), 3)])
def test_threads_are_those_that_torch_gets(options, threads, tmp_path, monkeypatch):
    taken = []
    monkeypatch.setattr(torch, "set_num_threads", taken.append)
    assert run(["quartet", "mse", "mae", *SMALL, str(tmp_path / "mad"), *options]) == 0
    assert taken == [threads]


@pytest.mark.parametrize("error", ["MemoryError()", 'RuntimeError("[enforce fail] can\'t allocate memory: 9 bytes")'])
def test_memory_that_does_not_suffice_is_one_line(error, tmp_path, capsys):
    (tmp_path / "large.py").write_text(f"def metric(image, mad_image):\n    raise {error}\n")
    code, line = failure(capsys, "quartet", f"{tmp_path / 'large.py'}:metric", "mse", *SMALL, tmp_path / "mad")
    assert line.startswith("madcore: error: ")
    assert "memory" in line
    assert code in (1, 3)


def test_what_could_not_be_written_is_not_called_finished(tmp_path, capsys, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("madcore.store.record.write_file", full)
    code, line = failure(capsys, "quartet", "mse", "mae", *SMALL, tmp_path / "mad")
    assert code == 2
    assert line.endswith("cannot be written (No space left on device); choose another folder")


def test_quartet_writes_every_file_and_a_true_record(mad):
    record = read_match(mad)
    assert sorted(os.listdir(mad)) == sorted([*FILES, "exact.safetensors", "match.json"])
    assert damaged_files(mad, record) == []
    assert (record["key"]["a"]["metric"], record["key"]["b"]["metric"]) == ("mse", "mae")
    assert record["key"]["size"] == [24, 24, 1]
    assert record["key"]["level"] == {"kind": "noise", "value": "0.1"}
    assert max(entry["held_error"] for entry in record["images"].values()) <= 1e-6


def test_versions_are_those_of_distributions(tmp_path):
    assert run(["synth", "example.gradient", "mse", "--minmax", "min", *SMALL, str(tmp_path / "mad")]) == 0
    versions = json.loads((tmp_path / "mad" / "match.json").read_text())["made"]["versions"]
    assert versions.keys() == {"madcore", "torch", "madcore-example"}


def test_the_exact_images_are_what_the_record_says(mad):
    record, exact = read_match(mad), load_file(mad / "exact.safetensors")
    assert {tensor.dtype for tensor in exact.values()} == {torch.float32}
    images = {name: tensor.permute(2, 0, 1)[None].double() for name, tensor in exact.items()}
    for name, entry in record["images"].items():
        for letter, metric in (("a", "mse"), ("b", "mae")):
            value = create_metric(metric)(images["reference"], images[name]).item()
            assert value == pytest.approx(entry["exact"][letter], rel=1e-9)
        assert 0 <= images[name].min() <= images[name].max() <= 1


def test_the_pngs_are_what_the_record_says(mad):
    record = read_match(mad)
    reference = read_image("dead_leaves", size=24).double()
    for name, entry in record["images"].items():
        picture = read_image(mad / f"{name}.png", dtype=torch.float64)
        assert create_metric("mse")(reference, picture).item() == pytest.approx(entry["png"]["a"], rel=1e-9)


def test_the_images_are_extremes(mad):
    images = read_match(mad)["images"]
    start = read_match(mad)["start"]["exact"]
    for letter in "ab":
        assert images[f"{letter}_min"]["exact"][letter] < start[letter] < images[f"{letter}_max"]["exact"][letter]
        other = "b" if letter == "a" else "a"
        assert images[f"{letter}_min"]["level"] == images[f"{letter}_max"]["level"] == {other: start[other]}


def test_quartet_prints_values_and_where_they_are(tmp_path, capsys):
    assert run(["quartet", "mse", "mae", *SMALL, str(tmp_path)]) == 0
    captured = capsys.readouterr()
    assert "a: mse" in captured.out
    assert "mse maximised, mae held" in captured.out
    assert str(tmp_path / "contact_sheet.png") in captured.out
    assert [line.split(":")[1].strip() for line in captured.err.splitlines()] == ["a_min", "a_max", "b_min", "b_max"]


def test_long_names_stand_once_above_a_table_of_letters(tmp_path, capsys):
    long = "ssim,window=uniform,size=7,sigma=1.5,padding=reflect,k1=0.01,k2=0.03"
    arguments = ["synth", long, "mse", *SMALL, str(tmp_path), "--minmax", "min", "--also-hold", "lp,p=3.5"]
    assert run(arguments) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert lines[:4] == [f"a: {long}", "b: mse", "c: lp,p=3.5", ""]
    assert lines[4].split() == ["IMAGE", "WHAT", "a", "b", "c", "HELD", "IN", "THE", "ENDED"]
    assert "a minimised, b and c held" in lines[7]
    assert max(map(len, lines[4:8])) <= 100
    assert out.count(long) == 1


@pytest.mark.parametrize("name", ["ssim", "ssim,window=uniform,size=7"])
def test_progress_fits_a_terminal_and_tells_names_in_full(name, capsys):
    bars = Bars({"a": name, "b": "mse"}, Stop(), ("a_min", "a_max"), 100, 1)
    bars.finished("a_min", {"exact": {"a": 0.0123456}, "stopped": "converged"})
    console = Console(width=80, file=StringIO())
    console.print(bars.bars.get_renderable())
    shown, told = console.file.getvalue(), capsys.readouterr().err
    written = "ssim" if name == "ssim" else "a"
    assert told == ("" if name == "ssim" else f"madcore: a: {name}\nmadcore: b: mse\n")
    assert f"{written} minimised, " in shown
    assert "0.01235  converged" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_json_is_the_record(tmp_path, capsys):
    assert run(["quartet", "mse", "mae", *SMALL, str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == read_match(tmp_path)


def test_same_command_same_images_and_identity(mad, tmp_path):
    assert run(["quartet", "mse", "mae", *SMALL, str(tmp_path)]) == 0
    assert read_match(tmp_path)["id"] == read_match(mad)["id"]
    assert (tmp_path / "exact.safetensors").read_bytes() == (mad / "exact.safetensors").read_bytes()
    assert run(["quartet", "mae", "mse", *SMALL, str(tmp_path / "swapped")]) == 0
    assert read_match(tmp_path / "swapped")["id"] == read_match(mad)["id"]


def test_levels_by_name_are_held(tmp_path):
    levels = ["--level", "mse=0.02", "--level", "mae=0.05"]
    assert run(["quartet", "mse", "mae", *SMALL, str(tmp_path), *levels]) == 0
    images = read_match(tmp_path)["images"]
    assert images["a_max"]["exact"]["b"] == pytest.approx(0.05, rel=1e-6)
    assert images["b_min"]["exact"]["a"] == pytest.approx(0.02, rel=1e-6)


def test_synth_writes_one_image_and_holds_several_metrics(tmp_path):
    arguments = ["synth", "ssim", "mse", *SMALL, str(tmp_path), "--minmax", "max", "--also-hold", "mae"]
    assert run(arguments) == 0
    record = read_match(tmp_path)
    assert list(record["images"]) == ["a_max"]
    assert set(record["images"]["a_max"]["level"]) == {"b", "c"}
    assert record["images"]["a_max"]["held_error"] <= 1e-6
    assert not (tmp_path / "a_min.png").exists()


def test_start_mask_bits_dtype_and_penalty(mad, tmp_path):
    mask = np.zeros((24, 24), np.uint8)
    mask[:, :12] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    start = ["--start", f"{mad}/exact.safetensors:b_min", "--mask", tmp_path / "mask.png", "--penalty"]
    more = ["total_variation,weight=0.01", "--bits", "16", "--dtype", "float64", "--minmax", "max"]
    arguments = ["synth", "mse", "mae", *SMALL, tmp_path / "mad", *start, *more]
    assert run([str(argument) for argument in arguments]) == 0
    exact = load_file(tmp_path / "mad" / "exact.safetensors")
    assert exact["a_max"].dtype is torch.float64
    assert torch.equal(exact["a_max"][:, :12], exact["reference"][:, :12])
    with Image.open(tmp_path / "mad" / "a_max.png") as picture:
        assert picture.mode.startswith("I")
    assert read_match(tmp_path / "mad")["key"]["penalty"]["weight"] == 0.01


def test_the_penalty_method_takes_an_optimizer(tmp_path):
    method = ["--solver", "penalty", "--optimizer", "SGD", "--optimizer-option", "lr=0.5"]
    assert run(["synth", "mse", "mae", *SMALL, str(tmp_path), "--minmax", "min", *method]) == 0
    solver = read_match(tmp_path)["key"]["solver"]
    assert (solver["name"], solver["options"]["optimizer_options"]) == ("penalty", {"lr": 0.5})


@pytest.mark.filterwarnings("default")
def test_the_same_metric_twice_is_a_warning(tmp_path, capsys):
    assert run(["quartet", "mse", "mse", *SMALL, str(tmp_path)]) == 0
    assert "warning: mse is both optimized and held" in capsys.readouterr().err


def test_nothing_is_overwritten_unless_asked_for(photo, mad, tmp_path, capsys):
    (tmp_path / "mad").mkdir()
    (tmp_path / "mad" / "b_max.png").write_bytes(b"precious")
    (tmp_path / "mad" / "notes.txt").write_bytes(b"mine")
    code, line = failure(capsys, "quartet", "mse", "mae", photo, "-o", tmp_path / "mad")
    assert (code, (tmp_path / "mad" / "b_max.png").read_bytes()) == (2, b"precious")
    assert "--overwrite" in line
    arguments = ["synth", "mse", "mae", photo, "-o", str(tmp_path / "mad"), "--minmax", "min", "--overwrite"]
    assert run([*arguments, "--max-iter", "10"]) == 0
    assert not (tmp_path / "mad" / "b_max.png").exists()
    assert (tmp_path / "mad" / "notes.txt").exists()


def test_a_failing_command_does_not_destroy_what_it_was_to_overwrite(photo, tmp_path, capsys):
    (tmp_path / "a_min.png").write_bytes(b"precious")
    failure(
        capsys, "quartet", "mse", "mae", photo, "-o", tmp_path, "--overwrite", "--level", "mse=9", "--level", "mae=9"
    )
    assert os.listdir(tmp_path).count("a_min.png") == 1
    assert (tmp_path / "a_min.png").read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["mse", "mae", "missing.png"], "does not exist"),
        (["mse", "mae", "camra"], "did you mean camera?"),
        (["mse", "mae", "dead_leaves", "--size", "big"], "allowed are SIDE"),
        (["mse", "mae", "dead_leaves", "--crop", "9999"], "make it smaller"),
        (["mse", "ssim", "dead_leaves", "--size", "6"], "ssim needs at least 11 pixels a side; got 6 x 6"),
        (["mse", "sim", "dead_leaves"], "did you mean ssim?"),
        (["mse", "ssim,win=uniform", "dead_leaves"], "did you mean window?"),
        (["mse", "ssim,window=box", "dead_leaves"], "gaussian|uniform"),
        (["mse", "ssim,size=7,size=9", "dead_leaves"], "given twice"),
        (["mse", "nowhere.ssim", "dead_leaves"], "plugin"),
        (["mse", "no_such_module:metric", "dead_leaves"], "no_such_module"),
        (["mse", "mae", "dead_leaves", "--device", "tpu"], "allowed are auto, cpu"),
        (["mse", "mae", "dead_leaves", "--level", "0.1"], "of which metric"),
        (["mse", "mae", "dead_leaves", "--size", "24", "--level", "mse=0.1", "--level", "mae=9"], "not reachable"),
        (["mse", "mae", "dead_leaves", "--penalty", "total_variatin"], "did you mean total_variation?"),
        (["mse", "mae", "dead_leaves", "--penalty", "none,weight=heavy"], "must be a number"),
        (["mse", "mae", "dead_leaves", "--optimizer-option", "lr"], "NAME=VALUE"),
        (["mse", "mae", "dead_leaves", "--optimizer", "Adam"], "--solver penalty"),
        (["mse", "mae", "dead_leaves", "--tolerance", "0"], "between 0 and 1"),
        (["mse", "mae", "dead_leaves", "--start", "chelsea"], "must have those of the picture, 512 x 512"),
        (["mse", "mae", "dead_leaves", "--start", "chelsea", "--initial-noise", "0.2"], "give one of them"),
        (["mse", "mae", "dead_leaves", "--overwrite", "--resume"], "one of them"),
        (["mse", "mae", "dead_leaves", "--resume"], "no match.json"),
        (["mse", "mae"], "Missing argument"),
        (["mse", "mae", "dead_leaves", "--starts", "0"], "x>=1"),
    ],
)
def test_wrong_usage_is_one_line_and_writes_nothing(arguments, said, tmp_path, capsys):
    code, line = failure(capsys, "quartet", *arguments, "-o", tmp_path / "mad")
    assert (code, (tmp_path / "mad").exists()) == (2, False)
    assert said in line


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_cuda_where_there_is_none_is_refused(tmp_path, capsys):
    code, line = failure(capsys, "quartet", "mse", "mae", *SMALL, tmp_path, "--device", "cuda:1")
    assert code == 2
    assert "no CUDA device; use --device cpu" in line


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("(a - b).square()", "one value for each image"),
        ("(a - b).flatten(1).sum(1) / 0", "not finite"),
        ("(a - b).detach().square().flatten(1).mean(1)", "no gradient"),
        ("-(a - b).square().flatten(1).mean(1)", "negative"),
        ("1 - (a - b).square().flatten(1).mean(1)", "is 1 for identical images"),
        ("exit()", "raised SystemExit"),
    ],
)
def test_a_metric_that_breaks_its_contract_is_named(body, said, photo, tmp_path, capsys):
    (tmp_path / "mine.py").write_text(f"def metric(a, b):\n    return {body}\n")
    code, line = failure(
        capsys, "synth", f"{tmp_path}/mine.py:metric", "mse", photo, "--minmax", "max", "-o", tmp_path / "mad"
    )
    assert code == 3
    assert "mine.py:metric" in line
    assert said in line


def test_a_metric_that_is_not_finite_on_the_written_picture_is_recorded_as_such(photo, tmp_path, capsys):
    body = """
import torch
def metric(image, mad_image):
    samples = 255 * mad_image.detach().double()
    written = bool(((samples - samples.round()).abs() < 1e-6).all())
    return (image - mad_image).square().flatten(1).mean(1) / (not written)
"""
    (tmp_path / "mine.py").write_text(body)
    arguments = ["synth", "mae", f"{tmp_path}/mine.py:metric", photo, "--minmax", "min", "-o", str(tmp_path / "mad")]
    assert run([*arguments, "--max-iter", "10"]) == 0
    assert "not finite" in capsys.readouterr().out
    entry = read_match(tmp_path / "mad")["images"]["a_min"]
    assert (entry["png"]["b"], entry["png"]["held_error"]) == (None, None)
    assert entry["held_error"] <= 1e-6


class Recorder:
    """A watcher that stops the work at the first report of one image."""

    def __init__(self, stop_at=""):
        self.stop_at = stop_at
        self.seen = []

    def started(self, name):
        self.seen.append(name)

    def moved(self, name, progress):
        return name == self.stop_at

    def finished(self, name, entry):
        return False


def test_an_interrupted_job_goes_on_where_it_was(tmp_path):
    request = Request(("ssim", "mse"), "dead_leaves", size="32", max_iter=40)
    first, second = prepare_job(request), prepare_job(request)
    assert not produce(first, tmp_path, Recorder("a_max"))
    before = read_match(tmp_path)
    assert {name: entry["stopped"] for name, entry in before["images"].items()}["a_max"] == "interrupted"
    watcher = Recorder()
    assert produce(second, tmp_path, watcher, resume=True)
    after = read_match(tmp_path)
    assert watcher.seen == ["a_max", "b_min", "b_max"]
    assert after["images"]["a_min"] == before["images"]["a_min"]
    assert after["images"]["a_max"]["exact"]["a"] > before["images"]["a_max"]["exact"]["a"]
    assert after["images"]["a_max"]["exact"]["b"] == pytest.approx(after["start"]["exact"]["b"], rel=1e-6)
    assert damaged_files(tmp_path, after) == []


def test_another_request_does_not_go_on_with_these_results(mad, capsys):
    code, line = failure(capsys, "quartet", "mse", "mae", *SMALL, mad, "--seed", "1", "--resume")
    assert code == 2
    assert "another request" in line


def test_damaged_results_are_not_gone_on_with(tmp_path, capsys):
    assert run(["quartet", "mse", "mae", *SMALL, str(tmp_path)]) == 0
    capsys.readouterr()
    (tmp_path / "a_min.png").write_bytes(b"")
    code, line = failure(capsys, "quartet", "mse", "mae", *SMALL, tmp_path, "--resume")
    assert code == 2
    assert "damaged (a_min.png" in line


@pytest.mark.skipif(os.name != "posix", reason="signals as on POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_what_there_is_and_says_how_to_go_on(number, tmp_path):
    folder = tmp_path / "my mad"
    arguments = ["quartet", "ssim", "mse", "dead_leaves", "--size", "256", "--tolerance", "1e-6", "-o", str(folder)]
    command = [sys.executable, "-m", "madcore", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not (folder / "match.json").exists() and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(number)
        _, errors = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in errors
    advice = errors.strip().splitlines()[-1].partition("to go on: ")[2]
    assert shlex.split(advice) == ["madcore", *arguments, "--resume"]
    assert 1 <= len(read_match(folder)["images"]) < 4
    assert damaged_files(folder, read_match(folder)) == []

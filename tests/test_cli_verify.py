"""``madcore verify``: true files hold, and whatever is tampered with does not."""

import importlib
import json
import shutil
import sys
from hashlib import sha256
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from madcore import MetricSpec, create_metric, hookimpl, registry
from madcore.cli import run
from madcore.images import write_image
from madcore.loading import Candidate
from madcore.store import match_id

QUICK = ("dead_leaves", "--size", "64", "--max-iter", "10", "-o")


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp("verify") / "mad"
    assert run(["quartet", "ssim,sigma=1.2", "mae", *QUICK, str(folder)]) == 0
    return folder


@pytest.fixture
def mad(original, tmp_path):
    return shutil.copytree(original, tmp_path / "mad")


@pytest.fixture
def check(capsys):
    """Run the command; return its exit code and what it says of each file, or its error."""

    def checked(path, *options):
        capsys.readouterr()
        code = run(["verify", str(path), "--json", *options])
        captured = capsys.readouterr()
        if code == 2:
            return code, captured.err.strip()
        return code, {each["file"]: each for each in json.loads(captured.out)["files"]}

    return checked


def edit_record(folder, change):
    path = folder / "match.json"
    record = json.loads(path.read_text())
    change(record)
    record["id"] = match_id(record["key"])
    path.write_text(json.dumps(record))


def edit_exact(folder, change):
    tensors = load_file(folder / "exact.safetensors")
    change(tensors)
    save_file(tensors, folder / "exact.safetensors")


def forget_hashes(folder):
    """Do what a careful forger does: write the hashes of the changed files into the record."""

    def change(record):
        for name, listed in record["files"].items():
            listed["sha256"] = sha256((folder / name).read_bytes()).hexdigest()

    edit_record(folder, change)


def test_what_was_written_holds(original, check):
    code, files = check(original)
    record = json.loads((original / "match.json").read_text())
    assert code == 0
    assert {f"{name}.png" for name in record["images"]} < set(files)
    for name, entry in record["images"].items():
        exact, png = files[f"exact.safetensors:{name}"], files[f"{name}.png"]
        assert exact["held_error"] <= exact["tolerance"] == 1e-6
        assert png["held_error"] <= png["tolerance"] == 1e-4
        assert exact["optimized_value"] == pytest.approx(entry["exact"][name[0]], rel=1e-9)
        assert exact["optimality"] == pytest.approx(entry["optimality"], rel=0.1)


def test_the_table(original, capsys):
    capsys.readouterr()
    assert run(["verify", str(original)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["FILE", "OPTIMIZED", "HELD"]
    assert lines[-1] == "All holds."


def test_what_does_not_hold_is_told_below_the_table(mad, capsys):
    (mad / "a_min.png").write_bytes((mad / "a_max.png").read_bytes())
    capsys.readouterr()
    assert run(["verify", str(mad)]) == 1
    table, told = capsys.readouterr().out.split("\n\nDoes not hold:\n")
    (row,) = [line for line in table.splitlines() if line.startswith("a_min.png")]
    assert row.endswith("  does not hold")
    lines = told.splitlines()
    assert lines[0] == "  a_min.png: is not the file that was written"
    assert len(lines) > 1
    assert all(line.startswith("  a_min.png: ") for line in lines)


def test_one_file(original, check):
    code, files = check(original / "b_max.png")
    assert (code, set(files)) == (0, {"b_max.png", "match.json"})


def test_one_changed_pixel_of_a_picture(mad, check):
    samples = np.array(Image.open(mad / "a_min.png"))
    samples[30, 30] += 1 if samples[30, 30] < 255 else -1
    Image.fromarray(samples).save(mad / "a_min.png")
    code, files = check(mad)
    assert code == 1
    assert [name for name, each in files.items() if not each["holds"]] == ["a_min.png"]
    assert files["a_min.png"]["problems"][0] == "is not the file that was written"


def test_a_forged_hash_does_not_help(mad, check):
    samples = np.array(Image.open(mad / "a_min.png"))
    samples[30:34, 30:34] = 0
    Image.fromarray(samples).save(mad / "a_min.png")
    forget_hashes(mad)
    code, files = check(mad)
    assert code == 1
    assert "held error is" in files["a_min.png"]["problems"][0]
    assert files["a_max.png"]["holds"]


def test_a_changed_exact_image(mad, check):
    edit_exact(mad, lambda tensors: tensors["b_max"][20:24].mul_(0.9))
    forget_hashes(mad)
    code, files = check(mad)
    assert code == 1
    assert [name for name, each in files.items() if not each["holds"]] == ["exact.safetensors:b_max"]


def test_an_exact_image_outside_the_range(mad, check):
    edit_exact(mad, lambda tensors: tensors["a_max"][0, 0].fill_(1.001))
    code, files = check(mad)
    assert code == 1
    assert files["exact.safetensors:a_max"]["outside"] == 1
    assert files["exact.safetensors"]["problems"] == ["is not the file that was written"]


def test_another_reference_image(mad, check):
    edit_exact(mad, lambda tensors: tensors["reference"].mul_(0.99))
    (mad / "reference.png").unlink()
    code, files = check(mad)
    assert code == 1
    assert files["exact.safetensors:reference"]["problems"] == ["is not the reference image of the record"]
    assert "cannot be measured without the reference image" in files["a_min.png"]["problems"][0]


def test_a_boast(mad, check):
    edit_record(mad, lambda record: record["images"]["a_max"]["exact"].update(a=2.0))
    code, files = check(mad)
    assert code == 1
    assert "the record has 2" in files["exact.safetensors:a_max"]["problems"][0]


def test_a_false_claim_of_convergence(mad, check):
    edit_record(mad, lambda record: record["images"]["a_max"].update(optimality=1e-6))
    code, files = check(mad)
    assert code == 1
    assert files["exact.safetensors:a_max"]["problems"][0].startswith("residual is")


def test_a_boast_of_a_smaller_held_error(mad, check):
    def nudge(tensors):
        # changes mae by some 1e-7 of its level, which is allowed
        pixel = tensors["a_max"][30, 30]
        pixel += 1e-4 * (tensors["reference"][30, 30] - pixel).sign()

    edit_exact(mad, nudge)
    edit_record(mad, lambda record: record["images"]["a_max"].update(held_error=1e-9))
    edit_record(mad, lambda record: record["images"]["b_max"]["png"].update(held_error=0.0))
    forget_hashes(mad)
    code, files = check(mad)
    assert code == 1
    (problem,) = files["exact.safetensors:a_max"]["problems"]
    assert problem.startswith("held error is ")
    assert problem.endswith("e-07; the record has 1.0e-09")
    assert files["b_max.png"]["problems"][0].endswith("the record has 0.0e+00")
    assert [name for name, each in files.items() if not each["holds"]] == ["exact.safetensors:a_max", "b_max.png"]


def test_a_boast_of_another_level(mad, check):
    def change(record):
        for name in ("a_min", "a_max"):
            record["images"][name]["level"]["b"] *= 1.01

    edit_record(mad, change)
    code, files = check(mad)
    assert code == 1
    assert files["exact.safetensors:a_min"]["problems"][0].endswith("is that of the start image")


def test_a_boast_of_a_larger_tolerance(mad, check):
    edit_record(mad, lambda record: record["images"]["b_max"]["png"].update(tolerance=0.1))
    code, files = check(mad)
    assert code == 1
    assert files["b_max.png"]["problems"] == ["tolerance is 0.0001; the record has 0.1"]


def test_a_boast_of_a_farther_start(mad, check):
    edit_record(mad, lambda record: record["start"]["exact"].update(a=1.5))
    code, files = check(mad)
    assert code == 1
    assert files["exact.safetensors:start"]["problems"][0].endswith("the record has 1.5")


@pytest.mark.parametrize("name", ["a_min.png", "exact.safetensors", "contact_sheet.png"])
def test_a_missing_file(mad, check, name):
    (mad / name).unlink()
    code, files = check(mad)
    assert code == 1
    assert files[name]["problems"] == ["is missing"]


def test_a_damaged_picture(mad, check):
    (mad / "b_min.png").write_bytes((mad / "b_min.png").read_bytes()[:500])
    (mad / "exact.safetensors").write_bytes(b"nothing")
    code, files = check(mad)
    assert code == 1
    assert not files["b_min.png"]["holds"]
    assert "cannot be read" in files["exact.safetensors"]["problems"][1]


def test_a_metric_that_has_changed_since(mad, check):
    edit_record(mad, lambda record: record["key"]["a"].update(revision=99))
    code, files = check(mad)
    assert code == 1
    assert "has revision 1 here; the record has 99" in files["match.json"]["problems"][0]


def test_what_cannot_be_verified(mad, check, tmp_path):
    for path, said in ((tmp_path / "none", "does not exist"), (tmp_path, "holds no match.json")):
        code, error = check(path)
        assert (code, said in error, error.count("\n")) == (2, True, 0)
    (mad / "other.txt").write_text("mine")
    assert "is not in" in check(mad / "other.txt")[1]
    edit_record(mad, lambda record: record["files"].update({"../secret": {"sha256": "", "bytes": 0}}))
    assert "outside its folder" in check(mad)[1]


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record["images"]["a_min"].pop("png"),
        lambda record: record["files"].update({"a_min.png": 1}),
        lambda record: record["key"]["a"].pop("options"),
        lambda record: record["images"]["a_max"]["level"].update(b="high"),
        lambda record: record["key"].update(b="mae"),
    ],
)
def test_a_record_that_makes_no_sense(mad, check, change):
    edit_record(mad, change)
    code, error = check(mad)
    assert code == 2
    assert "ask for the match again" in error


def test_an_option_that_no_metric_has(mad, check):
    edit_record(mad, lambda record: record["key"]["a"]["options"].update(metric="mse"))
    code, error = check(mad)
    assert (code, "'metric' is no option of ssim" in error) == (2, True)


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A file with a metric that leaves a trace where it runs, which is also a module, and the trace."""
    ran, file = tmp_path / "ran", tmp_path / "a_metric_of_mine.py"
    file.write_text(
        f"open({str(ran)!r}, 'a').close()\ndef metric(a, b):\n    return (a - b).square().flatten(1).mean(1)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, file.stem, raising=False)
    return file, ran


def synthesize_by(file, as_module, folder):
    """Hold a metric of the core while that of the file is maximised, and forget the file's module."""
    name = f"{file.stem if as_module else file}:metric"
    assert run(["synth", name, "mae", *QUICK, str(folder), "--minmax", "max"]) == 0
    sys.modules.pop(file.stem, None)
    return name, folder


@pytest.mark.parametrize("as_module", [False, True])
def test_code_is_run_only_if_it_is_allowed_and_that_of_the_record(tmp_path, check, mine, as_module):
    file, ran = mine
    name, folder = synthesize_by(file, as_module, tmp_path / "mad")
    ran.unlink()
    code, error = check(folder)
    assert (code, ran.exists()) == (2, False)
    assert "--allow-code" in error
    original = file.read_text()
    file.write_text(original + "# changed\n")
    code, error = check(folder, "--allow-code")
    assert (code, ran.exists()) == (2, False)
    assert f"{name} is not the code of the record, and was not run" in error
    file.write_text(original)
    code, files = check(folder, "--allow-code")
    assert (code, files["a_max.png"]["holds"]) == (0, True)


@pytest.mark.parametrize("as_module", [False, True])
def test_code_that_the_record_has_no_hash_of_is_not_run(tmp_path, check, mine, as_module):
    file, ran = mine
    name, folder = synthesize_by(file, as_module, tmp_path / "mad")
    ran.unlink()
    file.write_text(file.read_text() + "# changed\n")
    edit_record(folder, lambda record: record["key"]["a"].pop("code"))
    code, error = check(folder, "--allow-code")
    assert (code, ran.exists(), error.count("\n")) == (2, False, 0)
    assert f"the record has no SHA-256 of the code of {name}, which was not run" in error


@pytest.fixture
def runner(monkeypatch):
    """Install a plugin whose metric is a module's if an option names one, and declares that this is code."""

    def build(*, of: str = "none"):
        return importlib.import_module(of.partition(":")[0]).metric if ":" in of else create_metric("mse").function

    spec = MetricSpec("any", build, higher_is_better=False, perfect=0.0, code=lambda *, of: (of,) if ":" in of else ())
    plugin = SimpleNamespace(metrics=hookimpl(specname="madcore_metrics")(lambda: [spec]))
    monkeypatch.setattr(registry, "find_candidates", lambda: [Candidate("runner", "runner", "1", lambda: plugin)])


def test_code_that_a_plugin_runs_is_asked_for_and_compared(tmp_path, check, mine, runner):
    file, ran = mine
    folder = tmp_path / "mad"
    for name in (f"runner.any,of={file.stem}:metric", "runner.any"):
        assert run(["synth", name, "mae", *QUICK, str(folder / name), "--minmax", "max"]) == 0
    sys.modules.pop(file.stem)
    ran.unlink()
    assert check(folder / "runner.any")[0] == 0
    folder = folder / f"runner.any,of={file.stem}:metric"
    code, error = check(folder)
    assert (code, ran.exists()) == (2, False)
    assert f"({file.stem}:metric); read it, then allow it with --allow-code" in error
    original = file.read_text()
    file.write_text(original + "# changed\n")
    code, error = check(folder, "--allow-code")
    assert (code, ran.exists()) == (2, False)
    assert f"{file.stem}:metric of runner.any is not the code of the record, and was not run" in error
    file.write_text(original)
    assert check(folder, "--allow-code")[0] == 0
    edit_record(folder, lambda record: record["key"]["a"].pop("weights"))
    assert "has no SHA-256 of the code" in check(folder, "--allow-code")[1]


def test_code_among_several_values_of_an_option_is_asked_for(tmp_path, check, mine, monkeypatch):
    def build(*, parts: tuple[str, ...] = ()):
        return create_metric(parts[0]).function

    spec = MetricSpec("any", build, higher_is_better=False, perfect=0.0)
    plugin = SimpleNamespace(metrics=hookimpl(specname="madcore_metrics")(lambda: [spec]))
    monkeypatch.setattr(registry, "find_candidates", lambda: [Candidate("sum", "sum", "1", lambda: plugin)])
    file, ran = mine
    assert run(["synth", f"sum.any,parts={file}:metric", "mae", *QUICK, str(tmp_path / "mad"), "--minmax", "max"]) == 0
    for name in [name for name in sys.modules if name.startswith("madcore_file_")]:
        monkeypatch.delitem(sys.modules, name)
    ran.unlink()
    code, error = check(tmp_path / "mad")
    assert (code, ran.exists()) == (2, False)
    assert "read it, then allow it with --allow-code" in error


@pytest.mark.parametrize("declared", [False, True])
def test_what_would_be_fetched_from_where_the_record_says_is_asked_for(tmp_path, check, monkeypatch, declared):
    fetched = []

    def build(*, weights: tuple[str, ...] = ("own",)):
        fetched.extend(weights)
        return create_metric("mse").function

    def fetches(*, weights):
        return tuple(each for each in weights if each != "own")

    spec = MetricSpec("any", build, higher_is_better=False, perfect=0.0, fetches=fetches if declared else None)
    plugin = SimpleNamespace(metrics=hookimpl(specname="madcore_metrics")(lambda: [spec]))
    monkeypatch.setattr(registry, "find_candidates", lambda: [Candidate("net", "net", "1", lambda: plugin)])
    for name in ("net.any", "net.any,weights=own+https://somewhere/a.bin"):
        assert run(["synth", name, "mae", *QUICK, str(tmp_path / str(len(name))), "--minmax", "max"]) == 0
    assert check(tmp_path / str(len("net.any")))[0] == 0
    fetched.clear()
    code, error = check(tmp_path / str(len(name)))
    assert (code, fetched) == (2, [])
    assert "would be fetched from where it says (https://somewhere/a.bin); read it, then allow it with" in error
    assert check(tmp_path / str(len(name)), "--allow-code")[0] == 0


def test_code_that_is_a_file_only_by_its_name(mad, check):
    edit_record(mad, lambda record: record["key"]["a"].update(metric="./none.py:metric", code="sha256:0"))
    code, error = check(mad, "--allow-code")
    assert (code, "is not the code of the record, and was not run" in error) == (2, True)


def test_masked_pixels_and_several_held_metrics(tmp_path, check):
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., :20] = 1
    write_image(tmp_path / "mask.png", mask)
    arguments = ["synth", "ssim", "mse", *QUICK, str(tmp_path / "mad"), "--minmax", "min", "--also-hold", "mae"]
    assert run([*arguments, "--mask", str(tmp_path / "mask.png")]) == 0
    code, files = check(tmp_path / "mad")
    assert (code, files["a_min.png"]["outside"]) == (0, 0)
    assert set(files["a_min.png"]["reference_value"]) == {"b", "c"}


def test_sixteen_bits_and_a_penalty(tmp_path, check):
    options = ["--minmax", "max", "--bits", "16", "--penalty", "total_variation,weight=0.001"]
    assert run(["synth", "ssim", "mse", *QUICK, str(tmp_path / "mad"), *options]) == 0
    code, files = check(tmp_path / "mad")
    assert (code, files["a_max.png"]["tolerance"]) == (0, 1e-5)


def test_a_level_that_integers_cannot_hold_is_stated(tmp_path, check):
    options = ["--minmax", "min", "--level", "1e-6", "--size", "16", "--tolerance", "1e-4"]
    arguments = ["synth", "mae", "mse", "dead_leaves", *options, "--max-iter", "5", "-o", str(tmp_path / "mad")]
    assert run(arguments) == 0
    code, files = check(tmp_path / "mad")
    assert (code, files["a_min.png"]["short"]) == (0, True)
    assert files["a_min.png"]["held_error"] > 1e-4

"""Plans: what a TOML file means, and everything that can be wrong with it, said at once."""

import tomllib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madcore import Plan, PlanError
from madcore.cli import run
from madcore.errors import InputError
from madcore.plan import Picture, estimate_output, parse_plan, read_plan
from madcore.plan.example import example_plan
from madcore.plan.lines import find_lines
from madcore.registry import Registry
from madcore.request import Level

SMALLEST = 'metrics = ["ssim", "mse"]\npictures = ["dead_leaves"]\n'


@pytest.fixture
def read(tmp_path):
    """Read the text of a plan that lies in an empty folder, without plugins."""

    def parsed(text):
        return parse_plan(text, tmp_path / "plan.toml", Registry(list))

    return parsed


@pytest.fixture
def problems(read):
    """What is wrong with a plan: lines and messages."""

    def found(text):
        with pytest.raises(PlanError) as caught:
            read(text)
        split = [problem.split("plan.toml:", 1)[1].split(": ", 1) for problem in caught.value.problems]
        return [(int(line), message) for line, message in split]

    return found


def test_the_smallest_plan(read):
    plan = read(SMALLEST)
    (request,) = plan.requests()
    assert request.metrics == ("mse", "ssim")
    assert (request.picture, request.level, request.seed) == ("dead_leaves", Level("noise", "0.1"), 0)
    assert plan.judges == ("ssim", "mse")
    assert plan.text == SMALLEST


def test_everything_that_a_plan_may_say(read):
    plan = read(
        """
        metrics = ["ssim", { name = "ssim", window = "uniform", sigma = 1.20 }, "mse"]
        pictures = ["dead_leaves:2", { path = "dead_leaves_color", crop = "32x48+1+2", gray = true }]
        size = 64
        levels = ["equivalent_noise:0.050", { ssim = 0.20, mse = 1e-2, "ssim,window=uniform,sigma=1.20" = 1 }]
        seeds = [0, 7]
        starts = 2
        judges = ["mae"]
        penalty = { name = "total_variation", weight = 0.01 }
        [solver]
        name = "penalty"
        max_iter = 9
        tolerance = 1e-4
        dtype = "float64"
        optimizer = "SGD"
        optimizer_options = { lr = 0.5 }
        [output]
        keep = ["png"]
        bits = 16
        """
    )
    requests = plan.requests()
    assert len(requests) == 3 * 2 * 2 * 2
    last = requests[-1]
    assert last.metrics == ("mse", "ssim,window=uniform,sigma=1.20")
    assert last.level == Level("values", {"a": "0.01", "b": "1"})
    assert (last.picture, last.size, last.crop, last.gray) == ("dead_leaves_color", "64", "32x48+1+2", True)
    assert (last.seed, last.starts, last.penalty, last.penalty_weight) == (7, 2, "total_variation", 0.01)
    assert (last.solver, last.optimizer, last.optimizer_options) == ("penalty", "SGD", {"lr": 0.5})
    assert (last.max_iter, last.tolerance, last.dtype, last.bits) == (9, 1e-4, "float64", 16)
    assert (plan.judges, plan.keep) == (("mae",), ("png",))


def test_a_level_is_the_same_however_it_is_written(read):
    written = ["noise:0.1", "noise:0.10", "noise:1e-1", "noise:.1", "equivalent_noise:1.0"]
    each = ", ".join(f'"{level}"' for level in written)
    requests = read(SMALLEST + f"levels = [{each}, {{ ssim = 0.200, mse = 1_0e-3 }}]").requests()
    assert [request.level.value for request in requests] == [*["0.1"] * 4, "1", {"a": "0.01", "b": "0.2"}]


def test_everything_wrong_is_said_at_once(problems):
    found = problems(
        """metrics = ["ssim", "msee", { name = "ssim", windw = "uniform" },
  "ssim,window=gaussian", "./mine.py:metric",
  "madcore.nothing:metric",
  "./mine.py", "nothing:metric"]
pictures = ["*.png", "dead_leafs", { path = "dead_leaves", bits = 3 }]
levels = ["noise:0.1", "nois:1", 3]
seeds = [0, -1, "a"]
sizes = 3
crop = "12y"
[solver]
max_iter = "x"
optimizer = "Adam"
toleranz = 1
[output]
bits = 12
keep = ["png", "jpg"]
"""
    )
    assert [line for line, _ in found] == [1, 1, 2, 2, 3, 4, 4, 5, 5, 5, 6, 6, 7, 7, 8, 9, 11, 12, 13, 15, 16]
    said = "\n".join(message for _, message in found)
    for part in (
        *("did you mean mse?", "did you mean window?", "did you mean dead_leaves?", "did you mean size?"),
        *("is in the plan already, as ssim", "no file './mine.py'", "no file matches '*.png'"),
        *("no module 'madcore.nothing'", "'./mine.py' names no attribute", "no module 'nothing'"),
        *("'nois:1' is no level", "each of seeds must be a whole number of at least 0; got -1"),
        *("max_iter must be a whole number", "did you mean tolerance?", "bits must be 8 or 16; got 12"),
    ):
        assert part in said


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "metrics are missing"),
        ('metrics = ["ssim", "mse"]', 1, "pictures are missing"),
        ("metrics = [", 1, ""),
        ('metrics = ["ssim"]\npictures = ["dead_leaves"]', 1, "at least two"),
        ('metrics = "ssim"\npictures = ["dead_leaves"]', 1, "must be a list"),
        (SMALLEST + 'pairs = [["ssim", "mae"]]', 3, "metric 'mae' is none of the plan's"),
        (SMALLEST + 'pairs = [["ssim"]]', 3, "must be a list of two names"),
        (SMALLEST + 'pairs = [["ssim", "ssim"]]', 3, "does not compete with itself"),
        (SMALLEST + 'pairs = "some"', 3, 'pairs must be "all"'),
        (SMALLEST + "levels = [{ ssim = 0.2 }]", 3, "no value for mse"),
        (SMALLEST + "levels = [{ ssim = 0.2, mse = -1 }]", 3, "above 0"),
        (SMALLEST + "levels = [{ ssim = 0.2, mse = 1, mae = 1 }]", 3, "'mae' is none of the plan's"),
        (SMALLEST + 'penalty = "range,weight=heavy"', 3, "weight of a penalty"),
        (SMALLEST + 'observers = ["tensorbord"]', 3, "is no"),
        (SMALLEST + "solver = 3", 3, "must be a table"),
        (SMALLEST + "[output]\nkeep = []", 4, "must name"),
        (SMALLEST + 'levels = ["noise:0"]', 3, "is no level"),
        (SMALLEST + 'levels = ["noise:1e999"]', 3, "is no level"),
        (SMALLEST + "starts = true", 3, "whole number of at least 1; got true"),
    ],
)
def test_what_is_wrong(problems, text, line, said):
    ((found, message),) = [each for each in problems(text) if said in each[1]][:1]
    assert found == line
    assert "\n" not in message


def test_pairs(read):
    three = 'metrics = ["ssim", "mse", "mae"]\npictures = ["dead_leaves"]\n'
    assert read(three).pairings == (("mse", "ssim"), ("mae", "ssim"), ("mae", "mse"))
    assert read(three + 'pairs = { newcomer = "mae" }').pairings == (("mae", "ssim"), ("mae", "mse"))
    assert read(three + 'pairs = [["ssim", "mae"], ["mae", "ssim"]]').pairings == (("mae", "ssim"),)


def test_pictures_are_those_of_the_plans_folder(read, tmp_path):
    for name in ("b.png", "a.png", "camera"):
        (tmp_path / name).touch()
    plan = read(SMALLEST.replace('"dead_leaves"', '"*.png", "a.png", "./camera"'))
    sources = [picture.source for picture in plan.pictures]
    assert sources == [str(tmp_path / "a.png"), str(tmp_path / "b.png"), f"{tmp_path}/./camera"]


def test_a_file_that_is_called_like_a_built_in_picture(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "camera").touch()
    (tmp_path / "plan.toml").write_text(SMALLEST.replace('"dead_leaves"', '"c*", "camera"'))
    assert [picture.source for picture in read_plan("plan.toml").pictures] == ["./camera", "camera"]


def test_a_plan_in_python():
    plan = Plan(metrics=["ssim", "mse"], pictures=[Picture("dead_leaves", size="64"), "camera"], levels=["noise:0.2"])
    assert [(request.picture, request.size) for request in plan.requests()] == [("dead_leaves", "64"), ("camera", None)]
    with pytest.raises(InputError, match="is no level"):
        Plan(metrics=["ssim", "mse"], pictures=["camera"], levels=["nois"]).requests()
    with pytest.raises(InputError, match="not known"):
        Plan(metrics=["ssim", "mse"], pictures=["camera"], pairs="some").requests()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"seeds": [-1]}, "each of seeds must be a whole number of at least 0; got -1"),
        ({"seeds": 3}, "seeds must be a list; got 3"),
        ({"metrics": "ssim"}, "metrics must be a list; got 'ssim'"),
        ({"pictures": [3]}, "each of pictures must be a text in quotes; got 3"),
        ({"observers": [3]}, "each of observers must be a text in quotes; got 3"),
        ({"keep": ["jpg"]}, 'each of keep must be "png" or "exact"; got "jpg"'),
        ({"starts": 0}, "starts must be a whole number of at least 1; got 0"),
        ({"tolerance": -1.0}, "tolerance must be a number above 0"),
        ({"bits": 12}, "bits must be 8 or 16; got 12"),
        ({"bits": 8.0}, "bits must be 8 or 16; got 8.0"),
        ({"seeds": [np.int64(-2)]}, "each of seeds must be a whole number of at least 0; got -2"),
        ({"starts": np.float32(2)}, "starts must be a whole number of at least 1; got 2.0"),
        ({"dtype": "float16"}, 'dtype must be "float32" or "float64"'),
    ],
)
def test_a_plan_that_is_made_in_python_is_checked_too(given, said):
    with pytest.raises(InputError) as caught:
        Plan(**{"metrics": ["ssim", "mse"], "pictures": ["camera"], **given})
    assert said in str(caught.value)


def test_a_plan_takes_whole_numbers_of_numpy_as_its_own():
    given = {"seeds": list(np.arange(2)), "starts": np.int32(2), "bits": np.uint8(16)}
    plan = Plan(metrics=["ssim", "mse"], pictures=["camera"], **given)
    assert (plan.seeds, plan.starts, plan.bits) == ((0, 1), 2, 16)
    assert {type(value) for value in (*plan.seeds, plan.starts, plan.bits)} == {int}


def test_what_is_no_file(tmp_path):
    with pytest.raises(InputError, match="madcore init"):
        read_plan(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="no UTF-8 text"):
        read_plan(tmp_path / "binary.toml")


def test_the_launcher_says_each_problem_on_a_line(tmp_path, capsys):
    path = tmp_path / "plan.toml"
    path.write_text('metrics = ["ssim", "msee"]\npictures = ["dead_leafs"]\n')
    assert run(["tournament", str(path), "--dry-run"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[1:3] for line in lines] == [["error", f"{path}:1"], ["error", f"{path}:2"]]


def test_init_writes_a_plan_that_can_be_played(tmp_path, capsys):
    path = tmp_path / "plan.toml"
    assert run(["init", str(path)]) == 0
    assert len(read_plan(path).requests()) == 6
    assert run(["init", str(path)]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert run(["init", str(path), "--overwrite"]) == 0


def test_the_example_without_photographs(read, monkeypatch):
    monkeypatch.setattr("madcore.plan.example.find_spec", lambda name: None)
    assert {request.picture for request in read(example_plan()).requests()} == {"dead_leaves:1", "dead_leaves_color:2"}


def test_what_is_commented_out_in_the_example_is_right_too(read):
    text = example_plan()
    for line in ("crop = 256", "gray = true", "penalty = {", "tolerance = 1e-6", "dtype = "):
        assert f"# {line}" in text
        text = text.replace(f"# {line}", line)
    assert read(text).requests()[0].crop == "256"


def test_estimates():
    one = estimate_output([(256, 256, 1)])
    assert (one.matches, one.files) == (1, 9)
    assert 5 * 4 * 256**2 < one.bytes < 6 * 5 * 256**2
    assert estimate_output([(256, 256, 1)], keep=["png"]).bytes < one.bytes / 3
    assert estimate_output([]).bytes == 0


def test_lines_of_keys_and_elements():
    text = (
        'a = 1\nb.c = """\nx = 2\n"""\nd = [ # [\n  1,\n  { e = "]" },\n]\n[[t]]\nf = 1\n[[t]]\nf = 2\n[t.u]\ng = 1\n'
    )
    tomllib.loads(text)
    lines = find_lines(text)
    expected = {("a",): 1, ("b", "c"): 2, ("d",): 5, ("d", 0): 6, ("d", 1, "e"): 7, ("t", 0, "f"): 10}
    assert lines.items() >= (expected | {("t", 1, "f"): 12, ("t", 1, "u", "g"): 14}).items()


KEYS = st.from_regex(r"[a-z]{1,3}", fullmatch=True)


@given(st.dictionaries(KEYS, st.lists(st.integers() | st.text("a[]{}#'=,\\\" "))))
def test_every_key_has_its_line(values):
    text = "\n".join(f"{key} = [{', '.join(map(_quoted, many))}]" for key, many in values.items())
    assert tomllib.loads(text) == values
    lines = find_lines(text)
    for number, (key, many) in enumerate(values.items(), 1):
        assert {lines[key,], *(lines[key, index] for index in range(len(many)))} == {number}


def _quoted(value):
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if isinstance(value, str) else escaped

"""`madcore check`: a table of clauses, exit code 3 where one is broken, and fitness for MAD."""

import json

import pytest

from madcore import MetricSpec, hookimpl, registry
from madcore.cli import run
from madcore.loading import Candidate
from madcore.testing import examine_fitness

CODE = """
import torch


def right(image, mad_image):
    return (mad_image - image).square().flatten(1).mean(1)


def mixed(image, mad_image):
    return right(image, mad_image).mean().expand(len(image))


def edges(image, mad_image):
    return right(image.diff(dim=-1), mad_image.diff(dim=-1))


def stepped(image, mad_image):
    value = right(image, mad_image)
    return value + ((1e6 * value).round() / 1e6 - value).detach()


def relative(image, mad_image):
    return right(image, mad_image) / image.flatten(1).var(1).clamp_min(1e-3)


def swapped(image, mad_image):
    return relative(mad_image, image)


def blind_below(image, mad_image):
    return (right(image, mad_image) - 1e-4).clamp_min(0)
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(CODE)
    return path


def finding(file, attribute, name):
    return next(each for each in examine_fitness(f"{file}:{attribute}") if each.name == name)


def test_every_clause_is_a_line_with_what_was_measured(capsys):
    assert run(["check", "mse"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("mse: 17 passed")
    assert "finite differences agree to" in said
    assert said.endswith("No clause is broken.\n")


def test_code_without_a_plugin_and_a_broken_clause(file, capsys):
    assert run(["check", f"{file}:right", f"{file}:mixed"]) == 3
    said = capsys.readouterr().out
    assert "3 images together differ from one by one" in said
    assert said.endswith(f"Broken: {file}:mixed (batch).\n")


def test_an_oracle_tells_the_order_of_the_arguments(file, capsys):
    oracle = ["--oracle", f"{file}:relative"]
    assert run(["check", f"{file}:swapped"]) == 0
    assert "only an oracle tells which order is right: declare one, or name it with --oracle" in capsys.readouterr().out
    assert run(["check", f"{file}:swapped", *oracle]) == 3
    said = capsys.readouterr().out
    assert "arguments are swapped" in said
    assert said.endswith(f"Broken: {file}:swapped (arguments).\n")
    assert run(["check", f"{file}:relative", *oracle]) == 0


def test_an_order_of_arguments_that_nothing_tells_is_said_last(file, capsys):
    assert run(["check", "mse", f"{file}:swapped"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"No clause is broken.  Whether the reference image comes first is not known of {file}:swapped."


@pytest.fixture
def needy(monkeypatch):
    """Install a plugin with a metric that needs what is not there, and one that does not."""

    class Plugin:
        @hookimpl
        def madcore_metrics(self):
            given = {"higher_is_better": False, "perfect": 0.0}
            needs = MetricSpec("needy", lambda: max, requires=("not-to-be-found>=3",), **given)
            return [
                needs,
                MetricSpec("error", lambda: lambda image, other: (image - other).abs().mean((1, 2, 3)), **given),
            ]

    monkeypatch.setattr(registry, "find_candidates", lambda: [Candidate("some", "madcore-some", "1.0", Plugin)])


NEEDS = "some.needy needs what is not installed; run: pip install 'not-to-be-found>=3'"


@pytest.mark.parametrize("named", ["some", "some.needy"])
def test_what_cannot_be_built_is_no_success_however_it_is_named(named, needy, capsys):
    assert run(["check", named]) == 3
    said = capsys.readouterr().out
    assert f"build   failed  {NEEDS}" in said
    assert "Broken: some.needy (build)" in said


@pytest.mark.parametrize("named", ["some", "some.needy"])
def test_fitness_of_the_others_is_reported(named, needy, capsys):
    assert run(["check", "--mad", named]) == 3
    out, err = capsys.readouterr()
    assert err == f"madcore: error: {NEEDS}\n"
    assert out.startswith("some.error: fitness for MAD") == (named == "some")


def test_the_clauses_that_one_metric_breaks_are_named_together(file, capsys):
    file.write_text(CODE + "\n\ndef wrong(image, mad_image):\n    return mixed(image, mad_image) + 1\n")
    assert run(["check", f"{file}:wrong"]) == 3
    assert capsys.readouterr().out.endswith(f"Broken: {file}:wrong (identity, batch).\n")


def test_json(file, capsys):
    assert run(["check", f"{file}:mixed", "--json"]) == 3
    verdicts = {each["clause"]: each for each in json.loads(capsys.readouterr().out)}
    assert verdicts["batch"]["broken"]
    assert verdicts["identity"]["outcome"] == "passed"


def test_a_plugin_stands_for_all_that_it_brings(capsys):
    assert run(["check", "example", "--json", "--no-plugin", "piq"]) == 0
    subjects = {each["subject"] for each in json.loads(capsys.readouterr().out)}
    assert subjects == {"example.gradient", "example.correlation", "example.drift"}


def test_penalties_and_options(capsys):
    assert run(["check", "total_variation", "lp,p=3"]) == 0
    assert "lp,p=3: 17 passed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ssm"], "'ssm' is no metric, penalty or plugin (did you mean ssim?)"),
        (["nothing.at_all"], "'nothing' is no installed plugin"),
        (["./nowhere.py:metric"], "cannot read 'nowhere.py'"),
        (["lp,q=3"], "'q' is no option of lp"),
        (["mse", "lp,p=three"], "option p of lp must be float; got 'three'"),
        (["mse", "--device", "nonsense"], "device 'nonsense' cannot be used here"),
        (["range", "--mad"], "--mad examines metrics"),
        (["mse", "mae", "--oracle", "mse"], "--oracle goes with one metric"),
        (["range", "--oracle", "mse"], "--oracle goes with one metric"),
        (["mse", "--oracle", "msee"], "'msee' is no metric (did you mean mse?)"),
    ],
)
def test_bad_input(arguments, message, capsys):
    assert run(["check", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_fitness_in_words(file, capsys):
    assert run(["check", "--mad", f"{file}:edges"]) == 0
    said = capsys.readouterr().out
    for name in ("noise", "dead zone", "largest level", "blind spots", "path", "float32", "held", "optimised"):
        assert f"\n  {name} " in said
    assert "sees nothing of: brightness, tint of equal luma" in said


def test_fitness_finds_blind_spots_dead_zones_and_steps(file):
    assert finding(file, "right", "blind spots").values["shares of noise"].keys() >= {"checkerboard", "brightness"}
    assert 0.005 < finding(file, "blind_below", "dead zone").values["noise"] < 0.01
    assert finding(file, "right", "dead zone").values["noise"] == 0
    assert finding(file, "right", "path").values["worst"] < 1e-3 < finding(file, "stepped", "path").values["worst"]


def test_a_metric_with_the_level_sets_of_its_partner_moves_nothing(file):
    for name in ("held", "optimised"):
        assert finding(file, "right", name).meaning.startswith("Nothing moves while mse is ")
        assert finding(file, "edges", name).meaning.startswith("It can be ")


def test_what_float32_resolves_is_its_rounding(file):
    resolution = finding(file, "right", "float32").values
    assert 1e-9 < max(resolution["scatter"], resolution["bias"]) < 1e-6


def test_the_largest_level_of_mse_is_that_of_the_farther_bounds(file):
    found = finding(file, "right", "largest level")
    assert max(found.values["values"], key=found.values["values"].get) == "every pixel at its farther bound"

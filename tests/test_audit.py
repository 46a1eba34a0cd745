"""The audit: what is found of a metric whose flaws are known, and the command from end to end."""

import dataclasses
import math

import pytest
from click.testing import CliRunner
from synthetic_stores import make_store

from madcore.analysis import examine_results
from madcore.audit import describe_audit, find_flaws, plan_audit
from madcore.cli import launcher
from madcore.cli.session import Session
from madcore.errors import InputError
from madcore.registry import Registry
from madcore.store import Store


@pytest.fixture
def study(tmp_path):
    # in these stores every judge believes the metric whose name comes first
    return examine_results(make_store(tmp_path / "store", metrics=("mae", "mse", "ssim", "xyz")))


def test_blind_spots_are_what_the_panel_sees(study):
    found = {(each.kind, each.opponent): each for each in find_flaws(study, "ssim")}
    blind = found["blind", "mse"]
    assert blind.severity.value == pytest.approx(4)
    assert blind.agreeing == ("mae", "xyz")
    assert blind.worst.held == "ssim"


def test_over_sensitivities_are_what_the_panel_does_not_see(study):
    found = {(each.kind, each.opponent): each for each in find_flaws(study, "ssim")}
    assert found["sensitive", "mse"].severity.value == pytest.approx(4)
    assert found["sensitive", "mse"].agreeing == ("mae", "xyz")
    # here the judges see what ssim sees, so that it is none
    assert found["sensitive", "xyz"].severity.value == pytest.approx(0)


def test_worst_first_and_in_words(study):
    view = describe_audit(study, "ssim", ["left out"], command=lambda match: f"make {match}")
    blind = view["parts"][0]
    assert [len(part["findings"]) for part in view["parts"]] == [2, 2]
    assert "2 blind spots and 2 over-sensitivities" in view["lead"]
    assert blind["findings"][0]["command"] == f"make {blind['findings'][0]['match']}"
    assert "rates two images alike" in blind["findings"][0]["sentence"]
    assert view["remarks"] == ["left out"]


def test_what_is_beyond_the_noise_curves_is_not_the_worst(study, monkeypatch):
    # each judge sees at least nothing and at most anything: what ssim sees beyond that is not known
    seen = [dataclasses.replace(each, change=(0.0, math.inf)) for each in study.verdicts]
    monkeypatch.setitem(vars(study), "verdicts", seen)
    view = describe_audit(study, "ssim", [], str)
    sensitive = view["parts"][1]
    assert sensitive["findings"] == []
    assert "no over-sensitivities" in view["lead"]
    assert "unknown" not in view["lead"]
    assert view["remarks"][0].startswith("Against ")
    assert "mse at noise:0.1" in view["remarks"][0]
    assert view["remarks"][0].endswith(" nothing is known: the images are beyond the noise curves of their judges.")


def test_a_single_judge_is_no_share(tmp_path):
    study = examine_results(make_store(tmp_path / "store", metrics=("mae", "mse", "ssim")))
    view = describe_audit(study, "ssim", [], str)
    sentences = [each["sentence"] for part in view["parts"] for each in part["findings"]]
    assert sentences
    assert all("; the only other judge side" in each or "judge does not side" in each for each in sentences)


def test_default_panel_leaves_out_what_cannot_take_the_pictures():
    plan, remarks = plan_audit("ssim", ["dead_leaves"], size="64", registry=Registry.discover({"all"}))
    assert plan.metrics == ("ssim", "mse", "nlpd")
    assert plan.pairs == {"newcomer": "ssim"}
    assert "ms_ssim is not in the panel: it needs pictures of at least 161 pixels" in remarks[0]


def test_nobody_left():
    with pytest.raises(InputError, match="--against"):
        plan_audit("mse", ["dead_leaves"], ["mse"], size="64", registry=Registry.discover({"all"}))


def test_command_from_end_to_end(tmp_path):
    arguments = ["audit", "ssim", "dead_leaves", "--size", "32", "--against", "mse", "--against", "mae"]
    arguments += ["--max-iter", "3", "--device", "cpu", "-o", str(tmp_path / "audit")]
    result = CliRunner().invoke(launcher, arguments, obj=Session(), catch_exceptions=False)
    assert result.exit_code == 0
    page = (tmp_path / "audit" / "audit.html").read_text()
    assert "Audit of ssim" in page
    assert "madcore quartet" in page


def test_nothing_is_claimed_where_nothing_was_finished(tmp_path):
    study = examine_results(Store.create(tmp_path / "store"))
    assert describe_audit(study, "ssim", [], str)["lead"] == "Nothing can be said of ssim: no match of it was finished."

"""Matches that come to nothing: each is recorded with its reason, and the rest goes on."""

import re
from types import SimpleNamespace

import pytest
import torch
from tournaments import play, small_plan

from madcore.metric import Metric
from madcore.store import Store
from madcore.tournament.judging import distances
from madcore.tournament.memory import in_parts
from madcore.tournament.player import MatchPlayer, PlayerMaker

METRICS = """
import time
from pathlib import Path
import torch

calls = 0


def mse(image, mad_image):
    return (image - mad_image).square().mean((1, 2, 3))


def raises(image, mad_image):
    raise ValueError("no such thing")


def interrupted(image, mad_image):
    Path(__file__).with_name("stop").touch()
    raise RuntimeError("no compiled object yet")


def not_finite(image, mad_image):
    return mse(image, mad_image) * float("nan")


def slow(image, mad_image):
    time.sleep(20)
    return mse(image, mad_image)


def picky(image, mad_image):
    # of the photographs that are played, coins is the darkest
    if bool((image.mean((1, 2, 3)) < 0.4).any()):
        raise ValueError("too dark")
    return mse(image, mad_image)


def hungry(image, mad_image):
    if len(image) > 2:
        raise torch.OutOfMemoryError("CUDA out of memory")
    return mse(image, mad_image)


def insatiable(image, mad_image):
    raise torch.OutOfMemoryError("CUDA out of memory")
"""


@pytest.fixture
def metric(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(METRICS)
    return lambda name: f"{path}:{name}"


@pytest.mark.parametrize(
    ("name", "reason", "message"),
    [
        ("raises", "error", "no such thing"),
        ("not_finite", "non-finite", "not finite"),
        ("insatiable", "out of memory", "CUDA out of memory"),
    ],
)
def test_a_bad_metric_spoils_only_its_matches(tmp_path, metric, name, reason, message):
    summary = play(small_plan(("mse", "mae", metric(name))), tmp_path / "store", batch=1)
    assert (summary.finished, summary.failed) == (1, 2)
    failures = Store(tmp_path / "store").failures()
    assert {failure["reason"] for failure in failures} == {reason}
    assert all(message in failure["message"] for failure in failures)


def test_what_is_too_large_for_one_says_what_there_is(tmp_path, metric):
    play(small_plan(("mse", metric("insatiable"))), tmp_path / "store")
    (failure,) = Store(tmp_path / "store").failures()
    assert re.match(
        r"one match on 32 x 32 x 1 samples needs more than the .* on cpu: take a smaller", failure["message"]
    )


def test_failed_matches_wait_to_be_asked_for(tmp_path, metric):
    plan = small_plan(("mse", metric("raises")))
    play(plan, tmp_path / "store")
    again = play(plan, tmp_path / "store")
    assert (again.given_up, again.failed) == (1, 0)
    assert play(plan, tmp_path / "store", retry_failed=True).failed == 1


def test_what_fails_while_the_run_is_stopped_is_not_given_up(tmp_path, metric):
    """A second signal may come out of foreign code as any error."""
    stop = SimpleNamespace(is_set=(tmp_path / "stop").exists)
    summary = play(small_plan(("mse", metric("interrupted"))), tmp_path / "store", stop=stop)
    assert (summary.failed, summary.left, summary.interrupted) == (0, 1, True)
    assert Store(tmp_path / "store").failures() == []


def test_a_judge_that_fails_while_the_run_is_stopped_costs_no_match(tmp_path, monkeypatch):
    stop = SimpleNamespace(is_set=(tmp_path / "stop").exists)

    def make_done(*_, **__):
        (tmp_path / "stop").touch()
        raise RuntimeError("no compiled object yet")

    monkeypatch.setattr("madcore.tournament.player.make_done", make_done)
    summary = play(small_plan(), tmp_path / "store", stop=stop)
    assert (summary.failed, summary.left, summary.interrupted) == (0, 1, True)


def test_one_bad_picture_does_not_spoil_a_batch(tmp_path, metric):
    plan = small_plan(("mae", metric("picky")), ("camera", "coins", "moon"))
    summary = play(plan, tmp_path / "store", batch=3)
    assert (summary.finished, summary.failed) == (2, 1)
    (failure,) = Store(tmp_path / "store").failures()
    assert failure["picture"] == "coins"


def test_batches_that_do_not_fit_are_halved(tmp_path, metric):
    plan = small_plan(("mae", metric("hungry")), seeds=tuple(range(5)))
    assert play(plan, tmp_path / "store", batch=5).finished == 5
    assert sorted(record["made"]["batch"] for record in Store(tmp_path / "store").records()) == [1, 2, 2, 2, 2]


def test_what_fits_is_remembered(metric, tmp_path):
    from madcore.tournament import Tournament
    from madcore.tournament.batching import make_batches

    matches = Tournament(small_plan(("mae", metric("hungry")), seeds=tuple(range(4)))).matches()
    player = MatchPlayer(PlayerMaker(), "cpu")
    (batch,) = make_batches(matches, size=4)
    assert len(list(player(batch, _Never()))) == 4
    assert list(player._portions._most.values()) == [2]


class _Never:
    def is_set(self):
        return False


def test_a_judge_that_fails_has_no_score(tmp_path, metric):
    play(small_plan(judges=("mse", metric("raises"))), tmp_path / "store")
    store = Store(tmp_path / "store")
    values = store.scores(min(store.ids()))["values"]["a_min"]["exact"]
    assert values["mse"] is not None
    assert values[metric("raises")] is None


def test_a_judge_that_finds_no_memory_has_no_score_and_loses_no_match(tmp_path, metric):
    plan = small_plan(judges=("mse", metric("insatiable")))
    assert play(plan, tmp_path / "store").finished == 1
    store = Store(tmp_path / "store")
    values = store.scores(min(store.ids()))["values"]["a_min"]["exact"]
    assert (values["mse"] is None, values[metric("insatiable")]) == (False, None)


@pytest.mark.parametrize(("side", "together"), [(64, [7]), (128, [7]), (256, [2, 2, 2, 1]), (512, [1] * 7)])
def test_judges_see_as_many_pictures_together_as_a_batch_has(side, together):
    seen = []
    judge = Metric(lambda image, other: seen.append(len(other)) or (image - other).square().mean((1, 2, 3)))
    image, *pictures = torch.rand(8, 1, side, side)[:, None]
    assert None not in distances(judge, image, pictures)
    assert seen == together


def test_the_limit_reaches_a_metric_that_never_returns(tmp_path, metric):
    summary = play(small_plan(("mse", metric("slow")), seeds=(0, 1)), tmp_path / "store", limit=0.5, batch=1)
    assert summary.failed == 2
    assert summary.seconds < 10
    assert {failure["reason"] for failure in Store(tmp_path / "store").failures()} == {"timeout"}


def test_parts_are_halved_until_they_fit():
    def make(part):
        if len(part) > 3:
            raise torch.OutOfMemoryError("no")
        return list(part)

    assert [thing for part in in_parts(range(11), 8, make) for thing in part] == list(range(11))


def test_a_part_of_one_that_does_not_fit_is_an_error():
    def make(part):
        raise MemoryError

    with pytest.raises(MemoryError):
        list(in_parts(range(3), 2, make))

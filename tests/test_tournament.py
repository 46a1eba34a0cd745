"""Tournaments: what is played, what is stored, what is not played again."""

import json
import threading

import pytest
from tournaments import Inventor, contents, play, small_plan

import madcore
from madcore.errors import InputError
from madcore.identity import identify
from madcore.store import Store
from madcore.tournament.matches import Completer


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """Three metrics on two pictures, all of them judges."""
    store = tmp_path_factory.mktemp("played") / "store"
    plan = small_plan(("mse", "mae", "ssim"), ("camera", "coins"), judges=("all",))
    assert play(plan, store).finished == 6
    return plan, store


def test_every_match_is_stored_and_holds_its_level(played):
    rows = Store(played[1]).query()
    assert len(rows) == 24
    assert max(row["held_error"] for row in rows) <= 1e-6
    assert max(row["png_held_error"] for row in rows) <= 1e-3


def test_nothing_is_played_twice(played):
    before = contents(played[1])
    assert play(*played).before == 6
    assert contents(played[1]) == before


def test_a_new_metric_plays_only_its_rows(played, tmp_path):
    plan = small_plan(("mse", "mae"))
    play(plan, tmp_path / "store")
    before = contents(tmp_path / "store")
    summary = play(small_plan(("mse", "mae", "ssim")), tmp_path / "store")
    assert (summary.before, summary.finished) == (1, 2)
    assert before.items() <= contents(tmp_path / "store").items()


@pytest.mark.parametrize("changed", [{"max_iter": 11}, {"seeds": (1,)}, {"levels": ("noise:0.2",)}])
def test_what_decides_the_images_changes_the_match(changed):
    ids = {match.id for match in madcore.Tournament(small_plan()).matches()}
    assert not ids & {match.id for match in madcore.Tournament(small_plan(**changed)).matches()}


def test_an_option_changes_only_what_it_touches():
    ids = {match.id for match in madcore.Tournament(small_plan(("mse", "mae", "ssim"))).matches()}
    other = {match.id for match in madcore.Tournament(small_plan(("mse", "mae", "ssim,size=7"))).matches()}
    assert len(ids & other) == 1


def test_the_key_is_that_of_the_launchers_quartet(played):
    from madcore.jobs import prepare_job

    match = madcore.Tournament(played[0]).matches()[0]
    assert prepare_job(match.request).record["id"] == match.id


@pytest.mark.parametrize("name", ["mse", "ssim,window=uniform", "nlpd", "ms_ssim"])
def test_a_metric_is_identified_without_being_built(name):
    assert Completer().metric(name) == identify(madcore.create_metric(name))


def test_pictures_are_hashed_once(tmp_path, monkeypatch):
    first = Completer(cache=tmp_path / "pixels.json")
    match = first.complete(small_plan().requests()[0])
    first.save()
    monkeypatch.setattr("madcore.tournament.pixels.read_pictures", None)
    assert Completer(cache=tmp_path / "pixels.json").complete(small_plan().requests()[0]) == match


def test_a_changed_file_is_hashed_again(tmp_path):
    path = tmp_path / "picture.png"
    requests = small_plan(pictures=(str(path),)).requests()
    found = []
    for name in ("camera", "coins"):
        madcore.write_image(path, madcore.read_image(name, size=40))
        completer = Completer(cache=tmp_path / "pixels.json")
        found.append(completer.complete(requests[0]).id)
        completer.save()
    assert found[0] != found[1]


def test_judges_score_every_image(played):
    store = Store(played[1])
    scores = store.scores(min(store.ids()))
    assert set(scores["judges"]) == {"mse", "mae", "ssim"}
    assert set(scores["values"]) == {"start", "a_min", "a_max", "b_min", "b_max"}
    assert all(value is not None for kinds in scores["values"].values() for value in kinds["png"].values())


def test_judges_agree_with_the_record(played):
    store = Store(played[1])
    for record in store.records():
        scores = store.scores(record["id"])["values"]
        for name, entry in record["images"].items():
            for letter, metric in record["made"]["names"].items():
                assert scores[name]["exact"][metric] == pytest.approx(entry["exact"][letter], rel=1e-9)
                assert scores[name]["png"][metric] == pytest.approx(entry["png"][letter], rel=1e-9)


def test_every_judge_has_a_noise_curve_for_every_picture(played):
    curves = list(Store(played[1]).curves())
    assert len(curves) == 6
    (curve,) = [each for each in curves if each["metric"] == "mse" and each["picture"] == "camera"]
    small = [index for index, deviation in enumerate(curve["standard_deviations"]) if 0.005 < deviation < 0.02]
    for index in small:  # too little to be clipped often
        assert curve["values"][index] == pytest.approx([curve["standard_deviations"][index] ** 2] * 3, rel=0.15)


def test_a_judge_that_is_added_scores_what_was_played(played, tmp_path):
    play(small_plan(judges=("mse",)), tmp_path / "store")
    before = contents(tmp_path / "store", (".json", ".png", ".safetensors"))
    assert play(small_plan(judges=("mse", "ssim")), tmp_path / "store").finished == 0
    store = Store(tmp_path / "store")
    assert set(store.scores(min(store.ids()))["judges"]) == {"mse", "ssim"}
    assert contents(tmp_path / "store", (".json", ".png", ".safetensors")) == before


def test_batches_start_where_single_matches_start(tmp_path):
    plan = small_plan(pictures=("camera", "coins"), levels=("noise:0.1", "noise:0.05"), seeds=(0, 1))
    rows = []
    for batch in (1, 8):
        play(plan, tmp_path / str(batch), batch=batch)
        rows.append({(row["id"], row["image"]): row for row in Store(tmp_path / str(batch)).query()})
    single, together = rows
    assert len(single) == 32
    assert all(row["start_value"] == together[key]["start_value"] for key, row in single.items())
    assert all(row["level"] == together[key]["level"] for key, row in single.items())
    assert max(row["held_error"] for row in together.values()) <= 1e-6


def test_values_as_levels_can_differ_in_a_batch(tmp_path):
    levels = ({"mse": 0.01, "mae": 0.08}, {"mse": 0.02, "mae": 0.1})
    play(small_plan(levels=levels), tmp_path / "store")
    found = sorted({row["level"] for row in Store(tmp_path / "store").query("optimized = 'mae'")})
    assert found == pytest.approx([0.01, 0.02])


def test_shards_are_all_of_it_and_do_not_overlap(tmp_path):
    plan = small_plan(seeds=tuple(range(12)))
    played = [play(plan, tmp_path / "store", engine=Inventor(), shard=(index, 3)).finished for index in (1, 2, 3)]
    assert played == [4, 4, 4]
    assert len(Store(tmp_path / "store").ids()) == 12


def test_only_one_driver_plays_into_a_store(tmp_path):
    entered, leave = threading.Event(), threading.Event()

    def wait(event, summary):
        entered.set()
        leave.wait(10)

    first = threading.Thread(
        target=play, args=(small_plan(), tmp_path), kwargs={"engine": Inventor(), "on_event": wait}
    )
    first.start()
    entered.wait(10)
    with pytest.raises(InputError, match=r"written by process \d+"):
        play(small_plan(), tmp_path, engine=Inventor())
    leave.set()
    first.join()


def test_stopping_leaves_whole_matches(tmp_path):
    stop = threading.Event()
    tell = lambda event, summary: summary.finished == 3 and stop.set()  # noqa: E731
    plan = small_plan(seeds=tuple(range(8)))
    summary = play(plan, tmp_path, engine=Inventor(), on_event=tell, stop=stop)
    assert summary.interrupted
    assert len(Store(tmp_path).ids()) == summary.finished == 3


def test_time_can_run_out(tmp_path):
    plan = small_plan(seeds=tuple(range(100)))
    summary = play(plan, tmp_path, engine=Inventor(0.05), max_hours=0.3 / 3600)
    assert summary.interrupted
    assert summary.time_is_up


def test_a_batch_of_none(tmp_path):
    with pytest.raises(InputError, match="batch must be 1 match or more; got 0"):
        play(small_plan(), tmp_path / "store", batch=0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"durability": "slow"}, "durability must be full or fast; got 'slow'"),
        ({"observers": [3]}, "3 is no observer"),
        ({"engine": 3}, "3 is no engine"),
    ],
)
def test_arguments_that_make_no_sense(tmp_path, options, said):
    with pytest.raises(InputError, match=said):
        play(small_plan(), tmp_path / "store", **options)


@pytest.mark.parametrize("option", ["limit", "max_hours"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_times_that_make_no_sense(tmp_path, option, value):
    with pytest.raises(InputError, match=f"{option} must be a number above 0"):
        play(small_plan(), tmp_path / "store", **{option: value})
    assert not (tmp_path / "store").exists()


def test_observers_hear_of_matches(tmp_path):
    heard = []

    class Listener:
        def match_finished(self, event):
            heard.append(event.payload.record["id"])

        def tournament_finished(self, summary):
            heard.append(summary["finished"])

    play(small_plan(), tmp_path, engine=Inventor(), observers=[Listener()])
    assert heard == [*Store(tmp_path).ids(), 1]


def test_records_say_how_many_were_made_together(tmp_path):
    play(small_plan(seeds=(0, 1)), tmp_path)
    assert [record["made"]["batch"] for record in Store(tmp_path).records()] == [2, 2]
    assert json.loads((tmp_path / "pixels.json").read_text())


def test_only_what_the_plan_keeps_is_stored(tmp_path):
    play(small_plan(keep=("png",), judges=("mse",)), tmp_path)
    assert {path.split(".")[-1] for path in contents(tmp_path)} == {"png"}

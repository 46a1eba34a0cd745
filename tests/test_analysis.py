"""Statistics, on cases worked out by hand."""

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_stores import add_curve, add_match, make_store

from madcore.analysis import (
    Attack,
    Noise,
    NoiseCurve,
    Verdict,
    aggressiveness,
    describe_difference,
    disagreements,
    doublings,
    equivalent_noise,
    estimate,
    examine_results,
    measure_difference,
    rank_ranges,
    read_curve,
    resistance,
    scale_counts,
    sum_up_verdicts,
    tables,
    write_csv,
    write_doublings,
)
from madcore.store import Store


def curve(deviations, values, spread=None):
    return NoiseCurve("m", "i", tuple(deviations), tuple(values), tuple(spread or [0.0] * len(values)))


SQUARE = curve((0.01, 0.1, 1.0), (1e-4, 1e-2, 1.0))  # mse without clipping


@given(st.floats(0.0101, 0.99))
def test_power_law_is_inverted_exactly(noise):
    found = equivalent_noise(SQUARE, noise**2)
    assert found.exact
    assert found.low == pytest.approx(noise, rel=1e-9)


@pytest.mark.parametrize(("value", "bounds"), [(1e-5, (0, 0.01)), (0.0, (0, 0.01)), (2.0, (1.0, math.inf))])
def test_beyond_the_curve_is_a_bound(value, bounds):
    found = equivalent_noise(SQUARE, value)
    assert (found.low, found.high) == bounds


@pytest.mark.parametrize(("value", "noise"), [(1e-4, 0.01), (1e-2, 0.1), (1.0, 1.0)])
def test_points_of_the_curve(value, noise):
    assert equivalent_noise(SQUARE, value) == Noise(noise, noise)


def test_dead_zone_is_an_interval_and_is_marked():
    dead = curve((0.01, 0.02, 0.04, 0.08), (0.0, 0.0, 1.0, 2.0))
    assert equivalent_noise(dead, 0.0) == Noise(0.0, 0.02)
    assert dead.dead_zone == 0.02
    assert dead.remarks == ("sees no noise below 0.02",)


def test_curve_that_turns_back_gives_all_noises_of_a_value():
    found = equivalent_noise(curve((0.1, 0.2, 0.4, 0.8), (1.0, 4.0, 2.0, 8.0)), 3.0)
    assert 0.1 < found.low < 0.2
    assert 0.4 < found.high < 0.8


def test_monotone_but_for_the_seeds():
    assert curve((1, 2, 3), (1.0, 0.99, 2.0), (0.02, 0.0, 0.0)).monotone
    assert not curve((1, 2, 3), (1.0, 0.9, 2.0), (0.02, 0.0, 0.0)).monotone


def test_values_that_are_not_finite_leave_the_curve():
    record = {"metric": "m", "image": "i", "standard_deviations": [1, 2, 3], "values": [[1, 3], [None, 1], [4, 6]]}
    found = read_curve(record)
    assert (found.deviations, found.values, found.spread) == ((1, 3), (2, 5), (2, 2))
    empty = read_curve({**record, "values": [[None], [None], []]})
    assert equivalent_noise(empty, 1.0) == Noise(0.0, math.inf)


def test_doublings():
    assert doublings(Noise(0.1, 0.1), Noise(0.8, 0.8)) == pytest.approx((3, 3))
    assert doublings(Noise(0, 0.1), Noise(0.8, math.inf)) == (pytest.approx(3), math.inf)
    assert doublings(Noise(0.4, math.inf), Noise(0.4, math.inf)) == (-math.inf, math.inf)


def test_median_that_censored_values_do_not_touch_is_exact():
    found = estimate([("a", 1, 1), ("b", 2, 2), ("c", 5, math.inf)])
    assert (found.low, found.high, found.n, found.censored) == (2, 2, 3, 1)


def test_median_among_censored_values_is_a_bound():
    found = estimate([("a", 1, 1), ("b", 2, math.inf), ("c", 5, math.inf)])
    assert (found.low, found.high, found.at_least) == (2, math.inf, True)
    assert write_doublings(found) == "at least 2.0 doublings (1.0 to beyond the curve, n = 3)"


def test_matches_on_one_picture_are_one_sample():
    found = estimate([("a", 1, 1), ("a", 1, 1), ("a", 1, 1), ("b", 3, 3)])
    assert (found.value, found.n) == (2, 2)
    assert estimate([]) is None


def test_single_picture_has_no_interval():
    found = estimate([("a", 1, 1)])
    assert math.isnan(found.interval_low)
    assert write_doublings(found) == "1.0 doubling (n = 1)"


def test_bootstrap_interval_of_normal_samples_is_about_right():
    values = np.random.default_rng(1).normal(0, 1, 200)
    found = estimate((str(index), each, each) for index, each in enumerate(values))
    half = 1.96 * math.sqrt(math.pi / 2 / 200)  # asymptotic error of a median
    assert found.interval_high - found.interval_low == pytest.approx(2 * half, rel=0.35)
    assert found.interval_low < 0 < found.interval_high


def test_ranks_are_ranges_where_bounds_leave_them_open():
    assert rank_ranges([(1, 1), (2, math.inf), (3, 3)]) == [(1, 1), (2, 3), (2, 3)]
    assert rank_ranges([(5, 5), (1, 1), (3, 3)]) == [(3, 3), (1, 1), (2, 2)]


def attack(low, high, picture="p", optimized="a", held="b"):
    noises = Noise(low, low), Noise(high, high)
    return Attack("id", optimized, held, "noise:0.1", picture, picture, 0, ("a_min", "a_max"), (0, 1), noises=noises)


def test_disagreement_is_the_median_over_pictures():
    (cell,) = disagreements([attack(0.1, 0.2, "p"), attack(0.1, 0.4, "q"), attack(0.1, 0.8, "r")])
    assert cell.estimate.value == pytest.approx(2)
    assert "a factor of 4.0 in equivalent noise: 2.0 doublings (1.0 to 3.0, n = 3)" in cell.sentence


@pytest.mark.parametrize(
    ("change", "sides"),
    [((2, 2), "optimized"), ((0.5, 0.5), "held"), ((-2, -2), "against"), ((0, math.inf), "unclear")],
)
def test_whom_a_judge_sides_with(change, sides):
    verdict = Verdict(attack(0.1, 0.8), "judge", (0.0, 1.0), change)  # the attack has 3 doublings
    (found,) = sum_up_verdicts([verdict])
    assert found.sides == sides


def test_group_mad_of_two_models_by_hand():
    votes = np.full((2, 2, 2), np.nan)
    votes[0, 1] = 100, 50
    votes[1, 0] = -20, 0
    assert aggressiveness(votes)[0, 1] == 75
    assert aggressiveness(votes, np.array([[1, 0], [0.2, 0.8]]))[0, 1] == pytest.approx(60)
    assert resistance(votes)[0, 1] == 90  # model 0 withstands model 1
    assert resistance(votes)[1, 0] == 25
    assert np.isnan(aggressiveness(votes)[0, 0])


def test_scaling_recovers_bradley_terry():
    truth = np.array([0.5, 0.0, -0.5])
    chance = 1 / (1 + np.exp(truth[None] - truth[:, None]))
    assert scale_counts(1000 * chance) == pytest.approx(truth, abs=0.01)


def test_difference_in_words():
    reference = np.full((64, 64, 3), 0.5)
    reference[:, 32:] += np.random.default_rng(0).normal(0, 0.1, (64, 32, 3))
    brighter = describe_difference(measure_difference(reference, reference + 0.1))
    assert "brighter by 0.100" in brighter
    assert "in luminance (100%)" in brighter
    wave = 0.1 * np.sin(2 * np.pi * np.arange(64) * 6 / 64)
    assert "100% of it in shapes" in describe_difference(measure_difference(reference, reference + wave[:, None, None]))
    colour = reference + np.array([0.1, -0.05, -0.05]) * wave[:, None, None]
    assert "in colour (100%)" in describe_difference(measure_difference(reference, colour))
    assert describe_difference(measure_difference(reference, reference)) == "Identical to the reference."


def test_noise_is_described_as_noise():
    generator = np.random.default_rng(0)
    reference = generator.uniform(0, 1, (96, 96, 1))
    found = measure_difference(reference, reference + generator.normal(0, 0.1, reference.shape))
    assert sum(found.bands.values()) == pytest.approx(1)
    assert sum(map(sum, found.places)) == pytest.approx(1)
    assert describe_difference(found) == (
        f"Differs by {found.rms:.3f} (root mean square): spread over the frequencies as white noise is."
    )


def test_place_of_a_difference():
    reference = np.random.default_rng(0).uniform(0, 1, (60, 60, 1))
    picture = reference.copy()
    picture[:15, 45:] = 0
    assert "100% of it upper right" in describe_difference(measure_difference(reference, picture))


def test_study_of_a_store_whose_answer_is_known(tmp_path):
    found = examine_results(make_store(tmp_path / "store"))
    assert {round(cell.estimate.value, 6) for cell in found.cells} == {4}  # from a quarter to four times the noise
    assert len(found.cells) == 6
    assert all(cell.estimate.n == 2 for cell in found.cells)
    sides = {(each.judge, each.optimized, each.sides) for each in found.testimonies}
    assert ("ssim", "mse", "optimized") in sides
    assert ("mse", "ssim", "held") in sides


def test_values_beyond_curves_are_bounds_in_the_tables(tmp_path):
    store = Store.create(tmp_path / "store")
    add_match(store, "mse", "ssim", "camera")
    for metric in ("mse", "ssim"):
        add_curve(store, metric, "camera", [0.05, 0.1, 0.2])  # the extremes are 0.025 and 0.4
    row = tables(examine_results(store))["disagreement"][0]
    assert row["estimate"] == pytest.approx(2)
    assert row["at_least"]
    assert row["censored"] == 1


def test_images_off_their_level_are_left_out(tmp_path):
    store = Store.create(tmp_path / "store")
    record = add_match(store, "mse", "ssim", "camera")
    rows = [{**row, "stopped": "off level" if row["image"] == "a_max" else "settled"} for row in store.query()]
    fake = type("Rows", (), {"query": lambda _: rows, "curves": store.curves, "scores": store.scores})()
    fake.curves, fake.failures = store.curves, store.failures
    found = examine_results(fake)
    assert [(each.image, each.id) for each in found.left_out] == [("a_max", record["id"]), ("a_min", record["id"])]
    assert len(found.attacks) == 1


def test_tables_as_csv(tmp_path):
    found = tables(examine_results(make_store(tmp_path / "store")))
    assert write_csv(found["rankings"]).splitlines()[0].startswith("metric,exposure,")
    assert len(write_csv(found["images"]).splitlines()) == 1 + 6 * 4
    assert write_csv([]) == ""


def test_analysis_needs_no_torch():
    code = "import madcore.analysis, madcore.report, sys; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)

"""What the launcher's ``--level`` may say, and what each image holds."""

import pytest

from madcore.errors import InputError
from madcore.request import Level, Request, read_level

PAIR = {"a": "ssim,window=uniform", "b": "mse"}
HELD = {"b": "mse", "c": "mae"}


@pytest.mark.parametrize(
    ("texts", "metrics", "level"),
    [
        ([], PAIR, Level("noise", "0.1")),
        (["noise:0.05"], PAIR, Level("noise", "0.05")),
        (["equivalent_noise:1e-2"], HELD, Level("equivalent_noise", "1e-2")),
        (["mse=0.002", "ssim,window=uniform=0.1"], PAIR, Level("values", {"a": "0.1", "b": "0.002"})),
        (["ssim=0.10", "mse=2e-3"], PAIR, Level("values", {"a": "0.10", "b": "2e-3"})),
        (["0.01", "0.08"], HELD, Level("values", {"b": "0.01", "c": "0.08"})),
        (["mae=0.08", "mse=0.01"], HELD, Level("values", {"b": "0.01", "c": "0.08"})),
        (["0.3"], {"b": "ssim"}, Level("values", {"b": "0.3"})),
    ],
)
def test_levels_are_read(texts, metrics, level):
    assert read_level(texts, metrics, None, None) == level


@pytest.mark.parametrize(
    ("texts", "metrics", "said"),
    [
        (["noise:x"], PAIR, "no level"),
        (["noise:-1"], PAIR, "above 0"),
        (["loud:0.1"], HELD, "loud:0.1 is no level"),
        (["0.1"], PAIR, "does not say of which metric"),
        (["noise"], PAIR, "noise is no level; allowed are noise:S"),
        (["nosie:0.1"], PAIR, "nosie:0.1 is no level; allowed are noise:S"),
        (["mse=0.1"], PAIR, "missing for ssim"),
        (["mse=0.1", "mse=0.2"], PAIR, "given twice"),
        (["mae=0.1", "mse=0.2"], PAIR, "names no single held metric"),
        (["mse=nan", "ssim=1"], PAIR, "no level"),
        (["0.1"], HELD, r"each held metric \(mse, mae\); got 1"),
        (["0.1", "mae=0.2"], HELD, "names no single held metric"),
    ],
)
def test_other_levels_are_refused(texts, metrics, said):
    with pytest.raises(InputError, match=said):
        read_level(texts, metrics, None, None)


@pytest.mark.parametrize("text", ["0.1", "0.10", "1e-1", ".1", "+0.1", "0.1000000000000000055"])
def test_a_number_is_recorded_in_one_way(text):
    assert read_level([f"noise:{text}"], PAIR, None, None).record() == {"kind": "noise", "value": "0.1"}
    values = read_level([f"mse={text}", "ssim=1.0"], {"a": "ssim", "b": "mse"}, None, None).value
    assert values == {"a": "1", "b": "0.1"}


def test_the_start_image_sets_the_level_where_none_is_given():
    assert read_level([], PAIR, 0.05, None) == Level("noise", "0.05")
    assert read_level([], PAIR, None, "start.png") == Level("start")
    with pytest.raises(InputError, match="leave out --start"):
        read_level(["noise:0.1"], PAIR, None, "start.png")


def test_an_image_holds_every_metric_but_its_own():
    request = Request(("ssim", "mse", "mae"), "camera", images=("a_min",))
    assert request.letters == "abc"
    assert request.held("a_min") == "bc"
    assert request.held("b_max") == "ac"


def test_levels_become_what_the_solver_takes():
    assert Level("noise", "0.1").of("b") == "noise:0.1"
    assert Level("values", {"b": "0.01", "c": "0.08"}).of("bc") == [0.01, 0.08]
    assert Level("start").of("b") is None
    assert Level("start").record() == {"kind": "start"}

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madcore.errors import InputError, UnknownNameError
from madcore.options import complete_options, option_text, options_of, parse_name, plain, unknown_name, write_name

word = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)


def build(
    *,
    window: Literal["gaussian", "uniform"] = "gaussian",
    size: int = 11,
    sigma: float = 1.5,
    colour: bool = False,
    layers: tuple[str, ...] = ("relu1",),
    pair: tuple[float, float] = (0.0, 1.0),
    limit: float | None = None,
    model: Callable[[Any], Any] | str = "vgg",
):
    return window, size, sigma, colour, layers, pair, limit, model


def one(**given):
    (name,) = given
    return complete_options(build, given, "ssim")[name]


def test_name_alone():
    assert parse_name("piq.vif") == ("piq.vif", {})


def test_name_with_options():
    assert parse_name(" ssim , window = uniform,size=7") == ("ssim", {"window": "uniform", "size": "7"})


def test_value_may_hold_an_equals_sign():
    assert parse_name("x,y=a=b") == ("x", {"y": "a=b"})


@pytest.mark.parametrize("text", ["", ",a=1", "ssim,", "ssim,window", "ssim,=3"])
def test_malformed_name_says_what_to_write(text):
    with pytest.raises(InputError, match="OPTION=VALUE"):
        parse_name(text)


def test_option_twice():
    with pytest.raises(InputError, match=r"size of ssim is given twice, in 'ssim,size=7,size=9'"):
        parse_name("ssim,size=7,size=9")


@settings(deadline=None, max_examples=50)
@given(word, st.dictionaries(word, word, max_size=4))
def test_names_are_written_as_they_are_read(name, options):
    assert parse_name(write_name(name, options)) == (name, options)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("window", "uniform", "uniform"),
        ("size", "7", 7),
        ("sigma", "2", 2.0),
        ("sigma", "1e-3", 1e-3),
        ("sigma", "inf", float("inf")),
        ("colour", "yes", True),
        ("colour", "FALSE", False),
        ("layers", "relu1+relu2", ("relu1", "relu2")),
        ("pair", "-1+1e+2", (-1.0, 100.0)),
        ("limit", "none", None),
        ("limit", "3", 3.0),
        ("model", "alex", "alex"),
    ],
)
def test_text_is_converted(name, text, value):
    converted = one(**{name: text})
    assert converted == value
    assert type(converted) is type(value)


@pytest.mark.parametrize("value", [7, True, None, ("a", "b"), [0.0, 255.0], len])
def test_objects_are_checked_not_parsed(value):
    fitting = {int: "size", bool: "colour", type(None): "limit", tuple: "layers", list: "pair"}
    name = fitting.get(type(value), "model")
    assert one(**{name: value}) == (tuple(value) if isinstance(value, list) else value)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("size", "7.5", "int"),
        ("size", True, "int"),
        ("size", None, "int"),
        ("sigma", "nan", "float"),
        ("sigma", False, "float"),
        ("sigma", "wide", "float"),
        ("colour", "maybe", r"true\|false"),
        ("colour", 3, r"true\|false"),
        ("pair", "1", r"float\+float"),
        ("pair", "1+2+3", r"float\+float"),
        ("pair", 3, r"float\+float"),
        ("layers", (1, 2), r"str\+str\+\.\.\."),
        ("limit", "many", r"float\|none"),
        ("window", 11, r"gaussian\|uniform"),
    ],
)
def test_value_that_is_not_allowed(name, value, allowed):
    with pytest.raises(InputError, match=f"option {name} of ssim must be {allowed}; got"):
        one(**{name: value})


def test_near_value_is_suggested():
    with pytest.raises(InputError, match=r"got 'gausian' \(did you mean gaussian\?\)"):
        one(window="gausian")


def test_unknown_option_names_the_near_one_and_all():
    with pytest.raises(
        UnknownNameError, match=r"'windw' is no option of ssim \(did you mean window\?\); its options: win"
    ):
        one(windw="uniform")


def test_options_for_something_that_has_none():
    with pytest.raises(UnknownNameError, match="it has none"):
        complete_options(lambda: 0, {"a": "1"}, "mse")


def test_defaults_are_filled_in_and_not_converted():
    assert complete_options(lambda *, ratio=1, name=None: 0, {}, "x") == {"ratio": 1, "name": None}


def test_allowed_in_words():
    assert [option.allowed for option in options_of(build)] == [
        "gaussian|uniform",
        "int",
        "float",
        "true|false",
        "str+str+...",
        "float+float",
        "float|none",
        "Callable|str",
    ]


def test_parameters_that_madcore_passes_are_no_options():
    assert [option.name for option in options_of(lambda *, size=3, data_range=1.0: 0, ("data_range",))] == ["size"]


def test_parameter_without_default_is_refused():
    with pytest.raises(InputError, match=r"parameter size of .* has no default"):
        options_of(lambda *, size: 0)


def test_type_comes_from_the_default_where_there_is_no_annotation():
    assert complete_options(lambda *, size=3: 0, {"size": "5"}, "x") == {"size": 5}


def test_type_that_cannot_be_resolved_accepts_any_object():
    def build(*, module: "Missing" = None):  # noqa: F821
        return module

    assert complete_options(build, {"module": len}, "x") == {"module": len}


def test_options_of_a_class():
    class Measure:
        def __init__(self, size: int = 3, names: Sequence[str] = ()):
            self.size = size

    assert complete_options(Measure, {"size": "4", "names": "a+b"}, "x") == {"size": 4, "names": ["a", "b"]}


@settings(deadline=None, max_examples=100)
@given(st.tuples(st.floats(allow_nan=False), st.floats(allow_nan=False)))
def test_numbers_survive_being_written(pair):
    assert one(pair=option_text(pair)) == pair


def test_numbers_of_numpy_are_written_as_numbers():
    assert write_name("blur", {"size": np.int64(7), "sigma": np.float32(0.5)}) == "blur,size=7,sigma=0.5"


def test_records_hold_numbers_words_and_text():
    values = {"a": 1, "b": None, "c": (1, 2), "d": float("inf"), "e": len}
    assert plain(values) == {"a": 1, "b": None, "c": "1+2", "d": "inf", "e": "len"}


def test_unknown_name_without_a_near_one():
    assert str(unknown_name("metric", "qqq", ["mse"])) == "'qqq' is no metric"

"""Options of a ``build`` function: read from its signature, given as text or as Python objects, checked and completed.

Written ``piq.vif,sigma_n_sq=2.5`` in a shell, as keywords in Python and as keys in a plan.  A list is joined by ``+``.
The parameters of `build` are the only place where an option is declared: name, type and default.
"""

from __future__ import annotations

import difflib
import inspect
import math
import numbers
import operator
import re
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from madcore.errors import InputError, UnknownNameError

__all__ = [
    "Option",
    "complete_options",
    "option_text",
    "options_of",
    "parse_name",
    "plain",
    "unknown_name",
    "write_name",
]

WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
# The sign of an exponent, as in 1e+5, does not join two elements.
JOINT = re.compile(r"(?<![0-9.][eE])\+")


@dataclass(frozen=True)
class Option:
    """One option of a ``build`` function.

    Parameters
    ----------
    name : str
        Name of the parameter.
    type : object
        Its annotation; `typing.Any` where there is none.
    default : object
        Its default.
    """

    name: str
    type: Any
    default: object

    @property
    def allowed(self) -> str:
        """What may be given, in words: ``gaussian|uniform``, ``int``, ``float+float``, ``int|none``."""
        return _allowed(self.type)

    def read(self, value: object, owner: str) -> object:
        """Convert what a user gave to the option's type.

        Raises
        ------
        InputError
            If the value is none of those that are allowed.
        """
        try:
            return _convert(value, self.type)
        except (ValueError, TypeError):
            given = repr(value) if isinstance(value, str) else option_text(value)
            meant = _near(value, self.allowed.split("|")) if isinstance(value, str) else ""
            raise InputError(f"option {self.name} of {owner} must be {self.allowed}; got {given}{meant}") from None


def parse_name(text: str) -> tuple[str, dict[str, str]]:
    """Split ``"piq.vif,sigma_n_sq=2.5"`` into the name and its options, as text.

    Raises
    ------
    InputError
        If the name is missing, an option has no value, or an option is given twice.
    """
    name, *parts = (part.strip() for part in text.split(","))
    if not name:
        raise InputError(f"a name is missing in {text!r}; write NAME or NAME,OPTION=VALUE")
    options: dict[str, str] = {}
    for part in parts:
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not (key and equals):
            raise InputError(f"{part!r} in {text!r} is not an option; write {name},OPTION=VALUE")
        if key in options:
            raise InputError(f"option {key} of {name} is given twice, in {text!r}; give it once")
        options[key] = value
    return name, options


def write_name(name: str, options: Mapping[str, object]) -> str:
    """Join a name and its options as `parse_name` splits them."""
    return ",".join([name, *(f"{key}={option_text(value)}" for key, value in options.items())])


def option_text(value: object) -> str:
    """Write an option's value as in a shell: ``none``, ``true``, ``0.5+1``; an object by its name."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "+".join(map(option_text, value))
    if isinstance(value, str | numbers.Number):  # NumPy's, too
        return str(value)
    return str(getattr(value, "__qualname__", type(value).__qualname__))


def plain(options: Mapping[str, object]) -> dict[str, object]:
    """Write options so that a JSON record can hold them: numbers, words and None as they are, the rest as text."""
    return {key: value if _is_plain(value) else option_text(value) for key, value in options.items()}


def options_of(build: Callable[..., Any], passed: Collection[str] = ()) -> tuple[Option, ...]:
    """Read the options of a function from its signature: the parameters that have defaults and can be named.

    Parameters
    ----------
    build : callable
        A function or a class.
    passed : collection of str
        Parameters that madcore passes itself and that are therefore no options.

    Raises
    ------
    InputError
        If another parameter has no default.
    """
    options = []
    for parameter in inspect.signature(build).parameters.values():
        if parameter.name in passed or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.default is parameter.empty:
            named = getattr(build, "__qualname__", type(build).__qualname__)
            raise InputError(
                f"parameter {parameter.name} of {named} has no default; options are keyword-only with defaults"
            )
        if parameter.kind is not parameter.POSITIONAL_ONLY:
            options.append(Option(parameter.name, _annotation(parameter, build), parameter.default))
    return tuple(options)


def complete_options(
    build: Callable[..., Any], given: Mapping[str, object], owner: str, passed: Collection[str] = ()
) -> dict[str, object]:
    """Check and convert the options that a user gave, and fill in the defaults of the others.

    Parameters
    ----------
    build : callable
        The function that takes the options.
    given : mapping
        Options as text or as Python objects.
    owner : str
        Whose options they are, for messages: the name of a metric.
    passed : collection of str
        As for `options_of`.

    Raises
    ------
    UnknownNameError
        If there is no option of that name.
    InputError
        If a value is none of those that are allowed.
    """
    options = {option.name: option for option in options_of(build, passed)}
    for name in given:
        if name not in options:
            choice = f"its options: {', '.join(options)}" if options else "it has none"
            raise unknown_name(f"option of {owner}", name, options, choice)
    return {
        name: option.read(given[name], owner) if name in given else option.default for name, option in options.items()
    }


def unknown_name(kind: str, given: str, allowed: Iterable[str], hint: str = "") -> UnknownNameError:
    """Make the error for a name that does not exist, with the nearest name that does."""
    return UnknownNameError(f"{given!r} is no {kind}{_near(given, allowed)}{f'; {hint}' if hint else ''}")


def _is_plain(value: object) -> bool:
    # JSON has no infinity.
    return math.isfinite(value) if isinstance(value, float) else isinstance(value, bool | int | str | None)


def _near(given: str, allowed: Iterable[str]) -> str:
    near = difflib.get_close_matches(given.lower(), list(allowed), 1)
    return f" (did you mean {near[0]}?)" if near else ""


def _annotation(parameter: inspect.Parameter, build: Callable[..., Any]) -> Any:
    """Return the type of a parameter: its annotation or, where there is none, the type of its default."""
    annotation = parameter.annotation
    if annotation is parameter.empty:
        return Any if parameter.default is None else type(parameter.default)
    if not isinstance(annotation, str):
        return annotation
    home = inspect.unwrap(getattr(build, "func", build))
    try:
        return eval(annotation, dict(vars(sys.modules[home.__module__])))
    except Exception:
        # A type that only a type checker imports, e.g. a tensor, cannot be written as text; objects pass unchecked.
        return Any


def _allowed(wanted: Any) -> str:
    origin, parts = get_origin(wanted), get_args(wanted)
    if origin is Literal:
        return "|".join(map(option_text, parts))
    if origin in (Union, UnionType):
        return "|".join(map(_allowed, parts))
    if _is_list(origin):
        elements = (parts[0], parts[0], ...) if origin is not tuple or parts[-1] is ... else parts
        return "+".join("..." if part is ... else _allowed(part) for part in elements)
    simple = {bool: "true|false", NoneType: "none", None: "none", Any: "any object"}
    return simple.get(wanted) or str(getattr(wanted, "__name__", wanted))


def _convert(value: object, wanted: Any) -> object:
    """Convert a value, or raise ValueError or TypeError."""
    origin, parts = get_origin(wanted), get_args(wanted)
    if wanted in (None, NoneType):
        return _choose(value, (None,))
    if origin is Literal:
        return _choose(value, parts)
    if origin in (Union, UnionType):
        return _first(value, sorted(parts, key=lambda part: part is not NoneType))
    if _is_list(origin):
        return _elements(value, origin, parts)
    if wanted in READERS:
        return READERS[wanted](value)
    if wanted is Any or isinstance(value, origin or wanted):
        return value
    raise TypeError


def _is_list(origin: Any) -> bool:
    return isinstance(origin, type) and issubclass(origin, Sequence)


def _choose(value: object, choices: Sequence[object]) -> object:
    for choice in choices:
        if (type(value) is type(choice) and value == choice) or (
            isinstance(value, str) and value == option_text(choice)
        ):
            return choice
    raise ValueError


def _first(value: object, types: Iterable[Any]) -> object:
    for wanted in types:
        try:
            return _convert(value, wanted)
        except (ValueError, TypeError):
            continue
    raise ValueError


def _elements(value: object, origin: type, parts: tuple[Any, ...]) -> object:
    pieces = [piece.strip() for piece in JOINT.split(value) if piece] if isinstance(value, str) else list(value)  # type: ignore[call-overload]
    if origin is tuple and parts[-1] is not ...:
        return tuple(_convert(piece, part) for piece, part in zip(pieces, parts, strict=True))
    return (tuple if origin is tuple else list)(_convert(piece, parts[0]) for piece in pieces)


def _read_bool(value: object) -> bool:
    word = option_text(value) if isinstance(value, str | bool) else ""
    if word.lower() not in WORDS:
        raise ValueError
    return WORDS[word.lower()]


def _read_int(value: object) -> int:
    if isinstance(value, bool):
        raise TypeError
    return int(value) if isinstance(value, str) else operator.index(value)  # type: ignore[arg-type]


def _read_float(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, str | numbers.Real):
        raise TypeError
    if math.isnan(number := float(value)):
        raise ValueError
    return number


def _read_str(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


READERS: dict[Any, Callable[[object], object]] = {bool: _read_bool, int: _read_int, float: _read_float, str: _read_str}

"""Options of a ``build`` function, read from its signature, checked and completed.

The parameters of `build` are the only place where an option is declared: name, type and default.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from madcore.errors import InputError
from madcore.options.conversion import allowed_values, convert
from madcore.options.suggestions import did_you_mean, unknown_name
from madcore.options.text import option_text

__all__ = ["Option", "complete_options", "options_of"]


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
        return allowed_values(self.type)

    def read(self, value: object, owner: str) -> object:
        """Convert what a user gave to the option's type.

        Raises
        ------
        InputError
            If the value is none of those that are allowed.
        """
        try:
            return convert(value, self.type)
        except (ValueError, TypeError):
            given = repr(value) if isinstance(value, str) else option_text(value)
            meant = did_you_mean(value, self.allowed.split("|")) if isinstance(value, str) else ""
            raise InputError(f"option {self.name} of {owner} must be {self.allowed}; got {given}{meant}") from None


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

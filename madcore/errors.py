"""The exceptions that madcore raises on purpose, and the exit codes that the launcher gives them.

A message is one line: what was given, what is allowed, what to do.  Anything else that escapes is a bug of ours.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "ContractError",
    "Expired",
    "InputError",
    "LevelError",
    "LoadWarning",
    "MadcoreError",
    "PlanError",
    "PluginError",
    "UnknownNameError",
    "is_exhaustion",
]

SAID_BY_TORCH = "can't allocate memory"  # in a RuntimeError, by what allocates on the CPU


class MadcoreError(Exception):
    """Base of every error that madcore raises on purpose."""

    exit_code = 2


class InputError(MadcoreError, ValueError):
    """A picture, an argument, an option or a folder that cannot be used as given."""


class UnknownNameError(MadcoreError, LookupError):
    """A metric, penalty, option or plugin of that name does not exist."""


class LevelError(InputError):
    """No image inside the pixel range has the wanted value of a held metric."""


class PlanError(InputError):
    """A plan that cannot be played as it is; `problems` are all that is wrong with it, a line each.

    Parameters
    ----------
    problems : sequence of str
        In words, with file and line.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class PluginError(MadcoreError):
    """A plugin could not be loaded, or its ``build`` raised."""

    exit_code = 3


class ContractError(MadcoreError, ValueError):
    """A metric or penalty broke its contract: a wrong shape, a non-finite or negative value, no gradient."""

    exit_code = 3


class Expired(BaseException):
    """The time is up; not an Exception, so that nobody takes it for a metric's error and goes on."""


class LoadWarning(UserWarning):
    """A saved competition was loaded although a check of it failed."""


def is_exhaustion(error: BaseException | None) -> bool:
    """Tell whether an error, or one that it was raised from, is that the memory did not suffice; without torch."""
    while error is not None:
        if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or SAID_BY_TORCH in str(error):
            return True
        error = error.__cause__
    return False

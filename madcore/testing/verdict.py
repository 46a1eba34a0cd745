"""The verdict of one clause of a contract: kept, broken or not to be judged here, and what was measured."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from unittest import SkipTest

from madcore.testing.settings import preserved_settings
from madcore.testing.subject import Subject, as_subject

__all__ = ["Broken", "NotJudged", "Outcome", "Verdict", "clause"]


class Outcome(StrEnum):
    """How a clause ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


class Broken(Exception):
    """A clause is broken; says what was measured."""


class NotJudged(Exception):
    """A clause cannot be judged here; says why."""


@dataclass(frozen=True)
class Verdict:
    """What became of one clause.

    Parameters
    ----------
    subject : str
        What was examined: the name of a metric, penalty or solver.
    clause : str
        Name of the clause.
    outcome : Outcome
        Passed, failed or skipped.
    measured : str
        What was measured, or why it was not.
    """

    subject: str
    clause: str
    outcome: Outcome
    measured: str

    @property
    def broken(self) -> bool:
        """Whether the clause is broken."""
        return self.outcome is Outcome.FAILED

    def enforce(self) -> None:
        """Raise AssertionError if the clause is broken, `unittest.SkipTest` if it could not be judged."""
        message = f"{self.subject}, {self.clause}: {self.measured}"
        if self.broken:
            raise AssertionError(message)
        if self.outcome is Outcome.SKIPPED:
            raise SkipTest(message)


def clause(judge: Callable[[Subject], str]) -> Callable[..., Verdict]:
    """Turn a function that measures, or raises `Broken` or `NotJudged`, into one that returns a `Verdict`.

    The result takes a name, a metric, a penalty or any callable that `as_subject` takes.
    """
    name = judge.__name__.removeprefix("check_")

    @functools.wraps(judge)
    def check(subject: Any, **settings: Any) -> Verdict:
        subject = as_subject(subject, **settings)
        return judged(subject.name, name, functools.partial(judge, subject))

    check.__annotations__ = {"subject": Any, "settings": Any, "return": Verdict}
    del check.__wrapped__  # whose signature is not ours
    return check


def judged(subject: str, name: str, judge: Callable[[], str]) -> Verdict:
    """Call a judge and keep what it says; whatever it raises breaks the clause, whatever it changes is put back."""
    try:
        with preserved_settings():
            return Verdict(subject, name, Outcome.PASSED, judge())
    except NotJudged as reason:
        return Verdict(subject, name, Outcome.SKIPPED, str(reason))
    except Broken as broken:
        return Verdict(subject, name, Outcome.FAILED, str(broken))
    except Exception as error:
        text = " ".join(str(error).split())
        return Verdict(subject, name, Outcome.FAILED, f"raised {type(error).__name__}: {text}")

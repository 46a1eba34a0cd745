"""Base classes for tests: subclass one, say which metric, and a test runner finds one test for each clause."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from torch import Tensor

from madcore.lookup import create_metric, create_penalty
from madcore.metric import Metric
from madcore.penalties import Penalty
from madcore.solvers import Solver
from madcore.testing import conduct, gradients, limits, values
from madcore.testing.solvers import SOLVER_CLAUSES
from madcore.testing.subject import Subject, as_subject
from madcore.testing.verdict import Outcome, Verdict

__all__ = [
    "METRIC_CLAUSES",
    "PENALTY_CLAUSES",
    "MetricContract",
    "PenaltyContract",
    "SolverContract",
    "examine_metric",
    "examine_penalty",
]

Check = Callable[..., Verdict]
COMMON: tuple[Check, ...] = (
    values.check_shape,
    values.check_batch,
    values.check_float64,
    gradients.check_gradient,
    gradients.check_differences,
    conduct.check_deterministic,
    conduct.check_inputs,
    conduct.check_settings,
    conduct.check_output,
    conduct.check_declaration,
    limits.check_device,
)
METRIC_CLAUSES: tuple[Check, ...] = (
    values.check_identity,
    values.check_noise,
    values.check_arguments,
    values.check_prepared,
    limits.check_smallest,
    limits.check_channels,
    *COMMON,
)
PENALTY_CLAUSES = COMMON


def examine_metric(metric: Any, **settings: Any) -> list[Verdict]:
    """Check every clause of the contract of metrics.

    Parameters
    ----------
    metric : str, Metric or callable
        A name as `madcore.create_metric` takes it, or the metric itself.
    **settings
        `device`, `registry` and `oracle`, as for `as_subject`.
    """
    return _examine(METRIC_CLAUSES, as_subject(metric, kind="metric", **settings))


def examine_penalty(penalty: Any, **settings: Any) -> list[Verdict]:
    """Check every clause of the contract of penalties; arguments as for `examine_metric`."""
    return _examine(PENALTY_CLAUSES, as_subject(penalty, kind="penalty", **settings))


def _examine(checks: Iterable[Check], subject: Subject) -> list[Verdict]:
    try:
        subject.thing  # noqa: B018
    except Exception as error:
        return [Verdict(subject.name, "build", Outcome.FAILED, " ".join(str(error).split()))]
    return [check(subject) for check in checks]


class _Contract:
    """One test for each clause; a class that inherits from it is examined as a whole."""

    name: ClassVar[str] = ""
    device: ClassVar[str] = "cpu"
    waived: ClassVar[Mapping[str, str]] = {}
    _subject: ClassVar[Any]

    def make(self) -> Any:
        """Return what is to be examined, or its name."""
        return self.name

    def _judge(self, check: Check) -> None:
        """Enforce a clause; what is waived must really be broken, so that no waiver outlives its cause."""
        cls = type(self)
        if "_subject" not in cls.__dict__:
            cls._subject = self._make_subject()
        verdict = check(cls._subject)
        if verdict.clause not in self.waived:
            verdict.enforce()
        elif verdict.outcome is Outcome.PASSED:
            raise AssertionError(f"{verdict.subject}, {verdict.clause}: waived, but it passes; remove the waiver")

    def _make_subject(self) -> Any:
        raise NotImplementedError


def _one_test_for_each(checks: Iterable[Check]) -> Callable[[type], type]:
    def add(contract: type) -> type:
        for check in checks:

            def test(self: _Contract, check: Check = check) -> None:
                self._judge(check)

            name = check.__name__.removeprefix("check_").removeprefix("solver_")
            test.__name__ = test.__qualname__ = f"test_{name}"
            test.__doc__ = check.__doc__
            setattr(contract, test.__name__, test)
        return contract

    return add


@_one_test_for_each(METRIC_CLAUSES)
class MetricContract(_Contract):
    """The contract of metrics as tests: subclass it and give a name, or override `make`.

    Attributes
    ----------
    name : str
        The metric as a user writes it, ``"piq.vif,sigma_n_sq=2.5"``.
    device : str
        Where to check.
    waived : mapping
        Clauses that this metric is known to break, and why: ``{"differences": "kinks of ReLU"}``.  A waived clause
        that passes is an error.
    """

    def make(self) -> str | Metric | Callable[..., Any]:
        """Return the metric, or its name."""
        return self.name

    def oracle(self, image: Tensor, mad_image: Tensor) -> Tensor:
        """Compute the distances, (N,), in a way that is independent of the metric; decides on the arguments' order."""
        raise NotImplementedError

    def _make_subject(self) -> Subject:
        oracle = None if type(self).oracle is MetricContract.oracle else self.oracle
        return _subject_of(self.make, "metric", self.device, oracle)


@_one_test_for_each(PENALTY_CLAUSES)
class PenaltyContract(_Contract):
    """The contract of penalties as tests; attributes as for `MetricContract`."""

    def make(self) -> str | Penalty | Callable[..., Any]:
        """Return the penalty, or its name."""
        return self.name

    def _make_subject(self) -> Subject:
        return _subject_of(self.make, "penalty", self.device, None)


def _subject_of(make: Callable[[], Any], kind: str, device: str, oracle: Any) -> Subject:
    made = make()
    if isinstance(made, str):
        return as_subject(made, kind=kind, device=device, oracle=oracle)
    create: Callable[..., Any] = create_metric if kind == "metric" else create_penalty
    return Subject(create(made).name, lambda: create(make()), None, device, oracle)


@_one_test_for_each(SOLVER_CLAUSES)
class SolverContract(_Contract):
    """The contract of solvers as tests: subclass it and return the solver from `make`."""

    def make(self) -> Solver[Any]:
        """Return the solver."""
        raise NotImplementedError

    def _make_subject(self) -> Solver[Any]:
        return self.make()

"""The contract of metrics, penalties, solvers and engines, as functions and as base classes for tests.

Used by madcore's own tests, by those of every plugin and by ``madcore check``.  In a test file:

    from madcore.testing import MetricContract

    class TestMine(MetricContract):
        name = "mine.metric"

Each ``check_...`` function examines one clause and returns a `Verdict`: passed, failed or skipped, and what was
measured.  Nothing here needs pytest.
"""

from __future__ import annotations

from madcore.testing.conduct import (
    check_declaration,
    check_deterministic,
    check_inputs,
    check_output,
    check_settings,
)
from madcore.testing.contracts import (
    MetricContract,
    PenaltyContract,
    SolverContract,
    examine_metric,
    examine_penalty,
)
from madcore.testing.engines import Act, EngineContract, MakeRehearsal
from madcore.testing.fitness import Finding, examine_fitness
from madcore.testing.gradients import check_differences, check_gradient
from madcore.testing.limits import check_channels, check_device, check_smallest
from madcore.testing.partners import Trial, play_against
from madcore.testing.solvers import (
    check_solver_batch,
    check_solver_deterministic,
    check_solver_evaluations,
    check_solver_extremes,
    check_solver_history,
    check_solver_holds,
    check_solver_inputs,
    check_solver_state,
    check_solver_take,
    check_solver_value,
    examine_solver,
)
from madcore.testing.subject import Subject, as_subject
from madcore.testing.trunks import evaluate_together
from madcore.testing.values import (
    check_arguments,
    check_batch,
    check_float64,
    check_identity,
    check_noise,
    check_prepared,
    check_shape,
)
from madcore.testing.verdict import Outcome, Verdict

__all__ = [
    "Act",
    "EngineContract",
    "Finding",
    "MakeRehearsal",
    "MetricContract",
    "Outcome",
    "PenaltyContract",
    "SolverContract",
    "Subject",
    "Trial",
    "Verdict",
    "as_subject",
    "check_arguments",
    "check_batch",
    "check_channels",
    "check_declaration",
    "check_deterministic",
    "check_device",
    "check_differences",
    "check_float64",
    "check_gradient",
    "check_identity",
    "check_inputs",
    "check_noise",
    "check_output",
    "check_prepared",
    "check_settings",
    "check_shape",
    "check_smallest",
    "check_solver_batch",
    "check_solver_deterministic",
    "check_solver_evaluations",
    "check_solver_extremes",
    "check_solver_history",
    "check_solver_holds",
    "check_solver_inputs",
    "check_solver_state",
    "check_solver_take",
    "check_solver_value",
    "evaluate_together",
    "examine_fitness",
    "examine_metric",
    "examine_penalty",
    "examine_solver",
    "play_against",
]

"""Solvers of a MAD problem: data plus functions from state to state.  The loop is in `madcore.synthesis`."""

from madcore.solvers.level_set import LevelSet
from madcore.solvers.penalty import PenaltyMethod
from madcore.solvers.protocol import Solver, SolverState

__all__ = ["LevelSet", "PenaltyMethod", "Solver", "SolverState"]

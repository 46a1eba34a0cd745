"""Plans: which metrics compete on which pictures at which levels, in a TOML file or in Python."""

from madcore.plan.estimates import Output as Output
from madcore.plan.estimates import estimate_output as estimate_output
from madcore.plan.plan import Picture as Picture
from madcore.plan.plan import Plan as Plan
from madcore.plan.reading import parse_plan as parse_plan
from madcore.plan.reading import read_plan as read_plan

__all__ = ["Output", "Picture", "Plan", "estimate_output", "parse_plan", "read_plan"]

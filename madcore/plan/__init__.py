"""Plans: which metrics compete on which pictures at which levels, in a TOML file or in Python."""

from madcore.plan.plan import Picture as Picture
from madcore.plan.plan import Plan as Plan
from madcore.plan.reading import parse_plan as parse_plan
from madcore.plan.reading import read_plan as read_plan

__all__ = ["Picture", "Plan", "parse_plan", "read_plan"]

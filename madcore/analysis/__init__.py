"""What matches show about metrics: statistics as plain functions of tables, free of torch."""

from madcore.analysis.attacks import Attack as Attack
from madcore.analysis.attacks import LeftOut as LeftOut
from madcore.analysis.attacks import level_name as level_name
from madcore.analysis.attacks import pair_images as pair_images
from madcore.analysis.difference import Difference as Difference
from madcore.analysis.difference import describe_difference as describe_difference
from madcore.analysis.difference import measure_difference as measure_difference
from madcore.analysis.disagreement import Cell as Cell
from madcore.analysis.disagreement import disagreements as disagreements
from madcore.analysis.estimates import Estimate as Estimate
from madcore.analysis.estimates import estimate as estimate
from madcore.analysis.estimates import write_doublings as write_doublings
from madcore.analysis.group_mad import aggressiveness as aggressiveness
from madcore.analysis.group_mad import resistance as resistance
from madcore.analysis.group_mad import scale_counts as scale_counts
from madcore.analysis.noise import Noise as Noise
from madcore.analysis.noise import NoiseCurve as NoiseCurve
from madcore.analysis.noise import doublings as doublings
from madcore.analysis.noise import equivalent_noise as equivalent_noise
from madcore.analysis.noise import read_curve as read_curve
from madcore.analysis.standings import Standing as Standing
from madcore.analysis.standings import rank_ranges as rank_ranges
from madcore.analysis.standings import standings as standings
from madcore.analysis.study import Results as Results
from madcore.analysis.study import Study as Study
from madcore.analysis.study import examine_results as examine_results
from madcore.analysis.tables import tables as tables
from madcore.analysis.tables import write_csv as write_csv
from madcore.analysis.transfer import Testimony as Testimony
from madcore.analysis.transfer import Verdict as Verdict
from madcore.analysis.transfer import ask_judges as ask_judges
from madcore.analysis.transfer import sum_up_verdicts as sum_up_verdicts

__all__ = [
    "Attack",
    "Cell",
    "Difference",
    "Estimate",
    "LeftOut",
    "Noise",
    "NoiseCurve",
    "Results",
    "Standing",
    "Study",
    "Testimony",
    "Verdict",
    "aggressiveness",
    "ask_judges",
    "describe_difference",
    "disagreements",
    "doublings",
    "equivalent_noise",
    "estimate",
    "examine_results",
    "level_name",
    "measure_difference",
    "pair_images",
    "rank_ranges",
    "read_curve",
    "resistance",
    "scale_counts",
    "standings",
    "sum_up_verdicts",
    "tables",
    "write_csv",
    "write_doublings",
]

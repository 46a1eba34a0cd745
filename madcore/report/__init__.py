"""A report: one page about a tournament or a single match, to send to somebody who has nothing installed."""

from madcore.report.command import command_line as command_line
from madcore.report.matches import Library as Library
from madcore.report.matches import match_command as match_command
from madcore.report.page import Page as Page
from madcore.report.page import write_report as write_report
from madcore.report.sources import MetricFacts as MetricFacts
from madcore.report.sources import write_bibtex as write_bibtex
from madcore.report.spreadsheets import write_tables as write_tables

__all__ = [
    "Library",
    "MetricFacts",
    "Page",
    "command_line",
    "match_command",
    "write_bibtex",
    "write_report",
    "write_tables",
]

"""Tournaments: plans completed to matches, matches played in batches, results judged and stored."""

from madcore.tournament.tournament import Tournament as Tournament
from madcore.tournament.tournament import find_devices as find_devices

__all__ = ["Tournament", "find_devices"]

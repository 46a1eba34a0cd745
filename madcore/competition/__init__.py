"""`MADCompetition`, the classic object with plenoptic's names, and the files that it saves."""

from madcore.competition.competition import MADCompetition
from madcore.competition.file import examine

__all__ = ["MADCompetition", "examine"]

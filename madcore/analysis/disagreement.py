"""The disagreement matrix: how far each metric can be moved while each other one sees no difference."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from madcore.analysis.attacks import Attack
from madcore.analysis.estimates import Estimate, estimate, write_doublings
from madcore.wording import write_value

__all__ = ["Cell", "disagreements"]


@dataclass(frozen=True)
class Cell:
    """What the attacks of one metric on another at one level show.

    Parameters
    ----------
    level, optimized, held : str
        Which attacks.
    estimate : Estimate, optional
        Median disagreement in doublings of equivalent noise; None without noise curves.
    attacks : tuple of Attack
        All of them.
    """

    level: str
    optimized: str
    held: str
    estimate: Estimate | None
    attacks: tuple[Attack, ...]

    @property
    def sentence(self) -> str:
        """The conclusion in words, with number of pictures and interval."""
        pictures = len({attack.image_hash for attack in self.attacks})
        if self.estimate is None:
            values = [value for attack in self.attacks for value in attack.values]
            return (
                f"With {self.held} held at {self.level}, {self.optimized} can be anything from "
                f"{write_value(min(values), 3)} to {write_value(max(values), 3)} in its own unit (n = {pictures}); "
                f"there is no noise curve to compare it with other metrics."
            )
        low, high = self.estimate.low, self.estimate.high
        if high < 0.5:
            said = f"hardly tells the two images apart: {write_doublings(self.estimate)} of equivalent noise"
        elif math.isinf(low) or low < 0.05:
            said = f"moves by an amount that its noise curve does not show ({_count(self.estimate)})"
        else:
            at_least = "at least " if self.estimate.at_least else ""
            factor = f"{at_least}a factor of {_factor(low)} in equivalent noise"
            said = f"can be moved by {factor}: {write_doublings(self.estimate)}"
        return f"While {self.held} sees no difference (held at {self.level}), {self.optimized} {said}."


def _factor(octaves: float) -> str:
    factor = 2.0**octaves
    return f"{factor:.1f}" if factor < 9.95 else f"{factor:,.0f}"


def _count(found: Estimate) -> str:
    return f"{found.censored} of {found.n} pictures beyond the curve"


def disagreements(attacks: Iterable[Attack]) -> list[Cell]:
    """Return a cell for each level and ordered pair of metrics that was played, strongest first within a level."""
    groups: dict[tuple[str, str, str], list[Attack]] = defaultdict(list)
    for attack in attacks:
        groups[attack.level, attack.optimized, attack.held].append(attack)
    cells = [
        Cell(
            *names,
            estimate=estimate((each.image_hash, *each.change) for each in group if each.change is not None),
            attacks=tuple(group),
        )
        for names, group in groups.items()
    ]
    return sorted(cells, key=lambda cell: (cell.level, -_strength(cell), cell.optimized, cell.held))


def _strength(cell: Cell) -> float:
    return cell.estimate.value if cell.estimate else 0.0

"""Text in figures, of which the long names of metrics are most: how wide it is, and where its lines are broken."""

from __future__ import annotations

import re
from collections.abc import Sequence

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from madcore.plot.style import TEXT

__all__ = ["break_lines", "text_width", "wrap"]

MARKS = r"(?<=[/:._+=-])"


def break_lines(text: str | None, width: float) -> list[str]:
    """Break lines wider than `width` inches at spaces or after commas, and words that are wider after any mark."""
    return [part for line in (text or "").split("\n") for part in _broken(line, width)] if text else []


def wrap(text: str, width: float = 2.3) -> str:
    """Break a text, which may be the long name of a metric, so that no line of it is wider than so many inches."""
    return "\n".join(break_lines(text, width))


def text_width(texts: Sequence[str]) -> float:
    """Return how wide the widest line of some texts is, in inches."""
    return max(_width(line) for text in texts for line in text.split("\n"))


def _broken(line: str, width: float) -> list[str]:
    lines = [""]
    for word in line.split(" "):
        for index, part in enumerate(_parts(word, width)):
            joint = " " if index == 0 and lines[-1] else ""
            if lines[-1] and _width(lines[-1] + joint + part) > width:
                lines.append(part)
            else:
                lines[-1] += joint + part
    return lines


def _parts(word: str, width: float) -> list[str]:
    """Split a word where it may be broken: after commas, and after other marks where it is too wide between them."""
    parts = re.split(r"(?<=,)", word)
    return [small for part in parts for small in ([part] if _width(part) <= width else re.split(MARKS, part))]


def _width(text: str) -> float:
    return float(text_to_path.get_text_width_height_descent(text, FontProperties(size=TEXT), ismath=False)[0]) / 72

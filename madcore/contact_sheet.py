"""One picture that shows a whole match: reference, start and MAD images with their values, ready to print.

Pixels are enlarged by a whole number without smoothing, so that what is seen is what the metrics were given.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from madcore.wording import describe_image, write_error, write_value

__all__ = ["Group", "Panel", "draw_contact_sheet", "draw_match"]

USUAL_SIDE = 420  # pixels; small pictures are enlarged to about this, large ones are left as they are
LARGEST_SIDE = 1600  # larger ones are reduced
SMALLEST_TEXT, TEXT_SHARE = 13, 0.042  # of the picture's width
HEADING = 1.1  # of the text
PAPER, INK, GRAY, RULE = "white", "#16191d", "#5d646d", "#b9bec5"


@dataclass(frozen=True)
class Panel:
    """A picture and what stands under it.

    Parameters
    ----------
    picture : PIL.Image.Image
        All panels of a sheet are of one size.
    title : str
        First line, in black.
    lines : tuple of str
        Further lines, in grey.
    """

    picture: Image.Image
    title: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """Panels side by side under one heading; an empty heading draws none."""

    panels: tuple[Panel, ...]
    heading: str = ""


@dataclass(frozen=True)
class _Style:
    """Every length of a sheet, in pixels."""

    cell: int
    picture: tuple[int, int]
    text: int

    @property
    def gap(self) -> int:
        return round(1.1 * self.text)

    @property
    def margin(self) -> int:
        return round(2.2 * self.text)

    @property
    def line(self) -> int:
        return round(1.45 * self.text)

    def font(self, share: float = 1.0) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
        return _font(round(share * self.text))


def draw_match(record: Mapping[str, Any], pictures: Mapping[str, bytes]) -> bytes:
    """Draw the contact sheet of a match as PNG.

    Parameters
    ----------
    record : mapping
        Of the match, as in `madcore.store`.
    pictures : mapping of bytes
        PNGs of ``reference``, ``start`` and of the record's images.
    """
    made = record["made"]
    names = {letter: _drawable(name) for letter, name in made["names"].items()}
    shown = {name: _eight_bits(Image.open(io.BytesIO(content))) for name, content in pictures.items()}
    panels = {name: _panel(name, entry, names, shown[name]) for name, entry in record["images"].items()}
    start = ", ".join(f"{names[letter]} {write_value(value)}" for letter, value in record["start"]["exact"].items())
    left = (
        Panel(shown["reference"], "reference image", ("0 on every metric",)),
        Panel(shown["start"], "start image", (start,)),
    )
    pairs = [
        Group(tuple(panel for name, panel in panels.items() if name[0] == letter), _heading(record, names, letter))
        for letter in dict.fromkeys(name[0] for name in panels)
    ]
    rows = [[Group((panel,)), pair] for panel, pair in zip(left, pairs, strict=False)]
    stream = io.BytesIO()
    optimized, *others = names.values()
    title = f"{optimized} against {' and '.join(others)}"
    rows = rows if len(pairs) > 1 else [[Group(left), *pairs]]
    draw_contact_sheet(title, _drawable(made["summary"]), rows).save(stream, "PNG")
    return stream.getvalue()


def draw_contact_sheet(title: str, subtitle: str, rows: Sequence[Sequence[Group]]) -> Image.Image:
    """Draw the sheet.

    Parameters
    ----------
    title, subtitle : str
        The two lines at the top; of a subtitle that is too long the end is shown.
    rows : sequence of sequences of Group
        Groups beside each other in each row; a wider gap separates groups than panels.

    Returns
    -------
    PIL.Image.Image
        RGB.
    """
    panels = [panel for row in rows for group in row for panel in group.panels]
    width, height = panels[0].picture.size
    style = _style((width, height), panels, [group for row in rows for group in row])
    depth = max(len(panel.lines) for panel in panels) + 1
    top = style.margin + round(3.1 * style.line)
    row_height = round(2.7 * style.line) + style.picture[1] + depth * style.line
    sheet = Image.new("RGB", (_width(rows, style), top + len(rows) * row_height + style.margin // 2), PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((style.margin, style.margin), title, INK, style.font(1.5))
    told = _end_of(subtitle, lambda text: pen.textlength(text, style.font()) <= sheet.width - 2 * style.margin)
    pen.text((style.margin, style.margin + round(1.5 * style.line)), told, GRAY, style.font())
    for index, row in enumerate(rows):
        _draw_row(sheet, pen, row, top + index * row_height, style)
    return sheet


def _panel(name: str, entry: Mapping[str, Any], names: Mapping[str, str], picture: Image.Image) -> Panel:
    values = entry["exact"]
    held = ", ".join(f"{names[letter]} {write_value(values[letter])}" for letter in entry["level"])
    lines = (f"{held}, held error {write_error(entry['held_error'])}", entry["stopped"])
    return Panel(picture, f"{describe_image(name, names)[0]}: {write_value(values[name[0]])}", lines)


def _heading(record: Mapping[str, Any], names: Mapping[str, str], letter: str) -> str:
    level = next(entry["level"] for name, entry in record["images"].items() if name[0] == letter)
    return " and ".join(f"{names[held]} held at {write_value(value)}" for held, value in level.items())


def _drawable(text: str) -> str:
    """Write a text in the letters that Pillow's own font has: without accents, and with ? for other scripts."""
    bare = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return bare.encode("ascii", "replace").decode()


def _end_of(text: str, fits: Callable[[str], bool]) -> str:
    shown = text
    while not fits(shown):
        text = text[1:]
        shown = f"...{text}"
    return shown


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Bring 16-bit grey, which Pillow would clip, to 8 bits."""
    return (
        picture.point(lambda value: value * (1 / 257) + 0.5).convert("L") if picture.mode.startswith("I") else picture
    )


def _draw_row(sheet: Image.Image, pen: ImageDraw.ImageDraw, row: Sequence[Group], top: int, style: _Style) -> None:
    left = style.margin
    for group in row:
        right = left + len(group.panels) * (style.cell + style.gap) - style.gap
        if group.heading:
            pen.text((left, top), group.heading, INK, style.font(HEADING))
            pen.line(
                [(left, top + round(1.35 * style.line)), (right, top + round(1.35 * style.line))],
                RULE,
                _hairline(style),
            )
        for panel in group.panels:
            _draw_panel(sheet, pen, panel, (left, top + round(1.7 * style.line)), style)
            left += style.cell + style.gap
        left += 2 * style.gap


def _draw_panel(
    sheet: Image.Image, pen: ImageDraw.ImageDraw, panel: Panel, corner: tuple[int, int], style: _Style
) -> None:
    left, top = corner
    sheet.paste(_scaled(panel.picture, style.picture), corner)
    below = top + style.picture[1] + round(0.35 * style.line)
    for index, line in enumerate((panel.title, *panel.lines)):
        pen.text((left, below + index * style.line), line, GRAY if index else INK, style.font())


def _style(size: tuple[int, int], panels: Sequence[Panel], groups: Sequence[Group]) -> _Style:
    shown = _shown_size(size)
    text = max(SMALLEST_TEXT, round(TEXT_SHARE * min(shown[0], 1.5 * shown[1])))
    font = _font(text)
    texts = [font.getlength(line) for panel in panels for line in (panel.title, *panel.lines)]
    heading = _font(round(HEADING * text))
    texts += [heading.getlength(group.heading) / len(group.panels) for group in groups]
    return _Style(max(shown[0], round(max(texts))), shown, text)


def _shown_size(size: tuple[int, int]) -> tuple[int, int]:
    side = max(size)
    if side > LARGEST_SIDE:
        share = -(-side // LARGEST_SIDE)
        return -(-size[0] // share), -(-size[1] // share)
    scale = max(1, round(USUAL_SIDE / side))
    return size[0] * scale, size[1] * scale


def _scaled(picture: Image.Image, shown: tuple[int, int]) -> Image.Image:
    if shown[0] < picture.width:
        return picture.convert("RGB").reduce(-(-picture.width // shown[0]))
    return picture.convert("RGB").resize(shown, Image.Resampling.NEAREST)


def _width(rows: Sequence[Sequence[Group]], style: _Style) -> int:
    counts = max((sum(len(group.panels) for group in row), len(row)) for row in rows)
    panels, groups = counts
    return 2 * style.margin + panels * (style.cell + style.gap) - style.gap + (groups - 1) * 2 * style.gap


def _hairline(style: _Style) -> int:
    return max(1, style.text // 12)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)

"""The contact sheet: every picture is on it, pixel by pixel, at a whole-number scale, and no text is cut."""

import io

import numpy as np
import pytest
from PIL import Image

from madcore.contact_sheet import Group, Panel, draw_contact_sheet, draw_match

RANDOM = np.random.default_rng(1)


def picture(height, width, color=True):
    return Image.fromarray(RANDOM.integers(1, 255, (height, width, 3) if color else (height, width), dtype=np.uint8))


def sheet_of(pictures, text="ssim maximised: 0.9"):
    panels = [Panel(each, text, ("mse 0.01, held error 2e-8",)) for each in pictures]
    rows = [
        [Group((panels[0],)), Group(tuple(panels[1:3]), "mse held")],
        [Group((panels[3],)), Group(tuple(panels[4:]), "x")],
    ]
    return np.asarray(draw_contact_sheet("ssim against mse", "camera", rows))


def contains(sheet, block):
    """Tell whether `block` stands somewhere in `sheet`."""
    height, width = block.shape[:2]
    rows, columns = np.nonzero((sheet == block[0, 0]).all(-1))
    return any(np.array_equal(sheet[r : r + height, c : c + width], block) for r, c in zip(rows, columns, strict=True))


@pytest.mark.parametrize(("height", "width", "scale"), [(64, 64, 7), (100, 40, 4), (256, 200, 2), (500, 480, 1)])
@pytest.mark.parametrize("color", [True, False])
def test_every_pixel_is_shown_at_a_whole_number_scale(height, width, scale, color):
    pictures = [picture(height, width, color) for _ in range(6)]
    sheet = sheet_of(pictures)
    for each in pictures:
        enlarged = np.asarray(each.convert("RGB")).repeat(scale, 0).repeat(scale, 1)
        assert contains(sheet, enlarged)


def test_pictures_stand_in_reading_order():
    pictures = [Image.new("RGB", (300, 300), (0, 40 * (index + 1), 0)) for index in range(6)]
    sheet = sheet_of(pictures)
    corners = [tuple(np.argwhere((sheet == np.array([0, 40 * (index + 1), 0])).all(-1))[0]) for index in range(6)]
    assert corners == sorted(corners)
    assert corners[0][1] == corners[3][1]
    assert corners[1][1] - corners[0][1] > corners[2][1] - corners[1][1]


def drawn(name):
    entry = {"exact": {"a": 0.9, "b": 0.01}, "level": {"b": 0.01}, "held_error": 2e-8, "stopped": "settled"}
    made = {"names": {"a": "ssim", "b": "mse"}, "summary": f"{name}, 64 x 64"}
    record = {"images": {"a_max": entry}, "start": {"exact": {"a": 0.5, "b": 0.01}}, "made": made}
    stream = io.BytesIO()
    Image.new("L", (64, 64)).save(stream, "PNG")
    sheet = draw_match(record, dict.fromkeys(["reference", "start", "a_max"], stream.getvalue()))
    return np.asarray(Image.open(io.BytesIO(sheet)))


def test_names_are_written_in_letters_that_the_font_has():
    assert np.array_equal(drawn("Fotos \u00e4/日本.png"), drawn("Fotos a/??.png"))


def test_of_a_long_name_the_end_is_shown():
    short, long = drawn("camera.png"), drawn("a" * 300 + "/camera.png")
    assert long.shape == short.shape
    assert (long[:, -20:] == long[0, 0]).all()


@pytest.mark.parametrize("bits", [8, 16])
def test_a_match_is_drawn_from_its_record(bits):
    entry = {"exact": {"a": 0.9, "b": 0.01}, "level": {"b": 0.01}, "held_error": 2e-8, "stopped": "settled"}
    made = {"names": {"a": "ssim", "b": "mse"}, "summary": "camera"}
    record = {"images": {"a_max": entry}, "start": {"exact": {"a": 0.5, "b": 0.01}}, "made": made}
    gray = np.linspace(0, 1, 300 * 300).reshape(300, 300)
    samples = (gray * (2**bits - 1)).round().astype(np.uint8 if bits == 8 else np.uint16)
    stream = io.BytesIO()
    Image.fromarray(samples).save(stream, "PNG")
    sheet = draw_match(record, dict.fromkeys(["reference", "start", "a_max"], stream.getvalue()))
    shown = np.asarray(Image.open(io.BytesIO(sheet)))[..., 0]
    expected = (samples / (257 if bits == 16 else 1)).round().astype(np.uint8)
    assert contains(shown[..., None], expected[:40, :40, None])


def test_large_pictures_are_reduced():
    assert sheet_of([picture(2000, 2000) for _ in range(6)]).shape[1] < 3 * 1600


@pytest.mark.parametrize("side", [16, 64, 600])
def test_long_texts_are_not_cut(side):
    sheet = sheet_of([picture(side, side) for _ in range(6)], "plugin.metric,option=value,another=value " * 3)
    ink = np.argwhere(sheet.min(-1) < 200)
    below_left, above_right = ink.min(0), ink.max(0)
    assert min(below_left) >= 10
    assert sheet.shape[1] - above_right[1] >= 10
    assert sheet.shape[0] - above_right[0] >= 10

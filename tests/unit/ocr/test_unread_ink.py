"""What of a page no character accounts for, in lines and outside of them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from vlm_core.ocr.ink_outside_boxes import rows_outside
from vlm_core.ocr.line_ink import unread_ink
from vlm_core.ocr.pixels import Pixels
from vlm_core.ocr.tiles import Quads
from vlm_core.ocr.unread_ink import Ink, Unread, is_unread, unread_on

FONT = ImageFont.load_default(size=36)
WORD = "HAMBURG"


def line(text: str = "", *, underline: bool = False) -> tuple[Pixels, list[float]]:
    """A line 48 pixels high, and the middle of each of its letters."""
    image = Image.new("RGB", (400, 48), "white")
    pen, x, middles = ImageDraw.Draw(image), 10.0, []
    for letter in text:
        pen.text((x, 0), letter, fill="black", font=FONT)
        width = pen.textlength(letter, font=FONT)
        middles.append(x + width / 2)
        x += width + 4
    if underline:
        pen.line((10, 42, 390, 42), fill="black", width=2)
    return np.asarray(image), middles


def share(picture: Pixels, middles: list[float], *, square: bool = False) -> float:
    ink = unread_ink(picture, np.array(middles), square=square)
    return ink.unread / max(ink.all, 1)


def test_ink_at_every_letters_place_is_read() -> None:
    assert share(*line(WORD)) == 0


@pytest.mark.parametrize("lost", range(len(WORD)))
def test_a_letter_between_others_that_was_passed_over_is_unread(lost: int) -> None:
    picture, middles = line(WORD)
    assert 0.05 < share(picture, middles[:lost] + middles[lost + 1 :]) < 0.3


def test_a_line_of_which_nothing_was_read_is_all_unread() -> None:
    assert share(line(WORD)[0], []) == 1


def test_a_line_under_a_word_is_no_letter() -> None:
    assert share(*line(WORD, underline=True)) == 0
    assert unread_ink(line(underline=True)[0], np.array([]), square=False) == Ink(0, 0)


def test_dots_that_lead_to_a_number_are_no_letters() -> None:
    assert unread_ink(line("........")[0], np.array([]), square=False).unread == 0


def test_the_parts_of_a_square_character_belong_to_it() -> None:
    picture, (_, middle, _) = line("r r")
    assert share(picture, [middle], square=True) == 0
    assert share(picture, [middle], square=False) == 1


@pytest.mark.parametrize(
    ("inks", "told"),
    [
        pytest.param([Ink(0, 4000)], False, id="all-read"),
        pytest.param([Ink(160, 4000)], False, id="a-small-share"),
        pytest.param([Ink(300, 4000)], True, id="a-share-that-counts"),
        pytest.param([Ink(90, 100)], False, id="a-letter-or-two-on-a-photograph"),
        pytest.param([], False, id="no-ink"),
    ],
)
def test_little_that_is_unread_is_not_told(inks: list[Ink], told: bool) -> None:
    assert is_unread(inks) is told


def test_lines_below_each_other_are_one_place() -> None:
    lines = [((10.0, 20.0 * row, 90.0, 20.0 * row + 12), Ink(400, 400)) for row in (1, 2, 6)]
    assert unread_on(lines, 100, 200).boxes == ((0.1, 0.1, 0.9, 0.26), (0.1, 0.6, 0.9, 0.66))


def test_a_warning_names_three_places_and_counts_the_others() -> None:
    boxes = tuple((0.1, 0.1 * row, 0.5, 0.1 * row + 0.05) for row in range(1, 6))
    warning = Unread(0.25, boxes).warning
    assert warning.startswith("25 % of the writing is unread, at 0.100,0.100,0.500,0.150; ")
    assert "and 2 more places. " in warning


# --- outside the boxes


def page(*rows: str) -> tuple[Pixels, Quads]:
    """A page with a line every 60 pixels, and a box around each."""
    image = Image.new("RGB", (900, 60 * len(rows) + 40), "white")
    pen, quads = ImageDraw.Draw(image), []
    for number, row in enumerate(rows):
        x0, y0, x1, y1 = pen.textbbox((40, 20 + 60 * number), row, font=FONT)
        pen.text((40, 20 + 60 * number), row, fill="black", font=FONT)
        quads.append([[x0 - 8, y0 - 8], [x1 + 8, y0 - 8], [x1 + 8, y1 + 8], [x0 - 8, y1 + 8]])
    return np.asarray(image), np.array(quads, np.float32)


def test_a_line_without_a_box_is_found() -> None:
    image, quads = page("first line of the page", "second line of it", "third line of it")
    (row,) = rows_outside(image, quads[[0, 2]])
    assert quads[1, 0, 1] < row.box[1] < row.box[3] < quads[1, 2, 1]
    assert row.ink.unread == row.ink.all > 100


def test_lines_in_boxes_are_not_outside() -> None:
    assert rows_outside(*page("first line of the page", "second line of it")) == []


@pytest.mark.parametrize("drawing", ["rule", "frame", "noise", "disc"])
def test_a_drawing_is_no_row_of_letters(drawing: str) -> None:
    image, quads = page("first line of the page", "", "", "")
    picture = Image.fromarray(image)
    pen = ImageDraw.Draw(picture)
    if drawing == "rule":
        pen.line((40, 150, 860, 150), fill="black", width=4)
    elif drawing == "frame":
        pen.rectangle((40, 100, 860, 240), outline="black", width=3)
    elif drawing == "disc":
        pen.ellipse((100, 100, 240, 240), fill="navy")
    else:
        grain = np.random.default_rng(0).integers(0, 255, (140, 700), np.uint8)
        picture.paste(Image.fromarray(grain).convert("RGB"), (100, 100))
    assert rows_outside(np.asarray(picture), quads[:1]) == []

"""Pages that are all but empty."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from vlm_core import PageState, read
from vlm_core.ocr.ink_spots import spots


def sheet(text: str = "") -> Image.Image:
    """A4 at 300 dpi with a line of 12 points near its lower end."""
    image = Image.new("RGB", (2480, 3508), "white")
    ImageDraw.Draw(image).text((1180, 3280), text, fill="black", font=ImageFont.load_default(size=50))
    return image


@pytest.mark.parametrize("text", ["3", "- 17 -", "Page 2 of 2", "This is a test."])
def test_a_few_characters_on_a_page_are_read(text: str) -> None:
    page = read(sheet(text), task="text").pages[0]
    assert (page.state, page.text) == (PageState.OK, text)
    (line,) = page.lines
    assert line.bbox[0] < 1180 / 2480 < line.bbox[2]
    assert line.bbox[1] < 3310 / 3508 < line.bbox[3]


def test_a_page_with_dust_is_blank() -> None:
    image = sheet()
    pen, places = ImageDraw.Draw(image), np.random.default_rng(0).integers(100, 2300, (30, 2))
    for x, y in places:
        pen.ellipse((x, y, x + 7, y + 7), fill="black")
    page = read(image).pages[0]
    assert (page.state, page.text) == (PageState.BLANK, "")


def test_a_page_full_of_ink_has_no_spots() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (1500, 1200, 1), np.uint8)
    assert spots(np.repeat(noise, 3, axis=2)) == []

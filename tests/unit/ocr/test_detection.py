"""Lines that are bent, as on the curled page of a book."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.unit.ocr.test_local import CLAUSE, drawn
from vlm_core import PageState, read


def bent(image: Image.Image, rise: float) -> Image.Image:
    """A picture whose middle stands so many pixels above its left and right edges."""
    pixels = np.asarray(image)
    height, width = pixels.shape[:2]
    down = (rise * (1 - np.sin(np.pi * np.arange(width) / width))).astype(int)
    rows = np.clip(np.arange(height + int(rise))[:, None] - down, 0, height - 1)
    return Image.fromarray(pixels[rows, np.arange(width)])


@pytest.mark.parametrize("rise", [40, 70])
def test_every_word_of_bent_lines_is_read(rise: float) -> None:
    lines = [CLAUSE[:90].rsplit(" ", 1)[0], CLAUSE[-80:].split(" ", 1)[1]]
    page = read(bent(drawn(lines, width=1500, size=30, pitch=90), rise), task="text").pages[0]
    assert sorted(page.text.split()) == sorted(" ".join(lines).split())
    assert page.state is PageState.OK

"""Parts of a page as pictures that a model can read."""

from __future__ import annotations

import pytest
from PIL import Image, ImageDraw

from vlm_core import PageImage
from vlm_core.images.enlarged import enlarged_parts

BOX = (0.6, 0.1, 0.8, 0.15)
"""Of what is drawn black, on the upright page."""


def page(rotation: int = 0) -> PageImage:
    """A page of 400 x 600 with a black mark, as it is stored before it is turned."""
    image = Image.new("RGB", (400, 600), "white")
    ImageDraw.Draw(image).rectangle((240, 60, 319, 89), fill="black")
    stored = image.rotate(rotation, expand=True)
    return PageImage(pixels=stored.tobytes(), width=stored.width, height=stored.height)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_part_is_upright_with_a_narrow_margin(rotation: int) -> None:
    (part,) = enlarged_parts(page(rotation), [BOX], rotation)
    assert (part.width, part.height) == (131, 64)  # 98 x 48 pixels, enlarged
    dark = sum(level < 128 for level in part.pixels[::3])
    assert dark / (part.width * part.height) == pytest.approx(80 * 30 / (98 * 48), abs=0.03)


@pytest.mark.parametrize(
    ("box", "size"),
    [
        pytest.param((0.5, 0.5, 0.5, 0.5), (8, 8), id="a point"),
        pytest.param((0.99, 0.99, 1.0, 1.0), (28, 32), id="a corner"),
        pytest.param((0.0, 0.0, 1.0, 1.0), (400, 600), id="the whole page"),
        pytest.param((0.5, 0.1, 0.501, 0.2), (97, 96), id="one letter"),
    ],
)
def test_every_box_gives_a_picture(box: tuple[float, float, float, float], size: tuple[int, int]) -> None:
    (part,) = enlarged_parts(page(), [box], 0)
    assert (part.width, part.height) == size
    assert len(part.pixels) == 3 * part.width * part.height

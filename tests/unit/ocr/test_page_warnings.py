"""What is said of a page beside its text."""

from __future__ import annotations

import pytest

from vlm_core.ocr.page_warnings import invisible_characters, is_blank, page_warnings
from vlm_core.types import PageImage


def page(shades: bytes, width: int = 1000) -> PageImage:
    """A grey page of these shades, row by row."""
    pixels = bytes(channel for shade in shades for channel in (shade, shade, shade))
    return PageImage(pixels=pixels, width=width, height=len(shades) // width)


@pytest.mark.parametrize("shade", [0, 128, 235, 255])
def test_paper_of_any_shade_is_blank(shade: int) -> None:
    assert is_blank(page(bytes([shade]) * 200_000))


def test_what_shows_through_from_the_other_side_is_not_ink() -> None:
    assert is_blank(page((bytes([240]) * 500 + bytes([215]) * 500) * 200))


def test_a_line_of_ink_is_not_blank() -> None:
    assert not is_blank(page(bytes([255]) * 90_000 + bytes([0]) * 5000 + bytes([255]) * 105_000))


def test_white_on_black_is_not_blank() -> None:
    assert not is_blank(page(bytes([0]) * 90_000 + bytes([255]) * 5000 + bytes([0]) * 105_000))


def test_dust_does_not_count() -> None:
    clean = bytes([255]) * 2000
    dusty = (bytes([0]) + bytes([255]) * 24) * 80
    assert is_blank(page((dusty + clean * 24) * 20, 2000))


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1)], ids=str)
def test_a_page_of_any_shape_can_be_told(size: tuple[int, int]) -> None:
    assert is_blank(page(bytes([255]) * size[0] * size[1], size[0]))


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        pytest.param("plain", 0, id="none"),
        pytest.param("soft\u00adhyphen", 0, id="soft-hyphen"),
        pytest.param("to\u200btal\u202e", 2, id="zero-width-and-bidirectional"),
        pytest.param("\U000e0041", 1, id="tag"),
    ],
)
def test_characters_that_show_nowhere_are_counted(text: str, hidden: int) -> None:
    assert invisible_characters(text) == hidden
    assert len(page_warnings(text)) == bool(hidden)

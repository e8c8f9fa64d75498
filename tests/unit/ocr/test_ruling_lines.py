"""Ruling lines in the pixels of a page."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from vlm_core.ocr.ruling_lines import ruling_lines

ACROSS, DOWN = [(100, 200, 900, 200), (100, 600, 900, 600)], [(100, 200, 100, 600), (500, 200, 500, 600)]


def page(*lines: tuple[int, int, int, int], width: int = 2) -> Image.Image:
    image = Image.new("L", (1000, 1400), 255)
    pen = ImageDraw.Draw(image)
    pen.text((100, 100), "The lines of a table, and words", font=ImageFont.load_default(size=20), fill=0)
    for line in lines:
        pen.line(line, fill=0, width=width)
    return image


def found(image: Image.Image, slope: float = 0.0) -> list[tuple[int, ...]]:
    width, height = image.size
    lines = ruling_lines(np.asarray(image), slope)
    return sorted(
        (round(a * width), round(b * height), round(c * width), round(d * height)) for a, b, c, d in lines
    )


def assert_alike(lines: list[tuple[int, ...]], expected: Sequence[tuple[float, ...]], near: int = 5) -> None:
    assert len(lines) == len(expected)
    for line in lines:
        assert any(line == pytest.approx(ends, abs=near) for ends in expected)


@pytest.mark.parametrize("width", [1, 2, 5])
def test_lines_across_and_down_are_found(width: int) -> None:
    assert_alike(found(page(*ACROSS, *DOWN, width=width)), ACROSS + DOWN)


@pytest.mark.parametrize("level", [0, 90, 190])
def test_lines_in_grey_are_found(level: int) -> None:
    image = page()
    ImageDraw.Draw(image).line(ACROSS[0], fill=level, width=2)
    assert_alike(found(image), ACROSS[:1])


def test_words_are_not_lines() -> None:
    assert found(page()) == []


def test_the_sides_of_a_dark_area_are_lines_and_its_inside_is_not() -> None:
    image = page()
    ImageDraw.Draw(image).rectangle((200, 300, 700, 500), fill=0)
    sides = [(200, 305, 700, 305), (200, 495, 700, 495), (205, 300, 205, 500), (695, 300, 695, 500)]
    assert_alike(found(image), sides, near=10)


@pytest.mark.parametrize("degrees", [-3, 1, 3])
def test_lines_of_a_page_askew_are_found_where_they_are(degrees: float) -> None:
    image = page(*ACROSS, *DOWN).rotate(-degrees, resample=Image.Resampling.BICUBIC, fillcolor=255)
    slope = math.tan(math.radians(degrees))

    def turned(x: float, y: float) -> tuple[float, float]:
        x, y = x - 500, y - 700
        angle = math.radians(degrees)
        return x * math.cos(angle) - y * math.sin(angle) + 500, x * math.sin(angle) + y * math.cos(
            angle
        ) + 700

    lines = found(image, slope)
    expected = [(*turned(*line[:2]), *turned(*line[2:])) for line in ACROSS + DOWN]
    assert_alike(lines, expected, near=10)


def test_a_very_large_page_has_the_same_lines() -> None:
    image = page(*ACROSS, *DOWN, width=3).resize((4000, 5600))
    assert_alike(found(image), [tuple(4 * side for side in line) for line in ACROSS + DOWN], near=24)

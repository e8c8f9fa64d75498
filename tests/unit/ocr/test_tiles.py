"""Finding text on pages of any size. The detector is a stand-in that finds dark rectangles."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest

from vlm_core.ocr.tiles import (
    OVERLAP,
    TILE_PIXELS,
    TILE_SIDE,
    Pixels,
    Quads,
    detection_scale,
    find_text,
    tiles,
)


def find_dark(image: Pixels) -> Quads:
    """Boxes of what is black, as an ideal detector would give them."""
    mask = (image[..., 0] < 128).astype(np.uint8)
    found, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    quads = []
    for contour in found:
        x, y, width, height = cv2.boundingRect(contour)
        quads.append([[x, y], [x + width, y], [x + width, y + height], [x, y + height]])
    return np.array(quads, np.float32).reshape(-1, 4, 2)


def page(width: int, height: int, *bars: tuple[int, int, int, int]) -> Pixels:
    image = np.full((height, width, 3), 255, np.uint8)
    for x0, y0, x1, y1 in bars:
        image[y0:y1, x0:x1] = 0
    return image


def bounds(quads: Quads) -> list[list[float]]:
    return sorted([*quad.min(axis=0).tolist(), *quad.max(axis=0).tolist()] for quad in quads)


@pytest.mark.parametrize(
    ("width", "height", "scale"),
    [
        pytest.param(1240, 1754, 1.0, id="a4-at-150-dpi-stays"),
        pytest.param(2480, 3508, 0.5, id="a4-at-300-dpi-is-halved"),
        pytest.param(3508, 4961, 0.5, id="a3-at-300-dpi-is-halved"),
        pytest.param(4961, 7016, 1754 / 4961, id="a4-at-600-dpi-keeps-over-150"),
        pytest.param(1080, 9600, 1.0, id="a-long-screenshot-stays"),
        pytest.param(368, 500, 2.0, id="a-small-picture-is-enlarged"),
        pytest.param(100, 100, 2.0, id="a-tiny-one-no-more-than-twice"),
    ],
)
def test_detection_scale(width: int, height: int, scale: float) -> None:
    assert detection_scale(width, height) == pytest.approx(scale)


@pytest.mark.parametrize("length", [1, TILE_SIDE, TILE_SIDE + 1, 9600, 39708])
def test_tiles_cover_every_pixel_and_share_their_overlap(length: int) -> None:
    spans = [(tile.y0, tile.y1) for tile in tiles(100, length)]
    assert spans[0][0] == 0
    assert spans[-1][1] == length
    assert all(y1 - y0 <= TILE_SIDE for y0, y1 in spans)
    assert all(above[1] - below[0] >= OVERLAP - 1 for above, below in pairwise(spans))


@pytest.mark.parametrize("size", [(1240, 1754), (2048, 2048), (5000, 7000), (39708, 736)])
def test_no_tile_has_more_pixels_than_the_detector_has_memory_for(size: tuple[int, int]) -> None:
    assert max((tile.x1 - tile.x0) * (tile.y1 - tile.y0) for tile in tiles(*size)) <= TILE_PIXELS


def test_an_a4_page_at_150_dpi_is_one_tile() -> None:
    assert list(tiles(1240, 1754)) == [(0, 0, 1240, 1754)]


def test_no_line_of_a_long_page_is_lost_or_seen_twice() -> None:
    bars = [(40, y, 700, y + 20) for y in range(10, 9580, 60)]
    found = bounds(find_text(page(1080, 9600, *bars), find_dark))
    assert len(found) == len(bars)


def test_a_line_across_seams_is_put_together() -> None:
    found = bounds(find_text(page(6000, 1000, (100, 500, 5900, 530)), find_dark))
    assert len(found) == 1
    assert found[0] == pytest.approx([100, 500, 5900, 530], abs=8)


def test_close_lines_in_one_tile_stay_two() -> None:
    found = find_text(page(1000, 1000, (100, 100, 900, 120), (100, 123, 900, 143)), find_dark)
    assert len(found) == 2


def test_boxes_are_in_pixels_of_the_page_not_of_the_scaled_picture() -> None:
    found = bounds(find_text(page(3720, 5000, (300, 600, 3000, 720)), find_dark))
    assert found[0] == pytest.approx([300, 600, 3000, 720], abs=8)


def test_small_print_is_looked_for_again_in_a_larger_picture() -> None:
    seen: list[int] = []

    def detect(image: Pixels) -> Quads:
        seen.append(image.shape[1])
        return find_dark(image)

    find_text(page(2480, 3508, *[(100, y, 2000, y + 16) for y in range(100, 3400, 40)]), detect)
    assert max(seen) > seen[0]


def test_a_page_without_text_has_no_boxes() -> None:
    assert find_text(page(800, 800), find_dark).shape == (0, 4, 2)


def test_a_large_texture_without_text_is_looked_at_little_more_than_once() -> None:
    spread = np.random.default_rng(1).integers(0, 256, (420, 420), np.uint8)
    texture = np.asarray(cv2.resize(spread, (4200, 4200), interpolation=cv2.INTER_CUBIC), np.uint8)
    seen = []

    def find_nothing(image: Pixels) -> Quads:
        seen.append(image.shape[0] * image.shape[1])
        return np.zeros((0, 4, 2), np.float32)

    for closely in (False, True):
        assert not len(find_text(texture, find_nothing, closely=closely))
    assert 0 < sum(seen) < 6_000_000
    assert max(seen) < 500_000


def test_a_line_across_a_large_page_comes_in_one_piece() -> None:
    large = np.full((4200, 4200), 255, np.uint8)
    large[2000:2060, 200:4000] = 0
    found = find_text(large, find_dark)
    assert len(found) == 1
    assert bounds(found)[0] == pytest.approx([200, 2000, 4000, 2060], abs=4)

"""Where anything stands on a page, and that text is looked for there alone."""

from __future__ import annotations

import numpy as np
import pytest

from vlm_core.ocr.marks import MARGIN, MOST_PARTS, has_marks, marked_parts
from vlm_core.ocr.pixels import Pixels, Tile
from vlm_core.ocr.tiles import Quads, find_text

WIDTH, HEIGHT = 1240, 1760
WHOLE = Tile(0, 0, WIDTH, HEIGHT)


def page(*blocks: tuple[int, int, int, int], ink: int = 20, paper: int = 255) -> Pixels:
    """A page with letters in each block (left, top, right, bottom)."""
    image = np.full((HEIGHT, WIDTH, 3), paper, np.uint8)
    for left, top, right, bottom in blocks:
        for y in range(top, bottom - 13, 24):
            for x in range(left, right - 6, 12):
                image[y : y + 14, x : x + 6] = ink
    return image


def holds(part: Tile, x0: int, y0: int, x1: int, y1: int) -> bool:
    return part.x0 <= x0 and part.y0 <= y0 and x1 <= part.x1 and y1 <= part.y1


def test_a_bare_page_has_no_part() -> None:
    assert marked_parts(page()) == []


@pytest.mark.parametrize("paper", [255, 200, 20], ids=["white", "grey", "black"])
def test_a_part_is_the_text_and_a_margin(paper: int) -> None:
    (part,) = marked_parts(page((400, 600, 700, 900), ink=110, paper=paper))
    assert holds(part, 400 - MARGIN, 600 - MARGIN, 694 + MARGIN, 890 + MARGIN)
    assert part.pixels < 450 * 450


def test_text_far_apart_is_in_parts_that_do_not_overlap() -> None:
    parts = marked_parts(page((100, 100, 400, 300), (800, 150, 1100, 350), (300, 1500, 900, 1700)))
    assert len(parts) == 3
    assert all(
        one.x1 <= other.x0 or other.x1 <= one.x0 or one.y1 <= other.y0 or other.y1 <= one.y0
        for number, one in enumerate(parts)
        for other in parts[:number]
    )


def test_parts_that_overlap_by_their_margins_are_one() -> None:
    parts = marked_parts(page((100, 100, 160, 700), (100, 100, 900, 160), (300, 300, 900, 700)))
    assert len(parts) == 1


@pytest.mark.parametrize("contrast", [12, 20, 40])
def test_print_as_faint_as_is_legible_is_in_a_part(contrast: int) -> None:
    image = page((100, 100, 400, 300))
    faint = page((300, 1300, 900, 1500), ink=255 - contrast)
    assert any(holds(part, 300, 1300, 894, 1490) for part in marked_parts(np.minimum(image, faint)))


def test_the_noise_of_a_scanner_is_a_part_so_that_nothing_in_it_is_passed_over() -> None:
    noise = np.random.default_rng(1).normal(0, 16, (HEIGHT, WIDTH, 1))
    image = np.clip(page((400, 600, 700, 900)) - 40 + noise, 0, 255).astype(np.uint8)
    assert marked_parts(image) == [WHOLE]


def test_many_scattered_marks_are_looked_at_as_a_whole() -> None:
    spots = [(x, y, x + 20, y + 20) for x in range(100, 1200, 220) for y in range(100, 1700, 220)]
    assert len(spots) > MOST_PARTS
    assert marked_parts(page(*spots)) == [WHOLE]


def test_a_page_that_is_mostly_marked_is_looked_at_as_a_whole() -> None:
    assert marked_parts(page((100, 100, 1100, 1300))) == [WHOLE]


def test_a_shade_without_an_edge_is_not_a_mark() -> None:
    slope = np.linspace(160, 255, HEIGHT)[:, None, None]
    image = np.broadcast_to(slope, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    assert marked_parts(image) == []
    assert not has_marks(image)


def test_text_is_looked_for_in_the_marked_parts_alone_and_stands_where_it_is_on_the_page() -> None:
    image = page((500, 700, 800, 900))
    seen: list[int] = []

    def detect(part: Pixels) -> Quads:
        seen.append(part.shape[0] * part.shape[1])
        y, x = np.nonzero(part[..., 0] < 128)
        x0, y0, x1, y1 = x.min(), y.min(), x.max() + 1, y.max() + 1
        return np.array([[[x0, y0], [x1, y0], [x1, y1], [x0, y1]]], np.float32)

    quads = find_text(image, detect)
    assert sum(seen) < 0.15 * WIDTH * HEIGHT
    assert quads[0, 0].tolist() == pytest.approx([500, 700], abs=1)
    assert quads[0, 2].tolist() == pytest.approx([794, 882], abs=1)

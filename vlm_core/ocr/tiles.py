"""Where text stands on a page of any size: detection in overlapping tiles, boxes made whole again.

The detector sees text best when a line is some 20 pixels high, and its memory grows with the
picture. So a page is scaled to about 150 dpi, or less where its print is large; a long one is cut
into tiles that overlap, and a line that a seam cuts is put together before it is read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from vlm_core.ocr.marks import FEWEST, has_marks, letter_heights, marked_parts, shrinkage
from vlm_core.ocr.pixels import Pixels, Tile, in_colour, is_large

Quads: TypeAlias = NDArray[np.float32]
"""N × 4 × 2: corners clockwise from the top left, x before y, in pixels."""
Detect: TypeAlias = Callable[[Pixels], Quads]
NO_QUADS = np.zeros((0, 4, 2), np.float32)

DPI = 150
"""No page is shrunk below this."""
USUAL_DPI = 300
"""What a scan has that does not say."""
SHORT_SIDE = 1240
"""Pixels: the short side of an A4 page at 150 dpi."""
LONG_SIDE = 1754
"""Pixels: the long side of one, and the short side of an A3 page."""
SMALL_SIDE = 736
"""Pixels: a shorter side than this is enlarged, for the detector was trained on larger pictures."""
MAX_ENLARGEMENT = 2.0
TILE_SIDE = 2048
TILE_PIXELS = 2_600_000
"""Of a tile at most, for the detector takes 230 bytes a pixel. An A4 page at 150 dpi is one tile."""
SMALL_TILE_PIXELS = 900_000
"""Of a tile of a page that takes much memory itself."""
PROBE_SIDE, PROBE_OVERLAP = 672, 128
"""Of the parts of such a page in which text is looked for first: square, so that little is looked at twice.
Lines are not read from them, for seams down the page cut these."""
PROBED = 9_000_000
"""Pixels of a page from which it is looked through in such parts first: a texture has no text."""
SAMPLE = 2
"""Such parts, those most like print, that are tried where a first look at the page found nothing."""
MOST_CLOSELY = 6_000_000
"""Pixels at which a page is looked at closely."""
MANY_PIXELS = 2_600_000
"""Pixels in which text is not looked for a second time without a sample."""
OVERLAP = 192
"""Pixels that two tiles share: several lines of print."""
NEAR_SEAM = 0.25
"""Times its thickness: a box that ends so near to a seam may go on behind it."""
LEAST_NEAR = 3
"""Pixels that this is at least."""
SMALL_PRINT = 12.0
"""Pixels: lines of less are looked for again in a larger picture."""
GOOD_PRINT = 20.0
SCRAPS = 300
"""Boxes from which a page may be one of scraps: letters that were found one by one."""
SCRAP_LENGTH = 2.5
"""Times its height that a scrap is long at most."""
GRID = 32
"""The detector's input is a multiple of this many pixels."""


def find_text(image: Pixels, detect: Detect, dpi: float | None = None, *, closely: bool = False) -> Quads:
    """Find the text boxes of a page, small print included.

    Args:
        image: a page's pixels.
        detect: the detector for one tile.
        dpi: pixels per inch, where known.
        closely: look at every pixel at once, for a page on which nothing was found but should be.

    Returns:
        The boxes in pixels of `image`, in no particular order.
    """
    usual = detection_scale(image.shape[1], image.shape[0], dpi)
    if closely:
        return _find_on(_scaled(image, _close_scale(image, usual)), image, detect, SAMPLE)
    small = _scaled(image, usual)
    if is_large(image) and not has_marks(small):
        return NO_QUADS
    share = shrinkage(small)
    quads = _find_on(_scaled(image, share * usual) if share < 1 else small, image, detect)
    if not len(quads) and share < 1:
        share = 1.0
        quads = _find_on(small, image, detect, SAMPLE)
    scale = share * usual
    height = _median_height(quads) * scale
    if scale < 1 and 0 < height < SMALL_PRINT:
        quads = _find_on(_scaled(image, min(1.0, scale * GOOD_PRINT / height)), image, detect)
    return quads


def detection_scale(width: int, height: int, dpi: float | None = None) -> float:
    """By how much a picture is scaled before text is looked for.

    Where the resolution is not known, a page is taken for one scanned at 300 dpi, up to A3.

    Example:
        >>> detection_scale(2480, 3508)  # A4 at 300 dpi
        0.5
        >>> detection_scale(2339, 3307, dpi=200)  # A3
        0.75
        >>> detection_scale(1080, 9600)  # a long screenshot keeps its size
        1.0
    """
    short = min(width, height)
    if short <= SHORT_SIDE:
        return min(MAX_ENLARGEMENT, max(1.0, SMALL_SIDE / short))
    wanted = short * DPI / dpi if dpi else min(short * DPI / USUAL_DPI, LONG_SIDE)
    return min(1.0, max(wanted, SHORT_SIDE) / short)


def _close_scale(image: Pixels, usual: float) -> float:
    """At which every pixel is looked at, or as many as are not endless."""
    most = math.sqrt(MOST_CLOSELY / (image.shape[0] * image.shape[1]))
    return max(usual, min(1.0, most))


def _find_on(scaled: Pixels, image: Pixels, detect: Detect, tries: int | None = None) -> Quads:
    """The boxes of a page, in its pixels, found on it in another size.

    Where that takes seconds, parts of it are tried first.

    Args:
        scaled: the page in the size in which text is looked for.
        image: the page.
        detect: the detector for one tile.
        tries: how many parts are tried, where a first look found nothing; all by default.
    """
    parts = marked_parts(scaled)
    takes_long = _pixels(image) > PROBED or (tries and _pixels(scaled) > MANY_PIXELS)
    if takes_long and not _may_hold_text(scaled, parts, detect, tries):
        return NO_QUADS
    most = SMALL_TILE_PIXELS if is_large(image) else TILE_PIXELS
    found = [_find_in(scaled, part, detect, most) for part in parts]
    height, width = (
        side / scaled_side for side, scaled_side in zip(image.shape[:2], scaled.shape[:2], strict=True)
    )
    return np.concatenate([NO_QUADS, *found]) * np.array([width, height], np.float32)


def _pixels(image: Pixels) -> int:
    return int(image.shape[0] * image.shape[1])


def _may_hold_text(scaled: Pixels, parts: list[Tile], detect: Detect, tries: int | None) -> bool:
    """Whether text is found in any square of the marked parts; those that look most like print come first.

    A texture looks like letters, and its strips would take seconds. Little is not worth the try.
    """
    if tries is None and sum(part.pixels for part in parts) < 2 * PROBE_SIDE**2:
        return True
    letters = {probe: len(letter_heights(_cut(scaled, probe))) for part in parts for probe in _probes(part)}
    if tries and sum(letters.values()) < FEWEST:
        return False
    tried = sorted(letters, key=lambda probe: -letters[probe])[:tries]
    return any(len(_find_in_tile(scaled, probe, detect)) for probe in tried)


def _probes(part: Tile) -> Iterator[Tile]:
    rows = _spans(part.y1 - part.y0, PROBE_SIDE, PROBE_OVERLAP)
    columns = _spans(part.x1 - part.x0, PROBE_SIDE, PROBE_OVERLAP)
    for y0, y1 in rows:
        for x0, x1 in columns:
            yield Tile(part.x0 + x0, part.y0 + y0, part.x0 + x1, part.y0 + y1)


def tiles(width: int, height: int, most: int = TILE_PIXELS) -> Iterator[Tile]:
    """Cut a picture into tiles of at most TILE_SIDE and so many pixels that overlap by OVERLAP pixels.

    Example:
        >>> [(tile.y0, tile.y1) for tile in tiles(1080, 3000)]
        [(0, 1596), (1404, 3000)]
    """
    columns = _spans(width, TILE_SIDE, OVERLAP)
    widest = max(x1 - x0 for x0, x1 in columns)
    rows = _spans(height, min(TILE_SIDE, most // widest), OVERLAP)
    return (Tile(x0, y0, x1, y1) for y0, y1 in rows for x0, x1 in columns)


def _spans(length: int, longest: int, overlap: int) -> list[tuple[int, int]]:
    count = max(1, -(-(length - overlap) // (longest - overlap)))
    step = (length - overlap) / count
    return [(round(i * step), min(length, round((i + 1) * step) + overlap)) for i in range(count)]


def _scaled(image: Pixels, scale: float) -> Pixels:
    """A picture scaled to sides that are multiples of the detector's grid, in colour."""
    height, width = (max(GRID, round(side * scale / GRID) * GRID) for side in image.shape[:2])
    return in_colour(_resize(image, width, height))


def _resize(image: Pixels, width: int, height: int) -> Pixels:
    if (height, width) == image.shape[:2]:
        return image
    shrinks = width * height < image.shape[0] * image.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=method), np.uint8)


def filled_up(image: Pixels) -> Pixels:
    """A picture with sides that are multiples of the detector's grid, else the detector would stretch it.

    Example:
        >>> filled_up(np.zeros((40, 64, 3), np.uint8)).shape
        (64, 64, 3)
    """
    bottom, right = (-side % GRID for side in image.shape[:2])
    return np.asarray(cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REPLICATE), np.uint8)


def _find_in(image: Pixels, part: Tile, detect: Detect, most: int) -> Quads:
    """The boxes in a part of a picture, which is cut into tiles of so many pixels at most."""
    pixels = image[part.y0 : part.y1, part.x0 : part.x1]
    height, width = pixels.shape[:2]
    found = [(tile, _find_in_tile(pixels, tile, detect)) for tile in tiles(width, height, most)]
    return _without_seams(found, Tile(0, 0, width, height)) + np.array([part.x0, part.y0], np.float32)


def _find_in_tile(image: Pixels, tile: Tile, detect: Detect) -> Quads:
    return detect(_cut(image, tile)) + np.array([tile.x0, tile.y0], np.float32)


def _cut(image: Pixels, tile: Tile) -> Pixels:
    return np.ascontiguousarray(image[tile.y0 : tile.y1, tile.x0 : tile.x1])


def _without_seams(found: list[tuple[Tile, Quads]], page: Tile) -> Quads:
    """Boxes of all tiles: those seen twice once, those cut by a seam whole."""
    if len(found) == 1:
        return found[0][1]
    kept = NO_QUADS
    for tile, quads in found:
        earlier = kept.copy()
        added = [quad for quad in quads if not _merged_into(earlier, quad, _is_cut(quad, tile, page))]
        kept = np.concatenate([earlier, *(quad[None] for quad in added)])
    return kept


def _merged_into(earlier: Quads, quad: Quads, cut: bool) -> bool:
    """Join a box to the same line among those of earlier tiles, if it is there."""
    twins = np.flatnonzero(_same_line(earlier, quad))
    if not len(twins):
        return False
    twin = twins[0]
    if cut or _area(quad) > _area(earlier[twin]):
        earlier[twin] = _hull(earlier[twin], quad)
    return True


def _is_cut(quad: Quads, tile: Tile, page: Tile) -> bool:
    """Whether a box ends at a seam, or so near to it that its line does not end there."""
    x0, y0, x1, y1 = _bounds(quad)
    near = max(LEAST_NEAR, NEAR_SEAM * min(x1 - x0, y1 - y0))
    return bool(
        (tile.x0 > page.x0 and x0 - tile.x0 < near)
        or (tile.y0 > page.y0 and y0 - tile.y0 < near)
        or (tile.x1 < page.x1 and tile.x1 - x1 < near)
        or (tile.y1 < page.y1 and tile.y1 - y1 < near)
    )


def _same_line(many: Quads, one: Quads) -> NDArray[np.bool_]:
    """For each of many boxes, whether it overlaps one by most of the smaller one's thickness, both ways."""
    low, high = many.min(axis=1), many.max(axis=1)
    overlap = np.minimum(high, one.max(axis=0)) - np.maximum(low, one.min(axis=0))
    thickness = np.minimum((high - low).min(axis=1), np.ptp(one, axis=0).min())
    return np.asarray(overlap.min(axis=1) > 0.5 * thickness)


def _bounds(quad: Quads) -> tuple[float, float, float, float]:
    (x0, y0), (x1, y1) = quad.min(axis=0), quad.max(axis=0)
    return float(x0), float(y0), float(x1), float(y1)


def _area(quad: Quads) -> float:
    x0, y0, x1, y1 = _bounds(quad)
    return (x1 - x0) * (y1 - y0)


def _hull(a: Quads, b: Quads) -> Quads:
    x0, y0, x1, y1 = _bounds(np.concatenate([a, b]))
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)


def are_scraps(quads: Quads) -> bool:
    """Whether boxes are very many, and nearly all too short for a word, as where print is made of dots.

    Example:
        >>> are_scraps(np.zeros((2, 4, 2), np.float32))
        False
    """
    if len(quads) < SCRAPS:
        return False
    sides = np.linalg.norm(quads[:, [1, 2]] - quads[:, [0, 1]], axis=2)
    return bool((sides.max(axis=1) < SCRAP_LENGTH * sides.min(axis=1)).mean() > 0.8)


def _median_height(quads: Quads) -> float:
    """Of the lines, in pixels, whichever way they run; 0 where there are none."""
    if not len(quads):
        return 0.0
    sides = np.linalg.norm(quads[:, [1, 2]] - quads[:, [0, 1]], axis=2)
    return float(np.median(sides.min(axis=1)))

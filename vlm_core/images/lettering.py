"""Where ink on a page looks like unexplained lettering: in small pictures, or drawn as lines.

Letters are blobs of like height that stand close together in a row, and are not all of one shape as dots
and dashes are. A photograph may hold such blobs by chance; that costs a look at the place, and no text.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from PIL import Image, ImageChops, ImageFilter

from vlm_core.images.pdf_layout import around, merged
from vlm_core.types import Box, PageImage

Pixels: TypeAlias = tuple[float, float, float, float]

_DPI = 200  # of a page whose resolution is not known
_LARGE = 2_000_000  # pixels of a place from which it is looked at in half its resolution
_NEIGHBOURHOOD = 0.07  # inches around a pixel that tell how light its paper is
_CONTRAST = 40  # grey levels between ink and paper
_REACH = 0.1  # inches around a drawing that are looked at with it, for a letter may be a drawing of its own
_DARK = 180  # the grey level up to which paper is dark enough to be written on in white
_HEIGHTS = (2.5, 30.0)  # points; smaller blobs are dust, larger ones drawings
_WIDEST = 2.0  # times its height that a letter is wide
_SOLID = 0.92  # share of its box that is ink: such a blob is a dash or a dot
_FAINT = 0.08
_MOST_BLOBS = 20_000

_NEAR = 0.9  # times their height that letters of a row stand apart
_LEVEL = 0.5  # share of the lower one's height that stands beside its neighbour
_ALIKE = 2.5  # ratio of the heights of neighbours
_FEWEST = 3  # letters of a row
_VARIED = 1.15  # ratio of the largest to the smallest width or ink of letters that are not all the same sign

_MARGIN = 0.06  # inches around lettering
_TOGETHER = 0.12  # inches between rows that are looked at together
_MOST_PLACES = 12

_INK = re.compile(rb"\xff+")


class _Blob(NamedTuple):
    """Ink that hangs together: its box in pixels, and how much of it there is."""

    box: tuple[int, int, int, int]
    ink: int

    @property
    def width(self) -> int:
        return self.box[2] - self.box[0]

    @property
    def height(self) -> int:
        return self.box[3] - self.box[1]

    @property
    def turned(self) -> _Blob:
        """As it stands for a reader of text that runs up or down the page."""
        x0, y0, x1, y1 = self.box
        return _Blob((y0, x0, y1, x1), self.ink)


def lettering(page: PageImage, within: Iterable[Box], known: Sequence[Box]) -> list[Box]:
    """The places of a page that hold lettering beside the text that is known.

    Args:
        page: as it is drawn.
        within: where to look, as fractions of the page.
        known: the boxes of the page's text.

    Returns:
        At most a dozen boxes as fractions of the page; places that stand close together are one.

    Example:
        >>> lettering(PageImage(pixels=b"\\xff" * 30000, width=100, height=100), [(0, 0, 1, 1)], [])
        []
    """
    inch = page.dpi or _DPI
    around_each = _REACH * inch / page.width, _REACH * inch / page.height
    areas = [_on_page(area) for area in merged([_grown(box, *around_each) for box in within])]
    rows = [row for area in areas for row in _rows_in(page, area, known)]
    distance = _TOGETHER
    while rows:
        reach = (distance * inch / page.width, distance * inch / page.height)
        groups = merged([_grown(row, *reach) for row in rows])
        if len(groups) <= _MOST_PLACES:
            x, y = ((_MARGIN * inch - distance * inch) / side for side in (page.width, page.height))
            return [_on_page(_grown(group, x, y)) for group in groups]
        distance *= 2
    return []


def _rows_in(page: PageImage, box: Box, known: Sequence[Box]) -> Iterator[Box]:
    """The rows of letters in a box, as fractions of the page."""
    left, top = int(box[0] * page.width), int(box[1] * page.height)
    right, bottom = -int(-box[2] * page.width // 1), -int(-box[3] * page.height // 1)
    if right - left < _FEWEST or bottom - top < _FEWEST:
        return
    grey = _picture_of(page).crop((left, top, right, bottom)).convert("L")
    scale = 2 if grey.width * grey.height > _LARGE else 1
    grey = grey.reduce(scale) if scale > 1 else grey
    inch = (page.dpi or _DPI) / scale

    sizes, starts = (page.width, page.height) * 2, (left, top) * 2

    def placed(pixels: Pixels) -> Box:
        x0, y0, x1, y1 = (scale * side for side in pixels)
        across, down = page.width, page.height
        return (left + x0) / across, (top + y0) / down, (left + x1) / across, (top + y1) / down

    for mask in _masks(grey, inch):
        for one in known:
            _erase(
                mask,
                [(side * size - start) / scale for side, size, start in zip(one, sizes, starts, strict=True)],
            )
        blobs = [blob for blob in _blobs(mask) if _is_letter(blob, inch)]
        yield from (placed(row) for row in _rows(blobs))


def _erase(mask: Image.Image, box: Sequence[float]) -> None:
    """Take a text that is known off a mask, with the pixels beside it that it shades."""
    x0, y0, x1, y1 = round(box[0]) - 1, round(box[1]) - 1, round(box[2]) + 1, round(box[3]) + 1
    if x0 < mask.width and y0 < mask.height and x1 > 0 and y1 > 0:
        mask.paste(0, (max(x0, 0), max(y0, 0), min(x1, mask.width), min(y1, mask.height)))


def _picture_of(page: PageImage) -> Image.Image:
    mode, pixels = ("RGB", page.pixels) if page.levels is None else ("L", page.levels)
    return Image.frombuffer(mode, (page.width, page.height), pixels, "raw", mode, 0, 1)


def _masks(grey: Image.Image, inch: float) -> Iterator[Image.Image]:
    """Ink that is darker than its surroundings, and ink that is lighter."""
    paper = grey.filter(ImageFilter.BoxBlur(max(2, round(_NEIGHBOURHOOD * inch))))
    contrasts = [255 if level >= _CONTRAST else 0 for level in range(256)]
    darks = [255 if level <= _DARK else 0 for level in range(256)]
    yield ImageChops.subtract(paper, grey).point(contrasts)
    # White paper between rules is lighter than its surroundings, too.
    yield ImageChops.darker(ImageChops.subtract(grey, paper).point(contrasts), paper.point(darks))


def _blobs(mask: Image.Image) -> list[_Blob]:
    """The blobs of a mask; none where there are far too many, as in a photograph."""
    data, width = mask.tobytes(), mask.width
    runs: list[tuple[int, int, int]] = []
    parents: list[int] = []
    above = range(0)
    for y in range(mask.height):
        first = len(runs)
        runs += ((y, *run.span()) for run in _INK.finditer(data[y * width : (y + 1) * width]))
        parents += range(first, len(runs))
        _join(runs, parents, above, range(first, len(runs)))
        above = range(first, len(runs))
        if len(runs) > _MOST_BLOBS * 10:
            return []
    found: dict[int, list[int]] = {}
    for index, (y, start, end) in enumerate(runs):
        blob = found.setdefault(_root(parents, index), [start, y, end, y + 1, 0])
        blob[0], blob[2], blob[3] = min(blob[0], start), max(blob[2], end), y + 1
        blob[4] += end - start
    return [_Blob((x0, y0, x1, y1), ink) for x0, y0, x1, y1, ink in found.values()]


def _join(runs: Sequence[tuple[int, int, int]], parents: list[int], above: range, below: range) -> None:
    """Join the runs of a row of pixels with those above that they touch."""
    start = above.start
    for index in below:
        _, left, right = runs[index]
        while start < above.stop and runs[start][2] < left:
            start += 1
        for other in range(start, above.stop):
            if runs[other][1] > right:
                break
            parents[_root(parents, index)] = _root(parents, other)


def _root(parents: list[int], index: int) -> int:
    while parents[index] != index:
        parents[index] = parents[parents[index]]
        index = parents[index]
    return index


def _is_letter(blob: _Blob, inch: float) -> bool:
    low, high = (height * inch / 72 for height in _HEIGHTS)
    longer, shorter = max(blob.width, blob.height), min(blob.width, blob.height)
    is_sized = low <= longer <= high and longer <= _WIDEST * 3 * shorter
    return is_sized and blob.ink >= _FAINT * blob.width * blob.height


def _rows(blobs: Sequence[_Blob]) -> Iterator[Pixels]:
    """The boxes of the rows of letters, whether they run across or along the page."""
    yield from (around(blob.box for blob in row) for row in _lines(blobs))
    yield from (around(blob.turned.box for blob in row) for row in _lines([blob.turned for blob in blobs]))


def _lines(blobs: Sequence[_Blob]) -> Iterator[list[_Blob]]:
    """Rows of letters that run across."""
    upright = [blob for blob in blobs if blob.width <= _WIDEST * blob.height]
    for row in _neighbours(upright):
        if _is_lettering(row):
            yield row


def _neighbours(blobs: Sequence[_Blob]) -> Iterator[list[_Blob]]:
    """Blobs that stand beside each other, each with the next one to its right."""
    ordered = sorted(blobs, key=lambda blob: blob.box[0])
    open_rows: dict[int, list[list[_Blob]]] = defaultdict(list)
    rows: list[list[_Blob]] = []
    for blob in ordered:
        middle = (blob.box[1] + blob.box[3]) // 2
        stripes = (open_rows[stripe] for stripe in range(blob.box[1] // _STRIPE, blob.box[3] // _STRIPE + 1))
        row = next((row for stripe in stripes for row in reversed(stripe) if _follows(row[-1], blob)), None)
        if row is None:
            row = []
            rows.append(row)
        row.append(blob)
        if row not in open_rows[middle // _STRIPE][-1:]:
            open_rows[middle // _STRIPE].append(row)
    yield from rows


_STRIPE = 16  # pixels


def _follows(last: _Blob, blob: _Blob) -> bool:
    low, high = sorted((last.height, blob.height))
    shared = min(last.box[3], blob.box[3]) - max(last.box[1], blob.box[1])
    gap = blob.box[0] - last.box[2]
    return -0.3 * low <= gap <= _NEAR * high and shared >= _LEVEL * low and high <= _ALIKE * low


def _is_lettering(row: Sequence[_Blob]) -> bool:
    letters = [blob for blob in row if blob.ink <= _SOLID * blob.width * blob.height]
    return len(row) >= _FEWEST and len(letters) >= _FEWEST - 1 and _is_varied(row)


def _is_varied(row: Sequence[_Blob]) -> bool:
    return any(
        max(values) > _VARIED * max(1, min(values)) + 1
        for values in ([blob.width for blob in row], [blob.ink for blob in row])
    )


def _grown(box: Box, x: float, y: float) -> Box:
    return box[0] - x, box[1] - y, box[2] + x, box[3] + y


def _on_page(box: Box) -> Box:
    x0, y0, x1, y1 = (min(1.0, max(0.0, side)) for side in box)
    return x0, y0, x1, y1

"""Where a text stands in a document, whoever cut it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from vlm_core.structure.line_rows import around
from vlm_core.types import Chunk, DocumentResult, PageBox, PageResult

# Letters of the beginning or the end of a text, by which it is found where it is not there whole.
_SHORTEST_ANCHOR = 8


class _Page(NamedTuple):
    """The letters of a page, without blanks and signs, and where each line's begin."""

    letters: str
    starts: tuple[int, ...]


def locate(text: str | Chunk, document: DocumentResult) -> list[PageBox]:
    """The places in a document where a text stands, one for each page and line or block.

    Blanks, line ends, Markdown's signs and hyphens at line ends do not matter, so that it finds what any text
    splitter has cut from the document's text, over the end of a page too.

    Args:
        text: a part of the document's text; a Chunk knows its places.
        document: as it was read.

    Returns:
        In order; none where the text is not there. A page whose lines have no boxes is told as a whole.

    Example:
        >>> from vlm_core.types import TextLine
        >>> line = TextLine(text="TOTAL 9.00", bbox=(0.1, 0.8, 0.6, 0.83))
        >>> page = PageResult(text="TOTAL 9.00", lines=(line,))
        >>> locate("**Total** 9.00", DocumentResult(source="a.png", pages=(page,)))
        [PageBox(page_number=1, bbox=(0.1, 0.8, 0.6, 0.83))]
    """
    if isinstance(text, Chunk):
        return list(text.boxes) or locate(text.text, document)
    wanted = _letters(text)
    if not wanted:
        return []
    pages = [_page(page) for page in document.pages]
    return [
        place
        for number, start, end in _spans(wanted, [page.letters for page in pages])
        for place in _places(document.pages[number], pages[number], start, end)
    ]


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def _page(page: PageResult) -> _Page:
    return _of_lines(tuple(line.text for line in page.lines) or (page.text,))


@lru_cache(maxsize=256)
def _of_lines(lines: tuple[str, ...]) -> _Page:
    letters = [_letters(line) for line in lines]
    starts = [0]
    for line in letters:
        starts.append(starts[-1] + len(line))
    return _Page("".join(letters), tuple(starts))


def _spans(wanted: str, pages: list[str]) -> list[tuple[int, int, int]]:
    """Page, start and end of a text's letters; several where it goes over the end of a page."""
    whole = "".join(pages)
    starts = [0]
    for page in pages:
        starts.append(starts[-1] + len(page))
    found = _found(wanted, whole)
    if found is None:
        return []
    first, last = found
    spans = []
    number = max(0, bisect_right(starts, first) - 1)
    while number < len(pages) and starts[number] < last:
        start, end = max(first, starts[number]), min(last, starts[number + 1])
        if start < end:
            spans.append((number, start - starts[number], end - starts[number]))
        number += 1
    return spans


def _found(wanted: str, whole: str) -> tuple[int, int] | None:
    """Where the letters are; else from where its beginning is to where its end is, or where either is."""
    at = whole.find(wanted)
    if at >= 0:
        return at, at + len(wanted)
    first, begins = _anchor(wanted, whole, from_start=True)
    last, ends = _anchor(wanted, whole, from_start=False)
    if first >= 0 and last >= 0 and first < last + ends <= first + 2 * len(wanted) + _SHORTEST_ANCHOR:
        return first, last + ends
    if first >= 0 and begins >= ends:
        return first, first + begins
    return (last, last + ends) if last >= 0 else None


def _anchor(wanted: str, whole: str, *, from_start: bool) -> tuple[int, int]:
    """The longest beginning or end of a text that is there, halving it: its place and its length."""
    length = len(wanted) // 2
    while length >= _SHORTEST_ANCHOR:
        part = wanted[:length] if from_start else wanted[-length:]
        at = whole.find(part)
        if at >= 0:
            return at, length
        length = length * 3 // 4
    return -1, 0


def _places(page: PageResult, letters: _Page, start: int, end: int) -> Iterable[PageBox]:
    if not page.lines:
        return _of_blocks(page)
    first = bisect_right(letters.starts, start) - 1
    last = bisect_right(letters.starts, end - 1) - 1
    return [
        PageBox(page.page_number, line.bbox) for line in page.lines[first : last + 1] if _letters(line.text)
    ]


def _of_blocks(page: PageResult) -> list[PageBox]:
    boxes = [block.bbox for block in page.blocks if block.bbox is not None]
    return [PageBox(page.page_number, around(boxes) if boxes else (0.0, 0.0, 1.0, 1.0))]

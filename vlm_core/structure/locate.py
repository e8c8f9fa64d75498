"""Where a text stands in a document, whoever cut it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from vlm_core.errors import ConfigError
from vlm_core.structure.line_rows import around
from vlm_core.types import Block, Box, Cell, Chunk, DocumentResult, PageBox, PageResult, TextLine

# Letters of the beginning or the end of a text, by which it is found where it is not there whole.
_SHORTEST_ANCHOR = 8
_WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
# Tags of a table in HTML; and the rest of one at either end of a part of a text.
_TAG = re.compile(r"</?(?:table|thead|tbody|tr|th|td|br)\b[^<>]{0,80}>")
_CUT_TAG = re.compile(r"\A[a-z]{0,7}(?: ?[a-z]{0,7}=?\"?[0-9]{0,4}\"?){0,3}>|</?[a-z]{0,7}[^<>]{0,80}\Z")
_WANTED = "Give a part of the document's text, or a chunk that chunks() has given."


class _Page(NamedTuple):
    """The letters of a page, without blanks and signs, and where those of each line or cell begin."""

    letters: str
    starts: tuple[int, ...]


class _Piece(NamedTuple):
    """What has a box of its own: a line, or a cell of a table."""

    text: str
    bbox: Box


def locate(text: str | Chunk, document: DocumentResult) -> list[PageBox]:
    """The places in a document where a text stands, one for each page and line or block.

    Blanks, line ends, Markdown's signs and hyphens at line ends do not matter, so that it finds what any text
    splitter has cut from the document's text, over the end of a page too.

    Args:
        text: a part of the document's text; a Chunk knows its places.
        document: as it was read.

    Returns:
        In order; none where the text is not there. A page whose lines have no boxes is told as a whole.

    Raises:
        ConfigError: `text` is neither a text nor a chunk.

    Example:
        >>> from vlm_core.types import TextLine
        >>> line = TextLine(text="TOTAL 9.00", bbox=(0.1, 0.8, 0.6, 0.83))
        >>> page = PageResult(text="TOTAL 9.00", lines=(line,))
        >>> locate("**Total** 9.00", DocumentResult(source="a.png", pages=(page,)))
        [PageBox(page_number=1, bbox=(0.1, 0.8, 0.6, 0.83))]
    """
    if isinstance(text, Chunk):
        return list(text.boxes) or locate(text.text, document)
    if not isinstance(text, str):
        raise ConfigError(
            f"text must be a str or a Chunk, not {type(text).__name__}", argument="text", hint=_WANTED
        )
    pieces = [_pieces(page) for page in document.pages]
    pages = [_of_pieces(tuple(piece.text for piece in page)) for page in pieces]
    wanted = _letters(_without_tags(text) if any("<t" in page.text for page in document.pages) else text)
    if not wanted:
        return []
    return [
        PageBox(document.pages[number].page_number, piece.bbox)
        for number, start, end in _spans(wanted, [page.letters for page in pages])
        for piece in _of_span(pieces[number], pages[number], start, end)
    ]


def _without_tags(text: str) -> str:
    """A part of a text without the tags of tables in it, cut ones at its ends too."""
    return _CUT_TAG.sub("", _TAG.sub(" ", text))


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def _pieces(page: PageResult) -> list[_Piece]:
    """What the page's text is made of, in its order: the cells of a table row by row."""
    if not page.lines:
        return [_Piece(page.text, _around_blocks(page))]
    if any(block.bbox is None for block in page.blocks):
        return [_Piece(line.text, line.bbox) for line in page.lines]
    return [piece for block in page.blocks for piece in _of_block(block, page.lines)]


def _of_block(block: Block, lines: Sequence[TextLine]) -> Iterator[_Piece]:
    if block.table is None and block.lines and block.origin != "model":
        yield from (_Piece(lines[number].text, lines[number].bbox) for number in block.lines)
        return
    box = block.bbox or _WHOLE
    cells = block.table.cells if block.table else ()
    if not cells:
        yield _Piece(block.text, box)
    yield from (_Piece(cell.text, cell.bbox or box) for cell in sorted(cells, key=_place))


def _place(cell: Cell) -> tuple[int, int]:
    return cell.row, cell.column


@lru_cache(maxsize=256)
def _of_pieces(texts: tuple[str, ...]) -> _Page:
    letters = [_letters(text) for text in texts]
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


def _of_span(pieces: Sequence[_Piece], page: _Page, start: int, end: int) -> list[_Piece]:
    first = bisect_right(page.starts, start) - 1
    last = bisect_right(page.starts, end - 1) - 1
    return [piece for piece in pieces[first : last + 1] if _letters(piece.text)]


def _around_blocks(page: PageResult) -> Box:
    boxes = [block.bbox for block in page.blocks if block.bbox is not None]
    return around(boxes) if boxes else _WHOLE

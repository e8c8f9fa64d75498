"""Where on its pages an answer stands: its words, figures and quotations, looked up in what was read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import TypeAlias

from vlm_core.assistant.page_selection import scores, words
from vlm_core.assistant.results import Citation
from vlm_core.assistant.text_matching import find
from vlm_core.types import Box, ExtractedField, PageImage, PageResult, TextLine

Row: TypeAlias = tuple[int, list[TextLine]]
"""The lines of a row, and the number of what it belongs to."""
SURE = 0.9
"""How alike a place must be to count as the answer's."""
MOST_BOXES = 8
"""On a page."""
MOST_PIECES = 50
"""Of an answer, that are looked up."""
_SHORT = 80  # characters
# A quotation, or a figure of two digits and more.
_PIECE = re.compile(r"[\"“]([^\"”\n]{3,80})[\"”]|(\d[\d.,:/-]*\d)")


def pieces_of(answer: str) -> list[str]:
    """What of an answer may stand on a page as it is, longest first.

    Example:
        >>> pieces_of('The total is 9.00, as "GRAND TOTAL" says.')
        ['The total is 9.00, as "GRAND TOTAL" says.', 'GRAND TOTAL', '9.00']
    """
    pieces = ["".join(groups) for groups in _PIECE.findall(answer)]
    # A short answer may itself stand on the page.
    if 0 < len(answer.strip()) <= _SHORT:
        pieces.insert(0, answer.strip())
    return sorted(dict.fromkeys(pieces), key=len, reverse=True)[:MOST_PIECES]


def as_json(data: object) -> str:
    """Plain values as a language model is shown them.

    Example:
        >>> as_json({"total": 9.5})
        '{"total": 9.5}'
    """
    return json.dumps(data, ensure_ascii=False)


def citations(pages: Iterable[PageResult], pieces: Sequence[str]) -> tuple[Citation, ...]:
    """Pages, each with the boxes of the pieces that stand on it.

    Args:
        pages: that were looked at.
        pieces: of the answer.

    Example:
        >>> page = PageResult(source="a.png", lines=(TextLine(text="TOTAL 9.00", bbox=(0, 0, 1, 0.1)),))
        >>> citations([page], ["TOTAL"])[0].boxes
        ((0.0, 0.0, 0.5, 0.1),)
    """
    return tuple(_cited(page, _boxes(page.lines, pieces)) for page in pages)


def _cited(page: PageResult, boxes: Iterable[Box] = ()) -> Citation:
    return Citation(page.source, page.page_number, page.total_pages, tuple(dict.fromkeys(boxes)))


def _boxes(lines: Sequence[TextLine], pieces: Sequence[str]) -> list[Box]:
    cited: list[Box] = []
    for piece in pieces:
        if len(cited) >= MOST_BOXES:
            break
        boxes = [box for place in find(piece, lines) if place.likeness >= SURE for box in place.boxes]
        # Longer pieces come first: a figure within a quotation that has a box needs none of its own.
        cited += [box for box in boxes if not any(_is_within(box, other) for other in cited)]
    return cited[:MOST_BOXES]


def _is_within(box: Box, other: Box) -> bool:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return other[0] <= x <= other[2] and other[1] <= y <= other[3]


def of_fields(pages: Sequence[PageImage], fields: Iterable[ExtractedField]) -> tuple[Citation, ...]:
    """Pages, each with the boxes of the values that stand on it.

    Args:
        pages: that were looked at.
        fields: values that were looked up in them.

    Example:
        >>> dot = PageImage(pixels=bytes(3), width=1, height=1, source="a.png")
        >>> total = ExtractedField(value=9, status="exact", page=1, bboxes=((0.0, 0.0, 0.5, 0.1),))
        >>> of_fields([dot], [total])[0].boxes
        ((0.0, 0.0, 0.5, 0.1),)
    """
    found = [field for field in fields if field.status in ("exact", "close")]
    return tuple(
        Citation(
            page.source,
            page.page_number,
            page.total_pages,
            tuple(
                dict.fromkeys(
                    box for field in found if field.page == page.page_number for box in field.bboxes
                )
            ),
        )
        for page in pages
    )


def relevant(pages: Sequence[PageResult], question: str, most: int = 3) -> tuple[Citation, ...]:
    """Pages, with the boxes of the rows that have most to do with a question.

    Args:
        pages: that were read.
        question: what was asked.
        most: rows of all pages together.

    Example:
        >>> shop = TextLine(text="SHOP", bbox=(0, 0, 1, 0.1))
        >>> total = TextLine(text="TOTAL 9", bbox=(0, 0.5, 1, 0.6))
        >>> relevant([PageResult(source="a.png", lines=(shop, total))], "the total?")[0].boxes
        ((0.0, 0.5, 1.0, 0.6),)
    """
    rows = [(number, row) for number, page in enumerate(pages) for row in rows_of(page.lines)]
    chosen = best_rows(rows, question, most)
    return tuple(
        _cited(page, [line.bbox for at, row in chosen if at == number for line in row])
        for number, page in enumerate(pages)
    )


def best_rows(
    rows: Sequence[Row], question: str, most: int, split: Callable[[str], Sequence[str]] = words
) -> list[Row]:
    """The rows that have most to do with a question, in their order.

    Args:
        rows: each with what it belongs to.
        question: what was asked.
        most: rows.
        split: gives the words of a text.
    """
    scored = scores(question, [" ".join(line.text for line in row) for _, row in rows], split)
    ranked = sorted(range(len(rows)), key=lambda at: (-scored[at], at))[:most]
    return [rows[at] for at in sorted(ranked) if scored[at] > 0]


def rows_of(lines: Sequence[TextLine]) -> list[list[TextLine]]:
    """Lines on one baseline together, where that is known."""
    keyed = [(number if line.row is None else -1 - line.row, line) for number, line in enumerate(lines)]
    return [[line for _, line in row] for _, row in groupby(keyed, key=lambda pair: pair[0])]

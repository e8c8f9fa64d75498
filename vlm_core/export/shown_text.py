"""A page's blocks as the review page shows them: their text in parts, each with the finding that it is of."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, TypeAlias

from vlm_core.structure.evidence_boxes import letters_of
from vlm_core.types import Block, PageResult, Table

Part: TypeAlias = tuple[str, int]
"""A piece of a text, and the number of the finding that it is of, from 0; -1 where it is of none."""
# As many cells of a table are shown; what a stranger's page makes of one is not bounded otherwise.
_MOST_CELLS = 5_000


def shown_blocks(page: PageResult) -> list[dict[str, Any]]:
    """The blocks of a page in reading order, as values of JSON.

    Args:
        page: with the findings of a check, if there was one.

    Example:
        >>> from vlm_core.types import Finding
        >>> finding = Finding(kind="number_changed", text="17.90", expected="11.90", start=6, end=11)
        >>> shown_blocks(PageResult(text="Total 17.90", findings=(finding,)))[0]["parts"]
        [('Total ', -1), ('17.90', 0)]
    """
    places = _FindingPlaces(page)
    return [_shown(block, places) for block in page.blocks]


def _shown(block: Block, places: _FindingPlaces) -> dict[str, Any]:
    shown: dict[str, Any] = {"kind": block.kind, "box": block.bbox}
    if block.level:
        shown["level"] = block.level
    if block.kind == "list_item" and block.marker:
        shown["marker"] = block.marker
    if block.table is not None and block.table.cells:
        shown["rows"] = _rows(block.table, places)
    else:
        shown["parts"] = places.parts(block.text)
    return shown


def _rows(table: Table, places: _FindingPlaces) -> list[list[dict[str, Any]]]:
    cells = sorted(table.cells[:_MOST_CELLS], key=lambda cell: (cell.row, cell.column))
    return [
        [
            {
                "parts": places.parts(cell.text),
                "header": cell.is_header,
                "rows": cell.row_span,
                "columns": cell.column_span,
            }
            for cell in row
        ]
        for _, row in groupby(cells, key=lambda cell: cell.row)
    ]


class _FindingPlaces:
    """Which finding a letter of the page's text is of, asked for in the order of the text.

    A block's text has not the signs of Markdown that the page's text has, but the same letters.
    """

    def __init__(self, page: PageResult) -> None:
        self._at = 0
        offsets: list[int] = []
        letters: list[str] = []
        for place, letter in enumerate(page.text if page.findings else ""):
            plain = letters_of(letter)
            letters.append(plain)
            offsets += [place] * len(plain)
        self._letters = "".join(letters)
        of = _numbers(page)
        self._findings = [of.get(place, -1) for place in offsets]

    def parts(self, text: str) -> list[Part]:
        """A text in parts; what comes next in the page's text is looked for first."""
        plain = [letters_of(letter) for letter in text]
        start = self._place("".join(plain))
        if start < 0:
            return [(text, -1)]
        numbers: list[int] = []
        at = start
        for letters in plain:
            # What is neither letter nor digit goes with what is on both sides of it.
            numbers.append(self._findings[at] if letters else -2)
            at += len(letters)
        self._at = at
        return _joined(text, _filled(numbers))

    def _place(self, letters: str) -> int:
        if not letters or not self._letters:
            return -1
        start = self._letters.find(letters, self._at)
        return self._letters.find(letters) if start < 0 else start


def _numbers(page: PageResult) -> dict[int, int]:
    """The finding of each place in the text; of two at one place, the first."""
    numbers: dict[int, int] = {}
    for number, finding in enumerate(page.findings):
        if finding.start is not None and finding.end is not None:
            for place in range(max(0, finding.start), min(finding.end, len(page.text))):
                numbers.setdefault(place, number)
    return numbers


def _filled(numbers: Sequence[int]) -> list[int]:
    filled = list(numbers)
    before = -1
    for place, number in enumerate(numbers):
        if number == -2:
            after = next((other for other in numbers[place:] if other != -2), -1) if before >= 0 else -1
            filled[place] = before if before == after else -1
        else:
            before = number
    return filled


def _joined(text: str, numbers: Sequence[int]) -> list[Part]:
    pairs = zip(text, numbers, strict=True)
    return [
        ("".join(letter for letter, _ in group), number)
        for number, group in groupby(pairs, key=lambda pair: pair[1])
    ]

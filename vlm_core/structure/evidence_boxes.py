"""Boxes for the blocks and cells of an answer that was checked: where their words were found on the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from vlm_core.types import Block, Box, Cell, Evidence, Finding, PageBox, PageResult, Table, union


def with_evidence_boxes(blocks: Iterable[Block], page: PageResult) -> list[Block]:
    """Blocks with the boxes of what they say; those of which nothing was found keep the model's own.

    Args:
        blocks: of the page's text, in its order.
        page: with evidence.

    Example:
        >>> found = Evidence(start=0, end=3, bboxes=((0.1, 0.1, 0.2, 0.2),), status="exact", agreement=1)
        >>> page = PageResult(text="Tea", evidence=(found,))
        >>> [block.bbox for block in with_evidence_boxes([Block(kind="paragraph", text="Tea")], page)]
        [(0.1, 0.1, 0.2, 0.2)]
    """
    places = _Places(page)
    return [_located(block, places) for block in blocks]


@dataclass
class _Places:
    """The letters of a page's text in order, and where each stands; searched from where the last was
    found."""

    page: PageResult
    letters: str = ""
    offsets: list[int] = field(default_factory=list)
    at: int = 0

    def __post_init__(self) -> None:
        parts: list[str] = []
        for piece in self.page.evidence:
            for place in range(piece.start, min(piece.end, len(self.page.text))):
                letters = letters_of(self.page.text[place])
                parts.append(letters)
                self.offsets += [place] * len(letters)
        self.letters = "".join(parts)

    def box_of(self, text: str) -> Box | None:
        """The box around what a text says; None where it was not found on the page."""
        letters = letters_of(text)
        if not letters:
            return None
        start = self.letters.find(letters, self.at)
        start = self.letters.find(letters) if start < 0 else start
        if start < 0:
            return None
        self.at = start + len(letters)
        boxes = self._boxes(self.offsets[start], self.offsets[self.at - 1] + 1)
        return union(boxes) if boxes else None

    def _boxes(self, start: int, end: int) -> Sequence[Box]:
        return self.page.evidence_for(start, end)


def letters_of(text: str) -> str:
    """The letters and digits of a text, in small letters.

    Example:
        >>> letters_of("TOTAL: 9.00")
        'total900'
    """
    return "".join(filter(str.isalnum, text.casefold()))


def _located(block: Block, places: _Places) -> Block:
    if block.table is not None:
        return _located_table(block, block.table, places)
    box = places.box_of(block.text)
    if box is not None:
        return block.model_copy(update={"bbox": box, "located_by": "evidence"})
    return block.model_copy(update={"located_by": "model"}) if block.bbox is not None else block


def _located_table(block: Block, table: Table, places: _Places) -> Block:
    cells = tuple(_located_cell(cell, places) for cell in table.cells)
    found = [cell.bbox for cell in cells if cell.bbox is not None and cell.located_by == "evidence"]
    update: dict[str, object] = {"table": table.model_copy(update={"cells": cells})}
    if found:
        update |= {"bbox": union(found), "located_by": "evidence"}
    elif block.bbox is not None:
        update["located_by"] = "model"
    return block.model_copy(update=update)


def _located_cell(cell: Cell, places: _Places) -> Cell:
    box = places.box_of(cell.text)
    if box is not None:
        return cell.model_copy(update={"bbox": box, "located_by": "evidence"})
    return cell.model_copy(update={"located_by": "model"}) if cell.bbox is not None else cell


class PartChecked(NamedTuple):
    """What a check of pages says of a part of them."""

    findings: int
    """To be looked at."""
    agreement: float | None
    """The share of the part's letters that stand on the page as they were written; None where none was
    checked."""


def checked_part(text: str, pages: Sequence[PageResult], boxes: Sequence[PageBox]) -> PartChecked:
    """What was found about a part of pages that were checked.

    Args:
        text: of the part.
        pages: that it stands on.
        boxes: where, as far as that is known.
    """
    letters = letters_of(text)
    findings = 0
    weighed: list[tuple[float, int]] = []
    for page in pages:
        own = [(piece, letters_of(page.text[piece.start : piece.end])) for piece in page.evidence]
        said = [(piece, said) for piece, said in own if said and said in letters]
        weighed += [(piece.agreement, len(said)) for piece, said in said if piece.status != "not_checked"]
        places = [box for number, box in boxes if number == page.page_number]
        findings += sum(_is_about(finding, [piece for piece, _ in said], places) for finding in page.findings)
    total = sum(length for _, length in weighed)
    return PartChecked(findings, sum(share * length for share, length in weighed) / total if total else None)


def _is_about(finding: Finding, pieces: Sequence[Evidence], places: Sequence[Box]) -> bool:
    """Whether a finding to be looked at is in one of the pieces, or of a line that is missing among the
    places."""
    if finding.severity != "review":
        return False
    if finding.start is not None:
        return any(piece.start <= finding.start < piece.end for piece in pieces)
    return finding.bbox is not None and any(_holds(box, finding.bbox) for box in places)


def _holds(box: Box, other: Box) -> bool:
    x, y = (other[0] + other[2]) / 2, (other[1] + other[3]) / 2
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def with_text(page: PageResult, text: str) -> PageResult:
    """A page whose text is another one now, of the same parts in the same order, with its evidence there.

    A part that is left out takes its evidence with it. A finding about it keeps its box alone.

    Args:
        page: with evidence, if it was checked.
        text: that it has now.

    Example:
        >>> said = Evidence(start=6, end=9, status="exact", agreement=1)
        >>> with_text(PageResult(text="Head. Tea", evidence=(said,)), "Tea").evidence[0].start
        0
    """
    moved: list[Evidence] = []
    steps: list[tuple[Evidence, int]] = []
    at = 0
    for piece in sorted(page.evidence, key=lambda piece: piece.start):
        said = page.text[piece.start : piece.end]
        place = text.find(said, at)
        if place < 0:
            continue
        at = place + len(said)
        moved.append(piece.model_copy(update={"start": place, "end": at}))
        steps.append((piece, place - piece.start))
    findings = tuple(_moved(finding, steps) for finding in page.findings)
    return page.model_copy(update={"text": text, "evidence": tuple(moved), "findings": findings})


def _moved(finding: Finding, steps: Iterable[tuple[Evidence, int]]) -> Finding:
    start, end = finding.start, finding.end
    if start is None or end is None:
        return finding
    step = next((step for piece, step in steps if piece.start <= start and end <= piece.end), None)
    place = (None, None) if step is None else (start + step, end + step)
    return finding.model_copy(update={"start": place[0], "end": place[1]})

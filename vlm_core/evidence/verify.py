"""A page's result with evidence and findings, whichever engine gave it."""

from __future__ import annotations

from collections.abc import Sequence

from vlm_core.evidence.check import MOST_UNREAD, Checked, Mark, UnitEvidence, check
from vlm_core.evidence.layer_print import BY_TEXT_LAYER, print_of_layer
from vlm_core.evidence.second_opinion import has_number, is_settled
from vlm_core.evidence.thresholds import THRESHOLDS
from vlm_core.ocr.local import LocalEngine
from vlm_core.ocr.printed_line import lines_of_text
from vlm_core.ocr.printed_page import PrintedPage
from vlm_core.types import (
    Box,
    Evidence,
    Finding,
    PageImage,
    PageResult,
    PageState,
    TextLayer,
    TextLine,
)

TRANSCRIBING = frozenset({"markdown", "text", "layout", "table"})
"""Tasks whose answers say what stands on the page, in its own words."""
# A table is not all that stands on a page.
_PARTS = frozenset({"table"})
# States of pages that have a text to check.
_WITH_TEXT = (PageState.OK, PageState.PARTIAL, PageState.BLANK, PageState.TRUNCATED, PageState.LOOPED)
# Letters that must have been checked for a page to be another's.
_ENOUGH = 12


class PageVerifier:
    """Checks what engines wrote of pages, by the local engine or a page's own text layer.

    Args:
        transcribes: whether the engine was asked for what stands on the page. Otherwise nothing is checked.
        is_whole: whether it was asked for all of it, so that a line can be missing.
        engine: that reads the pages once more.

    Example:
        >>> verifier = PageVerifier(transcribes=False)
        >>> dot = PageImage(pixels=bytes([255]) * 3, width=1, height=1)
        >>> verifier.verified(PageResult(text="A cat."), dot).evidence[0].status
        'not_checked'
    """

    def __init__(
        self, *, transcribes: bool = True, is_whole: bool = True, engine: LocalEngine | None = None
    ) -> None:
        self.transcribes = transcribes
        self.is_whole = is_whole
        # RapidOCR alone: a text is checked by its probabilities, and Tesseract gives none of other letters.
        self.engine = engine or LocalEngine(reads_again=False)

    @classmethod
    def of_task(cls, task: str, *, has_prompt: bool) -> PageVerifier:
        """The verifier of what was asked for.

        Args:
            task: of the reader.
            has_prompt: whether it has a prompt or a schema of its own.
        """
        return cls(transcribes=task in TRANSCRIBING and not has_prompt, is_whole=task not in _PARTS)

    @property
    def name(self) -> str:
        """What `PageResult.checked_by` says of a page that the local engine has checked."""
        return f"{self.engine.name} {self.engine.model}"

    def reader_of(self, lines: PageResult) -> LocalEngine:
        """The engine whose reading a page's lines are: of all local ones, unless some are left to Tesseract.

        Args:
            lines: that were read to check by.
        """
        return self.engine if lines.state is PageState.PARTIAL else LocalEngine(self.engine.task)

    def is_due(self, result: PageResult) -> bool:
        """Whether a result is yet to be checked. One that a person has looked at is not."""
        if result.corrections:
            return False
        return result.engine != self.engine.name and not result.checked_by and result.state in _WITH_TEXT

    def needs_reading(self, result: PageResult) -> bool:
        """Whether a result that is due cannot be checked without reading the page again."""
        return self.transcribes and bool(result.text.strip())

    def verified(self, result: PageResult, page: PageImage, layer: TextLayer | None = None) -> PageResult:
        """A result with its evidence; the page is read locally for it, unless it brings its text.

        Args:
            result: of any engine.
            page: that it is of.
            layer: the page's own text, where it has one.

        Raises:
            MissingExtraError: the local engine is not installed.
            EngineError: it failed.
        """
        if not self.needs_reading(result):
            return _unchecked(result)
        return self.verified_with_lines(result, page, layer)[0]

    def verified_with_lines(
        self, result: PageResult, page: PageImage, layer: TextLayer | None = None
    ) -> tuple[PageResult, PageResult | None]:
        """As `verified`, for a result with text, and what the local engine read of the page, if it did."""
        if layer is not None:
            return self.checked(result, print_of_layer(layer, page, self.engine), BY_TEXT_LAYER), None
        printed = self.engine.read_closely(page)
        return self.checked(result, printed, self.name), printed.result

    def checked(self, result: PageResult, printed: PrintedPage, checked_by: str) -> PageResult:
        """A result held against a page that was read closely.

        Args:
            result: of any engine.
            printed: the page.
            checked_by: what is said to have checked it.
        """
        found = check(result.text, printed, misses=self.is_whole)
        turn = result.rotation - printed.result.rotation
        size = printed.result.width, printed.result.height
        agreement = found.agreement
        return result.model_copy(
            update={
                "evidence": tuple(_evidence(unit, size, turn) for unit in found.evidence),
                "findings": tuple(_finding(mark, size, turn) for mark in found.marks),
                "agreement": None if agreement is None else round(agreement, 4),
                "checked_by": checked_by,
                "state": PageState.MISMATCH if is_another_page(found, printed, result) else result.state,
            }
        )


def _unchecked(result: PageResult) -> PageResult:
    """A result of which nothing can be checked."""
    whole = Evidence(start=0, end=len(result.text), status="not_checked", agreement=0.0)
    return result.model_copy(update={"evidence": (whole,) if result.text else ()})


def is_another_page(found: Checked, printed: PrintedPage, result: PageResult) -> bool:
    """Whether next to nothing of a text is on its page, which could be read.

    Args:
        found: what the check found.
        printed: the page.
        result: whose text it is.
    """
    if result.state not in (PageState.OK, PageState.PARTIAL, PageState.BLANK):
        return False
    if printed.result.unread_share > MOST_UNREAD or found.agreement is None:
        return False
    letters = sum(unit.letters for unit in found.evidence if unit.status != "not_checked")
    could_be_read = bool(printed.lines) or printed.result.state is PageState.BLANK
    return could_be_read and letters >= _ENOUGH and found.agreement < THRESHOLDS.mismatch


def print_of_lines(lines: Sequence[TextLine], width: int, height: int) -> PrintedPage:
    """A page of which only the lines are known, as a journal keeps them.

    Args:
        lines: of any engine, with boxes.
        width: of the page, in pixels.
        height: likewise.
    """
    result = PageResult(lines=tuple(lines), width=width, height=height)
    return PrintedPage(result, lines_of_text(lines, width, height))


def promoted(result: PageResult) -> PageResult:
    """A result whose notes about numbers are to be looked at, but those that a second model has settled.

    Example:
        >>> note = Finding(kind="number_changed", text="17", expected="11", severity="note")
        >>> promoted(PageResult(findings=(note,))).findings[0].severity
        'review'
    """
    findings = tuple(
        finding.model_copy(update={"severity": "review"})
        if has_number(finding) and not is_settled(finding)
        else finding
        for finding in result.findings
    )
    return result.model_copy(update={"findings": findings})


def _evidence(unit: UnitEvidence, size: tuple[int, int], turn: int) -> Evidence:
    return Evidence(
        start=unit.span[0],
        end=unit.span[1],
        bboxes=tuple(_on_page(box, size, turn) for box in unit.boxes),
        status=unit.status,
        agreement=round(unit.agreement, 4),
    )


def _finding(mark: Mark, size: tuple[int, int], turn: int) -> Finding:
    start, end = mark.span or (None, None)
    return Finding(
        kind=mark.kind,
        text=mark.text,
        expected=mark.expected,
        bbox=None if mark.box is None else _on_page(mark.box, size, turn),
        start=start,
        end=end,
        score=round(mark.score, 2),
        severity=mark.severity,
    )


def _on_page(box: Box, size: tuple[int, int], turn: int) -> Box:
    """A box in pixels as fractions of the page, as the engine that is checked has turned it."""
    width, height = size
    x0, x1 = (min(max(edge / max(width, 1), 0.0), 1.0) for edge in (box[0], box[2]))
    y0, y1 = (min(max(edge / max(height, 1), 0.0), 1.0) for edge in (box[1], box[3]))
    x0, x1, y0, y1 = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
    return {
        0: (x0, y0, x1, y1),
        90: (1 - y1, x0, 1 - y0, x1),
        180: (1 - x1, 1 - y1, 1 - x0, 1 - y0),
        270: (y0, 1 - x1, y1, 1 - x0),
    }[turn % 360]

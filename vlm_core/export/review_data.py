"""What the review page shows, as values of JSON: pages, their blocks and findings, and the order of these."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vlm_core.export.shown_text import shown_blocks
from vlm_core.types import Box, Evidence, Finding, PageResult

_FACTS = {"source", "page_number", "total_pages", "sha256", "engine", "provider", "model", "cost_usd", "text"}


def page_values(page: PageResult) -> dict[str, Any]:
    """A page as the review page shows it.

    Args:
        page: any.

    Example:
        >>> page_values(PageResult(text="Tea", source="a.png"))["blocks"][0]["kind"]
        'paragraph'
    """
    return {
        **page.model_dump(mode="json", include=_FACTS),
        "state": page.state.value,
        "size": [page.width, page.height],
        "agreement": page.agreement,
        "error": None if page.error is None else str(page.error),
        "warnings": list(page.warnings),
        "unread": list(page.unread),
        "corrections": [correction.model_dump(mode="json") for correction in page.corrections],
        "blocks": shown_blocks(page),
        "findings": [_finding_values(finding, page) for finding in page.findings],
    }


def _finding_values(finding: Finding, page: PageResult) -> dict[str, Any]:
    values = finding.model_dump(
        mode="json",
        include={"kind", "text", "expected", "bbox", "severity", "start", "end", "second_opinion"},
    )
    if finding.kind == "missing":
        place = place_of_missing(finding.bbox, page)
        values |= {"start": place, "end": place}
    return values


def place_of_missing(box: Box | None, page: PageResult) -> int | None:
    """Where in a page's text a missing line belongs: behind the line that stands above it.

    Args:
        box: of the missing line.
        page: with evidence.

    Example:
        >>> above = Evidence(start=0, end=3, bboxes=((0, 0.1, 1, 0.2),), status="exact", agreement=1)
        >>> place_of_missing((0, 0.3, 1, 0.4), PageResult(text="Tea\\nCake", evidence=(above,)))
        3
    """
    if box is None:
        return None
    middle = (box[1] + box[3]) / 2
    above = [piece for piece in page.evidence if piece.bboxes and _middle(piece) < middle]
    if not above:
        return 0
    end = max(above, key=_middle).end
    line_end = page.text.find("\n", end)
    return len(page.text) if line_end < 0 else line_end


def _middle(piece: Evidence) -> float:
    """Of the last printed line of a piece."""
    return (piece.bboxes[-1][1] + piece.bboxes[-1][3]) / 2


def by_severity(pages: Sequence[PageResult]) -> list[tuple[int, int]]:
    """All findings, as numbers of a page and of a finding of it: what is to be looked at first, first.

    Those to be reviewed come before notes; among them, those against which the pixels speak most strongly;
    then those that stand first.

    Example:
        >>> note = Finding(kind="text_changed", severity="note")
        >>> number = Finding(kind="number_changed", score=-9.0)
        >>> by_severity([PageResult(findings=(note,)), PageResult(findings=(number,))])
        [(1, 0), (0, 0)]
    """
    found = [
        (finding.severity != "review", finding.score, page_number, number)
        for page_number, page in enumerate(pages)
        for number, finding in enumerate(page.findings)
    ]
    return [(page_number, number) for *_, page_number, number in sorted(found)]

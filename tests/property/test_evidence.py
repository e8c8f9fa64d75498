"""Any answer, any page: what is said of it stays within both."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlm_core import PageResult, TextLine

pytest.importorskip("rapidocr", reason="the local engine is not installed")

from vlm_core.evidence.check import check
from vlm_core.evidence.verify import PageVerifier, print_of_lines
from vlm_core.ocr.printed_page import PrintedPage

WORDS = st.text("abcAB12.,-| *#<>$&\\_`éß永\u0301", min_size=1, max_size=12)
ANSWERS = st.one_of(
    st.lists(WORDS, max_size=12).map("\n".join),
    st.lists(WORDS, max_size=12).map(" ".join),
    st.lists(WORDS, max_size=8).map(lambda cells: "| " + " | ".join(cells) + " |"),
    st.text(max_size=60),
)
EDGE = st.floats(0, 0.9)
# Without what is markup in an answer.
PLAIN = st.text("abcAB12.,é永\u0301", min_size=1, max_size=12)
LINES = st.lists(st.tuples(WORDS, EDGE, EDGE), max_size=10)


def page(rows: list[tuple[str, float, float]]) -> PrintedPage:
    lines = [TextLine(text=text, bbox=(x, y, x + 0.1, y + 0.05)) for text, x, y in rows]
    return print_of_lines(lines, 500, 700)


@given(ANSWERS, LINES)
def test_evidence_and_findings_stay_within_text_and_page(
    text: str, rows: list[tuple[str, float, float]]
) -> None:
    result = PageVerifier().checked(PageResult(text=text), page(rows), "")
    last = 0
    for piece in result.evidence:
        assert last <= piece.start < piece.end <= len(text)
        last = piece.end
    boxes = [box for piece in result.evidence for box in piece.bboxes]
    boxes += [finding.bbox for finding in result.findings if finding.bbox is not None]
    assert all(0 <= x0 <= x1 <= 1 and 0 <= y0 <= y1 <= 1 for x0, y0, x1, y1 in boxes)
    for finding in result.findings:
        if finding.start is not None and finding.end is not None:
            assert 0 <= finding.start < finding.end <= len(text)
            assert finding.text in ("", text[finding.start : finding.end])
    assert result.text == text
    assert PageResult.model_validate_json(result.model_dump_json()) == result


@given(st.lists(st.tuples(PLAIN, EDGE, EDGE), max_size=10))
def test_the_pages_own_text_is_exact(rows: list[tuple[str, float, float]]) -> None:
    checked = check("\n".join(text for text, _, _ in rows), page(rows))
    assert {unit.status for unit in checked.evidence} <= {"exact"}

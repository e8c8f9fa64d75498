"""What becomes of a page's evidence, lines, findings and blocks when a person corrects its text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlm_core import Box, CorruptImageError, Evidence, Finding, PageResult, PageState, TextLine, Word
from vlm_core.structure.corrected import Decision, corrected, edits_between

TEXT = "Tea 2.00\nCake 17.90\nTotal 19.90"
BOXES: tuple[Box, ...] = ((0, 0.1, 1, 0.2), (0, 0.2, 1, 0.3), (0, 0.3, 1, 0.4))


def evidence(start: int, end: int, box: Box, agreement: float = 1.0) -> Evidence:
    return Evidence(start=start, end=end, bboxes=(box,), status="exact", agreement=agreement)


PAGE = PageResult(
    text=TEXT,
    raw=TEXT,
    evidence=(evidence(0, 8, BOXES[0]), evidence(9, 19, BOXES[1], 0.8), evidence(20, 31, BOXES[2])),
    findings=(
        Finding(kind="number_changed", text="17.90", expected="117.90", start=14, end=19),
        Finding(kind="number_changed", text="19.90", expected="119.90", start=26, end=31),
    ),
    agreement=0.93,
)
FIXED = TEXT.replace("17.90", "117.90")


def fixed() -> PageResult:
    return corrected(PAGE, FIXED, [Decision(0, "accept", "117.90")])


@given(st.text("ab1 \n", max_size=30), st.text("ab1 \n", max_size=30))
def test_edits_make_one_text_of_the_other(before: str, after: str) -> None:
    made = before
    for edit in reversed(edits_between(before, after)):
        made = made[: edit.start] + edit.text + made[edit.end :]
    assert made == after


@given(st.text("ab1 \n", min_size=2, max_size=20), st.text("ab1 \n", max_size=20), st.integers(1, 19))
def test_evidence_stays_within_the_text_and_apart(before: str, after: str, cut: int) -> None:
    middle = min(cut, len(before) - 1)
    pieces = (evidence(0, middle, BOXES[0]), evidence(middle, len(before), BOXES[1]))
    moved = corrected(PageResult(text=before, evidence=pieces), after).evidence
    ends = [0, *(end for piece in moved for end in (piece.start, piece.end))]
    assert ends == sorted(ends)
    assert ends[-1] <= len(after)


def test_evidence_behind_a_correction_moves_with_its_text() -> None:
    page = fixed()
    assert [page.text[piece.start : piece.end] for piece in page.evidence] == FIXED.split("\n")


def test_what_was_corrected_keeps_its_place_and_is_not_checked() -> None:
    _, cake, total = fixed().evidence
    assert (cake.status, cake.bboxes) == ("not_checked", (BOXES[1],))
    assert total.status == "exact"


def test_the_agreement_is_that_of_the_rest() -> None:
    assert fixed().agreement == 1.0


def test_a_finding_that_was_decided_is_a_correction_and_the_others_move() -> None:
    page = fixed()
    (left,) = page.findings
    assert page.text[left.start : left.end] == "19.90"
    assert [(one.action, one.was, one.text) for one in page.corrections] == [("accept", "17.90", "117.90")]


def test_a_finding_whose_text_was_changed_by_hand_goes() -> None:
    assert corrected(PAGE, TEXT.replace("19.90", "20"), by_hand=True).findings == PAGE.findings[:1]


def test_the_answer_of_the_model_stays() -> None:
    assert fixed().raw == TEXT


def test_blocks_say_the_corrected_text_and_have_boxes() -> None:
    page = corrected(PAGE, "Tea 2.00\n\nCake 117.90\n\nTotal 19.90")
    assert [(block.text, block.bbox) for block in page.blocks] == [
        ("Tea 2.00", BOXES[0]),
        ("Cake 117.90", BOXES[1]),
        ("Total 19.90", BOXES[2]),
    ]


@pytest.fixture
def local() -> PageResult:
    words = (Word("Cake", (0, 0.2, 0.4, 0.3)), Word("17.90", (0.6, 0.2, 1, 0.3)))
    said = zip(TEXT.split("\n"), BOXES, ((), words, ()), strict=True)
    lines = tuple(TextLine(text=text, bbox=box, score=0.9, words=its) for text, box, its in said)
    return PageResult(text=TEXT, lines=lines, engine="rapidocr")


def test_a_line_of_an_engine_says_what_the_text_says(local: PageResult) -> None:
    line = corrected(local, FIXED, by_hand=True).lines[1]
    assert (line.text, line.score) == ("Cake 117.90", None)
    assert line.words[1] == Word("117.90", (0.6, 0.2, 1, 0.3))


def test_blocks_of_a_page_that_was_not_checked_have_the_boxes_of_its_lines(local: PageResult) -> None:
    page = corrected(local, FIXED, by_hand=True)
    (block,) = page.blocks
    assert (block.text, block.bbox) == (FIXED, (0.0, 0.1, 1.0, 0.4))


@pytest.mark.parametrize("state", ["partial", "mismatch", "truncated", "looped", "failed"])
def test_a_page_whose_text_was_gone_through_is_ok(state: str) -> None:
    page = PageResult(state=PageState(state), error=CorruptImageError("a"), warnings=("ink is unread",))
    now = corrected(page, "All of it", by_hand=True)
    assert (now.state, now.error) == (PageState.OK, None)


def test_a_page_of_which_a_finding_was_decided_keeps_its_state() -> None:
    page = PAGE.model_copy(update={"state": PageState.PARTIAL})
    assert corrected(page, FIXED, [Decision(0, "accept", "117.90")]).state is PageState.PARTIAL


@pytest.mark.parametrize(
    ("text", "data"),
    [pytest.param('{"total": 9}', {"total": 9}, id="JSON"), pytest.param("total 9", None, id="not JSON")],
)
def test_data_follow_the_text(text: str, data: Any) -> None:
    page = corrected(PageResult(text='{"total": 8}', data={"total": 8}), text, by_hand=True)
    assert page.data == data
    assert bool(page.warnings) == (data is None)

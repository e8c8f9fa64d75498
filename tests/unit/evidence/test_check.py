"""An answer held against printed lines: where it stands, and what differs. No pixels are needed for it."""

from __future__ import annotations

import numpy as np
import pytest

from vlm_core import PageResult, PageState, TextLine
from vlm_core.evidence.alignment import align
from vlm_core.evidence.check import Checked, check
from vlm_core.evidence.likelihood import log_likelihoods
from vlm_core.evidence.verify import PageVerifier, print_of_lines
from vlm_core.ocr.character_trace import CharacterMatrix
from vlm_core.ocr.printed_page import PrintedPage

RECEIPT = (
    ("GREEN LEAF TEA HOUSE", 0.1, 0.1),
    ("12 Harbour Street, Lisbon", 0.1, 0.2),
    ("Tea", 0.1, 0.4),
    ("2.00", 0.7, 0.4),
    ("Plum cake", 0.1, 0.5),
    ("3.50", 0.7, 0.5),
    ("TOTAL", 0.1, 0.7),
    ("5.50", 0.7, 0.7),
)


def printed(rows: tuple[tuple[str, float, float], ...] = RECEIPT) -> PrintedPage:
    lines = [
        TextLine(text=text, bbox=(x, y, x + 0.02 * len(text), y + 0.04), block=0, row=round(10 * y))
        for text, x, y in rows
    ]
    return print_of_lines(lines, 1000, 1000)


def found(text: str) -> Checked:
    return check(text, printed())


def findings(text: str) -> list[tuple[str, str, str]]:
    return [(mark.kind, mark.text, mark.expected) for mark in found(text).marks if mark.severity == "review"]


WHOLE = """# Green Leaf Tea House
12 Harbour Street, Lisbon

| Tea | 2.00 |
|---|---|
| Plum cake | 3.50 |
| TOTAL | 5.50 |"""

CHANGES = {
    "nothing": (WHOLE, []),
    "a digit": (WHOLE.replace("3.50", "3.80"), [("number_changed", "3.80", "3.50")]),
    "digits that changed places": (WHOLE.replace("3.50", "5.30"), [("number_changed", "5.30", "3.50")]),
    "amounts that changed places": (
        WHOLE.replace("2.00", "0").replace("3.50", "2.00").replace("| 0 |", "| 3.50 |"),
        [("number_changed", "3.50", "2.00"), ("number_changed", "2.00", "3.50")],
    ),
    "a digit more": (WHOLE.replace("12 Harbour", "112 Harbour"), [("number_changed", "112", "12")]),
    "a name": (WHOLE.replace("Lisbon", "London"), [("text_changed", "London", "Lisbon")]),
    "a line left out": (WHOLE.replace("12 Harbour Street, Lisbon\n", ""), [("missing", "", RECEIPT[1][0])]),
    "a line made up": (
        f"{WHOLE}\n\nPlease come again and bring your friends",
        [("not_on_page", "Please come again and bring your friends", "")],
    ),
    "a line said twice": (
        f"{WHOLE}\n\n12 Harbour Street, Lisbon",
        [("repeated", "12 Harbour Street, Lisbon", "12 Harbour Street, Lisbon")],
    ),
}


@pytest.mark.parametrize(("text", "expected"), CHANGES.values(), ids=CHANGES)
def test_a_change_is_found_and_nothing_else(text: str, expected: list[tuple[str, str, str]]) -> None:
    assert findings(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(WHOLE.lower(), id="in small letters"),
        pytest.param(WHOLE.replace("2.00", "**2.00**"), id="in bold"),
        pytest.param(" ".join(row[0] for row in RECEIPT), id="on one line"),
        pytest.param("\n".join(row[0] for row in reversed(RECEIPT)), id="from the bottom"),
        pytest.param(
            "Tea\nPlum cake\nTOTAL\n2.00\n3.50\n5.50\n" + "\n".join(r[0] for r in RECEIPT[:2]), id="by column"
        ),
    ],
)
def test_the_same_text_in_another_form_is_exact(text: str) -> None:
    checked = found(text)
    assert {unit.status for unit in checked.evidence} == {"exact"}
    assert checked.agreement == 1


def test_equal_amounts_stand_in_their_own_rows() -> None:
    rows = (("Tea", 0.1, 0.1), ("2.00", 0.7, 0.1), ("Cake", 0.1, 0.2), ("2.00", 0.7, 0.2))
    checked = check("Cake 2.00\nTea 2.00", printed(rows))
    assert [[round(box[1] / 1000, 2) for box in unit.boxes] for unit in checked.evidence] == [
        [0.2, 0.2],
        [0.1, 0.1],
    ]


def test_a_changed_amount_has_the_box_of_what_is_printed() -> None:
    (mark,) = found(WHOLE.replace("5.50", "9.80")).marks
    assert mark.box is not None
    assert np.allclose(mark.box, (700, 700, 780, 740), atol=1)


def test_a_formula_is_not_checked() -> None:
    checked = found(WHOLE + "\n\n$$E = mc^2$$")
    assert [mark.kind for mark in checked.marks] == []


# --- whole pages -----------------------------------------------------------------------------------


def verified(text: str, page: PrintedPage | None = None) -> PageResult:
    return PageVerifier().checked(PageResult(text=text), page or printed(), "a test")


def test_a_result_has_its_evidence_in_fractions() -> None:
    page = verified(WHOLE)
    start = page.text.index("3.50")
    assert page.evidence_for(start, start + 4) == ((0.7, 0.5, 0.78, 0.54),)
    assert (page.agreement, page.checked_by, page.state) == (1.0, "a test", PageState.OK)


def test_another_pages_text_is_a_mismatch() -> None:
    page = verified("Dear Ms Okafor,\nyour order of four ladders left us today.")
    assert page.state is PageState.MISMATCH
    assert page.text.startswith("Dear")


def test_words_on_a_blank_page_are_a_mismatch() -> None:
    blank = PrintedPage(PageResult(state=PageState.BLANK, width=100, height=100), ())
    assert verified("Invoice 4711 for twelve boxes", blank).state is PageState.MISMATCH


def test_of_a_page_that_could_not_be_read_nothing_is_told() -> None:
    unread = PageResult(state=PageState.PARTIAL, unread_share=0.9, width=100, height=100)
    page = verified("Handwriting that the engine cannot read", PrintedPage(unread, ()))
    assert (page.state, page.findings) == (PageState.OK, ())


def test_findings_alone_do_not_change_the_state() -> None:
    page = verified(WHOLE.replace("5.50", "9.80"))
    assert (page.state, len(page.findings)) == (PageState.OK, 1)


def test_a_box_is_on_the_page_as_its_model_turned_it() -> None:
    result = PageResult(text="Tea", rotation=90)
    page = PageVerifier().checked(result, printed((("Tea", 0.1, 0.2),)), "")
    assert page.evidence[0].bboxes == ((0.76, 0.1, 0.8, 0.16),)


# --- alignment and likelihood ---------------------------------------------------------------------------


def test_letters_may_stand_in_another_order() -> None:
    starts = np.array([True, *[False] * 5] * 2)
    way = align("abcdefuvwxyz", starts, starts, "uvwxyzabcdef", starts)
    assert way.tolist() == [*range(6, 12), *range(6)]


@pytest.mark.parametrize("text", ["a", "ab", "aa", "b", ""])
def test_a_likelihood_is_the_sum_over_all_ways(text: str) -> None:
    steps, columns = 4, {"a": 1, "b": 2}
    odds = np.random.default_rng(0).random((steps, 4)).astype(np.float32)
    odds /= odds.sum(axis=1, keepdims=True)
    total = 0.0
    for way in np.ndindex(*[4] * steps):
        kept = [step for number, step in enumerate(way) if number == 0 or step != way[number - 1]]
        if "".join({1: "a", 2: "b", 3: "?"}[step] for step in kept if step) == text:
            total += float(np.prod([odds[number, step] for number, step in enumerate(way)]))
    (log,) = log_likelihoods(CharacterMatrix(columns, np.log(odds)), [text])
    assert np.isclose(log, np.log(total), atol=1e-4)

"""find_text: places, boxes and their order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vlm_core import DocumentReader, ImageAssistant, PageResult, TextLine
from vlm_core.assistant.text_matching import find

Call = Callable[..., Any]
Make = Callable[..., ImageAssistant]
Box = tuple[float, float, float, float]


def lines(*texts: str, row: int | None = None) -> list[TextLine]:
    """Lines over the whole width, one below the other."""
    return [
        TextLine(text=text, bbox=(0.0, at / 10, 1.0, (at + 1) / 10), row=at if row is None else row)
        for at, text in enumerate(texts)
    ]


@pytest.mark.parametrize(
    ("sought", "read", "found"),
    [
        pytest.param("total", "TOTAL 9.00", "TOTAL", id="case"),
        pytest.param("TOTAL9.00", "TOTAL  9.00", "TOTAL  9.00", id="blanks"),
        pytest.param("\uff34\uff2f\uff34\uff21\uff2c", "TOTAL 9.00", "TOTAL", id="width"),
        pytest.param("RM 9,00", "TOTAL RM 9.00", "RM 9.00", id="punctuation"),
        pytest.param("(9.00)", "paid (9.00) now", "(9.00)", id="brackets belong to it"),
        pytest.param("SUBTOTAL", "SUBT0TAL: 8", "SUBT0TAL", id="a digit for a letter"),
        pytest.param("JALAN SAGU", "NO 5 JALAN SACU 18", "JALAN SACU", id="a wrong letter"),
        pytest.param("JALAN SAGU", "NO 5 JALANSAU 18", "JALANSAU", id="a lost letter"),
        pytest.param("aaaaa", "aaaa aaaaa", "aaaaa", id="letters that repeat"),
        pytest.param("aaaa aaaaa", "aaaaa aaaa aaaaa", "aaaa aaaaa", id="words that repeat"),
        pytest.param("***", "*** Thank you", "***", id="marks alone"),
        pytest.param("合計", "税込 合計 9", "合計", id="another script"),
    ],
)
def test_a_text_is_found_as_it_was_read(sought: str, read: str, found: str) -> None:
    assert [place.text for place in find(sought, lines(read))] == [found]


@pytest.mark.parametrize(
    ("sought", "read"),
    [
        pytest.param("TOTAL", "SHOP", id="another word"),
        pytest.param("TOTAL", "", id="nothing read"),
        pytest.param("", "TOTAL", id="nothing sought"),
        pytest.param("9.00", "7.15", id="another price"),
    ],
)
def test_what_is_not_there_is_not_found(sought: str, read: str) -> None:
    assert find(sought, lines(read)) == []


def test_every_place_is_found_from_the_top() -> None:
    places = find("RM", lines("RM 1", "SHOP", "RM 2"))
    assert [place.boxes[0][1] for place in places] == [0.0, 0.2]


def test_a_place_like_the_text_comes_before_one_that_is_less_so() -> None:
    places = find("CHANGE RM", lines("CHANCE RM", "CHANGE RM"))
    assert [place.text for place in places] == ["CHANGE RM", "CHANCE RM"]
    assert places[0].likeness == 1.0


def test_a_price_is_not_found_within_another_where_it_stands_alone() -> None:
    assert [place.text for place in find("9.00", lines("19.00", "9.00"))] == ["9.00"]


def test_a_part_of_a_line_has_its_share_of_the_box() -> None:
    [place] = find("9.00", lines("TOTAL 9.00"))
    assert place.boxes == ((0.6, 0.0, 1.0, 0.1),)


def test_a_text_over_two_lines_has_both_boxes() -> None:
    [place] = find("JALAN SAGU 18 TAMAN DAYA", lines("NO 5, JALAN SAGU 18,", "TAMAN DAYA, JOHOR"))
    assert [box[1] for box in place.boxes] == [0.0, 0.1]


def test_a_text_over_two_columns_of_a_row_has_one_box() -> None:
    left = TextLine(text="TOTAL", bbox=(0.0, 0.5, 0.2, 0.6), row=3)
    right = TextLine(text="9.00", bbox=(0.8, 0.5, 1.0, 0.6), row=3)
    assert find("total 9.00", [left, right])[0].boxes == ((0.0, 0.5, 1.0, 0.6),)


def test_places_come_with_their_page(make: Make, call: Call) -> None:
    found = call(make(), "find_text", "deep/contract.tiff", "ann smith")
    [match] = found.matches
    assert (match.source, match.page, match.text) == ("deep/contract.tiff", 3, "Ann Smith")
    assert [(cited.page, cited.boxes) for cited in found.citations] == [(3, match.boxes)]
    assert "page 3, (" in found.text


def test_what_is_nowhere_is_said(make: Make, call: Call) -> None:
    found = call(make(), "find_text", "receipt.png", "INVOICE")
    assert (found.text, found.matches) == ('"INVOICE" was not found.', ())


def test_a_page_without_places_of_lines_is_searched_too(folder: Path, call: Call) -> None:
    class Model:
        name, model = "words", None

        def read_page(self, page: Any) -> PageResult:
            return PageResult(text="SHOP\nTOTAL 9.00")

    with ImageAssistant(Model(), root_dir=folder) as assistant:
        found = call(assistant, "find_text", "receipt.png", "total")
    assert [(match.text, match.boxes) for match in found.matches] == [("TOTAL", ())]
    assert "without the places of its lines" in found.text


def test_there_are_not_too_many_places(folder: Path, call: Call) -> None:
    class Endless:
        name, model = "endless", None

        def read_page(self, page: Any) -> PageResult:
            rows = tuple(lines(*["RM"] * 60))
            return PageResult(text="RM\n" * 60, lines=rows)

    with ImageAssistant(Endless(), root_dir=folder) as assistant:
        found = call(assistant, "find_text", "receipt.png", "RM")
    assert len(found.matches) == 50
    assert "Only the best 50 of 60" in found.text


# --- real receipts -------------------------------------------------------------------------------


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(0.0, width) * max(0.0, height)
    each = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return both / (sum(each) - both)


def true_lines(path: Path, page: PageResult) -> list[tuple[str, Box]]:
    rows = [
        row.split(",", 8) for row in path.read_text("utf-8", "replace").splitlines() if row.count(",") > 7
    ]
    corners = [([int(x) for x in row[:8:2]], [int(y) for y in row[1:8:2]], row[8]) for row in rows]
    return [
        (text, (min(x) / page.width, min(y) / page.height, max(x) / page.width, max(y) / page.height))
        for x, y, text in corners
    ]


@pytest.mark.parametrize("name", ["000", "060", "150"])
def test_lines_of_a_real_receipt_are_found_where_they_are(data: Path, name: str) -> None:
    page = DocumentReader(task="text").read(data / "receipts" / f"{name}.jpg").pages[0]
    long = [
        line
        for line in true_lines(data / "receipts" / f"{name}.csv", page)
        if sum(map(str.isalnum, line[0])) >= 4
    ]
    boxes = [[box for place in find(text, page.lines) for box in place.boxes] for text, _ in long]
    hits = [any(overlap(b, true) >= 0.5 for b in found) for (_, true), found in zip(long, boxes, strict=True)]
    assert sum(hits) / len(hits) >= 0.95, [text for (text, _), hit in zip(long, hits, strict=True) if not hit]
    assert sum(map(len, boxes)) <= 3 * len(boxes)


def test_boxes_have_no_more_digits_than_tell_pixels_apart() -> None:
    line = TextLine(text="TOTAL RM 9.00", bbox=(0.1, 0.2, 0.1 + 0.2, 0.40000000001))
    assert line.bbox == (0.1, 0.2, 0.3, 0.4)
    (place,) = find("RM", [line])
    assert [edge for box in place.boxes for edge in box if edge != round(edge, 5)] == []

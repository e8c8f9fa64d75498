"""From lines to blocks: headings, lists, page furniture, captions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from vlm_core import DocumentReader, chunks, locate
from vlm_core.structure.headings import levels
from vlm_core.structure.line_blocks import PageLines, blocks_of_pages
from vlm_core.types import Block, DocumentResult, PageResult, TextLine

PROSE = "It is a truth universally known that a page of prose has long lines of"


def lines(*rows: tuple[str, float] | str, top: float = 0.2, height: float = 0.012) -> list[TextLine]:
    """Lines below each other: text and size, or text in the usual size; "" is a gap, where a block ends."""
    found, block, y = [], 0, top
    for row in rows:
        text, size = (row, 1.0) if isinstance(row, str) else row
        if not text:
            y += height
            block += 1
            continue
        tall = height * size
        width = min(0.8, len(text) * 0.011 * size)
        found.append(TextLine(text=text, bbox=(0.1, y, 0.1 + width, y + tall), block=block))
        y += 1.25 * tall
    return found


def kinds(blocks: Iterable[Block]) -> list[tuple[str, str]]:
    return [(block.kind, block.text.split("\n")[0]) for block in blocks]


def of_one_page(found: list[TextLine]) -> list[Block]:
    return blocks_of_pages([PageLines(found)])[0]


PARAGRAPH = [PROSE, PROSE, PROSE, "its end."]


def test_larger_print_is_a_heading() -> None:
    found = of_one_page(lines(("Of Truth", 1.6), "", *PARAGRAPH, "", *PARAGRAPH, "", *PARAGRAPH))
    assert kinds(found)[0] == ("heading", "Of Truth")
    assert [block.kind for block in found[1:]] == ["paragraph"] * 3


def test_a_numbered_line_between_paragraphs_is_a_heading() -> None:
    found = of_one_page(lines(*PARAGRAPH, "", *PARAGRAPH, "", "2. Of Truth", *PARAGRAPH, "", *PARAGRAPH))
    assert ("heading", "2. Of Truth") in kinds(found)


@pytest.mark.parametrize(
    "text",
    [
        "and so it ends.",
        "a line, small",
        "Total: 9.00,",
        "me@example.org",
        "Look at the",
        "12.50 13.40 8",
        "Source: Eurostat",
    ],
)
def test_other_short_lines_are_no_headings(text: str) -> None:
    found = of_one_page(lines(*PARAGRAPH, "", *PARAGRAPH, "", (text, 1.6), "", *PARAGRAPH, "", *PARAGRAPH))
    assert "heading" not in [block.kind for block in found]


def test_a_page_without_prose_has_no_more_than_two_headings() -> None:
    shouts = [(f"Label {letter}", 2.0) for letter in "ABC"]
    found = of_one_page(lines(*[part for shout in shouts for part in (shout, "")], "one", "two", "three"))
    assert "heading" not in [block.kind for block in found]


@pytest.mark.parametrize(
    ("headings", "expected"),
    [
        ([("Title", 3.0), ("One", 2.0), ("Two", 2.0)], [1, 2, 2]),
        ([("Title", 3.0), ("1. One", 2.0), ("1.1 Two", 2.0), ("2. Three", 2.05)], [1, 2, 3, 2]),
        ([("1. One", 2.0), ("References", 2.0)], [1, 1]),
        ([("a", float(size)) for size in range(9, 0, -1)], [1, 2, 3, 4, 5, 6, 6, 6, 6]),
        ([("8.6.1 A", 2.0), ("8.6.2 B", 2.3), ("8.6.3 C", 2.0)], [1, 1, 1]),
        ([], []),
    ],
    ids=["by size", "by number", "without number", "six at most", "one depth, one size", "none"],
)
def test_levels_are_consistent(headings: list[tuple[str, float]], expected: list[int]) -> None:
    assert levels(headings) == expected


@pytest.mark.parametrize(
    ("first", "second", "marker"),
    [
        ("• Tea", "• Cake", "•"),
        ("1. Tea", "2. Cake", "1."),
        ("(a) Tea", "(b) Cake", "(a)"),
        ("- Tea", "- Cake", "-"),
    ],
)
def test_lists_have_markers(first: str, second: str, marker: str) -> None:
    found = of_one_page(lines("They have:", "", first, second))
    assert [(block.kind, block.text) for block in found[1:]] == [("list_item", "Tea"), ("list_item", "Cake")]
    assert (found[1].marker, found[1].level) == (marker, 1)


def test_an_item_to_the_right_is_one_level_below() -> None:
    found = lines("• Tea", "• green", "• Cake")
    x0, y0, x1, y1 = found[1].bbox
    found[1] = found[1].model_copy(update={"bbox": (x0 + 0.05, y0, x1 + 0.05, y1)})
    assert [block.level for block in of_one_page(found)] == [1, 2, 1]


def test_a_lonely_number_begins_no_list() -> None:
    assert kinds(of_one_page(lines("2018. It was cold.", "", *PARAGRAPH)))[0][0] == "paragraph"


def page(number: int, header: str, footer: str, top: float = 0.05) -> PageLines:
    edge = [TextLine(text=header, bbox=(0.1, top, 0.5, top + 0.012), block=100)]
    body = lines(*PARAGRAPH, "", *PARAGRAPH)
    foot = [TextLine(text=footer, bbox=(0.48, 0.93, 0.52, 0.942), block=101)]
    return PageLines([*edge, *body, *foot], page_number=number)


def test_what_stands_on_several_pages_is_furniture() -> None:
    found = blocks_of_pages([page(number, "Annual report 2024", f"{number}") for number in (6, 7, 8)])
    assert [(blocks[0].kind, blocks[-1].kind) for blocks in found] == [("page_header", "page_footer")] * 3
    assert [block.page_number for blocks in found for block in blocks[:1]] == [6, 7, 8]


def test_what_differs_from_page_to_page_is_none() -> None:
    titles = ["Of truth and prose", "Why birds sing", "An ending"]
    found = blocks_of_pages([page(number, title, "see above", 0.1) for number, title in enumerate(titles)])
    assert all(blocks[0].kind != "page_header" for blocks in found)


def test_every_line_is_in_a_block() -> None:
    found = of_one_page([*lines(*PARAGRAPH, "", "• Tea", "", ("Big", 2.0))])
    assert sorted(number for block in found for number in block.lines) == list(range(6))


# --- real documents ------------------------------------------------------------------------------


def words(text: str) -> Counter[str]:
    return Counter(text.split())


PDFS = (
    "wild/pdf.js__tracemonkey.pdf",
    "wild/pdfplumber__federal-register-2020-17221.pdf",
    "tables/icdar2013-eu/eu-004.pdf",
    "tables/icdar2013-eu/eu-012.pdf",
    "tables/icdar2013-eu/eu-017.pdf",
    "pdfs/edgar.pdf",
)


@pytest.fixture(params=PDFS)
def document(data: Path, request: pytest.FixtureRequest) -> DocumentResult:
    return DocumentReader(max_pages=6).read(data / request.param)


def test_blocks_of_a_document_have_the_words_of_its_lines(document: DocumentResult) -> None:
    for one in document.pages:
        blocks = [block for block in document.blocks if block.page_number == one.page_number]
        said = " ".join(f"{block.marker} {block.text}" for block in blocks)
        assert words(said) == words(" ".join(line.text for line in one.lines))


def test_chunks_of_a_document_have_every_word_once(document: DocumentResult) -> None:
    found = chunks(document, 100)
    furniture = [block.text for block in document.blocks if block.kind in ("page_header", "page_footer")]
    repeated = [
        text
        for block in document.blocks
        if block.table and block.continues
        for row in block.table.to_rows()[: block.table.header_rows]
        for text in row
    ]
    said = letters(" ".join(line.text for one in document.pages for line in one.lines))
    wanted = said - letters(" ".join([*furniture, *repeated]))
    assert letters("".join(chunk.text.removeprefix(chunk.repeats) for chunk in found)) == wanted
    assert max(chunk.tokens for chunk in found) <= 100


def letters(text: str) -> Counter[str]:
    return Counter(sign for sign in text if sign.isalnum())


def test_any_part_of_a_document_is_located(document: DocumentResult) -> None:
    text = document.text
    parts = [text[start : start + 80] for start in range(0, len(text) - 80, 997)]
    missing = [part for part in parts if letters(part) and not locate(part, document)]
    assert missing == []


def test_markdown_leaves_furniture_out_or_keeps_it() -> None:
    pages = [page(number, "Annual report 2024", f"{number}") for number in (1, 2, 3)]
    results = tuple(
        PageResult(text="x", lines=tuple(one.lines), page_number=one.page_number or 1, engine="rapidocr")
        for one in pages
    )
    whole = DocumentResult(source="a.pdf", pages=results)
    dropped, kept, marked = (whole.to_markdown(furniture=how) for how in ("drop", "keep", "mark"))  # type: ignore[arg-type]
    assert "Annual report" not in dropped
    assert kept.count("Annual report 2024") == 3
    assert marked.count("<header>Annual report 2024</header>") == 3


def page_with_notes(mark: str = "3", size: float = 0.8, lowest: str = "") -> list[Block]:
    prose = [*PARAGRAPH, ""] * 5
    below = ["", (lowest, 1.0)] if lowest else []
    return of_one_page(lines(*prose, (f"{mark} See the book of Truth, where {PROSE.lower()}", size), *below))


@pytest.mark.parametrize("mark", ["3", "12.", "*", "†", "²"])
def test_smaller_print_with_a_mark_below_the_text_is_a_footnote(mark: str) -> None:
    note = page_with_notes(mark)[-1]
    assert (note.kind, note.text.split()[0]) == ("footnote", mark)


@pytest.mark.parametrize(
    "options",
    [{"mark": "But"}, {"mark": "(3)"}, {"size": 1.0}, {"lowest": "and the text goes on below"}],
    ids=["no mark", "list", "same print", "text below"],
)
def test_other_print_is_no_footnote(options: dict[str, Any]) -> None:
    assert "footnote" not in [block.kind for block in page_with_notes(**options)]

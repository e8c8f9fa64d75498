"""The blocks of pages and documents, whatever read them, and how results are stored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vlm_core import DocumentResult, Journal, PageResult, PageState, ResultVersionError, TextLine
from vlm_core.types import Block, Cell, Table

LINES = (
    TextLine(text="Prices of today", bbox=(0.1, 0.1, 0.5, 0.12), block=0),
    TextLine(text="Tea", bbox=(0.1, 0.2, 0.3, 0.22), block=1, row=1),
    TextLine(text="2.00", bbox=(0.5, 0.2, 0.6, 0.22), block=1, row=1),
    TextLine(text="All with milk", bbox=(0.1, 0.3, 0.5, 0.32), block=1, row=2),
)
CELLS = (Cell(row=0, column=0, text="Tea"), Cell(row=0, column=1, text="2.00"))
FOUND = Block(
    kind="table",
    text="Tea  2.00",
    bbox=(0.1, 0.2, 0.6, 0.22),
    lines=(1, 2),
    table=Table(cells=CELLS),
    origin="ocr",
)


def test_a_table_that_was_found_takes_its_lines_and_its_place() -> None:
    page = PageResult(text="x", lines=LINES, found=(FOUND,), engine="rapidocr", page_number=2)
    assert [(block.kind, block.text, block.lines) for block in page.blocks] == [
        ("paragraph", "Prices of today", (0,)),
        ("table", "Tea  2.00", (1, 2)),
        ("paragraph", "All with milk", (3,)),
    ]
    assert {block.page_number for block in page.blocks} == {2}
    assert page.tables[0].to_rows() == [["Tea", "2.00"]]


def test_what_stands_beside_a_table_is_neither_lost_nor_in_it() -> None:
    beside = TextLine(text="see below", bbox=(0.7, 0.2, 0.9, 0.22), block=1, row=1)
    page = PageResult(text="x", lines=(*LINES[:3], beside, LINES[3]), found=(FOUND,), engine="rapidocr")
    assert [(block.kind, block.text) for block in page.blocks] == [
        ("paragraph", "Prices of today"),
        ("table", "Tea  2.00"),
        ("paragraph", "see below"),
        ("paragraph", "All with milk"),
    ]


def test_a_models_answer_is_its_markdown() -> None:
    page = PageResult(text="# Prices\n\n- Tea", raw="# Prices\n\n- Tea", engine="vlm", model="m")
    assert [(block.kind, block.origin) for block in page.blocks] == [
        ("heading", "model"),
        ("list_item", "model"),
    ]


def test_blocks_of_an_answer_have_its_boxes() -> None:
    lines = (
        TextLine(text="# Prices", bbox=(0.1, 0.1, 0.5, 0.2)),
        TextLine(text="| Tea | 2.00 |\n|---|---|", bbox=(0.1, 0.3, 0.9, 0.4), block=1),
    )
    text = "\n\n".join(line.text for line in lines)
    page = PageResult(text=text, raw="...", lines=lines, engine="vlm", model="m")
    assert [(block.kind, block.bbox) for block in page.blocks] == [
        ("heading", (0.1, 0.1, 0.5, 0.2)),
        ("table", (0.1, 0.3, 0.9, 0.4)),
    ]


def test_text_without_a_box_is_not_lost() -> None:
    lines = (TextLine(text="# Prices", bbox=(0.1, 0.1, 0.5, 0.2)),)
    page = PageResult(text="# Prices\n\nOf today", raw="...", lines=lines, engine="vlm", model="m")
    assert [block.text for block in page.blocks] == ["Prices", "Of today"]


@pytest.mark.parametrize("state", [PageState.FAILED, PageState.BLANK])
def test_a_page_without_text_has_no_blocks(state: PageState) -> None:
    assert PageResult(state=state).blocks == ()


def test_a_result_goes_through_json_and_has_the_same_blocks() -> None:
    page = PageResult(text="x", lines=LINES, found=(FOUND,), engine="rapidocr")
    again = PageResult.model_validate_json(page.model_dump_json())
    assert (again, again.blocks) == (page, page.blocks)


def test_a_result_of_0_1_0_is_read() -> None:
    stored = PageResult(text="| Tea |\n|---|").model_dump(mode="json", exclude={"found"})
    page = PageResult.model_validate(stored | {"tables": ["<table><tr><td>Tea</td></tr></table>"]})
    assert [table.to_rows() for table in page.tables] == [[["Tea"]]]


def test_json_says_its_version_and_that_of_a_later_release_is_refused() -> None:
    document = DocumentResult(source="a.png", pages=(PageResult(text="Tea"),))
    stored = json.loads(document.model_dump_json())
    assert (stored["version"], stored["pages"][0]["version"]) == (2, 2)
    stored["pages"][0] |= {"version": 3, "of_later": True}
    with pytest.raises(ResultVersionError, match="version 3"):
        DocumentResult.model_validate_json(json.dumps(stored))


def test_a_journal_keeps_what_was_found(tmp_path: Path) -> None:
    page = PageResult(text="x", lines=LINES, found=(FOUND,), engine="rapidocr", source="a.png")
    with Journal(tmp_path / "j") as journal:
        journal.put("key", page)
        kept = journal.get("key")
    assert kept is not None
    assert kept.blocks == page.blocks


def test_blocks_are_made_once_and_cost_nothing_unasked() -> None:
    page = PageResult(text="# Tea")
    assert "blocks" not in json.loads(page.model_dump_json())
    assert page.blocks is page.blocks


def test_an_html_page_says_what_the_document_does() -> None:
    document = DocumentResult(source="<a>", pages=(PageResult(text="# Tea & Cake"),))
    assert "<h1>Tea &amp; Cake</h1>" in document.to_html()
    assert "<title>&lt;a&gt;</title>" in document.to_html()


SURE, DOUBTFUL = (TextLine(text="abcd", bbox=(0, 0, 1, 1), score=score) for score in (1.0, 0.5))


@pytest.mark.parametrize(
    ("page", "score"),
    [
        (PageResult(text="x", lines=(SURE, DOUBTFUL)), 0.75),
        (PageResult(text="x", lines=(SURE,), unread_share=0.2), 0.8),
        (PageResult(text="x", lines=LINES), 1.0),
        (PageResult(state=PageState.FAILED), 0.0),
        (PageResult(state=PageState.BLANK), 1.0),
        (PageResult(text="x", raw="x"), None),
    ],
    ids=["mean", "unread ink", "a PDF's own", "failed", "blank", "a model's answer"],
)
def test_a_page_has_a_score(page: PageResult, score: float | None) -> None:
    assert page.score == score

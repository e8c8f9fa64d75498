"""Documents as docling has them, and what docling does with them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from vlm_core import DocumentReader
from vlm_core.errors import MissingExtraError
from vlm_core.structure.tokens import count_tokens
from vlm_core.types import Block, Cell, DocumentResult, PageResult, Table, TextLine

ANSWER = """<header>The menu</header>

# Menu

Drinks & more.

## Drinks

1. Tea
   - green
   - black
2. Cake

Table 1: Prices

<table><tr><th>Item</th><th colspan="2">Price</th></tr><tr><td>Tea</td><td>2.00</td><td>3.00</td></tr></table>

```python
tea = 2
```

$$a + b$$

<footer>3</footer>
"""
HAS_DOCLING = importlib.util.find_spec("docling_core") is not None
needs_docling = pytest.mark.skipif(not HAS_DOCLING, reason="docling-core is not installed")


def document(*pages: PageResult) -> DocumentResult:
    return DocumentResult(source="scans/menu.png", pages=pages)


MENU = document(PageResult(text=ANSWER, raw=ANSWER, page_number=1, width=200, height=100))


def of_kind(made: Any, label: str) -> list[Any]:
    every = [*made.texts, *made.tables, *made.pictures]
    return [item for item in every if item.label.value == label]


@pytest.mark.skipif(HAS_DOCLING, reason="docling-core is installed")
def test_without_docling_an_error_names_the_extra() -> None:
    with pytest.raises(MissingExtraError, match="docling-core") as caught:
        MENU.to_docling()
    assert "vlm-adapters[docling]" in caught.value.hint


@needs_docling
def test_it_validates() -> None:
    made = MENU.to_docling()
    assert type(made).model_validate_json(made.model_dump_json()) == made
    assert made.name == "menu"


@needs_docling
def test_headings_have_levels() -> None:
    headings = of_kind(MENU.to_docling(), "section_header")
    assert [(item.text, item.level) for item in headings] == [("Menu", 1), ("Drinks", 2)]


@needs_docling
def test_furniture_is_in_its_layer() -> None:
    made = MENU.to_docling()
    furniture = [item for item in made.texts if item.content_layer.value == "furniture"]
    assert [(item.label.value, item.text) for item in furniture] == [
        ("page_header", "The menu"),
        ("page_footer", "3"),
    ]


@needs_docling
def test_lists_are_nested_groups() -> None:
    items = {item.text: item for item in of_kind(MENU.to_docling(), "list_item")}
    assert [(item.marker, item.enumerated) for item in items.values()] == [
        ("1.", True),
        ("-", False),
        ("-", False),
        ("2.", True),
    ]
    assert items["Tea"].parent == items["Cake"].parent != items["green"].parent == items["black"].parent


@needs_docling
def test_a_table_has_spans_and_its_caption() -> None:
    made = MENU.to_docling()
    (table,) = made.tables
    assert table.caption_text(made) == "Table 1: Prices"
    cells = [(cell.text, cell.col_span, cell.column_header) for cell in table.data.table_cells]
    assert cells == [
        ("Item", 1, True),
        ("Price", 2, True),
        ("Tea", 1, False),
        ("2.00", 1, False),
        ("3.00", 1, False),
    ]


@needs_docling
def test_boxes_are_in_pixels_of_the_page() -> None:
    line = TextLine(text="TOTAL", bbox=(0.1, 0.2, 0.5, 0.4))
    made = document(PageResult(text="TOTAL", lines=(line,), width=200, height=100)).to_docling()
    (place,) = made.texts[0].prov
    assert made.pages[1].size.as_tuple() == (200, 100)
    assert (place.page_no, place.bbox.as_tuple()) == (1, (20, 20, 100, 40))


@needs_docling
def test_what_has_no_box_has_that_of_its_page() -> None:
    assert {item.prov[0].bbox.as_tuple() for item in MENU.to_docling().texts} == {(0, 0, 200, 100)}


def with_table(number: int, *rows: tuple[str, str]) -> PageResult:
    cells = [
        Cell(row=row, column=column, text=text, bbox=(0.1, 0.1, 0.2, 0.2))
        for row, line in enumerate(rows)
        for column, text in enumerate(line)
    ]
    text = "\n".join("  ".join(row) for row in rows)
    box = (0.1, 0.1, 0.9, 0.9)
    block = Block(kind="table", text=text, table=Table(cells=tuple(cells)), bbox=box, lines=(0,))
    line = TextLine(text=text, bbox=box)
    return PageResult(text=text, page_number=number, found=(block,), lines=(line,), width=10, height=10)


@needs_docling
def test_a_table_over_pages_is_one_with_a_place_on_each() -> None:
    made = document(with_table(1, ("Tea", "2.00")), with_table(2, ("Cake", "3.00"))).to_docling()
    (table,) = made.tables
    assert [place.page_no for place in table.prov] == [1, 2]
    assert [bool(cell.bbox) for cell in table.data.table_cells] == [True, True, False, False]


@needs_docling
def test_a_figure_is_a_picture_with_its_text_as_caption() -> None:
    made = document(PageResult(text="![A cup of tea](cup.png)", width=10, height=10)).to_docling()
    assert [picture.caption_text(made) for picture in made.pictures] == ["A cup of tea"]


@needs_docling
def test_docling_exports_it_with_each_text_once() -> None:
    made = MENU.to_docling()
    for shown in (made.export_to_html(), made.export_to_markdown()):
        for text in ("Menu", "Drinks &amp; more.", "green", "Table 1: Prices", "3.00", "tea = 2"):
            assert shown.replace("Drinks & more", "Drinks &amp; more").count(text) == 1, text
    assert "The menu" not in made.export_to_markdown()


def hybrid_chunker(limit: int) -> Any:
    chunking = pytest.importorskip(
        "docling_core.transforms.chunker.hybrid_chunker",
        reason="docling-core[chunking] is not installed",
        exc_type=(ImportError, RuntimeError),
    )
    from docling_core.transforms.chunker.tokenizer.base import BaseTokenizer

    class OurTokenizer(BaseTokenizer):  # type: ignore[misc]
        def count_tokens(self, text: str) -> int:
            return count_tokens(text)

        def get_max_tokens(self) -> int:
            return limit

        def get_tokenizer(self) -> Any:
            return count_tokens

    return chunking.HybridChunker(tokenizer=OurTokenizer())


@needs_docling
def test_doclings_chunker_runs_on_it() -> None:
    chunker = hybrid_chunker(40)
    found = list(chunker.chunk(MENU.to_docling()))
    assert found[-1].meta.headings == ["Menu", "Drinks"]
    assert all(count_tokens(chunk.text) <= 40 for chunk in found)


@pytest.mark.data
@needs_docling
@pytest.mark.parametrize(
    "name",
    ["tables/icdar2013-eu/eu-004.pdf", "tables/icdar2013-eu/eu-001.pdf", "wild/pdf.js__tracemonkey.pdf"],
)
def test_real_documents_are_exported_and_cut(data: Path, name: str) -> None:
    read = DocumentReader(max_pages=4).read(data / name)
    made = read.to_docling()
    assert type(made).model_validate_json(made.model_dump_json()) == made
    assert len(made.tables) == len(read.tables)
    assert made.export_to_html().startswith("<!DOCTYPE html>")
    chunks = list(hybrid_chunker(200).chunk(made))
    assert {item.prov[0].page_no for chunk in chunks for item in chunk.meta.doc_items} == {
        page.page_number for page in read.pages if page.text
    }

"""Tables that go on over pages."""

from __future__ import annotations

import pytest

from tests.unit.structure.table_finding.drawn_tables import (
    HEIGHT,
    WIDTH,
    Drawn,
    Rules,
    as_lines,
    as_pdf,
    as_rules,
    prose,
    rows,
)
from vlm_core.images.pdf_worker import open_pdf
from vlm_core.structure.table_finding.find import find_tables
from vlm_core.structure.table_finding.over_pages import DocumentTable, PageTables, tables_over_pages

HEADER = "Country|Stores|Share|Sales"
OTHER_HEADER = "Country|Pupils|Girls|Boys"


def row(number: int) -> str:
    return f"Land {number}|{100 + number}|{number}.5|{7 * number}"


def drawn(*texts: str, rules: Rules = "all", top: float = 60) -> Drawn:
    return Drawn(rows(*texts), rules, top=top)


def pages_of(*tables: Drawn) -> list[PageTables]:
    footer = [(280.0, 800.0, "page")]
    return [
        PageTables(
            number,
            lines := as_lines([table], footer),
            find_tables(lines, as_rules([table]), WIDTH, HEIGHT),
        )
        for number, table in enumerate(tables, 1)
    ]


def texts(found: DocumentTable) -> list[str]:
    cells = found.table.cells
    return [
        "|".join(cell.text for cell in cells if cell.row == number) for number in range(found.table.row_count)
    ]


ON_THREE_PAGES = [[row(20 * page + n) for n in range(1, 21)] for page in range(3)]


@pytest.mark.parametrize("rules", ["all", "across", "none"])
@pytest.mark.parametrize("repeated", [True, False], ids=["header repeated", "header once"])
def test_a_table_over_three_pages_is_one_with_each_row_once(*, repeated: bool, rules: Rules) -> None:
    parts = [
        drawn(*([HEADER] if repeated or not number else []), *own, rules=rules)
        for number, own in enumerate(ON_THREE_PAGES)
    ]
    (found,) = tables_over_pages(pages_of(*parts))
    assert texts(found) == [HEADER, *(text for own in ON_THREE_PAGES for text in own)]
    assert found.pages == (1, 2, 3)


def test_each_cell_tells_its_page() -> None:
    (found,) = tables_over_pages(pages_of(*(drawn(HEADER, *own) for own in ON_THREE_PAGES)))
    assert [cell.page_number for cell in found.table.cells if cell.column == 0] == [1] * 21 + [2] * 20 + [
        3
    ] * 20


def test_a_table_with_another_header_is_another() -> None:
    found = tables_over_pages(pages_of(drawn(HEADER, row(1), row(2)), drawn(OTHER_HEADER, row(3), row(4))))
    assert [texts(each)[0] for each in found] == [HEADER, OTHER_HEADER]


def test_a_table_with_text_after_it_ends_there() -> None:
    first, second = drawn(HEADER, row(1), row(2)), drawn(HEADER, row(3), row(4))
    lines = as_lines([first], prose(300, 9))
    page = PageTables(1, lines, find_tables(lines, as_rules([first]), WIDTH, HEIGHT))
    assert len(tables_over_pages([page, pages_of(first, second)[1]])) == 2


def test_a_page_that_is_missing_ends_a_table() -> None:
    first, _, third = pages_of(*(drawn(HEADER, *own) for own in ON_THREE_PAGES))
    assert len(tables_over_pages([first, third])) == 2


def test_a_pdf_s_table_over_three_pages_is_one() -> None:
    data = as_pdf(*(([drawn(HEADER, *own)], [(280.0, 800.0, "page")]) for own in ON_THREE_PAGES))
    pages = []
    with open_pdf(data) as document:
        for number in range(1, 4):
            page = document.page(number)
            assert page.text_layer is not None
            layer = page.text_layer
            tables = find_tables(layer.lines, layer.rules, page.width, page.height, shades=layer.shades)
            pages.append(PageTables(number, layer.lines, tables))
    (found,) = tables_over_pages(pages)
    assert texts(found) == [HEADER, *(text for own in ON_THREE_PAGES for text in own)]

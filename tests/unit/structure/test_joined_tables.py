"""Tables that go on over pages."""

from __future__ import annotations

from pathlib import Path

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
from vlm_core import DocumentReader, DocumentResult, PageResult, Table
from vlm_core.structure.table_finding.find import find_tables

HEADER = "Country|Stores|Share|Sales"
OTHER_HEADER = "Country|Pupils|Girls|Boys"


def row(number: int) -> str:
    return f"Land {number}|{100 + number}|{number}.5|{7 * number}"


def drawn(*texts: str, rules: Rules = "all", top: float = 60) -> Drawn:
    return Drawn(rows(*texts), rules, top=top)


FOOTER = [(280.0, 800.0, "page")]


def page(number: int, table: Drawn, others: list[tuple[float, float, str]] = FOOTER) -> PageResult:
    lines = as_lines([table], [each for each in others if each[2]])
    found = tuple(find_tables(lines, as_rules([table]), WIDTH, HEIGHT))
    return PageResult(text="x", lines=tuple(lines), found=found, page_number=number)


def tables_of(*pages: PageResult) -> tuple[Table, ...]:
    return DocumentResult(source="a.pdf", pages=pages).tables


def pages_of(*tables: Drawn) -> list[PageResult]:
    return [page(number, table) for number, table in enumerate(tables, 1)]


def texts(table: Table) -> list[str]:
    return ["|".join(row) for row in table.to_rows()]


ON_THREE_PAGES = [[row(20 * page + n) for n in range(1, 21)] for page in range(3)]


@pytest.mark.parametrize("rules", ["all", "across", "none"])
@pytest.mark.parametrize("repeated", [True, False], ids=["header repeated", "header once"])
def test_a_table_over_three_pages_is_one_with_each_row_once(*, repeated: bool, rules: Rules) -> None:
    parts = [
        drawn(*([HEADER] if repeated or not number else []), *own, rules=rules)
        for number, own in enumerate(ON_THREE_PAGES)
    ]
    (found,) = tables_of(*pages_of(*parts))
    assert texts(found) == [HEADER, *(text for own in ON_THREE_PAGES for text in own)]


def test_each_cell_tells_its_page() -> None:
    (found,) = tables_of(*pages_of(*(drawn(HEADER, *own) for own in ON_THREE_PAGES)))
    assert [cell.page_number for cell in found.cells if cell.column == 0] == [1] * 21 + [2] * 20 + [3] * 20


def test_a_table_with_another_header_is_another() -> None:
    found = tables_of(*pages_of(drawn(HEADER, row(1), row(2)), drawn(OTHER_HEADER, row(3), row(4))))
    assert [texts(each)[0] for each in found] == [HEADER, OTHER_HEADER]


def test_a_table_with_text_after_it_ends_there() -> None:
    first, second = drawn(HEADER, row(1), row(2)), drawn(HEADER, row(3), row(4))
    assert len(tables_of(page(1, first, prose(300, 9)), page(2, second))) == 2


@pytest.mark.parametrize(
    ("below", "above", "count"),
    [
        ("The figures are not final", "", 1),
        ("", "Table 4 (continued)", 1),
        ("", "Table 5: Shops", 2),
        ("", "Pesticides", 2),
    ],
    ids=["note", "continued", "caption", "title"],
)
def test_a_note_is_no_end_of_a_table_and_a_title_is_one(below: str, above: str, count: int) -> None:
    first, second = (drawn(HEADER, row(n), row(n + 1), row(n + 2), top=100) for n in (1, 4))
    pages = page(1, first, [*FOOTER, (60.0, 260.0, below)]), page(2, second, [*FOOTER, (60.0, 80.0, above)])
    assert len(tables_of(*pages)) == count


def test_a_table_with_columns_elsewhere_is_another() -> None:
    first = drawn(HEADER, row(1), row(2))
    other = Drawn(rows(HEADER, row(3), row(4)), widths=(60, 190, 60, 140), top=60)
    assert len(tables_of(page(1, first), page(2, other))) == 2


def test_a_page_that_is_missing_ends_a_table() -> None:
    first, _, third = pages_of(*(drawn(HEADER, *own) for own in ON_THREE_PAGES))
    assert len(tables_of(first, third)) == 2


@pytest.mark.parametrize("repeated", [True, False], ids=["header repeated", "header once"])
def test_a_pdf_s_table_over_three_pages_is_one(*, repeated: bool, tmp_path: Path) -> None:
    drawings = [
        [drawn(*([HEADER] if repeated or not number else []), *own)]
        for number, own in enumerate(ON_THREE_PAGES)
    ]
    (tmp_path / "table.pdf").write_bytes(as_pdf(*((tables, FOOTER) for tables in drawings)))
    document = DocumentReader().read(tmp_path / "table.pdf")
    assert [block.continues for block in document.blocks if block.table] == [False, True, True]
    assert [texts(table) for table in document.tables] == [
        [HEADER, *(text for own in ON_THREE_PAGES for text in own)]
    ]

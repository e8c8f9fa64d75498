"""Tables out of words and lines: where they are, and their cells."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.unit.structure.table_finding.drawn_tables import (
    HEIGHT,
    WIDTH,
    Drawn,
    Place,
    Rules,
    as_lines,
    as_pdf,
    as_picture,
    as_rules,
    cells_of,
    prose,
    rows,
)
from vlm_core import DocumentReader
from vlm_core.images.pdf_worker import open_pdf
from vlm_core.structure.table_finding.find import find_tables
from vlm_core.structure.table_finding.grid import grid_of
from vlm_core.structure.table_finding.rules import Rule
from vlm_core.structure.table_finding.rules import Rules as RuledLines
from vlm_core.structure.table_finding.words import PlacedWord
from vlm_core.types import Table, TextLine

PLAIN = rows(
    "Country|Stores|Share|Sales",
    "Austria|1 200|12.5|90",
    "Belgium|800|8.0|45",
    "Denmark|400|4.1|31",
    "Finland|350|3.5|30",
)
SPANNING: dict[Place, str] = {
    (0, 0, 2, 1): "Country",
    (0, 1, 1, 2): "Stores in each year",
    (0, 3, 2, 1): "Sales",
    (1, 1, 1, 1): "1996",
    (1, 2, 1, 1): "1998",
    (2, 0, 2, 1): "Austria",
    (2, 1, 1, 1): "120",
    (2, 2, 1, 1): "130",
    (2, 3, 1, 1): "9.5",
    (3, 1, 1, 1): "140",
    (3, 2, 1, 1): "150",
    (3, 3, 1, 1): "8.1",
    (4, 0, 1, 1): "Belgium",
    (4, 1, 1, 1): "80",
    (4, 2, 1, 1): "95",
    (4, 3, 1, 1): "7.7",
}
SEVERAL_LINES = rows(
    "Substance|to air/kg a year|to water/kg a year|to land/kg a year",
    "Chlorine and inorganic/compounds|10 000|-|-",
    "Carbon monoxide|500 000|-|-",
    "Volatile organic/compounds without/methane|100 000|50|-",
    "Lead|200|20|20",
)
EMPTY = rows(
    "Firm|1994|1995|Remark",
    "Nestle|38.8|13.1|merged",
    "Philip Morris|33.4||",
    "ConAgra||24.8|",
    "Pepsico|19.1||split",
)
EVERY_KIND_OF_RULES: list[Rules] = ["all", "down", "across", "header", "none"]


def tables_on(*page: Any, **options: Any) -> list[Table]:
    return [block.table for block in find_tables(*page, **options) if block.table is not None]


def found_in(*tables: Drawn, others: list[tuple[float, float, str]] | None = None) -> list[Table]:
    return tables_on(as_lines(tables, others or []), as_rules(tables), WIDTH, HEIGHT)


@pytest.mark.parametrize("rules", EVERY_KIND_OF_RULES)
def test_a_table_has_its_cells_whichever_lines_are_drawn(rules: Rules) -> None:
    (table,) = found_in(Drawn(PLAIN, rules), others=prose(60, 3) + prose(300, 5))
    assert cells_of(table) == PLAIN


@pytest.mark.parametrize(
    "cells", [SPANNING, SEVERAL_LINES, EMPTY], ids=["spans", "cells of several lines", "empty cells"]
)
def test_a_ruled_table_has_its_cells(cells: dict[Place, str]) -> None:
    (table,) = found_in(Drawn(cells))
    assert cells_of(table) == cells


@pytest.mark.parametrize("rules", ["across", "header", "none"])
def test_a_cell_without_text_is_empty_without_lines_too(rules: Rules) -> None:
    cells = rows(
        "Firm|1994|1995|Sales",
        "Nestle|38.8|13.1|90",
        "Mars||33.4|80",
        "Unilever|12.1|24.8|70",
        "Bestfoods|7|8|6",
    )
    (table,) = found_in(Drawn(cells, rules))
    assert cells_of(table) == cells


def test_the_rows_above_the_first_values_are_the_header() -> None:
    (table,) = found_in(Drawn(SPANNING))
    assert table.header_rows == 2


def test_a_table_of_values_alone_has_no_header() -> None:
    (table,) = found_in(Drawn(rows("1.5|2|3|4", "2.5|3|4|5", "3.5|4|5|6")))
    assert table.header_rows == 0


def test_years_are_headings() -> None:
    (table,) = found_in(Drawn(rows("|1996|1997|1998", "Beef|1 200|1 100|1 000", "Pork|900|950|990")))
    assert table.header_rows == 1


def test_headings_above_the_first_line_are_of_the_table() -> None:
    body = Drawn(rows(*("|".join(PLAIN[row, column, 1, 1] for column in range(4)) for row in range(1, 5))))
    headings = [(x + 4, 106.0, PLAIN[0, column, 1, 1]) for column, x in enumerate(body.xs[:-1])]
    (table,) = found_in(body, others=headings + prose(40, 3))
    assert cells_of(table) == PLAIN


def test_a_caption_and_a_note_within_the_frame_are_not_rows() -> None:
    sentence = " ".join(["Share of all stores in each of the countries", "as of 31 December"])
    framed = {(0, 0, 1, 4): sentence, (6, 0, 1, 4): sentence}
    framed |= {(row + 1, column, 1, 1): text for (row, column, _, _), text in PLAIN.items()}
    (table,) = found_in(Drawn(framed))
    assert cells_of(table) == PLAIN


def test_a_label_of_two_lines_beside_a_value_halfway_down_is_one_row() -> None:
    labels = [(60.0, 100 + 40 * n, f"Share of households {n}") for n in range(5)]
    labels += [(60.0, 110 + 40 * n, "with a phone") for n in range(5)]
    values = [(250.0 + 80 * column, 105 + 40 * n, f"{n}{column}.5") for n in range(5) for column in range(3)]
    (table,) = found_in(others=labels + values)
    assert (table.row_count, table.column_count) == (5, 4)
    assert table.cells[0].text == "Share of households 0\nwith a phone"


def test_the_items_of_an_invoice_are_a_table_without_what_stands_below_its_letterhead() -> None:
    columns = (0.1, 0.2, 0.6, 0.8)
    rows = {
        0.18: ("Larkfield", "", "Invoice", "2026-0417"),
        0.20: ("Mill", "", "Date", "14-04-2026"),
        0.22: ("LK4", "", "Due", "14-05-2026"),
        0.40: ("No.", "Description", "Qty", "Amount"),
        0.43: ("1", "Bookshelf", "6", "2,472.00"),
        0.46: ("2", "Desk", "4", "1,462.00"),
        0.49: ("3", "Bench", "2", "296.00"),
        0.52: ("4", "Delivery", "1", "540.00"),
    }
    lines = [
        TextLine(text=text, bbox=(x, y, x + 0.01 * len(text), y + 0.012))
        for y, texts in rows.items()
        for x, text in zip(columns, texts, strict=True)
        if text
    ]
    rules = [(0.1, y, 0.9, y) for y in (0.15, 0.42, 0.54)]
    items = find_tables(lines, rules, WIDTH, HEIGHT)[-1].table
    assert items is not None
    assert items.to_rows() == [list(row) for y, row in rows.items() if y >= 0.40]


def test_headings_above_a_table_that_lines_underline_by_column_are_its_header() -> None:
    def line(x: float, y: float, text: str) -> TextLine:
        return TextLine(text=text, bbox=(x, y, x + 0.008 * len(text), y + 0.012))

    columns, places = (0.5, 0.65, 0.8), (0.30, 0.32, 0.34, 0.36)
    labels = ("Revenue", "Research", "Sales", "Total")
    lines = [
        line(0.64, 0.226, "Year Ended"),
        *(line(x, 0.252, f"Jan 26, {year}") for x, year in zip(columns, (2025, 2024, 2023), strict=True)),
        line(0.64, 0.275, "(In millions)"),
        *(line(0.1, y, label) for y, label in zip(places, labels, strict=True)),
        *(line(x, y, "1,136") for y in places for x in columns),
    ]
    rules = [(0.48, 0.24, 0.9, 0.24), *((x - 0.01, 0.267, x + 0.1, 0.267) for x in columns)]
    rules += [(0.1, y, 0.9, y) for y in (0.295, 0.375)]
    (block,) = find_tables(lines, rules, WIDTH, HEIGHT)
    assert block.table is not None
    first, second, third, fourth, *_ = block.table.to_rows()
    assert "Year Ended" in first
    assert second[1:] == ["Jan 26, 2025", "Jan 26, 2024", "Jan 26, 2023"]
    assert "(In millions)" in third
    assert fourth == ["Revenue", "1,136", "1,136", "1,136"]


def test_two_tables_beside_each_other_are_two() -> None:
    pair = [
        Drawn(rows("Spain|153", "France|99", "Italy|82"), left=left, widths=(80, 60)) for left in (60, 260)
    ]
    assert [cells_of(table) for table in found_in(*pair)] == [drawn.cells for drawn in pair]


def test_a_table_tells_its_lines_and_no_line_is_in_half() -> None:
    drawn, others = Drawn(PLAIN), prose(60, 3)
    lines = as_lines([drawn], others)
    (block,) = find_tables(lines, as_rules([drawn]), WIDTH, HEIGHT)
    of_lines = Counter(word for number in block.lines for word in lines[number].text.split())
    assert of_lines == Counter(block.text.split())
    assert len(block.lines) == len(lines) - 3


@pytest.mark.parametrize(
    "row",
    [
        pytest.param([("a", 0, 0), ("b", 30, 0), ("long", 8, 11)], id="a text below two others of its row"),
        pytest.param([("a", 0, -12), ("b", 30, -12), ("c", 0, 8), ("d", 30, 8)], id="a row above the box"),
    ],
)
def test_no_word_of_a_table_is_lost(row: list[tuple[str, float, float]]) -> None:
    words = [PlacedWord(text, x, y, x + 6 * len(text), y + 10, n) for n, (text, x, y) in enumerate(row)]
    rules = RuledLines([Rule(0, 0, 60), Rule(25, 0, 60)], [Rule(x, 0, 25) for x in (0, 20, 60)])
    grid = grid_of(words, rules, (0, 0, 60, 25))
    in_cells = [word.text for cell in grid.cells for line in cell.lines for word in line]
    assert sorted(in_cells) == sorted(text for text, _, _ in row)


@pytest.mark.parametrize("rules", EVERY_KIND_OF_RULES)
def test_each_place_is_in_one_cell(rules: Rules) -> None:
    (table,) = found_in(Drawn(SPANNING if rules == "all" else PLAIN, rules))
    places = Counter(
        (row, column)
        for cell in table.cells
        for row in range(cell.row, cell.row + cell.row_span)
        for column in range(cell.column, cell.column + cell.column_span)
    )
    assert set(places.values()) == {1}
    assert len(places) == table.row_count * table.column_count


@pytest.mark.parametrize(
    ("tables", "others"),
    [
        ([], prose(60, 40)),
        ([], prose(60, 30, 60, 6) + prose(60, 30, 320, 6)),
        ([], [(60, 60 + 14 * n, f"{n}.") for n in range(9)] + prose(60, 9, 85, 9)),
        (
            [],
            [(60, 60, "Receipt"), (60, 90, "Tea"), (400, 90, "2.00"), (60, 104, "Total"), (400, 104, "2.00")],
        ),
        ([Drawn(rows("the facility has a capacity exceeding"), widths=(400,))], prose(300, 9)),
    ],
    ids=["prose", "two columns of prose", "numbered list", "names and amounts", "text in a frame"],
)
def test_no_table_is_found(tables: list[Drawn], others: list[tuple[float, float, str]]) -> None:
    assert found_in(*tables, others=others) == []


def test_lines_that_run_through_the_text_are_a_chart() -> None:
    values = [(60 + 80 * x, 100 + 40 * y, str(10 * x + y)) for x in range(5) for y in range(4)]
    across = [(50 / WIDTH, (105 + 40 * y) / HEIGHT, 460 / WIDTH, (105 + 40 * y) / HEIGHT) for y in range(4)]
    down = [((65 + 80 * x) / WIDTH, 90 / HEIGHT, (65 + 80 * x) / WIDTH, 240 / HEIGHT) for x in range(5)]
    assert tables_on(as_lines([], values), across + down, WIDTH, HEIGHT) == []


@pytest.mark.parametrize("degrees", [-2, 2])
def test_a_table_askew_is_the_same(degrees: float) -> None:
    import math

    slope = math.tan(math.radians(degrees))

    def turned(x: float, y: float) -> tuple[float, float]:
        x, y = x * WIDTH, y * HEIGHT
        return (x - slope * y) / (1 + slope**2) / WIDTH, (y + slope * x) / (1 + slope**2) / HEIGHT

    drawn = Drawn(PLAIN)
    rules = [turned(*rule[:2]) + turned(*rule[2:]) for rule in as_rules([drawn])]
    lines = []
    for line in as_lines([drawn]):
        words = []
        for text, (x0, y0, x1, y1) in line.words:
            x, y = turned((x0 + x1) / 2, (y0 + y1) / 2)
            wide, high = (x1 - x0) / 2, (y1 - y0) / 2
            words.append((text, (x - wide, y - high, x + wide, y + high)))
        lines.append(line.model_copy(update={"words": tuple(words)}))
    (table,) = tables_on(lines, rules, WIDTH, HEIGHT, slope=slope)
    assert cells_of(table) == PLAIN


@pytest.mark.parametrize(
    "cells", [PLAIN, SPANNING, SEVERAL_LINES, EMPTY], ids=["plain", "spans", "lines", "empty"]
)
def test_a_table_of_a_pdf_has_its_cells(cells: dict[Place, str]) -> None:
    with open_pdf(as_pdf(([Drawn(cells)], prose(60, 3)))) as document:
        page = document.page(1)
    layer = page.text_layer
    assert layer is not None
    (table,) = tables_on(layer.lines, layer.rules, page.width, page.height, shades=layer.shades)
    assert cells_of(table) == cells


def test_shaded_cells_stand_in_for_lines() -> None:
    drawn = Drawn(PLAIN, "none")
    boxes = [
        (x0 / WIDTH, y0 / HEIGHT, x1 / WIDTH, y1 / HEIGHT)
        for y0, y1 in zip(drawn.ys, drawn.ys[1:], strict=False)
        for x0, x1 in zip(drawn.xs, drawn.xs[1:], strict=False)
    ]
    (table,) = tables_on(as_lines([drawn]), [], WIDTH, HEIGHT, shades=boxes)
    assert cells_of(table) == PLAIN
    assert table.cells[-1].bbox == pytest.approx(boxes[-1], abs=1e-4)


def test_the_local_engine_tells_the_tables_of_a_picture(tmp_path: Path) -> None:
    as_picture([Drawn(PLAIN)], prose(60, 3)).save(tmp_path / "table.png")
    page = DocumentReader(engine="local").read(tmp_path / "table.png").pages[0]
    assert [block.kind for block in page.blocks] == ["paragraph", "table"]
    assert cells_of(page.tables[0]) == PLAIN


def test_a_pdf_tells_its_tables(tmp_path: Path) -> None:
    (tmp_path / "table.pdf").write_bytes(as_pdf(([Drawn(PLAIN)], prose(60, 3))))
    page = DocumentReader(engine="local").read(tmp_path / "table.pdf").pages[0]
    assert page.engine == "pdf"
    assert [(block.kind, block.origin) for block in page.blocks] == [("paragraph", "pdf"), ("table", "pdf")]
    assert cells_of(page.tables[0]) == PLAIN


@pytest.mark.parametrize(
    ("name", "number", "shapes"),
    [
        ("eu-001", 1, [(8, 4), (13, 4), (10, 4)]),
        ("eu-009a", 1, [(9, 4)]),
        ("eu-012", 4, [(13, 5), (5, 13)]),
        ("eu-015", 2, [(33, 2), (33, 2), (32, 2)]),
        ("eu-021", 7, [(29, 5)]),
    ],
)
def test_tables_of_real_pdfs_are_found(
    name: str, number: int, shapes: list[tuple[int, int]], data: Path
) -> None:
    with open_pdf(data / "tables" / "icdar2013-eu" / f"{name}.pdf") as document:
        page = document.page(number)
    layer = page.text_layer
    assert layer is not None
    found = tables_on(layer.lines, layer.rules, page.width, page.height, shades=layer.shades)
    assert sorted((table.row_count, table.column_count) for table in found) == sorted(shapes)

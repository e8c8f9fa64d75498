"""Tables as values: rows, HTML, Markdown, CSV, data frames, JSON."""

from __future__ import annotations

import pytest

from vlm_core.structure.table_grid import header_rows, plain_text
from vlm_core.types import Block, Cell, Table


def table(*rows: list[str], header: int = 0) -> Table:
    return Table(
        cells=tuple(
            Cell(row=number, column=column, text=text, is_header=number < header)
            for number, row in enumerate(rows)
            for column, text in enumerate(row)
        )
    )


PRICES = table(["Item", "Price"], ["Tea", "2.00"], header=1)
SPANNING = Table(
    cells=(
        Cell(row=0, column=0, row_span=2, text="Item", is_header=True),
        Cell(row=0, column=1, column_span=2, text="Price", is_header=True),
        Cell(row=1, column=1, text="2023", is_header=True),
        Cell(row=1, column=2, text="2024", is_header=True),
        Cell(row=2, column=0, text="Tea"),
        Cell(row=2, column=1, text="2.00"),
        Cell(row=2, column=2, text="2.10"),
    )
)


def test_rows_are_as_long_as_the_table_is_wide() -> None:
    assert SPANNING.to_rows() == [["Item", "Price", ""], ["", "2023", "2024"], ["Tea", "2.00", "2.10"]]


def test_a_spanning_text_stands_in_each_place_when_asked() -> None:
    assert SPANNING.to_rows(repeat_spans=True)[:2] == [["Item", "Price", "Price"], ["Item", "2023", "2024"]]


@pytest.mark.parametrize(
    ("made", "count"),
    [(PRICES, 1), (SPANNING, 2), (table(["a"], ["b"]), 0), (table(["a"], ["b"], header=2), 2), (Table(), 0)],
    ids=["one", "two, with spans", "none", "all", "empty table"],
)
def test_header_rows_are_counted_from_the_top(made: Table, count: int) -> None:
    assert header_rows(made) == made.header_rows == count


def test_a_plain_table_has_pipes() -> None:
    assert PRICES.to_markdown() == "| Item | Price |\n| --- | --- |\n| Tea | 2.00 |"


def test_a_table_without_header_has_an_empty_one_in_markdown() -> None:
    assert table(["Tea", "2.00"]).to_markdown() == "|  |  |\n| --- | --- |\n| Tea | 2.00 |"


def test_a_table_whose_cells_span_is_html_in_markdown() -> None:
    assert SPANNING.to_markdown() == SPANNING.to_html()
    assert '<th rowspan="2">Item</th><th colspan="2">Price</th>' in SPANNING.to_html()


def test_pipes_and_line_feeds_in_a_cell_stay_in_it() -> None:
    assert table(["a|b\nc"], header=1).to_markdown().split("\n")[0] == "| a\\|b<br>c |"


def test_html_escapes_what_cells_say() -> None:
    assert table(["<script>alert(1)</script> & co"]).to_html() == (
        "<table><tr><td>&lt;script&gt;alert(1)&lt;/script&gt; &amp; co</td></tr></table>"
    )


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("@SUM(1)", "'@SUM(1)"),
        (" =1", "' =1"),
        ("-", "'-"),
        ("-3.5", "-3.5"),
        ("+4 %", "+4 %"),
        ("Tea", "Tea"),
    ],
)
def test_no_cell_of_a_csv_is_a_formula(text: str, written: str) -> None:
    assert table([text]).to_csv() == f"{written}\r\n"


def test_csv_quotes_what_holds_commas_and_line_feeds() -> None:
    assert table(["a, b", 'say "c"\nd']).to_csv() == '"a, b","say ""c""\nd"\r\n'


def test_a_data_frame_has_the_header_as_names() -> None:
    pytest.importorskip("pandas")
    frame = SPANNING.to_dataframe()
    assert list(frame.columns) == ["Item", "Price / 2023", "Price / 2024"]
    assert frame.to_numpy().tolist() == [["Tea", "2.00", "2.10"]]


def test_plain_text_has_a_row_a_line() -> None:
    assert plain_text(SPANNING) == "Item  Price\n2023  2024\nTea  2.00  2.10"


def test_a_block_goes_through_json_and_back() -> None:
    block = Block(
        kind="table", text="Tea", table=SPANNING, bbox=(0.1, 0.2, 0.3, 0.4), lines=(0, 1), origin="ocr"
    )
    assert Block.model_validate_json(block.model_dump_json()) == block


@pytest.mark.parametrize("wrong", [{"row": -1}, {"column_span": 0}, {"row_span": 0}])
def test_a_cell_must_have_a_place(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="greater than or equal"):
        Cell(**{"row": 0, "column": 0, **wrong})

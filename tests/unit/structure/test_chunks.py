"""Documents in chunks, and where a text stands."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlm_core.errors import ConfigError
from vlm_core.structure.chunks import chunks
from vlm_core.structure.locate import locate
from vlm_core.structure.tokens import count_tokens
from vlm_core.types import Block, Cell, Chunk, DocumentResult, PageResult, Table, TextLine

PROSE = "One two three. Four five six seven. Eight nine."


def document(*texts: str) -> DocumentResult:
    pages = [
        PageResult(text=text, page_number=number, sha256=f"{number}") for number, text in enumerate(texts, 1)
    ]
    return DocumentResult(source="a.pdf", pages=tuple(pages))


def texts(found: list[Chunk]) -> list[str]:
    return [chunk.text for chunk in found]


def table(rows: int, columns: int = 2) -> str:
    head = ["| " + " | ".join(f"Head{column}" for column in range(columns)) + " |", "|---" * columns + "|"]
    body = ["| " + " | ".join(f"r{row}c{column}" for column in range(columns)) + " |" for row in range(rows)]
    return "\n".join(head + body)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("one two", 2),
        ("one, two.", 4),
        ("你好 ok", 3),
        ("a" * 20, 1),
        ("a" * 21, 2),
        ("한국", 2),
        ("$5_x", 2),
    ],
)
def test_tokens_are_words_characters_and_marks(text: str, count: int) -> None:
    assert count_tokens(text) == count


def test_whole_blocks_share_a_chunk_where_they_fit() -> None:
    assert texts(chunks(document("One.\n\nTwo.", "Three."))) == ["One.\n\nTwo.\n\nThree."]


def test_a_block_that_does_not_fit_is_cut_between_sentences() -> None:
    assert texts(chunks(document(PROSE), 6)) == ["One two three.", "Four five six seven.", "Eight nine."]


def test_a_sentence_that_does_not_fit_is_cut_between_words() -> None:
    assert texts(chunks(document(PROSE), 3)) == [
        "One two",
        "three.",
        "Four five six",
        "seven.",
        "Eight nine.",
    ]


def test_a_word_that_does_not_fit_is_cut() -> None:
    assert texts(chunks(document("abcdef"), 4, tokenizer=len)) == ["abcd", "ef"]


def test_a_heading_stands_with_what_follows() -> None:
    found = chunks(document("One two three four five.\n\n# Tea\n\nSix seven."), 8)
    assert texts(found) == ["One two three four five.", "Tea\n\nSix seven."]


def test_a_heading_stands_with_the_first_part_of_a_long_block() -> None:
    found = chunks(document(f"# Tea\n\n{PROSE}"), 6)
    assert texts(found)[0] == "Tea\n\nOne two three."


def test_a_heading_that_nothing_follows_is_not_lost() -> None:
    assert texts(chunks(document("One.\n\n# Tea"))) == ["One.\n\nTea"]


def test_headings_are_the_path_above_a_chunk() -> None:
    found = chunks(document("# Menu\n\n## Tea\n\nGreen tea is good.\n\n## Cake\n\nPlum cake is good."), 8)
    assert [chunk.headings for chunk in found] == [("Menu", "Tea"), ("Menu", "Cake")]


def test_each_part_of_a_table_has_its_header() -> None:
    found = chunks(document(table(20)), 40)
    assert len(found) > 2
    assert all(chunk.text.startswith("| Head0 | Head1 |\n| --- | --- |\n| r") for chunk in found)
    assert [bool(chunk.repeats) for chunk in found] == [False] + [True] * (len(found) - 1)


CAPTION = "Table 1: Of tea and cake"


def test_each_part_of_a_table_has_the_caption_above_it() -> None:
    found = chunks(document(f"{PROSE}\n\n{CAPTION}\n\n{table(20)}"), 60)
    parts = [chunk for chunk in found if "table" in chunk.block_kinds]
    assert len(parts) > 2
    assert all(f"{CAPTION}\n\n| Head0 | Head1 |\n| --- | --- |\n| r" in chunk.text for chunk in parts)
    assert [chunk.text.startswith(CAPTION) for chunk in parts] == [bool(chunk.repeats) for chunk in parts]


def test_a_caption_is_not_repeated_where_it_leaves_less_than_half_to_rows() -> None:
    found = chunks(document(f"{CAPTION}\n\n{table(9)}"), 40)
    assert [chunk.text.count("Table 1") for chunk in found] == [1] + [0] * (len(found) - 1)


def test_a_caption_stays_with_its_table() -> None:
    found = chunks(document(f"One two three four five six.\n\n{CAPTION}\n\n{table(1)}"), 30)
    assert [chunk.block_kinds for chunk in found] == [("paragraph",), ("caption", "table")]


def test_a_row_that_does_not_fit_is_cut_and_each_part_has_the_header() -> None:
    long = "| Head |\n|---|\n| " + " ".join(f"word{number}" for number in range(40)) + " |"
    found = chunks(document(long), 20)
    assert all(chunk.text.startswith("| Head |\n| --- |") for chunk in found)
    assert all(chunk.tokens <= 20 for chunk in found)


def test_a_header_that_fills_a_chunk_is_text() -> None:
    found = chunks(document(table(3, columns=30)), 20)
    assert all(count_tokens(chunk.text) <= 20 for chunk in found)
    words = " ".join(chunk.text.removeprefix(chunk.repeats) for chunk in found).split()
    assert [word for word in words if word.startswith("Head")] == [f"Head{number}" for number in range(30)]


def on_page(number: int, rows: list[list[str]], header: int) -> PageResult:
    cells = tuple(
        Cell(row=row, column=column, text=text, is_header=row < header)
        for row, line in enumerate(rows)
        for column, text in enumerate(line)
    )
    block = Block(kind="table", text="\n".join("  ".join(row) for row in rows), table=Table(cells=cells))
    block = block.model_copy(update={"bbox": (0.1, 0.1, 0.9, 0.9), "lines": (0,)})
    line = TextLine(text=block.text, bbox=(0.1, 0.1, 0.9, 0.9))
    return PageResult(text=block.text, page_number=number, found=(block,), lines=(line,))


@pytest.mark.parametrize("header", [1, 0], ids=["header repeated", "header absent"])
def test_a_table_over_three_pages_is_one_table_with_every_row_once(header: int) -> None:
    head = [["Item", "Price"]]
    pages = [on_page(1, [*head, ["a", "1"]], 1)]
    pages += [on_page(number, [*head * header, [f"{number}", "x"]], header) for number in (2, 3)]
    whole = DocumentResult(source="a.pdf", pages=tuple(pages))
    assert [one.to_rows() for one in whole.tables] == [
        [["Item", "Price"], ["a", "1"], ["2", "x"], ["3", "x"]]
    ]
    assert [block.continues for block in whole.blocks] == [False, True, True]
    assert [cell.page_number for cell in whole.tables[0].cells] == [1, 1, 1, 1, 2, 2, 3, 3]
    assert chunks(whole)[0].pages == (1, 2, 3)


def test_tables_with_other_headers_stay_apart() -> None:
    pages = (on_page(1, [["Item", "Price"], ["a", "1"]], 1), on_page(2, [["Name", "Age"], ["b", "2"]], 1))
    assert len(DocumentResult(source="a.pdf", pages=pages).tables) == 2


def test_page_headers_and_page_footers_are_left_out() -> None:
    assert texts(chunks(document("<header>Top</header>\n\nText.\n\n<footer>3</footer>"))) == ["Text."]


def test_overlap_repeats_the_end_of_the_chunk_before() -> None:
    found = chunks(document(PROSE), 8, overlap=3)
    assert found[1].repeats == "two three."
    assert found[1].text == "two three.\n\nFour five six seven."
    assert all(chunk.tokens <= 8 for chunk in found)


def test_ids_are_the_same_each_time_and_differ_within_a_document() -> None:
    first, second = (chunks(document(PROSE), 6) for _ in range(2))
    assert first == second
    assert len({chunk.id for chunk in first}) == len(first)
    assert {chunk.id for chunk in first}.isdisjoint(chunk.id for chunk in chunks(document(PROSE), 7))


@pytest.mark.parametrize("wrong", [{"chunk_tokens": 0}, {"overlap": -1}, {"chunk_tokens": 5, "overlap": 5}])
def test_sizes_that_cannot_be_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="must be at least"):
        chunks(document("a"), **wrong)


def test_metadata_is_flat_text() -> None:
    line = TextLine(text="Tea 2.00", bbox=(0.1, 0.2, 0.5, 0.25))
    page = PageResult(text="Tea 2.00", lines=(line,), page_number=3)
    (chunk,) = chunks(DocumentResult(source="a.png", pages=(page,)))
    assert chunk.metadata == {
        "pages": "3",
        "boxes": "3:0.1000,0.2000,0.5000,0.2500",
        "block_kinds": "paragraph",
    }


PARTS = st.sampled_from(
    ["# Tea", "## Cake", PROSE, CAPTION, table(5), table(12, 3), "- a b\n- c d", "x" * 90, "你好。世界。"]
)


@given(
    st.lists(PARTS, max_size=8),
    st.integers(1, 60),
    st.sampled_from([None, len, lambda text: len(text.split())]),
)
def test_no_chunk_is_too_long_or_empty_and_no_letter_is_lost(
    parts: list[str], limit: int, tokenizer: object
) -> None:
    found = chunks(document("\n\n".join(parts)), limit, tokenizer)  # type: ignore[arg-type]
    assert all(chunk.text.strip() and chunk.tokens <= limit for chunk in found)
    letters = Counter("".join(chunk.text.removeprefix(chunk.repeats) for chunk in found))
    wanted = Counter("".join(block.text for block in document("\n\n".join(parts)).blocks))
    assert {sign: count for sign, count in letters.items() if sign.isalnum()} == {
        sign: count for sign, count in wanted.items() if sign.isalnum()
    }


LINES = tuple(
    TextLine(text=text, bbox=(0.1, top / 10, 0.9, top / 10 + 0.05))
    for top, text in enumerate(["It is an exam-", "ple of prose, and", "it ends here."])
)
TWO_PAGES = DocumentResult(
    source="a.pdf",
    pages=tuple(
        PageResult(text="It is an example\nof prose, and\nit ends here.", lines=LINES, page_number=number)
        for number in (1, 2)
    ),
)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("an example of", [(1, 0.0), (1, 0.1)]),
        ("**ends** here", [(1, 0.2)]),
        ("ends here. It is", [(1, 0.2), (2, 0.0)]),
        ("of prose, and something", [(1, 0.1)]),
        ("something else entirely", []),
        ("...", []),
    ],
    ids=["parted word", "markdown", "over pages", "altered at its end", "not there", "no letters"],
)
def test_a_text_is_located(text: str, places: list[tuple[int, float]]) -> None:
    assert [(place.page_number, place.bbox[1]) for place in locate(text, TWO_PAGES)] == places


def of_a_table() -> DocumentResult:
    """Of two cells, the first of which goes on below the second."""
    boxes = [(0.1, 0.1, 0.4, 0.12), (0.5, 0.1, 0.6, 0.12), (0.1, 0.13, 0.4, 0.15)]
    lines = [
        TextLine(text=text, bbox=box) for text, box in zip(["Alpha", "9.00", "beta"], boxes, strict=True)
    ]
    cells = (
        Cell(row=0, column=0, text="Alpha\nbeta", bbox=(0.1, 0.1, 0.4, 0.15)),
        Cell(row=0, column=1, text="9.00", bbox=boxes[1]),
    )
    found = Block(
        kind="table", text="", bbox=(0.1, 0.1, 0.6, 0.15), lines=(0, 1, 2), table=Table(cells=cells)
    )
    text = "<table><tr><td>Alpha<br>beta</td><td>9.00</td></tr></table>"
    page = PageResult(text=text, lines=tuple(lines), found=(found,))
    return DocumentResult(source="a.pdf", pages=(page,))


@pytest.mark.parametrize(
    ("text", "lefts"),
    [
        ("Alpha<br>beta</td><td>9.00", [0.1, 0.5]),
        ("| Alpha beta | 9.00 |", [0.1, 0.5]),
        ("d>9.00</td></tr></tab", [0.5]),
        ('pan="2">9.00</td>', [0.5]),
        ("beta</td><td colspa", [0.1]),
    ],
    ids=["html", "pipes", "cut tags", "cut attribute", "cut before an attribute"],
)
def test_a_part_of_a_table_is_located_by_its_cells(text: str, lefts: list[float]) -> None:
    assert [place.bbox[0] for place in locate(text, of_a_table())] == lefts


@pytest.mark.parametrize("text", [None, 9, b"Tea"], ids=repr)
def test_what_is_no_text_cannot_be_located(text: Any) -> None:
    with pytest.raises(ConfigError, match="text must be a str or a Chunk"):
        locate(text, TWO_PAGES)


def test_a_chunk_knows_its_places() -> None:
    (chunk,) = chunks(TWO_PAGES)
    assert [place.page_number for place in locate(chunk, TWO_PAGES)] == [1, 2]


def test_a_row_that_is_too_long_is_cut_between_its_cells_each_below_its_header() -> None:
    table = "| Work | Labour | Cost |\n|---|---|---|\n| Sensor test ..... | forty hours | cheap ..... |"
    document = DocumentResult(source="a.png", pages=(PageResult(text=table),))
    found = [chunk.text.splitlines()[2:] for chunk in chunks(document, chunk_tokens=26)]
    assert found == [["| Sensor test |  |  |"], ["|  | forty hours |  |"], ["|  |  | cheap |"]]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param({"chunk_tokens": "128"}, "chunk_tokens must be a whole", id="a text for a number"),
        pytest.param({"chunk_tokens": 128.5}, "chunk_tokens must be a whole number", id="half a token"),
        pytest.param({"overlap": True}, "overlap must be a whole number", id="a flag for a number"),
        pytest.param({"tokenizer": "cl100k"}, "tokenizer must be a function", id="a name of a tokenizer"),
        pytest.param({"tokenizer": str.split}, "tokenizer must be a", id="a tokenizer of tokens"),
        pytest.param({"tokenizer": print}, "tokenizer must be a", id="a tokenizer of nothing"),
    ],
)
def test_options_that_cannot_be_are_told(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        chunks(DocumentResult(source="a.png", pages=(PageResult(text="Tea"),)), **options)


@pytest.mark.parametrize("wrong", ["a.pdf", PageResult(text="Tea"), [None]], ids=["a name", "a page", "None"])
def test_what_was_not_read_is_told(wrong: Any) -> None:
    with pytest.raises(ConfigError, match="takes documents that were read"):
        chunks(wrong)

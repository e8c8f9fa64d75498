"""The documents of a folder, listed and searched by one who does not know their names."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from vlm_core import ConfigError, ImageAssistant, InputError, PageResult, TextLine
from vlm_core.assistant.search_index import SearchIndex, pieces

Call = Callable[..., Any]
Make = Callable[..., ImageAssistant]
HOUR = 3600


@pytest.fixture
def dated(folder: Path) -> Path:
    """The folder, with files that changed hours ago: receipt.png is the newest."""
    names = ("receipt.png", "poem.png", "broken.png", "blank.png", "deep/contract.tiff")
    for hours, name in enumerate(names, 1):
        changed = (folder / name).stat().st_mtime - hours * HOUR
        os.utime(folder / name, (changed, changed))
    return folder


# --- list -----------------------------------------------------------------------------------------


def test_documents_are_listed_newest_first_with_what_they_are(make: Make, call: Call, dated: Path) -> None:
    found = call(make(), "list_documents")
    assert [(entry.name, entry.kind, entry.total_pages) for entry in found.documents] == [
        ("receipt.png", "PNG", 1),
        ("poem.png", "PNG", 1),
        ("broken.png", "PNG", 1),
        ("blank.png", "PNG", 1),
        ("deep/contract.tiff", "TIFF", 3),
    ]
    assert found.total_documents == 5
    assert "deep/contract.tiff: TIFF, 3 pages, not read yet" in found.text


def test_nothing_is_read_or_decoded_for_a_list(make: Make, engine: Any, dated: Path) -> None:
    make().list_documents()
    assert engine.read == []


def test_a_list_says_what_was_read(make: Make, call: Call, dated: Path) -> None:
    assistant = make()
    assistant.read_image("deep/contract.tiff", 2)
    with pytest.raises(Exception, match="shelf"):
        assistant.read_image("broken.png")
    states = {entry.name: entry.pages for entry in call(assistant, "list_documents").documents}
    assert states["deep/contract.tiff"] == {"ok": 1}
    assert states["broken.png"] == {"failed": 1}
    assert states["receipt.png"] == {}


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        pytest.param("contract", ["deep/contract.tiff"], id="a part"),
        pytest.param("CONTRACT", ["deep/contract.tiff"], id="in capitals"),
        pytest.param("*.tiff", ["deep/contract.tiff"], id="a pattern of the last part"),
        pytest.param("deep/*", ["deep/contract.tiff"], id="a pattern of the whole"),
        pytest.param("b*.png", ["broken.png", "blank.png"], id="several"),
        pytest.param("nothing", [], id="none"),
        pytest.param("../*", [], id="a way out"),
        pytest.param("/", ["deep/contract.tiff"], id="a slash"),
    ],
)
def test_a_pattern_chooses(make: Make, dated: Path, pattern: str, names: list[str]) -> None:
    found = make().list_documents(pattern)
    assert [entry.name for entry in found.documents] == names
    assert found.total_documents == len(names)


def test_a_long_list_comes_in_parts(make: Make, tmp_path: Path) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(120):
        (many / f"{number:03}.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        os.utime(many / f"{number:03}.png", (number + 1, number + 1))
    assistant, names, start = make(root_dir=many), [], 1
    while start:
        found = assistant.list_documents(start=start)
        names += [entry.name for entry in found.documents]
        if found.next_start:
            assert f"call list_documents with start={found.next_start}" in found.text
        start = found.next_start or 0
    assert names == [f"{number:03}.png" for number in reversed(range(120))]


def test_a_list_from_behind_its_end_says_how_many_there_are(make: Make, dated: Path) -> None:
    assert "5 documents; the list ends before number 6." in make().list_documents(start=6).text


@pytest.mark.parametrize(("pattern", "start"), [("x" * 201, 1), (None, 0), (None, True), (7, 1)])
def test_a_wrong_pattern_or_start_is_told(make: Make, pattern: Any, start: Any) -> None:
    with pytest.raises(InputError):
        make().list_documents(pattern, start)


def test_a_folder_without_documents_says_so(make: Make, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert make(root_dir=tmp_path / "empty").list_documents().text == "There are no documents here that fit."


def test_a_file_that_is_no_document_is_listed_with_the_reason(make: Make, folder: Path) -> None:
    (folder / "page.png").write_bytes(b"<html>")
    assert "page.png: cannot be read (page.png" in make().list_documents("page").text


def test_a_name_that_was_shown_shortened_can_be_given(make: Make, folder: Path) -> None:
    name = "a\nlong " + "x" * 150 + ".png"
    (folder / "receipt.png").rename(folder / name)
    text = make().list_documents("long").text
    shown = text.splitlines()[3].partition(": PNG")[0]
    assert shown.endswith("…")
    assert "TOTAL 9.00" in make().read_image(shown).text


def test_more_files_than_are_looked_at_are_told(
    make: Make, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vlm_core.assistant.folder_listing.MOST_ENTRIES", 3)
    assert "not all of them were looked at" in make().list_documents().text


# --- search ---------------------------------------------------------------------------------------


def test_a_search_reads_what_is_unread_and_finds_the_page_and_the_place(make: Make, call: Call) -> None:
    found = call(make(), "search_documents", "terms of delivery")
    best = found.matches[0]
    assert (best.source, best.page, best.text) == ("deep/contract.tiff", 2, "Terms of delivery")
    assert best.boxes == ((0.1, 0.0, 0.9, 0.1),)
    assert found.citations[0].total_pages == 3
    assert "deep/contract.tiff, page 2 of 3, (0.100, 0.000, 0.900, 0.100): Terms of delivery" in found.text


@pytest.mark.parametrize(
    ("query", "is_weak"), [("terms of delivery", False), ("terms and helicopters", True)]
)
def test_a_search_says_where_no_page_has_most_of_the_words(make: Make, query: str, is_weak: bool) -> None:
    found = make().search_documents(query)
    assert found.matches
    assert ("No page has most of these words." in found.text) == is_weak


def test_a_page_is_read_once_for_all_searches(make: Make, engine: Any) -> None:
    assistant = make()
    for query in ("terms", "total", "signed"):
        assistant.search_documents(query)
    assert sorted(engine.read) == [40, 41, 42, 43, 44, 45, 46]


def test_without_time_only_what_was_read_is_searched_and_the_rest_is_told(
    make: Make, call: Call, engine: Any
) -> None:
    assistant = make(search_seconds=0)
    assistant.read_image("receipt.png")
    found = call(assistant, "search_documents", "total terms")
    assert [match.source for match in found.matches] == ["receipt.png"]
    assert "Not looked through yet: 4 documents (" in found.text
    assert 'read one with read_image(image="...")' in found.text
    assert engine.read == [40]


def test_asking_again_comes_to_an_end_however_little_time_there_is(make: Make, engine: Any) -> None:
    assistant = make(search_seconds=1e-9)
    calls = 1
    while "Call search_documents again" in assistant.search_documents("terms").text:
        calls += 1
    assert calls == 5
    assert len(engine.read) == 7


def test_a_page_that_cannot_be_read_is_told_and_not_tried_at_each_search(make: Make, engine: Any) -> None:
    assistant = make()
    for _ in range(2):
        assert "Could not be read: 1 document (broken.png: page 1)" in assistant.search_documents("x").text
    assert engine.read.count(45) == 1


def test_pages_beyond_the_limit_are_told_with_the_call_that_reads_them(make: Make) -> None:
    assistant = make(max_pages=2)
    text = assistant.search_documents("signed").text
    assert (
        "Too long for a search to read: page 3 of deep/contract.tiff. Read such a page with read_image"
        in text
    )
    assistant.read_image("deep/contract.tiff", 3)
    assert assistant.search_documents("signed").matches[0].page == 3


def test_a_search_keeps_to_a_pattern(make: Make, engine: Any) -> None:
    assert make().search_documents("total", "contract").matches == ()
    assert sorted(engine.read) == [41, 42, 43]


def test_what_lies_outside_another_root_is_not_found(make: Make, folder: Path) -> None:
    assistant = make()
    assert assistant.search_documents("total").matches
    narrow = assistant.within(folder / "deep").search_documents("total")
    assert narrow.matches == ()
    assert "Looked through: 1 document." in narrow.text


def test_a_changed_file_is_found_by_its_new_words_alone(make: Make, folder: Path) -> None:
    assistant = make()
    assistant.search_documents("total")
    Image.linear_gradient("L").resize((43, 30)).save(folder / "receipt.png")
    assert assistant.search_documents("total").matches == ()
    assert "receipt.png" in [match.source for match in assistant.search_documents("signed by").matches]


def test_a_vision_model_is_not_paid_for_a_search(folder: Path) -> None:
    with ImageAssistant("novita:qwen/qwen3-vl-8b-instruct", root_dir=folder) as assistant:
        assert "Not looked through yet: 5 documents" in assistant.search_documents("total").text


@pytest.mark.parametrize("query", ["", "  ", "x" * 2001, None])
def test_a_query_that_is_none_is_told(make: Make, query: Any) -> None:
    with pytest.raises(InputError, match="query"):
        make().search_documents(query)


@pytest.mark.parametrize("seconds", [-1, float("inf"), float("nan"), "5", True])
def test_a_wrong_number_of_seconds_is_told(folder: Path, seconds: Any) -> None:
    with pytest.raises(ConfigError, match="search_seconds"):
        ImageAssistant(root_dir=folder, search_seconds=seconds)


# --- the index ------------------------------------------------------------------------------------


def page(text: str, number: int = 1) -> PageResult:
    rows = text.splitlines()
    lines = tuple(TextLine(text=row, bbox=(0, at / 9, 1, (at + 1) / 9)) for at, row in enumerate(rows))
    return PageResult(text=text, lines=lines, page_number=number, total_pages=9)


KEYS = {name: (name, bytes(31) + bytes([at])) for at, name in enumerate("abc")}
TEXTS = {
    "a": "BOOKTAK(TAMANDAYA)SDNBHD\nTOTAL RM9.OO",
    "b": "Sanyu Stationery\nTotal 8.70",
    "c": "合計金額 1200円",
}


@pytest.fixture(params=[True, False], ids=["FTS5", "without FTS5"])
def index(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> SearchIndex:
    """Three documents of a page each."""
    if not request.param:
        monkeypatch.setattr("vlm_core.assistant.search_index._PIECES", "CREATE VIRTUAL TABLE x USING nope(t)")
    index = SearchIndex()
    assert index.has_fts5 == request.param
    for name, text in TEXTS.items():
        index.add(KEYS[name], page(text))
    return index


@pytest.mark.parametrize(
    ("query", "best"),
    [
        pytest.param("Book Ta .K (Taman Daya) Sdn Bhd", "a", id="words run together"),
        pytest.param("9.00", "a", id="O for 0"),
        pytest.param("What is the total of the receipt of Sanyu Stationery?", "b", id="a question"),
        pytest.param("合計", "c", id="a script without blanks"),
        pytest.param('"; DROP TABLE pages; -- AND OR NOT NEAR(taman', "a", id="words of SQL and of FTS5"),
        pytest.param("sanyu " + "x y z " * 300, "b", id="very many words"),
    ],
)
def test_a_page_is_found_by_most_of_its_letters(index: SearchIndex, query: str, best: str) -> None:
    assert index.find(query, KEYS.values())[0].document == KEYS[best]


@pytest.mark.parametrize("query", ["xyzzy", "?!", "", "\0", "a"])
def test_what_stands_nowhere_is_not_found(index: SearchIndex, query: str) -> None:
    assert index.find(query, KEYS.values()) == []


def test_only_the_documents_that_are_named_are_searched(index: SearchIndex) -> None:
    assert [found.document for found in index.find("total", [KEYS["b"]])] == [KEYS["b"]]


def test_a_page_that_is_read_again_is_kept_once(index: SearchIndex) -> None:
    index.add(KEYS["b"], page("Terms"))
    assert index.find("sanyu", KEYS.values()) == []
    assert index.find("terms", KEYS.values())[0].document == KEYS["b"]
    assert index.states(KEYS["b"]).keys() == {1}


def test_the_pages_that_were_read_first_go_when_there_are_too_many() -> None:
    index = SearchIndex(most_pages=2)
    for number in (1, 2, 3):
        index.add(KEYS["a"], page("Total", number))
    assert list(index.states(KEYS["a"])) == [2, 3]
    assert {found.number for found in index.find("total", [KEYS["a"]])} == {2, 3}


def test_a_name_that_is_not_unicode_can_be_indexed() -> None:
    key = ("\udcff.png", bytes(32))
    index = SearchIndex()
    index.add(key, page("Total"))
    assert index.find("total", [key])[0].document == key


def test_a_page_without_places_is_found_without_boxes(make: Make) -> None:
    index = SearchIndex()
    index.add(KEYS["a"], PageResult(text="Total", total_pages=1))
    assert not index.find("total", [KEYS["a"]])[0].has_boxes


def test_an_index_that_cannot_be_made_for_another_reason_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vlm_core.assistant.search_index._PIECES", "CREATE nonsense")
    with pytest.raises(sqlite3.OperationalError):
        SearchIndex()


def test_pieces_are_of_letters_and_digits_alone() -> None:
    assert pieces("a.c.t  9,00 (total)") == ["act", "900", "t0t", "0ta", "ta1"]

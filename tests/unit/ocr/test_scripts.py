"""The scripts that RapidOCR lacks: names of languages, packages that bring them, the direction of a text."""

from __future__ import annotations

import pytest

from vlm_core import ConfigError, DocumentReader, MissingExtraError
from vlm_core.ocr.scripts import SCRIPTS, as_packs, how_to_install, is_from_right, script_of_pack
from vlm_core.ocr.tesseract_packs import Packs, find_packs, is_installed
from vlm_core.reading_order.pieces import Piece, as_read, join_close


@pytest.mark.parametrize(
    ("given", "packs"),
    [
        ("rus+eng", ("rus", "eng")),
        (["ru", "uk"], ("rus", "ukr")),
        ("ja", ("jpn",)),
        (["rus", "ru"], ("rus",)),
    ],
    ids=["packs in one string", "two letters", "read without Tesseract", "twice the same"],
)
def test_languages_are_names_of_packs_or_two_letters(given: str | list[str], packs: tuple[str, ...]) -> None:
    assert as_packs(given) == packs


@pytest.mark.parametrize("given", ["russian+eng", "", [], "xx"])
def test_a_language_that_is_not_known_is_refused_when_the_reader_is_made(given: str | list[str]) -> None:
    with pytest.raises(ConfigError, match="languages"):
        DocumentReader(languages=given, task="text") if given else as_packs(given)


@pytest.mark.parametrize(
    ("engine", "told"),
    [
        pytest.param("tesseract", "engine: a language is missing", id="no colon"),
        pytest.param("tesseract:", "engine: a language is missing", id="nothing behind it"),
        pytest.param("tesseract:rus+klingon", "engine: 'klingon' is not a language", id="unknown"),
    ],
)
def test_an_engine_without_a_language_says_so(engine: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        DocumentReader(engine)


def test_languages_that_rapidocr_reads_need_no_pack() -> None:
    reader = DocumentReader(languages="en+de", task="text")
    assert set(reader.engine.identity) == {"rapidocr", "vlm-adapters"}  # type: ignore[attr-defined]


@pytest.mark.skipif(is_installed(), reason="tesserocr is installed")
def test_a_language_that_needs_tesseract_says_what_to_install() -> None:
    with pytest.raises(MissingExtraError) as caught:
        DocumentReader(languages="rus")
    assert "vlm-adapters[tesseract]" in caught.value.hint


def test_a_missing_pack_is_named_with_its_package_on_each_system() -> None:
    with pytest.raises(ConfigError) as caught:
        Packs("/packs", (("eng", 1),)).check(("chi_sim",), "languages")
    hint = caught.value.hint
    for told in ("tesseract-ocr-chi-sim", "brew install tesseract-lang", "Windows", "chi_sim.traineddata"):
        assert told in hint


def test_each_script_has_a_pack_and_each_pack_one_script() -> None:
    packs = [pack for script in SCRIPTS for pack in script.packs]
    assert len(packs) == len(set(packs))
    assert all(script_of_pack(pack) is not None for pack in packs)
    assert "tesseract-ocr-rus" in how_to_install(["rus"])


def test_packs_are_found_where_the_variable_says(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = __import__("pathlib").Path(str(tmp_path))
    (folder / "rus.traineddata").write_bytes(b"123")
    monkeypatch.setenv("TESSDATA_PREFIX", str(folder))
    assert find_packs() == Packs(str(folder), (("rus", 3),))


@pytest.mark.parametrize(
    ("text", "from_right"),
    [("שלום 12", True), ("12 مرحبا", True), ("Total", False), ("12.50", False), ("", False)],
)
def test_the_first_letter_tells_the_direction(text: str, from_right: bool) -> None:
    assert is_from_right(text) == from_right


def piece(text: str, left: float, *, from_right: bool = False) -> Piece:
    return Piece(text, 1.0, (left, 0, left + 30, 10), 5, from_right=from_right, engine="tesseract")


def test_pieces_of_a_row_from_the_right_are_joined_from_the_right() -> None:
    row = [piece("בערכם", 0, from_right=True), piece("ושווים", 32, from_right=True)]
    (joined,) = join_close(row)
    assert joined.text == "ושווים בערכם"


def test_parts_from_the_left_keep_their_order_within_a_row_from_the_right() -> None:
    row = [piece("INV", 0), piece("2024", 32), piece("מספר חשבונית", 64, from_right=True)]
    assert [one.text for one in as_read(row)] == ["מספר חשבונית", "INV", "2024"]


def test_a_row_from_the_left_stays_as_it_is() -> None:
    row = [piece("Invoice number", 0), piece("שלום", 32, from_right=True)]
    assert as_read(row) == row

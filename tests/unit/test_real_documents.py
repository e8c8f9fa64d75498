"""Real scans and PDFs with known truth, through the whole reader."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from rapidfuzz.distance import Levenshtein

from vlm_core import DocumentReader, InputError, PageImage, PageResult, PageState, read
from vlm_core.ocr.local import LocalEngine

PHOTOTESTS = (
    "phototest.tif",
    "phototest-rotated-180.png",
    "phototest-rotated-L.png",
    "phototest-rotated-R.png",
    "phototestrot.tif",
)


def words(text: str) -> Counter[str]:
    return Counter(re.findall("[A-Z0-9]+", text.upper()))


def word_f1(read_text: str, true_text: str) -> float:
    found, true = words(read_text), words(true_text)
    return 2 * (found & true).total() / (found.total() + true.total())


def character_error(read_text: str, true_text: str) -> float:
    found, true = (" ".join(text.split()) for text in (read_text, true_text))
    return Levenshtein.distance(found, true) / len(true)


@pytest.mark.parametrize("name", PHOTOTESTS)
def test_a_turned_scan_reads_as_the_upright_one(data: Path, name: str) -> None:
    gold = (data / "pages" / "phototest.gold.txt").read_text()
    assert character_error(read(data / "pages" / name).text, gold) <= 0.01


def test_a_pdf_scanned_in_four_ways_gives_the_same_lines(data: Path) -> None:
    names = [f"ocr_test{turn}.pdf" for turn in ("", "_rotated_90", "_rotated_180", "_rotated_270")]
    lines = [[line.text for line in read(data / "pdfs" / name).pages[0].lines] for name in names]
    assert lines[0]
    assert lines[1:] == [lines[0]] * 3


@pytest.mark.parametrize("name", ["edgar.pdf", "edgar-rotated90.pdf"])
def test_a_born_digital_page_gives_its_own_text(data: Path, name: str) -> None:
    page = read(data / "pdfs" / name).pages[0]
    assert page.engine == "pdf"
    assert "King of the English" in page.text
    assert all(0 <= edge <= 1 for line in page.lines for edge in line.bbox)


@pytest.mark.parametrize("name", ["edgar.pdf", "edgar-rotated90.pdf"])
def test_ocr_of_its_picture_agrees_with_that_text(data: Path, name: str) -> None:
    path = data / "pdfs" / name
    assert word_f1(read(path, pdf_text="ignore").text, read(path).text) >= 0.95


def test_ocr_of_a_coarse_picture_of_it_agrees_mostly(data: Path) -> None:
    truth = read(data / "pdfs" / "edgar.pdf").text
    assert word_f1(read(data / "pdfs" / "edgar_image.pdf").text, truth) >= 0.85


@pytest.mark.parametrize(
    "name", ["some_ocr1.pdf", "handwriting_bad_ocr.pdf", "small_page_size.pdf", "newspaper.pdf"]
)
def test_a_scan_over_a_hidden_text_layer_is_read_by_ocr(data: Path, name: str) -> None:
    pages = read(data / "pdfs" / name, pages=[1]).pages
    assert [page.engine for page in pages] == ["rapidocr"]
    assert pages[0].text


def test_a_blank_pdf_is_blank(data: Path) -> None:
    (page,) = read(data / "pdfs" / "blanktext.pdf").pages
    assert (page.state, page.text) == (PageState.BLANK, "")


def test_a_page_of_five_metres_is_not_blank(data: Path) -> None:
    page = read(data / "pdfs" / "skinnypage.pdf").pages[1]
    assert page.state is PageState.OK
    assert len(page.lines) > 100


def test_ocr_of_a_page_of_five_metres_agrees_with_its_text(data: Path) -> None:
    path = data / "pdfs" / "skinnypage.pdf"
    drawn, own = (read(path, pages=[2], pdf_text=choice).text for choice in ("ignore", "auto"))
    assert word_f1(drawn, own) >= 0.9


def test_a_page_as_heic_jpeg_and_png_reads_the_same(data: Path) -> None:
    texts = [read(data / "formats" / f"DA-1p.{suffix}").text for suffix in ("heic", "jpg", "png")]
    assert max(character_error(text, texts[0]) for text in texts) <= 0.005


def test_two_columns_are_read_one_after_the_other(data: Path) -> None:
    text = read(data / "formats" / "double-column-A.jpg").text
    left, right = (
        text.index("The rules in this subchapter shall"),
        text.index("eligibility to be noncompetitively"),
    )
    assert left < text.index("1.3 Definitions.\n\nAs used") < right


def test_four_columns_that_nearly_touch_are_read_one_after_the_other(data: Path) -> None:
    truth = (data / "pages" / "8071_093.3B.txt").read_text(errors="replace")
    assert character_error(read(data / "pages" / "8071_093.3B.tif").text, truth) <= 0.1


@pytest.mark.parametrize("name", ["000", "135", "270", "405", "570"])
def test_receipts_are_read_well(data: Path, name: str) -> None:
    rows = (data / "receipts" / f"{name}.csv").read_text(errors="replace").splitlines()
    truth = "\n".join(row.split(",", 8)[8] for row in rows if row.count(",") >= 8)
    document = read(data / "receipts" / f"{name}.jpg")
    assert word_f1(document.text, truth) >= 0.88
    assert document.ok


@pytest.mark.parametrize("name", ["120", "270", "480", "585"])
def test_a_receipt_with_ornaments_and_logos_is_read_in_full(data: Path, name: str) -> None:
    assert read(data / "receipts" / f"{name}.jpg").pages[0].state is PageState.OK


UNKNOWN = ["ara", "ben", "ell", "heb", "hin", "kor", "mixara", "mixrus", "rus", "tam", "tha", "ukr", "vie"]
KNOWN = ["ces", "chi", "deu", "fra", "jpn", "jpnvert", "pol", "tur"]


@pytest.mark.parametrize("script", UNKNOWN)
def test_a_page_in_a_script_that_the_engine_lacks_says_so(data: Path, script: str) -> None:
    document = read(data / "scripts" / f"{script}.png", engine=LocalEngine(reads_again=False))
    page = document.pages[0]
    assert (page.state, page.error, document.ok, page.rotation) == (PageState.PARTIAL, None, False, 0)
    assert page.unread_share > 0.06
    assert all(0 <= edge <= 1 for box in page.unread for edge in box)
    assert re.match(r"\d+ % of the writing is unread, at \d\.\d{3},", page.warnings[0])


@pytest.mark.parametrize("script", KNOWN)
def test_a_page_in_a_script_that_the_engine_has_is_read_in_full(data: Path, script: str) -> None:
    page = read(data / "scripts" / f"{script}.png").pages[0]
    assert (page.state, page.warnings, page.unread) == (PageState.OK, (), ())


@pytest.mark.parametrize(
    ("name", "f1"),
    [("curl1", 0.97), ("curl2", 0.95), ("fax", 0.93), ("stamp", 0.89), ("inverted", 1.0)],
)
def test_a_page_that_is_bent_stamped_or_faxed_is_read(data: Path, name: str, f1: float) -> None:
    truth = json.loads((data / "hard" / f"prose_{name}.json").read_text())["text"]
    assert word_f1(read(data / "hard" / f"prose_{name}.jpg").text, truth) >= f1


def test_print_of_thin_dots_is_read_and_what_is_unread_told(data: Path) -> None:
    truth = json.loads((data / "hard" / "prose_dots.json").read_text())["text"]
    page = read(data / "hard" / "prose_dots.jpg").pages[0]
    assert page.state is PageState.PARTIAL
    assert word_f1(page.text, truth) >= 0.93


@pytest.mark.parametrize(
    "name",
    [
        "formats/hopper.ppm",
        "formats/hopper.avif",
        "formats/transparent.png",
        "formats/pil_sample_cmyk.jpg",
        "wild/libavif__sofa_grid1x5_420.avif",
        "orientation/Landscape_1.jpg",
        "orientation/Portrait_1.jpg",
    ],
)
def test_a_photograph_is_neither_turned_nor_called_partial(data: Path, name: str) -> None:
    page = read(data / name).pages[0]
    assert (page.state, page.rotation) == (PageState.OK, 0)


def test_a_colour_map_of_eight_bits_has_its_colours(data: Path) -> None:
    assert read(data / "wild" / "min-8bit-colormap.tif").text == "INVOICE 4711"


@pytest.mark.parametrize(
    ("name", "doubt"),
    [
        pytest.param("sample-files__habibi.pdf", "a letter or more may be unread", id="a-word-beside-it"),
        pytest.param("pdf.js__arial_unicode_ab_cidfont.pdf", "could not be read", id="a-word-alone"),
    ],
)
def test_a_word_in_a_script_that_the_engine_lacks_is_told(data: Path, name: str, doubt: str) -> None:
    page = read(data / "wild" / name, engine=LocalEngine(reads_again=False)).pages[0]
    assert any(doubt in warning for warning in page.warnings)


class Sizes:
    """An engine that gives a page's size for its text."""

    name = "sizes"
    model = None

    def read_page(self, page: PageImage) -> PageResult:
        return PageResult(text=f"{page.width}x{page.height}", engine=self.name)


BROKEN = {
    "broken_data_stream.png",
    "decompression_bomb.gif",
    "seek_too_large.tif",
    "truncated_image.png",
    "truncated_jpeg.jpg",
}
FRAMES = {"g4-multi.tiff": 3, "multipage.tiff": 3, "two_frames_2206.01062.tif": 2, "iss634.webp": 42}


def test_a_folder_of_all_formats_gives_every_page_and_a_typed_error_for_each_broken_file(data: Path) -> None:
    documents = list(DocumentReader(Sizes()).iter(data / "formats"))
    names = [Path(document.source).name for document in documents]
    assert names == sorted(names)
    by_name = dict(zip(names, documents, strict=True))
    assert {name for name, document in by_name.items() if not document.ok} == BROKEN
    assert all(
        isinstance(error, InputError) and error.hint for name in BROKEN for error in by_name[name].errors
    )
    assert {name: len(by_name[name].pages) for name in FRAMES} == FRAMES
    assert all("x" not in by_name[name].text for name in BROKEN)


def test_a_bomb_given_by_its_path_is_refused_though_its_suffix_is_unknown(data: Path) -> None:
    (page,) = read(data / "formats" / "decompression_bomb.ico", engine=Sizes()).pages
    assert isinstance(page.error, InputError)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("tika__testPDF_JBIG2.pdf", "this is a test.", id="a line that is a small picture"),
        pytest.param("OCRmyPDF__truetype_font_nomapping.pdf", "Phone", id="a font without a mapping"),
        pytest.param("tika__testPDFPackage.pdf", "PDF Package", id="a portfolio's cover"),
    ],
)
def test_what_a_pdfs_text_layer_lacks_is_read(data: Path, name: str, text: str) -> None:
    assert text in read(data / "wild" / name).text

"""The order of the lines of real scans and PDFs, through the whole reader."""

from __future__ import annotations

import json
import re
import unicodedata
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from rapidfuzz.distance import Levenshtein

from vlm_core import DocumentReader, read
from vlm_core.types import Box

BORN_DIGITAL = (
    "wild/min-order-labels-then-values.pdf",
    "wild/pdf.js__160F-2019.pdf",
    "wild/pdf.js__tracemonkey.pdf",
    "wild/pdfplumber__federal-register-2020-17221.pdf",
    "wild/tabula-java__spreadsheet_no_bounding_frame.pdf",
    "pdfs/edgar.pdf",
    "pdfs/skinnypage.pdf",
)


def words(text: str) -> list[str]:
    return re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold())


def in_this_order(text: str, *parts: str) -> bool:
    whole = " ".join(text.split())
    places = [whole.index(part) for part in parts]
    return all(before < after for before, after in pairwise(places))


def is_one_column(a: Box, b: Box) -> bool:
    """Whether most of the shorter line stands above or below the other."""
    return min(a[2], b[2]) - max(a[0], b[0]) > 0.5 * min(a[2] - a[0], b[2] - b[0])


def rise(a: Box, b: Box) -> float:
    """How far the second box is above the first, in heights of the lower one of the two."""
    return (a[1] + a[3] - b[1] - b[3]) / 2 / min(a[3] - a[1], b[3] - b[1])


@pytest.mark.parametrize("name", BORN_DIGITAL)
def test_hardly_a_line_of_a_born_digital_pdf_comes_before_one_above_it(data: Path, name: str) -> None:
    boxes = [[line.bbox for line in page.lines if page.engine == "pdf"] for page in read(data / name).pages]
    rises = [rise(a, b) for page in boxes for a, b in combinations(page, 2) if is_one_column(a, b)]
    assert sum(each > 0.5 for each in rises) < 0.02 * sum(abs(each) > 0.5 for each in rises)


@pytest.mark.parametrize(
    "name", ["prose_skew02", "prose_skew10", "prose_persp1", "prose_photo", "prose_curl2"]
)
def test_prose_askew_or_on_a_bent_page_is_read_in_order(data: Path, name: str) -> None:
    truth = json.loads((data / "hard" / f"{name}.json").read_text("utf-8"))["text"]
    similarity = Levenshtein.normalized_similarity(
        words(read(data / "hard" / f"{name}.jpg").text), words(truth)
    )
    assert similarity >= 0.98


@pytest.mark.parametrize("name", ["ccitt", "skew"])
def test_columns_between_lines_that_run_across_are_read_one_after_the_other(data: Path, name: str) -> None:
    text = read(data / "wild" / f"OCRmyPDF__{name}.pdf").text
    assert in_this_order(
        text,
        "Recording a Sequence",
        "Editing",
        "Creating a Song",
        "Composition Without",
        "Any TIME SIGNATURE",
    )


def test_prose_beside_an_info_box_is_read_before_it(data: Path) -> None:
    text = read(data / "wild" / "OCRmyPDF__masks.pdf").text
    assert in_this_order(
        text, "(siehe GNU/Linux", "Kernel an ihre eigenen", "Basisdaten", "Inhaltsverzeichnis"
    )


def test_the_head_of_a_paper_read_by_ocr_is_title_authors_and_then_its_columns(data: Path) -> None:
    page = read(data / "wild" / "pdf.js__tracemonkey.pdf", pdf_text="ignore", max_pages=1).pages[0]
    parts = (
        "Trace-based",
        "Andreas Gal",
        "Mozilla Corporation",
        "Abstract",
        "Introduction",
        "and is used for",
    )
    assert in_this_order(page.text, *parts)


def test_labels_of_a_form_stand_beside_their_fields(data: Path) -> None:
    form = DocumentReader(task="text").read(data / "wild" / "pdf.js__160F-2019.pdf")
    rows = [" ".join(row.split()) for row in form.text.splitlines()]
    wanted = [
        "1 période du au classe d'impôt et taux (suivant fiche)",
        "8 1. cotisations sociales 4)",
        "15 AC",
    ]
    assert [row for row in rows if row in wanted] == wanted


def test_rows_of_a_table_without_rules_come_in_order(data: Path) -> None:
    lines = [
        line.text
        for line in read(data / "wild" / "tabula-java__spreadsheet_no_bounding_frame.pdf").pages[0].lines
    ]
    start = lines.index("COTTON")
    assert lines[start : start + 7] == [
        "COTTON",
        "1.393,4",
        "886,7",
        "894,9",
        "(35,8)",
        "(498,5)",
        "TOTAL PEANUT",
    ]


def test_footnotes_follow_the_body_of_their_column(data: Path) -> None:
    pages = read(data / "wild" / "pdfplumber__federal-register-2020-17221.pdf").pages
    left, right = "activation, airspeed disagree alert", "and the Ethiopian Civil Aviation"
    assert in_this_order(pages[1].text, left, "1Preliminary KNKT", right, "7Ethiopian Aircraft")

"""Files that are made to hold up whoever looks at them: told what they are, and nothing is held up."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from small_pdfs import HARMLESS, SLOW_FUNCTION, shading

from vlm_core import PDFError
from vlm_core.images.pdf_worker import open_pdf
from vlm_core.images.sniff import refusal

COMMENTS = b"<!---->"
# Each is short or as long as what is looked at, and never becomes what it begins as.
UNDECIDED = [
    pytest.param(b'<?xml version="1.0"?>' + COMMENTS * 36 + b"<!--", id="comments without an end, 281 bytes"),
    pytest.param(COMMENTS * 9000, id="nothing but comments"),
    pytest.param(b"<?xml?>" * 9000, id="nothing but declarations"),
    pytest.param(b"<?xml?><!---->\n" * 4000 + b"<svh", id="declarations and comments, and almost a drawing"),
    pytest.param(b"<!--" * 16_000, id="beginnings of comments"),
    pytest.param(
        b"<!-- -->" * 4000 + b"<!DOCTYPE svg " + b"<!-- -->" * 4000, id="a doctype between comments"
    ),
    pytest.param(b"<!DOCTYPE svg>" * 4600, id="doctypes"),
    pytest.param(b"<!DOCTYPE svg [" * 4300, id="doctypes with brackets"),
    pytest.param(b" " * 65_000 + b"\0", id="blanks"),
    pytest.param(b"\n<!---->\n" * 7000 + b"\0", id="comments between line ends"),
    pytest.param(b"\xef\xbb\xbf" + b"\t \r\n" * 16_000 + b"<!--", id="a mark and blanks"),
    pytest.param(b"\xc3\xa9" * 32_000 + b"\xff", id="letters of two bytes, and one that is none"),
    pytest.param(b"\xe2\x82\xac" * 21_000 + b"\xff", id="letters of three bytes, and one that is none"),
    pytest.param(b"PK\x03\x04" + b"word/documen" * 5400, id="almost a Word document"),
    pytest.param(b"0000ftyp" + b"avie" * 16_000, id="almost an AVIF"),
    pytest.param(b"%PDF" * 16_000, id="almost a PDF"),
]


@pytest.mark.parametrize("data", UNDECIDED)
def test_a_file_that_is_no_picture_is_refused_by_whoever_looks_at_it(
    data: bytes,
    tmp_path: Path,
    look: Callable[[Path], str],
    bounded: Callable[[], AbstractContextManager[None]],
) -> None:
    path = tmp_path / "scan.png"
    path.write_bytes(data)
    with bounded():
        said = look(path)
    assert "not a picture" in said or "no known format" in said


DRAWINGS = [
    pytest.param(b"<svg/>", id="bare"),
    pytest.param(b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', id="declared"),
    pytest.param(b"<!-- drawn -->\n<!-- twice -->\n<svg>", id="behind comments"),
    pytest.param(
        b'<?xml?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "a.dtd">\n<svg>', id="with a doctype"
    ),
    pytest.param(b'<!DOCTYPE svg [\n<!ENTITY ns "http://a/>">\n] >\n<!-- x -->\n<svg>', id="with entities"),
    pytest.param(b"\xef\xbb\xbf \n<?xml?><!doctype SVG><SVG>", id="in other letters"),
]


@pytest.mark.parametrize("data", DRAWINGS)
def test_a_drawing_is_still_told_by_its_first_element(data: bytes) -> None:
    assert refusal(data, "a.png").message == "a.png is a scalable drawing (SVG), which is not supported"


def test_blanks_alone_are_plain_text() -> None:
    assert "is plain text" in refusal(b" \n" * 40_000, "a.png").message


# --- PDFs ----------------------------------------------------------------------------------------


def test_a_pdf_that_took_too_long_says_so_and_nothing_else_as_it_is_closed() -> None:
    slow = shading(SLOW_FUNCTION)
    with pytest.raises(PDFError, match="too long"), open_pdf(slow, timeout=1) as document:
        document.page(1)
    with open_pdf(HARMLESS) as another:
        assert another.page(1).page_number == 1

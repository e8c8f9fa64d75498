"""Pictures on born-digital pages, whose words the page lacks: checked by the local engine there."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont

from vlm_core import DocumentReader, PageImage, PageResult
from vlm_core.evidence.check import check
from vlm_core.evidence.layer_print import print_of_layer
from vlm_core.images.decode import open_document
from vlm_core.ocr.local import LocalEngine

OWN = ("Report of the harbour office", "Ships arrived 214", "Ships left 198")
IN_PICTURE = ("Quay North 57 ships", "Quay South 82 ships")
EVERYTHING = "\n".join((*OWN, *IN_PICTURE))
PICTURE = (0.1, 0.45, 0.9, 0.75)
"""Where it is on the page."""


def pdf() -> bytes:
    """A page with three lines of its own and a picture of two more below them."""
    image = Image.new("RGB", (1000, 500), (250, 250, 250))
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size=56)
    for number, line in enumerate(IN_PICTURE):
        pen.text((90, 90 + 200 * number), line, fill=(10, 10, 10), font=font)
    jpeg = io.BytesIO()
    image.save(jpeg, "JPEG", quality=92)
    text = "".join(f"BT /F 20 Tf 60 {740 - 40 * at} Td ({line}) Tj ET\n" for at, line in enumerate(OWN))
    content = f"{text}q 480 0 0 240 60 210 cm /I Do Q\n".encode()
    stream = jpeg.getvalue()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R"
        b"/Resources<</Font<</F 5 0 R>>/XObject<</I 6 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        b"<</Type/XObject/Subtype/Image/Width 1000/Height 500/ColorSpace/DeviceRGB/BitsPerComponent 8"
        b"/Filter/DCTDecode/Length %d>>stream\n%s\nendstream" % (len(stream), stream),
    ]
    body = b"".join(b"%d 0 obj%s\nendobj\n" % (number, each) for number, each in enumerate(objects, 1))
    return b"%PDF-1.4\n" + body + b"trailer<</Root 1 0 R/Size 7>>"


class Model:
    """Answers a page with a text, and a picture on it with another one."""

    name, model = "model", None

    def __init__(self, page: str, picture: str = "") -> None:
        self.page, self.picture = page, picture

    def read_page(self, page: PageImage) -> PageResult:
        is_picture = page.width > page.height
        text = self.picture if is_picture else self.page
        return PageResult.of(page, text=text, raw=text, engine=self.name)


def read(model: Model, **options: Any) -> PageResult:
    return DocumentReader(model, verify=True, **options).read(pdf()).pages[0]


def is_in_picture(finding: Any) -> bool:
    return finding.bbox is not None and finding.bbox[1] > PICTURE[1]


def test_what_is_written_of_a_picture_is_found_in_it() -> None:
    page = read(Model(EVERYTHING), pdf_text="ignore")
    assert page.checked_by == "pdf"
    assert [piece.status for piece in page.evidence] == ["exact"] * 5
    assert not page.findings
    assert page.evidence[3].bboxes[0][1] > PICTURE[1]


def test_what_differs_in_a_picture_is_told() -> None:
    page = read(Model(EVERYTHING.replace("82", "32")), pdf_text="ignore")
    (finding,) = page.findings
    assert (finding.text, finding.expected, finding.severity) == ("32", "82", "review")
    assert is_in_picture(finding)


def test_words_of_a_picture_that_are_left_out_are_notes() -> None:
    page = read(Model("\n".join(OWN)), pdf_text="ignore")
    assert [(finding.kind, finding.severity) for finding in page.findings] == [("missing", "note")] * 2
    assert all(map(is_in_picture, page.findings))


def test_lines_of_the_pages_own_that_are_left_out_are_to_be_looked_at() -> None:
    page = read(Model("\n".join((OWN[0], *IN_PICTURE))), pdf_text="ignore")
    assert {(finding.expected, finding.severity) for finding in page.findings} == {
        (OWN[1], "review"),
        (OWN[2], "review"),
    }


def test_a_picture_that_a_model_read_is_checked_where_it_stands() -> None:
    page = read(Model("", "\n".join(IN_PICTURE).replace("57", "51")))
    assert (page.engine, page.checked_by) == ("pdf", "rapidocr PP-OCRv6-small")
    (finding,) = page.findings
    assert (finding.kind, finding.expected) == ("number_changed", "57")
    assert is_in_picture(finding)
    assert page.text[finding.start : finding.end] == finding.text == "51"
    assert [page.text[piece.start : piece.end] for piece in page.evidence] == [
        "Quay North 51 ships",
        IN_PICTURE[1],
    ]
    assert page.agreement is not None
    assert 0.9 < page.agreement < 1


def test_without_an_engine_the_words_of_a_picture_are_not_checked() -> None:
    with open_document(pdf(), trusted=True) as document:
        page = document.page(1)
    assert page.text_layer is not None
    checked = check(EVERYTHING, print_of_layer(page.text_layer, page))
    assert [unit.status for unit in checked.evidence] == ["exact"] * 3 + ["not_checked"] * 2
    assert not checked.marks


def test_a_page_without_pictures_is_not_read_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalEngine, "read_closely", None)
    plain = pdf().replace(b"/I Do", b"     ")
    model = Model("\n".join(OWN))
    page = DocumentReader(model, verify=True, pdf_text="ignore").read(plain).pages[0]
    assert [piece.status for piece in page.evidence] == ["exact"] * 3


REAL = {
    "pdfs/edgar.pdf": 1,
    "tables/icdar2013-eu/eu-002.pdf": 1,
    "tables/icdar2013-eu/eu-009a.pdf": 1,
    "tables/icdar2013-eu/eu-020.pdf": 3,
    "tables/icdar2013-eu/eu-021.pdf": 1,
    "tables/icdar2013-eu/eu-024.pdf": 2,
}


@pytest.mark.parametrize(("name", "number"), REAL.items(), ids=[Path(name).stem for name in REAL])
def test_true_texts_of_real_pages_with_charts_have_nothing_to_be_looked_at(
    data: Path, name: str, number: int
) -> None:
    with open_document((data / name).read_bytes(), trusted=True) as document:
        page = document.page(number)
    layer, engine = page.text_layer, LocalEngine("text")
    assert layer is not None
    printed = print_of_layer(layer, page, engine)
    own, seen = printed.lines[: len(layer.lines)], printed.lines[len(layer.lines) :]
    assert seen
    for lines in (own, (*own, *seen)):
        marks = check("\n".join(line.text for line in lines), printed).marks
        assert not [mark for mark in marks if mark.severity == "review"]

"""Pages of PDFs: their pixels, their text layer, and what happens when the worker comes to harm."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from vlm_core.errors import PasswordRequiredError, PDFError
from vlm_core.images import pdf_worker
from vlm_core.images.pdf_text import Char, Style, lines_of
from vlm_core.images.pdf_worker import open_pdf
from vlm_core.images.sources import expand
from vlm_core.types import PageImage

FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"
ROOT = Path(pdf_worker.__file__).parents[2]


def write_pdf(*objects: bytes) -> bytes:
    """A PDF of these objects, numbered from 1; the first is the catalogue."""
    body, starts = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, 1):
        starts.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % start for start in starts)
    size = len(objects) + 1
    trailer = b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size, len(body))
    return body + b"xref\n0 %d\n0000000000 65535 f \n" % size + table + trailer


def stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (entries, len(data), data)


def picture(width: int = 800, height: int = 600) -> bytes:
    entries = b"/Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray/BitsPerComponent 8"
    return stream(b"\x80" * (width * height), entries % (width, height))


def text_pdf(
    *contents: bytes,
    page: bytes = b"/MediaBox[0 0 400 300]",
    image: bytes | None = None,
    font: bytes = FONT,
    catalog: bytes = b"",
) -> bytes:
    """A PDF with a page for each content stream; /F is Helvetica, /I the image, /G a form that holds it."""
    kids = b" ".join(b"%d 0 R" % (6 + 2 * index) for index in range(len(contents)))
    fonts_and_images = b"/Resources<</Font<</F 3 0 R>>/XObject<</I 4 0 R/G 5 0 R>>>>"
    form = stream(
        b"q 50 0 0 50 0 0 cm /I Do Q", b"/Type/XObject/Subtype/Form/BBox[0 0 99 99]" + fonts_and_images
    )
    pages = [
        part
        for index, content in enumerate(contents)
        for part in (
            b"<</Type/Page/Parent 2 0 R/Contents %d 0 R%s%s>>" % (7 + 2 * index, fonts_and_images, page),
            stream(content),
        )
    ]
    return write_pdf(
        b"<</Type/Catalog/Pages 2 0 R%s>>" % catalog,
        b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, len(contents)),
        font,
        image or picture(),
        form,
        *pages,
    )


def say(text: bytes, place: bytes = b"1 0 0 1 50 150", mode: int = 0) -> bytes:
    """Content that writes a text at a place given as a matrix."""
    return b"BT /F 12 Tf %d Tr %s Tm (%s) Tj ET " % (mode, place, text)


def slow_pdf() -> bytes:
    """Page 1 is blank; page 2 is shaded 20,000 times, which takes time and hardly any memory."""
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]/Resources<</Shading<</S 5 0 R>>>>%s>>"
    return write_pdf(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R 4 0 R]/Count 2>>",
        page % b"",
        page % b"/Contents 6 0 R",
        b"<</ShadingType 1/ColorSpace/DeviceGray/Domain[0 100 0 100]/Function 7 0 R>>",
        stream(b"/S sh " * 20_000),
        stream(b"{ add 200 div }", b"/FunctionType 4/Domain[0 100 0 100]/Range[0 1]"),
    )


def read(data: bytes | Path, number: int = 1, **options: object) -> PageImage:
    with open_pdf(data, **options) as document:  # type: ignore[arg-type]
        return document.page(number)


def texts(page: PageImage) -> list[str]:
    assert page.text_layer is not None
    return [line.text for line in page.text_layer.lines]


def ink(page: PageImage) -> tuple[float, float, float, float]:
    """The box of everything on the page that is not white, as fractions."""
    rows = [page.pixels[i : i + 3 * page.width] for i in range(0, len(page.pixels), 3 * page.width)]
    white = b"\xff" * (3 * page.width)
    inked = [index for index, row in enumerate(rows) if row != white]
    lefts = [(len(row) - len(row.lstrip(b"\xff"))) // 3 for row in rows if row != white]
    rights = [len(row.rstrip(b"\xff")) / 3 for row in rows if row != white]
    return (
        min(lefts) / page.width,
        inked[0] / page.height,
        max(rights) / page.width,
        (inked[-1] + 1) / page.height,
    )


def worker_pid() -> int:
    (worker,) = pdf_worker.workers("bytes").all
    return worker.pid


def shaded(channels: int) -> bytes:
    """A picture that is dark on the left and light on the right, of a scan in grey or in RGB."""
    space = {1: b"/DeviceGray", 3: b"/DeviceRGB"}[channels]
    entries = b"/Type/XObject/Subtype/Image/Width 1024/Height 800/BitsPerComponent 8/ColorSpace" + space
    row = b"".join(bytes([level]) * 4 * channels for level in range(256))
    return stream(row * 800, entries)


# How a page is drawn


@pytest.mark.parametrize(
    ("box", "size"),
    [
        pytest.param(b"0 0 595 842", (1652, 2338), id="A4 at 200 dpi"),
        pytest.param(b"0 0 0.1 0.1", (1, 1), id="a dot"),
        pytest.param(b"0 0 14400 14400", (6324, 6324), id="40 megapixels"),
        pytest.param(b"0 0 14400 200", (40000, 555), id="a long strip"),
    ],
)
def test_a_page_is_drawn_with_200_dpi_and_never_over_40_megapixels(box: bytes, size: tuple[int, int]) -> None:
    page = read(text_pdf(b"", page=b"/MediaBox[%s]" % box))
    assert (page.width, page.height) == size
    assert len(page.pixels) == 3 * size[0] * size[1]


def test_a_scan_in_grey_is_drawn_as_one_in_colour_would_be() -> None:
    fills = b"401 0 0 300 0 0 cm /I Do"
    size = b"/MediaBox[0 0 401 300]"  # a width that is not a multiple of four
    grey, colour = (read(text_pdf(fills, page=size, image=shaded(channels))) for channels in (1, 3))
    assert colour.levels is None
    assert grey.levels == colour.pixels[::3]
    assert grey.sha256 == colour.sha256
    assert grey.pixels == colour.pixels


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"400 0 0 300 0 0 cm /I Do 1 0 0 RG 0 0 m 1 1 l S", id="a red line over it"),
        pytest.param(b"0 0 1 rg 0 0 400 300 re f 396 0 0 296 2 2 cm /I Do", id="a blue ground behind it"),
        pytest.param(b"8 0 0 6 0 0 cm /G Do", id="a form that may draw anything"),
    ],
)
def test_a_scan_with_more_on_the_page_keeps_its_colours(content: bytes) -> None:
    assert read(text_pdf(content, image=shaded(1))).levels is None


@pytest.mark.parametrize(
    ("points", "pixels", "size"),
    [
        pytest.param((600, 800), (1500, 2000), (1500, 2000), id="its own pixels"),
        pytest.param((100, 130), (1000, 1300), (1000, 1300), id="a page of no size to speak of"),
        pytest.param((60, 80), (420, 560), (700, 933), id="made legible"),
        pytest.param((600, 800), (600, 800), (1250, 1666), id="150 dpi at least"),
        pytest.param((600, 800), (4800, 6400), (2800, 3733), id="no more than can be of use"),
    ],
)
def test_a_scan_is_drawn_at_about_its_own_resolution(
    points: tuple[int, int], pixels: tuple[int, int], size: tuple[int, int]
) -> None:
    content = b"%d 0 0 %d 0 0 cm /I Do" % points
    page = read(text_pdf(content, page=b"/MediaBox[0 0 %d %d]" % points, image=picture(*pixels)))
    assert (page.width, page.height) == size


def test_a_page_without_anything_is_white_and_has_no_text_layer() -> None:
    page = read(text_pdf(b""))
    assert page.text_layer is None
    assert page.pixels == b"\xff" * len(page.pixels)


def test_colours_are_red_green_blue() -> None:
    page = read(text_pdf(b"1 0 0 rg 0 0 400 300 re f"))
    assert page.pixels[:3] == b"\xff\x00\x00"


def test_a_page_knows_its_number_the_total_and_its_source() -> None:
    page = read(text_pdf(b"", b"", b""), 2, source="a.pdf")
    assert (page.page_number, page.total_pages, page.source, page.rotation) == (2, 3, "a.pdf", 0)


# Where its text stands


@pytest.mark.parametrize(
    ("page", "place", "rotation"),
    [
        pytest.param(b"/MediaBox[0 0 400 300]", b"1 0 0 1 50 150", 0, id="plain"),
        pytest.param(b"/MediaBox[-100 -50 300 250]", b"1 0 0 1 -50 150", 0, id="origin elsewhere"),
        pytest.param(b"/MediaBox[0 0 400 300]/CropBox[40 100 200 200]", b"1 0 0 1 50 150", 0, id="cropped"),
        pytest.param(b"/MediaBox[0 0 400 300]/Rotate 90", b"1 0 0 1 50 150", 270, id="shown sideways"),
        pytest.param(b"/MediaBox[0 0 400 300]/Rotate 180", b"1 0 0 1 50 150", 180, id="shown upside down"),
        pytest.param(b"/MediaBox[0 0 400 300]/Rotate 270", b"1 0 0 1 50 150", 90, id="shown the other way"),
        pytest.param(b"/MediaBox[0 0 400 300]", b"0 1 -1 0 150 50", 90, id="runs upwards"),
        pytest.param(b"/MediaBox[0 0 400 300]", b"0 -1 1 0 150 250", 270, id="runs downwards"),
        pytest.param(b"/MediaBox[0 0 400 300]/Rotate 90", b"0 1 -1 0 150 50", 0, id="the two cancel out"),
        pytest.param(
            b"/MediaBox[0 0 400 300]/CropBox[40 20 200 220]/Rotate 90",
            b"0 -1 1 0 150 200",
            180,
            id="all at once",
        ),
    ],
)
def test_a_line_stands_where_its_ink_is_on_a_page_turned_upright(
    page: bytes, place: bytes, rotation: int
) -> None:
    drawn = read(text_pdf(say(b"Hamburgefons", place), page=page))
    assert drawn.rotation == rotation
    assert drawn.text_layer is not None
    (line,) = drawn.text_layer.lines
    assert line.text == "Hamburgefons"
    assert line.bbox == pytest.approx(ink(drawn), abs=0.01)
    width, height = line.bbox[2] - line.bbox[0], line.bbox[3] - line.bbox[1]
    assert width * drawn.width > 4 * height * drawn.height


def test_a_sideways_page_is_the_same_when_asked_for_again() -> None:
    with open_pdf(text_pdf(say(b"Hamburgefons"), page=b"/MediaBox[0 0 400 300]/Rotate 90")) as document:
        assert document.page(1) == document.page(1)


# What becomes a line


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        pytest.param(say(b"one line"), ["one line"], id="a line"),
        pytest.param(say(b"left") + say(b"right", b"1 0 0 1 250 150"), ["left", "right"], id="two columns"),
        pytest.param(
            say(b"one") + say(b"line", b"1 0 0 1 75 150"), ["one line"], id="two pieces close together"
        ),
        pytest.param(say(b"above") + say(b"below", b"1 0 0 1 50 136"), ["above", "below"], id="two lines"),
        pytest.param(say(b"note") + say(b"1", b".6 0 0 .6 75 155"), ["note1"], id="a superscript"),
        pytest.param(say(b"divi-") + say(b"ded", b"1 0 0 1 50 136"), ["divi-", "ded"], id="a divided word"),
        pytest.param(say(b"caf\xe9 \x80 5"), ["café € 5"], id="beyond ASCII"),
        pytest.param(say(b"slanted", b".7 .7 -.7 .7 50 50"), ["slanted"], id="slanted"),
        pytest.param(say(b"seen") + say(b"hidden", b"1 0 0 1 50 50", mode=3), ["seen"], id="invisible text"),
        pytest.param(say(b"seen") + say(b"outside", b"1 0 0 1 50 350"), ["seen"], id="outside the page"),
    ],
)
def test_text_becomes_lines(content: bytes, lines: list[str]) -> None:
    assert texts(read(text_pdf(content))) == lines


@pytest.mark.parametrize(
    ("text", "dx", "dy"),
    [
        pytest.param("縦書き", 0, -12, id="downwards"),
        pytest.param("横書き", 12, 0, id="to the right"),
        pytest.param("שלום", -6, 0, id="to the left"),
    ],
)
def test_a_line_is_one_whichever_way_it_is_written(text: str, dx: int, dy: int) -> None:
    style = Style(size=12)
    places = [(100 + dx * index, 100 + dy * index) for index in range(len(text))]
    chars = [
        Char(char, (x, y, x + 6, y + 10), (x, y), style) for char, (x, y) in zip(text, places, strict=True)
    ]
    assert [line.text for line in lines_of(chars)] == [text]


def test_lines_come_in_the_order_in_which_the_page_draws_them() -> None:
    column = [(b"a", 50, 250), (b"b", 50, 230), (b"c", 50, 210), (b"d", 250, 250), (b"e", 250, 230)]
    content = b"".join(say(text, b"1 0 0 1 %d %d" % (x, y)) for text, x, y in column)
    assert texts(read(text_pdf(content))) == ["a", "b", "c", "d", "e"]


def test_lines_drawn_from_the_bottom_up_are_put_from_the_top_down() -> None:
    content = b"".join(
        say(b"line %d" % number, b"1 0 0 1 50 %d" % (280 - 20 * number)) for number in (4, 3, 2, 1)
    )
    assert texts(read(text_pdf(content))) == ["line 1", "line 2", "line 3", "line 4"]


def test_paragraphs_and_table_rows_are_blocks() -> None:
    places = [(50, 250), (50, 236), (50, 200), (50, 186), (50, 150), (250, 150)]
    content = b"".join(say(b"text", b"1 0 0 1 %d %d" % place) for place in places)
    layer = read(text_pdf(content)).text_layer
    assert layer is not None
    assert [line.block for line in layer.lines] == [0, 0, 1, 1, 2, 2]
    assert {line.score for line in layer.lines} == {None}


def test_what_a_form_was_filled_with_stands_behind_its_label() -> None:
    fields = [
        b"<</Type/Annot/Subtype/Widget/FT/Tx/T(%d)/V(%s)/DA(/F 12 Tf 0 g)/Rect[100 %d 300 %d]/F 4>>" % field
        for field in ((1, b"Ada", 245, 265), (2, b"1843", 195, 215))
    ]
    form = b"/AcroForm<</Fields[%s]/DR<</Font<</F 3 0 R>>>>/NeedAppearances true>>" % b" ".join(fields)
    content = (
        say(b"Name:", b"1 0 0 1 50 250") + say(b"Date:", b"1 0 0 1 50 200") + say(b"Signed", b"1 0 0 1 50 99")
    )
    data = text_pdf(content, page=b"/MediaBox[0 0 400 300]/Annots[%s]" % b" ".join(fields), catalog=form)
    with open_pdf(data) as document:
        for _ in range(2):
            assert texts(document.page(1)) == ["Name:", "Ada", "Date:", "1843", "Signed"]


def test_a_note_on_the_page_is_text_of_it() -> None:
    note = b"<</Type/Annot/Subtype/FreeText/Contents(A note)/DA(/Helv 12 Tf 0 g)/Rect[50 50 200 70]/F 4>>"
    page = read(text_pdf(say(b"text"), page=b"/MediaBox[0 0 400 300]/Annots[%s]" % note))
    assert texts(page) == ["text", "A note"]


# When there is no text layer


WHOLE_PAGE = b"q 400 0 0 300 0 0 cm /I Do Q "


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(WHOLE_PAGE, id="a scan"),
        pytest.param(WHOLE_PAGE + say(b"read by a machine", mode=3), id="a scan with invisible text"),
        pytest.param(say(b"read by a machine") + WHOLE_PAGE, id="a scan over text"),
        pytest.param(say(b"read by a machine", mode=3), id="invisible text alone"),
        pytest.param(b"q 200 0 0 150 0 0 cm /I Do Q", id="a picture alone"),
        pytest.param(b"10 10 m 50 50 l S", id="a drawing alone"),
    ],
)
def test_a_page_without_text_of_its_own_is_left_to_ocr(content: bytes) -> None:
    assert read(text_pdf(content)).text_layer is None


def test_text_whose_characters_mean_nothing_is_left_to_ocr() -> None:
    private = b"<</Type/Encoding/Differences[97/uniE001/uniE002/uniE003]>>"
    font = FONT.replace(b"/WinAnsiEncoding", private)
    assert read(text_pdf(say(b"abcabc"), font=font)).text_layer is None
    assert len(texts(read(text_pdf(say(b"there is just a single one in it"), font=font)))) == 1


def test_text_is_ignored_on_demand_and_so_is_the_way_it_runs() -> None:
    page = read(text_pdf(say(b"text"), page=b"/MediaBox[0 0 400 300]/Rotate 90"), pdf_text="ignore")
    assert page.text_layer is None
    assert (page.rotation, page.width, page.height) == (0, 833, 1111)


# Pictures beside text


@pytest.mark.parametrize(
    ("content", "pictures"),
    [
        pytest.param(b"q 200 0 0 150 0 0 cm /I Do Q", [(0, 0.5, 0.5, 1)], id="a quarter"),
        pytest.param(b"q 40 0 0 30 0 0 cm /I Do Q", [], id="a logo"),
        pytest.param(b"q 4 0 0 3 0 0 cm /G Do Q", [(0, 0.5, 0.5, 1)], id="within a form"),
        pytest.param(b"q 0 150 -200 0 200 0 cm /I Do Q", [(0, 0.5, 0.5, 1)], id="turned"),
        pytest.param(b"q 400 0 0 150 200 0 cm /I Do Q", [(0.5, 0.5, 1, 1)], id="cut by the edge"),
        pytest.param(
            b"".join(b"q 200 0 0 10 0 %d cm /I Do Q " % (10 * strip) for strip in range(15)),
            [(0, 0.5, 0.5, 1)],
            id="in strips",
        ),
        pytest.param(
            b"q 100 0 0 100 0 0 cm /I Do Q q 100 0 0 100 300 200 cm /I Do Q",
            [(0.75, 0, 1, 1 / 3), (0, 2 / 3, 0.25, 1)],
            id="two of them",
        ),
    ],
)
def test_pictures_that_may_hold_text_are_named(content: bytes, pictures: list[tuple[float, ...]]) -> None:
    layer = read(text_pdf(content + b" " + say(b"text"))).text_layer
    assert layer is not None
    assert layer.pictures == tuple(pytest.approx(box, abs=0.001) for box in pictures)


@pytest.mark.parametrize(
    ("content", "count"),
    [
        pytest.param(b"4 w 10 100 m 390 100 l S 6 w 50 20 m 50 280 l S", 0, id="thick rules"),
        pytest.param(b"2 w 10 100 m 20 130 l 30 100 l S", 1, id="a letter"),
        pytest.param(b"1 w 10 100 m " + b"300 110 l 10 100 l " * 6 + b"S", 1, id="a path of many parts"),
        pytest.param(b"4 w 10 100 m 390 100 l S 2 w 10 120 m 20 150 l 30 120 l S", 2, id="both"),
    ],
)
def test_drawings_that_may_be_lettering_are_named(content: bytes, count: int) -> None:
    layer = read(text_pdf(say(b"text", b"1 0 0 1 50 220") + content)).text_layer
    assert layer is not None
    assert len(layer.drawings) == count


def test_a_backdrop_too_coarse_to_be_read_makes_no_scan_of_a_page() -> None:
    layer = read(text_pdf(WHOLE_PAGE + say(b"text"), image=picture(20, 20))).text_layer
    assert layer is not None
    assert layer.pictures == ()


# Documents that are none


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"", "not a PDF", id="empty"),
        pytest.param(b"\x89PNG\r\n\x1a\n" * 99, "not a PDF", id="a picture"),
        pytest.param(b"%PDF-1.7\n", "not a PDF", id="a header alone"),
        pytest.param(text_pdf(), "no page", id="no pages"),
        pytest.param(Path("does-not-exist.pdf"), "cannot be read", id="no file"),
        pytest.param(ROOT, "not a PDF", id="a folder"),
        pytest.param(
            text_pdf(b"", catalog=b"/NeedsRendering true/AcroForm<</XFA()/Fields[]>>"), "XFA", id="XFA"
        ),
    ],
)
def test_what_cannot_be_opened_is_an_error_with_a_hint(data: bytes | Path, message: str) -> None:
    with pytest.raises(PDFError, match=message) as caught:
        open_pdf(data, source="letter.pdf")
    assert caught.value.message.startswith("letter.pdf: ")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("password", "message"),
    [(None, "missing"), ("4321", "wrong"), ("", "wrong")],
    ids=["none", "wrong", "empty"],
)
def test_an_encrypted_document_asks_for_the_right_password(
    data: Path, password: str | None, message: str
) -> None:
    with pytest.raises(PasswordRequiredError, match=message):
        open_pdf(data / "pdfs" / "password_2206.01062_pg3.pdf", password=password)


def test_a_truncated_document_gives_what_is_left_or_an_error(data: Path) -> None:
    whole = (data / "pdfs" / "edgar.pdf").read_bytes()
    with pytest.raises(PDFError):
        read(whole[: len(whole) // 2])


def test_a_damaged_page_costs_no_other() -> None:
    damaged = text_pdf(say(b"one"), say(b"two"), say(b"three")).replace(b"8 0 obj", b"x 0 obj", 1)
    with open_pdf(damaged) as document:
        with pytest.raises(PDFError) as caught:
            document.page(2)
        assert caught.value.page == 2
        assert texts(document.page(3)) == ["three"]


def test_a_page_cropped_to_nothing_is_damaged() -> None:
    with pytest.raises(PDFError, match="damaged"):
        read(text_pdf(say(b"text"), page=b"/MediaBox[0 0 400 300]/CropBox[500 500 600 600]"))


@pytest.mark.parametrize("number", [0, -1, 3])
def test_a_page_that_does_not_exist_is_an_error(number: int) -> None:
    with open_pdf(text_pdf(b"", b"")) as document, pytest.raises(PDFError, match="no page") as caught:
        document.page(number)
    assert caught.value.page == number


def test_a_closed_document_says_so() -> None:
    document = open_pdf(text_pdf(b""))
    document.close()
    document.close()
    with pytest.raises(PDFError, match="closed"):
        document.page(1)


def test_junk_before_the_header_does_no_harm() -> None:
    assert texts(read(b"HTTP/1.1 200 OK\n\n" + text_pdf(say(b"text")))) == ["text"]


def test_a_document_can_be_given_as_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "résumé.pdf").write_bytes(text_pdf(say(b"text")))
    monkeypatch.chdir(tmp_path)
    with open_pdf(Path("résumé.pdf")) as document:
        monkeypatch.chdir("/")
        assert texts(document.page(1)) == ["text"]


def test_a_file_that_changes_while_it_is_read_is_not_mixed_with_what_it_was(tmp_path: Path) -> None:
    path = tmp_path / "scan.pdf"
    path.write_bytes(text_pdf(say(b"old"), say(b"old")))
    with open_pdf(path) as document:
        document.page(1)
        path.write_bytes(text_pdf(say(b"new page"), say(b"new page")))
        with pytest.raises(PDFError, match="changed"):
            document.page(2)


def test_a_large_pdf_is_not_held_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.pdf"
    path.write_bytes(text_pdf(say(b"a page"), font=FONT + b"\n" + b"%" * (33 << 20) + b"\n"))
    tracemalloc.start()
    try:
        with next(iter(expand(path))).open() as document:
            assert texts(document.page(1)) == ["a page"]
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("count", [2_000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_a_document_of_many_pages_gives_any_of_them(count: int) -> None:
    with open_pdf(text_pdf(*[b""] * (count - 1), say(b"the last"))) as document:
        assert document.total_pages == count
        assert texts(document.page(count)) == ["the last"]


def test_the_hundredth_page_is_as_good_as_the_first() -> None:
    note = b"<</Type/Annot/Subtype/FreeText/Contents(A note)/DA(/Helv 9 Tf 0 g)/Rect[5 5 60 20]/F 4>>"
    data = text_pdf(say(b"text", b"1 0 0 1 5 25"), page=b"/MediaBox[0 0 90 40]/Annots[%s]" % note)
    with open_pdf(data) as document:
        pages = {document.page(1) for _ in range(150)}
    assert [texts(page) for page in pages] == [["text", "A note"]]


def test_a_page_is_not_damaged_for_those_that_were_asked_for_before() -> None:
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 60 80]>>"
    kids = b"<</Type/Pages/Kids[9 0 R 9 0 R 3 0 R]/Count 3>>"
    with open_pdf(write_pdf(b"<</Type/Catalog/Pages 2 0 R>>", kids, page)) as document:
        for damaged in (2, 1):
            with pytest.raises(PDFError, match="the page is damaged"):
                document.page(damaged)
        assert document.page(3).page_number == 3
        assert document.readable_after(1) == 3
        with pytest.raises(PDFError, match="the page is damaged"):
            document.page(1)


# When the worker comes to harm


def test_a_worker_ended_between_two_pages_costs_none() -> None:
    with open_pdf(text_pdf(say(b"one"), say(b"two"))) as document:
        assert texts(document.page(1)) == ["one"]
        os.kill(worker_pid(), signal.SIGKILL)
        assert texts(document.page(2)) == ["two"]


def test_a_page_that_takes_too_long_costs_no_other() -> None:
    with open_pdf(slow_pdf(), timeout=2) as document:
        with pytest.raises(PDFError, match="too long") as caught:
            document.page(2)
        assert caught.value.page == 2
        assert document.page(1).page_number == 1


def test_an_interrupted_page_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        with open_pdf(slow_pdf()) as document:
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            with pytest.raises(KeyboardInterrupt):
                document.page(2)
            assert document.page(1).page_number == 1
    finally:
        signal.signal(signal.SIGALRM, before)


def test_a_worker_that_cannot_start_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    pdf_worker.workers("bytes").stop()
    monkeypatch.setattr(sys, "executable", "/does/not/exist")
    with pytest.raises(PDFError, match="does not start"):
        open_pdf(text_pdf(b""))


# One worker for all


def test_documents_open_at_once_share_the_worker_and_keep_apart() -> None:
    with open_pdf(text_pdf(say(b"a1"), say(b"a2"))) as a, open_pdf(text_pdf(say(b"b1"), say(b"b2"))) as b:
        worker = worker_pid()
        drawn = [document.page(number) for number in (1, 2) for document in (a, b)]
        assert [texts(page) for page in drawn] == [["a1"], ["b1"], ["a2"], ["b2"]]
        assert worker_pid() == worker


def test_threads_get_each_their_own_page() -> None:
    contents = [say(b"page %d" % number) for number in range(1, 41)]
    with open_pdf(text_pdf(*contents)) as document, ThreadPoolExecutor(8) as pool:
        pages = list(pool.map(document.page, range(1, 41)))
    assert [texts(page) for page in pages] == [[f"page {number}"] for number in range(1, 41)]


def test_a_document_closed_while_a_page_is_drawn_does_not_wait() -> None:
    other = open_pdf(text_pdf(b""))
    with pdf_worker.workers("bytes").lent():
        closing = threading.Thread(target=other.close)
        closing.start()
        closing.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_has_a_worker_of_its_own() -> None:
    with open_pdf(text_pdf(say(b"one"), say(b"two"))) as document:
        parents = worker_pid()
        child = os.fork()
        if not child:
            ok = texts(document.page(2)) == ["two"] and worker_pid() != parents
            pdf_worker.workers("bytes").stop()
            os._exit(0 if ok else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert texts(document.page(1)) == ["one"]
        assert worker_pid() == parents


SCRIPT = f"""
import os, signal, sys
from vlm_core.images import pdf_worker
document = pdf_worker.open_pdf({text_pdf(say(b"text"), image=picture(1, 1))!r})
worker = pdf_worker.workers("bytes").all[0].pid
"""


def run(script: str, cwd: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, *options, "-W", "error", "-c", SCRIPT + script]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command,
        cwd=cwd,
        env=environment,
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        text=True,
        start_new_session=True,
    )


def test_ctrl_c_reaches_the_program_and_not_the_worker(tmp_path: Path) -> None:
    interrupt = """
try:
    os.killpg(0, signal.SIGINT)
    signal.pause()
except KeyboardInterrupt:
    print(document.page(1).text_layer.lines[0].text, worker == pdf_worker.workers("bytes").all[0].pid)
"""
    with run(interrupt, tmp_path) as process:
        assert process.communicate() == ("text True\n", "")


def test_a_program_that_leaves_everything_open_ends_without_a_word(tmp_path: Path) -> None:
    with run("document.page(1)", tmp_path) as process:
        assert process.communicate() == ("", "")
        assert process.returncode == 0


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="this system cannot wait for another's process")
def test_the_worker_ends_when_its_program_is_killed(tmp_path: Path) -> None:
    import select

    with run("print(worker, flush=True); signal.pause()", tmp_path) as process:
        assert process.stdout is not None
        worker = os.pidfd_open(int(process.stdout.readline()))
        process.kill()
        assert select.select([worker], [], [], 30)[0]
        os.close(worker)


def test_the_worker_runs_nothing_from_the_current_folder(tmp_path: Path) -> None:
    for module in ("json", "struct", "pypdfium2", "vlm_core", "sitecustomize", "usercustomize"):
        (tmp_path / f"{module}.py").write_text("open('trap', 'w').close()")
    with run("print(document.page(1).page_number)", tmp_path, "-P") as process:
        assert process.communicate() == ("1\n", "")
    assert not (tmp_path / "trap").exists()


# Real documents


@pytest.mark.parametrize(
    "name",
    [
        "newspaper",
        "handwriting_bad_ocr",
        "small_page_size",
        "some_ocr1",
        "edgar_image",
        "blanktext",
        "ocr_test",
        "ocr_test_rotated_90",
        "ocr_test_rotated_180",
        "ocr_test_rotated_270",
        "sample_with_rotation_mismatch",
    ],
)
def test_real_scans_are_left_to_ocr(data: Path, name: str) -> None:
    page = read(data / "pdfs" / f"{name}.pdf")
    assert page.text_layer is None
    assert page.rotation == 0


@pytest.mark.parametrize(("name", "rotation"), [("edgar", 0), ("edgar-rotated90", 270)])
def test_a_real_article_brings_its_text_whichever_way_it_is_turned(
    data: Path, name: str, rotation: int
) -> None:
    page = read(data / "pdfs" / f"{name}.pdf")
    assert (page.rotation, page.width, page.height) == (rotation, 1700, 2200)
    assert "Edgar mainly followed the political policies of his" in texts(page)
    assert page.text_layer is not None
    assert len(page.text_layer.pictures) == 1


def test_a_real_paper_keeps_its_columns_and_its_hyphens(data: Path) -> None:
    lines = texts(read(data / "pdfs" / "password_2206.01062_pg3.pdf", password="1234"))
    first = lines.index("The pages in DocLayNet can be grouped into six distinct cate-")
    assert lines[first + 1].startswith("gories, namely Financial Reports")
    assert "4 ANNOTATION CAMPAIGN" in lines


def test_a_page_five_metres_long_is_drawn_at_full_resolution(data: Path) -> None:
    page = read(data / "pdfs" / "skinnypage.pdf", 2)
    assert (page.width, page.height) == (650, 39708)
    assert ink(page) != (0, 0, 0, 0)
    assert texts(page).count("Depth (mbsf)") >= 2

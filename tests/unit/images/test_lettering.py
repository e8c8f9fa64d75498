"""Lettering that no text of the page accounts for: where it is, and what only looks like it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from vlm_core.images.lettering import lettering
from vlm_core.images.pdf_worker import open_pdf
from vlm_core.types import Box, PageImage

WHOLE = [(0.0, 0.0, 1.0, 1.0)]


def page(draw: Callable[[ImageDraw.ImageDraw], None], paper: str = "white") -> PageImage:
    """Four by two inches."""
    image = Image.new("RGB", (800, 400), paper)
    draw(ImageDraw.Draw(image))
    return PageImage(pixels=image.tobytes(), width=800, height=400, dpi=200.0)


def write(
    text: str, at: tuple[int, int], size: int = 30, ink: str = "black"
) -> Callable[[ImageDraw.ImageDraw], None]:
    return lambda draw: draw.text(at, text, ink, ImageFont.load_default(size))


def holds(box: Box, x: float, y: float) -> bool:
    return box[0] <= x / 800 <= box[2] and box[1] <= y / 400 <= box[3]


@pytest.mark.parametrize(
    ("ink", "paper"),
    [("black", "white"), ("white", "black"), ("white", "navy"), ("gray", "white"), ("black", "orange")],
)
@pytest.mark.parametrize("size", [14, 30, 80])
def test_lettering_is_found(ink: str, paper: str, size: int) -> None:
    (box,) = lettering(page(write("Total 3,141", (100, 100), size, ink), paper), WHOLE, [])
    assert holds(box, 102, 100 + size * 0.7)
    assert box[2] - box[0] < 0.9


def test_lettering_that_runs_upwards_is_found() -> None:
    upright = page(write("Temperature", (100, 100)))
    image = Image.frombytes("RGB", (800, 400), upright.pixels).rotate(90, expand=True)
    turned = PageImage(pixels=image.tobytes(), width=400, height=800, dpi=200.0)
    (box,) = lettering(turned, WHOLE, [])
    assert 800 * (box[3] - box[1]) > 3 * 400 * (box[2] - box[0])


def test_text_that_is_known_is_not_found_again() -> None:
    drawn = page(write("Total 3,141", (100, 100)))
    assert lettering(drawn, WHOLE, [(0.1, 0.2, 0.5, 0.4)]) == []


def test_nothing_is_looked_at_beyond_the_drawings() -> None:
    assert lettering(page(write("Total 3,141", (100, 100))), [(0.5, 0.5, 1.0, 1.0)], []) == []


def dots(draw: ImageDraw.ImageDraw) -> None:
    for x in range(100, 700, 30):
        draw.ellipse((x, 100, x + 12, 112), "black")


def dashes(draw: ImageDraw.ImageDraw) -> None:
    for x in range(100, 700, 30):
        draw.rectangle((x, 100, x + 20, 103), "black")


def bars(draw: ImageDraw.ImageDraw) -> None:
    for number, height in enumerate((90, 150, 60, 200, 120)):
        draw.rectangle((100 + 60 * number, 300 - height, 140 + 60 * number, 300), "steelblue")


def curve(draw: ImageDraw.ImageDraw) -> None:
    draw.line([(x, 200 + (x * x) % 97) for x in range(50, 750, 40)], "black", 3)


def grid(draw: ImageDraw.ImageDraw) -> None:
    for place in range(50, 400, 50):
        draw.line((50, place, 750, place), "black", 2)
        draw.line((2 * place, 50, 2 * place, 350), "black", 2)


@pytest.mark.parametrize("draw", [dots, dashes, bars, curve, grid])
def test_what_is_drawn_without_lettering_is_passed_over(draw: Callable[[ImageDraw.ImageDraw], None]) -> None:
    assert lettering(page(draw), WHOLE, []) == []


def test_lettering_all_over_a_page_makes_a_dozen_places_at_most() -> None:
    def scatter(draw: ImageDraw.ImageDraw) -> None:
        for x in range(10, 780, 190):
            for y in range(10, 390, 70):
                write("label", (x, y), 16)(draw)

    places = lettering(page(scatter), WHOLE, [])
    assert 1 <= len(places) <= 12
    assert all(any(holds(box, x + 5, y + 10) for box in places) for x in (10, 200) for y in (10, 80))


def stroked(letters: str) -> bytes:
    """Letters of straight lines."""
    strokes = {
        "H": "0 0 m 0 12 l 8 0 m 8 12 l 0 6 m 8 6 l S",
        "E": "8 0 m 0 0 l 0 12 l 8 12 l S 0 6 m 6 6 l S",
        "L": "0 12 m 0 0 l 7 0 l S",
        "N": "0 0 m 0 12 l 8 0 l 8 12 l S",
        "U": "0 12 m 0 0 l 8 0 l 8 12 l S",
    }
    drawn = (
        f"q 1 0 0 1 {100 + 11 * number} 200 cm {strokes[letter]} Q" for number, letter in enumerate(letters)
    )
    return " ".join(drawn).encode()


def test_letters_drawn_as_lines_are_found_on_a_pdf_page(tmp_path: Path) -> None:
    import pypdf
    from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

    writer = pypdf.PdfWriter()
    sheet = writer.add_blank_page(400, 300)
    content = DecodedStreamObject()
    content.set_data(b"BT /F 12 Tf 50 50 Td (written) Tj ET " + stroked("HELLENUHLE") + b" 50 40 300 60 re S")
    sheet[NameObject("/Contents")] = writer._add_object(content)
    font = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
    named = DictionaryObject({NameObject(name): NameObject(value) for name, value in font.items()})
    fonts = DictionaryObject({NameObject("/F"): named})
    sheet[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    writer.write(tmp_path / "drawn.pdf")
    with open_pdf(tmp_path / "drawn.pdf") as document:
        drawn = document.page(1)
    assert drawn.text_layer is not None
    (box,) = lettering(drawn, drawn.text_layer.drawings, [line.bbox for line in drawn.text_layer.lines])
    assert box[0] <= 100 / 400
    assert box[2] >= 205 / 400
    assert box[1] < 1 - 205 / 300 < box[3]


def test_the_lettering_of_a_real_small_picture_is_found(data: Path) -> None:
    with open_pdf(data / "wild" / "tika__testPDF_JBIG2.pdf") as document:
        drawn = document.page(1)
    assert drawn.text_layer is not None
    assert len(lettering(drawn, drawn.text_layer.drawings, [])) == 1

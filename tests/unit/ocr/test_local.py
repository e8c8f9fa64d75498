"""The embedded engine on drawn pages: what it reads, what it says of what it cannot read."""

from __future__ import annotations

import io
import random
import re
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from vlm_core import ConfigError, DocumentReader, PageState, read
from vlm_core.ocr.local import LocalEngine
from vlm_core.ocr.recognition import RecognizedLine


def drawn(lines: Sequence[str], *, width: int = 900, size: int = 32, pitch: int = 60) -> Image.Image:
    image = Image.new("RGB", (width, 40 + pitch * len(lines)), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size=size)
    for number, line in enumerate(lines):
        pen.text((40, 20 + pitch * number), line, fill="black", font=font)
    return image


CLAUSE = (
    "unless between paid otherwise under deduction invoice amount total customer conditions within "
    "stated agreed parties"
)
LETTER = [
    "Dear Ms Okafor,",
    "your order of four ladders left us today.",
    "They will reach Lisbon on 14 March.",
    "With kind regards, Hans Ebeling",
]


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_page_is_read_whichever_way_it_lies(turn: int) -> None:
    page = read(drawn(LETTER).rotate(turn, expand=True), task="text").pages[0]
    assert page.text.replace("\n\n", "\n").split("\n") == LETTER
    assert page.rotation == turn
    assert (page.width, page.height) == drawn(LETTER).size


def test_a_noisy_page_of_long_lines_is_not_taken_for_one_on_its_head() -> None:
    words = random.Random(0)
    lines = [" ".join(words.choices(CLAUSE.split(), k=28)) for _ in range(8)]
    clean = np.asarray(drawn(lines, width=3400, size=30, pitch=64).convert("L"), np.float32)
    noisy = clean * 0.85 + 20 + np.random.default_rng(0).normal(0, 30, clean.shape)
    page = read(Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)), task="text").pages[0]
    assert page.rotation == 0
    assert page.text.split("\n")[0] == lines[0]


def test_boxes_stand_where_the_lines_were_drawn() -> None:
    page = read(drawn(LETTER)).pages[0]
    for number, line in enumerate(page.lines):
        x0, y0, x1, y1 = line.bbox
        assert x0 * page.width == pytest.approx(40, abs=15)
        assert y0 * page.height == pytest.approx(20 + 60 * number + 10, abs=15)
        assert x0 < x1
        assert y0 < y1 <= 1


@pytest.mark.parametrize("count", [50, pytest.param(159, marks=pytest.mark.slow)])
def test_a_long_screenshot_loses_no_line(count: int) -> None:
    numbers = range(1, count + 1)
    lines = [f"Line {number:03d}: the fox pays invoice {1000 + 7 * number}" for number in numbers]
    page = read(drawn(lines, width=1080, size=26), task="text").pages[0]
    assert re.findall(r"^Line (\d{3}):", page.text, re.MULTILINE) == [f"{n:03d}" for n in numbers]


def test_a_line_across_a_very_wide_picture_is_one_line() -> None:
    text = " ".join(f"word{number:02d}" for number in range(40))
    (line,) = read(drawn([text], width=5200)).pages[0].lines
    assert line.text.split() == text.split()


@pytest.mark.parametrize("size", [pytest.param(13, id="3-point"), pytest.param(25, id="6-point")])
def test_small_print_on_a_page_of_300_dpi_is_read(size: int) -> None:
    page = Image.new("RGB", (2480, 3508), "white")
    small = drawn([f"clause {n}: no liability for delays" for n in range(1, 9)], size=size, pitch=2 * size)
    page.paste(small, (200, 300))
    assert len(re.findall(r"clause \d", read(page).text)) == 8


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(Image.new("L", (600, 800), 255), id="white"),
        pytest.param(Image.new("L", (600, 800), 205), id="grey-paper"),
        pytest.param(
            Image.effect_noise((600, 800), 12).point(lambda level: min(255, level + 110)), id="grain"
        ),
    ],
)
def test_an_empty_page_is_blank(image: Image.Image) -> None:
    page = read(image).pages[0]
    assert (page.state, page.text, page.lines) == (PageState.BLANK, "", ())


def test_a_picture_without_text_is_not_blank_and_says_so() -> None:
    image = Image.new("RGB", (600, 600), "white")
    ImageDraw.Draw(image).ellipse((100, 100, 500, 500), fill="navy")
    page = read(image).pages[0]
    assert (page.state, page.text) == (PageState.OK, "")
    assert page.warnings[-1] == "no text was found, but the page is not blank"


def test_the_same_page_reads_the_same_from_many_threads() -> None:
    engine = LocalEngine()
    data = io.BytesIO()
    drawn(LETTER).save(data, "PNG")
    reader = DocumentReader(engine)
    with ThreadPoolExecutor(4) as pool:
        texts = list(pool.map(lambda _: reader.read(data.getvalue()).text, range(8)))
    assert len(set(texts)) == 1


def test_a_result_names_its_engine_and_costs_nothing() -> None:
    page = read(drawn(LETTER[:1])).pages[0]
    assert (page.engine, page.model, page.provider, page.cost_usd) == (
        "rapidocr",
        "PP-OCRv6-small",
        None,
        0.0,
    )
    assert len(page.sha256) == 64


def test_a_task_for_a_vision_model_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="handwriting") as raised:
        LocalEngine(task="handwriting")
    assert "markdown, text, layout" in raised.value.hint or "text, markdown, layout" in raised.value.hint


def test_reading_writes_nothing_to_the_terminal() -> None:
    program = "from vlm_core import read; read(b'P5 40 40 255 ' + bytes(range(40)) * 40)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize(
    ("text", "score", "hardly"),
    [
        pytest.param(",", 0.9, True, id="a-comma-for-a-line-in-an-unknown-script"),
        pytest.param("TOTAL 38.25", 0.9, False, id="a-line"),
        pytest.param("-", 0.9, False, id="a-drawn-rule"),
        pytest.param(",", 0.2, False, id="one-that-counts-as-unread-already"),
    ],
)
def test_a_reading_far_too_short_for_its_box_counts_as_not_read(
    text: str, score: float, hardly: bool
) -> None:
    box = np.array([[0, 0], [450, 0], [450, 45], [0, 45]], np.float32)
    assert RecognizedLine(text, score, score).is_hardly_one_of(box) is hardly

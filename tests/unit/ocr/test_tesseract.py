"""Tesseract beside RapidOCR: what is unread is read, each line names its engine, hints name packages.

They need tesserocr and language packs, which `.ci/run` installs where it may.
"""

from __future__ import annotations

import json
import re
import shutil
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from vlm_core import ConfigError, DocumentReader, PageState, TesseractEngine, read
from vlm_core.jobs.budget import identities_of
from vlm_core.ocr.local import LocalEngine
from vlm_core.ocr.tesseract_packs import find_packs, is_installed

pytestmark = pytest.mark.skipif(
    not is_installed(), reason="tesserocr is not installed: pip install 'vlm-adapters[tesseract]'"
)
# Tesseract's own F1, told the language, with the better of --psm 3 and 6 (5.3.0, Debian's packs).
TESSERACT = {
    "ara": 1.0, "ben": 1.0, "ell": 0.961, "heb": 1.0, "hin": 1.0, "kor": 1.0, "rus": 1.0, "tam": 1.0,
    "tha": 0.967, "ukr": 1.0, "vie": 0.984, "mixara": 0.96, "mixrus": 0.96,
}  # fmt: skip


def need(*packs: str) -> None:
    missing = set(packs) - set(find_packs().names)
    if missing:
        pytest.skip(f"Tesseract has no pack for {', '.join(sorted(missing))} here")


def f1(truth: str, text: str) -> float:
    """Of words, as a multiset."""
    one, other = (
        Counter(re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold())) for text in (truth, text)
    )
    return 2 * (one & other).total() / max(1, one.total() + other.total())


def page_of(*lines: str) -> Image.Image:
    image = Image.new("RGB", (900, 40 + 60 * len(lines)), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size=32)
    for number, line in enumerate(lines):
        pen.text((40, 20 + 60 * number), line, fill="black", font=font)
    return image


@pytest.fixture
def without_packs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packs that has no language but English."""
    need("osd", "eng")
    for name in ("osd", "eng"):
        shutil.copy(Path(find_packs().folder) / f"{name}.traineddata", tmp_path)
    monkeypatch.setenv("TESSDATA_PREFIX", str(tmp_path))
    return tmp_path


def test_tesseract_reads_a_page_by_itself() -> None:
    need("eng")
    page = read(
        page_of("Four ladders left us today.", "Total 12.50"), engine="tesseract:eng", task="text"
    ).pages[0]
    assert page.text.split("\n")[-2:] == ["Four ladders left us today.", "Total 12.50"]
    assert (page.state, page.engine, page.model) == (PageState.OK, "tesseract", "eng")
    assert all(" ".join(word.text for word in line.words) == line.text for line in page.lines)


def test_tesseract_reads_a_page_upside_down() -> None:
    need("eng")
    lines = ["Four ladders left us today.", "They will reach Lisbon on 14 March."]
    page = read(page_of(*lines).rotate(180), engine="tesseract:eng", task="text").pages[0]
    assert (page.rotation, page.text.split("\n")[0]) == (180, lines[0])


def test_a_page_that_rapidocr_reads_is_not_read_again() -> None:
    page = read(page_of("Four ladders left us today."), task="text").pages[0]
    assert (page.state, page.engine, [line.engine for line in page.lines]) == (
        PageState.OK,
        "rapidocr",
        [None],
    )


@pytest.mark.parametrize("engine", ["tesseract:rus", "local"])
def test_a_pack_that_is_missing_is_an_error_of_construction(engine: str, without_packs: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        DocumentReader(engine=engine, languages="rus" if engine == "local" else None)
    assert "tesseract-ocr-rus" in caught.value.hint


def test_languages_are_not_given_twice() -> None:
    with pytest.raises(ConfigError, match="names its languages itself"):
        DocumentReader(engine="tesseract:eng", languages="rus")


def test_the_journal_knows_the_packs(without_packs: Path) -> None:
    before = identities_of(LocalEngine("text"), "text")[0]
    (without_packs / "rus.traineddata").write_bytes(b"123")
    after = identities_of(LocalEngine("text"), "text")[0]
    assert before != after
    assert "rus:3" in after["packs"]


def test_packs_of_a_folder_of_ones_own(without_packs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TESSDATA_PREFIX")
    engine = TesseractEngine("eng", "text", tessdata=without_packs)
    assert "Total" in DocumentReader(engine).read(page_of("Total 12.50")).text


@pytest.mark.parametrize("name", TESSERACT)
def test_a_script_is_read_without_being_named(name: str, data: Path) -> None:
    need("osd", *({"mixara": "ara", "mixrus": "rus"}.get(name, name),))
    truth = json.loads((data / "scripts" / f"{name}.json").read_text(encoding="utf-8"))["text"]
    page = read(data / "scripts" / f"{name}.png", task="text").pages[0]
    assert f1(truth, page.text) >= TESSERACT[name] - 0.01
    assert page.state is PageState.OK


def test_each_line_of_a_page_in_two_languages_names_its_engine(data: Path) -> None:
    need("osd", "rus")
    page = read(data / "scripts" / "mixrus.png", task="text").pages[0]
    engines = (
        {line.engine for line in page.lines if re.search("[а-я]", line.text)},
        {line.engine for line in page.lines if not re.search("[а-я]", line.text)},
    )
    assert engines == ({"tesseract"}, {"rapidocr"})


@pytest.mark.parametrize(
    ("name", "script", "package"),
    [
        ("ara", "Arabic", "ara"), ("ben", "Bengali", "ben"), ("ell", "Greek", "ell"),
        ("heb", "Hebrew", "heb"),
        ("hin", "Devanagari", "hin"), ("kor", "Korean", "kor"), ("rus", "Cyrillic", "rus"),
        ("tam", "Tamil", "tam"), ("tha", "Thai", "tha"), ("vie", "Vietnamese", "vie"),
        ("mixara", "Arabic", "ara"), ("mixrus", "Cyrillic", "rus"),
    ],
)  # fmt: skip
def test_without_its_pack_a_page_is_partial_and_names_the_package(
    name: str, script: str, package: str, data: Path, without_packs: Path
) -> None:
    page = read(data / "scripts" / f"{name}.png", task="text").pages[0]
    assert page.state is PageState.PARTIAL
    assert f"looks like {script}" in page.warnings[0]
    assert f"tesseract-ocr-{package}" in page.warnings[0]


def test_points_of_vertical_japanese_are_read(data: Path) -> None:
    truth = json.loads((data / "scripts" / "jpnvert.json").read_text(encoding="utf-8"))["text"]
    assert read(data / "scripts" / "jpnvert.png", task="text").text.split() == truth.split()


def test_what_tesseract_reads_of_one_page_is_bounded_and_the_rest_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    need("osd")
    from vlm_core.ocr import tesseract_reading

    monkeypatch.setattr(tesseract_reading, "_MOST_PIXELS", 1)
    page = read(page_of("Four ladders left us today."), engine="tesseract:eng", task="text").pages[0]
    assert page.state is PageState.PARTIAL

"""Words that a line's end has parted: put together where they are one, and left where they are not."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from vlm_core import DocumentReader, PageImage, PageResult
from vlm_core.assistant.text_matching import find
from vlm_core.documents import passages
from vlm_core.ocr.hyphens import dehyphenate

TOGETHER = {
    "lower case": ("an exam-\nple of it", "an example\nof it"),
    "its whole row": ("an exam-\nple\nof it", "an example\nof it"),
    "punctuation behind it": ("an exam-\nple, of it", "an example,\nof it"),
    "a bracket before it": ("(exam-\nple) of it", "(example)\nof it"),
    "a capital in front": ("the Perfor-\nmance of it", "the Performance\nof it"),
    "three rows": ("an inter-\nna-\ntional law", "an international\nlaw"),
    "the word elsewhere": (
        "a data-\nbase; one database, data, base",
        "a database;\none database, data, base",
    ),
    "German": ("der Donau-\ndampfer fuhr", "der Donaudampfer\nfuhr"),
    "French": ("la réfé-\nrence", "la référence"),
    "Russian": ("прави-\nтельство и", "правительство\nи"),
    "Greek": ("παρά-\nδειγμα το", "παράδειγμα\nτο"),
    "a hyphen of its own": ("exam\u2010\nple of", "example\nof"),
    "a soft hyphen": ("exam\u00ad\nple of", "example\nof"),
    "soft hyphens in a row": ("an ex\u00adam\u00adple", "an example"),
}


@pytest.mark.parametrize(("text", "whole"), TOGETHER.values(), ids=TOGETHER)
def test_parted_word_is_put_together(text: str, whole: str) -> None:
    assert dehyphenate(text) == whole


APART = {
    "numbers": "pages 3-\n5 of it",
    "a number and a word": "the 20-\nyear plan",
    "a compound": "a well-\nknown word",
    "a compound that stands elsewhere": "the word-\nform, a word-form",
    "two words that stand elsewhere": "the trace-\ntree: a trace and a tree",
    "more of a compound behind": "a mother-\nin-law of",
    "more of a compound in front": "a mother-in-\nlaw of",
    "capitals": "INTER-\nNATIONAL law",
    "a name": "the New-\nYork line",
    "an abbreviation": "a PDF-\nfile of",
    "a word left out": "pre-\nand post-war",
    "a German word left out": "die Ein-\nund Ausgabe",
    "two blocks": "an exam-\n\nple of it",
    "cells of a table": "item  exam-\nple  9.00",
    "a dash": "so it is -\nor not",
    "one letter": "the e-\nmail of",
    "a script without case": "अन्त-\nर्राष्ट्रीय",
}


@pytest.mark.parametrize("text", APART.values(), ids=APART)
def test_hyphen_that_belongs_to_what_is_said_stays(text: str) -> None:
    assert dehyphenate(text) == text


def pdf(*rows: str) -> bytes:
    """A PDF of one page with these rows of text."""
    shown = " ".join(f"({row}) Tj T*" for row in rows)
    content = f"BT /F 12 Tf 14 TL 50 250 Td {shown} ET".encode()
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 300]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
        font,
    )
    file = io.BytesIO(b"%PDF-1.7\n")
    file.seek(0, io.SEEK_END)
    for number, entry in enumerate(objects, 1):
        file.write(b"%d 0 obj\n%s\nendobj\n" % (number, entry))
    file.write(b"trailer<</Size 6/Root 1 0 R>>\n%%EOF\n")
    return file.getvalue()


PROSE = pdf("Here is one more exam-", "ple of a word that ends", "with the line.")


class Model:
    """A vision model's part: it answers with a text of its own."""

    name, model = "typist", "m"

    def read_page(self, page: PageImage) -> PageResult:
        return PageResult(text="an exam-\nple", engine=self.name, sha256=page.sha256)


def test_text_of_a_pdf_has_the_word_and_its_lines_stay() -> None:
    page = DocumentReader(Model()).read(PROSE).pages[0]
    assert page.text.startswith("Here is one more example\nof a word")
    assert [line.text for line in page.lines][:2] == ["Here is one more exam-", "ple of a word that ends"]


def test_joined_word_is_found_with_the_boxes_of_both_its_lines() -> None:
    page = DocumentReader(Model()).read(PROSE).pages[0]
    place = find("example", page.lines)[0]
    assert [round(box[1], 1) for box in place.boxes] == [round(line.bbox[1], 1) for line in page.lines[:2]]


def test_it_can_be_left() -> None:
    page = DocumentReader(Model(), dehyphenate=False).read(PROSE).pages[0]
    assert page.text.startswith("Here is one more exam-\nple of")


@pytest.mark.parametrize("dehyphenate", [True, False])
def test_block_says_the_word_as_its_page_does(dehyphenate: bool) -> None:
    block, *_ = passages(DocumentReader(Model(), dehyphenate=dehyphenate), PROSE, "block")
    assert ("example" in block.text) is dehyphenate


def test_words_of_a_model_stay_as_it_wrote_them() -> None:
    picture = io.BytesIO()
    Image.new("L", (40, 40)).save(picture, "PNG")
    assert DocumentReader(Model()).read(picture.getvalue()).text == "an exam-\nple"

"""Page headers and page footers: dropped, kept as text, or marked."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from langchain_vlm import VLMLoader
from llamaindex_vlm import VLMReader
from vlm_core import ConfigError, DocumentReader, Evidence, Finding, PageImage, PageResult, TextLine, chunks
from vlm_core.ocr.layout import text_of_page

BODIES = ("It begins here, on the first page.", "It goes on in the middle.", "And it ends with this page.")
HEADER = "The Journal of Tea"


class Lines:
    """An engine that reads a header, a line of text and a page number on each page."""

    name = "lines"
    model = None
    task = "markdown"

    def read_page(self, page: PageImage) -> PageResult:
        texts = (HEADER, BODIES[page.page_number - 1], str(10 + page.page_number))
        places = ((0.3, 0.03), (0.1, 0.5), (0.48, 0.95))
        lines = tuple(
            TextLine(text=text, bbox=(x, y, x + len(text) * 0.01, y + 0.015), block=number, row=number)
            for number, (text, (x, y)) in enumerate(zip(texts, places, strict=True))
        )
        return PageResult.of(page, text=text_of_page(self.task, lines), lines=lines, engine=self.name)


class Answers:
    """A vision model that marks page headers."""

    name = "answers"
    model = "m"

    def read_page(self, page: PageImage) -> PageResult:
        text = f"<header>{HEADER}</header>\n\n{BODIES[page.page_number - 1]}"
        return PageResult.of(page, text=text, raw=text, engine=self.name)


@pytest.fixture
def scan() -> bytes:
    file = io.BytesIO()
    first, *others = (Image.new("L", (400, 600), shade) for shade in (255, 254, 253))
    first.save(file, "TIFF", save_all=True, append_images=others)
    return file.getvalue()


def kinds(pages: Any) -> set[str]:
    return {block.kind for page in pages for block in page.blocks}


def test_marked_furniture_is_in_the_text_and_told_among_the_blocks(scan: bytes) -> None:
    document = DocumentReader(Lines()).read(scan)
    assert document.pages[1].text == f"{HEADER}\n\n{BODIES[1]}\n\n12"
    assert kinds([document]) == {"page_header", "paragraph", "page_footer"}
    assert [chunk.text for chunk in chunks(document)] == ["\n\n".join(BODIES)]


def test_dropped_furniture_is_nowhere(scan: bytes) -> None:
    document = DocumentReader(Lines(), furniture="drop").read(scan)
    assert [page.text for page in document.pages] == list(BODIES)
    assert [[line.text for line in page.lines] for page in document.pages] == [[body] for body in BODIES]
    assert kinds([document, *document.pages]) == {"paragraph"}


def test_kept_furniture_is_text_like_any_other(scan: bytes) -> None:
    document = DocumentReader(Lines(), furniture="keep").read(scan)
    assert document.text == DocumentReader(Lines()).read(scan).text
    assert not kinds([document, *document.pages]) & {"page_header", "page_footer"}
    assert chunks(document)[0].text.count(HEADER) == 3


@pytest.mark.parametrize(
    ("furniture", "text"), [("drop", BODIES[0]), ("keep", f"{HEADER}\n\n{BODIES[0]}")], ids=["drop", "keep"]
)
def test_so_is_what_a_model_marked(scan: bytes, furniture: Any, text: str) -> None:
    page = DocumentReader(Answers(), furniture=furniture).read(scan).pages[0]
    assert page.text == text
    assert kinds([page]) == {"paragraph"}


@pytest.mark.parametrize("furniture", ["drop", "keep"])
def test_what_was_found_of_a_models_words_moves_with_them(scan: bytes, furniture: Any) -> None:
    class Checked(Answers):
        """With evidence of the header and the text, and a finding in each."""

        def read_page(self, page: PageImage) -> PageResult:
            result = super().read_page(page)
            spans = [(start, start + len(said)) for said in (HEADER, BODIES[page.page_number - 1])
                     for start in [result.text.index(said)]]  # fmt: skip
            pieces = [Evidence(start=a, end=b, status="exact", agreement=1) for a, b in spans]
            marks = [
                Finding(kind="text_changed", text=result.text[b - 5 : b], start=b - 5, end=b)
                for _, b in spans
            ]
            return result.model_copy(update={"evidence": tuple(pieces), "findings": tuple(marks)})

    page = DocumentReader(Checked(), furniture=furniture).read(scan).pages[0]
    said = [page.text[piece.start : piece.end] for piece in page.evidence]
    assert said == ([HEADER] if furniture == "keep" else []) + [BODIES[0]]
    placed = [finding for finding in page.findings if finding.start is not None]
    assert len(placed) == len(said)
    assert all(page.text[finding.start : finding.end] == finding.text for finding in placed)


def test_results_say_what_became_of_it_also_in_json(scan: bytes) -> None:
    page = DocumentReader(Lines(), furniture="keep").read(scan).pages[0]
    assert page.furniture == "keep"
    assert PageResult.model_validate_json(page.model_dump_json()).blocks == page.blocks


async def test_pages_that_come_one_by_one_are_without_it_too(scan: bytes) -> None:
    seen: list[PageResult] = []
    reader = DocumentReader(Lines(), furniture="drop", on_page=seen.append)
    assert [page.text for page in reader.iter_pages([scan, scan])] == [*BODIES, *BODIES]
    assert [page.text for page in seen] == [*BODIES, *BODIES]
    assert [page.text async for page in reader.aiter_pages(scan)] == list(BODIES)


@pytest.mark.parametrize("mode", ["page", "block"])
def test_loaders_take_it(scan: bytes, tmp_path: Path, mode: Any) -> None:
    path = tmp_path / "scan.tif"
    path.write_bytes(scan)
    loaded = VLMLoader(path, Lines(), mode, furniture="drop").load()
    assert [document.page_content for document in loaded] == list(BODIES)
    read = VLMReader(engine=Lines(), mode=mode, furniture="drop").load_data(path)
    assert [document.text for document in read] == list(BODIES)


def test_documents_with_and_without_it_have_other_ids(scan: bytes) -> None:
    marked, dropped = (VLMLoader(scan, Lines(), furniture=furniture).load() for furniture in ("mark", "drop"))
    assert {document.id for document in marked}.isdisjoint(document.id for document in dropped)


def test_another_word_is_refused() -> None:
    with pytest.raises(ConfigError, match="furniture"):
        DocumentReader(furniture="hide")  # type: ignore[arg-type]


@pytest.mark.data
def test_a_real_document_loses_its_page_numbers_and_nothing_else(data: Path) -> None:
    path = data / "tables" / "icdar2013-eu" / "eu-013.pdf"
    marked = DocumentReader().read(path)
    dropped = DocumentReader(furniture="drop").read(path)
    furniture = [block.text for block in marked.blocks if block.kind in ("page_header", "page_footer")]
    assert len(furniture) >= len(marked.pages) - 1
    left = [block.text for block in marked.blocks if block.kind not in ("page_header", "page_footer")]
    assert [block.text for block in dropped.blocks] == left
    assert len(dropped.text.split()) == len(marked.text.split()) - sum(
        len(text.split()) for text in furniture
    )

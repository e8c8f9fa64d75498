"""Pages that were read less surely than was asked for: left out, and told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents.base import Blob
from llama_index.core.schema import ImageDocument
from PIL import Image
from pydantic import ValidationError

from langchain_vlm import VLMBlobParser, VLMLoader
from llamaindex_vlm import OCRTransform, VLMReader
from vlm_core import ConfigError, LowScoreWarning, PageImage, PageResult, TextLine

SCORES = {1: 0.9, 2: 0.4, 3: 0.8}


class Doubtful:
    """An engine that is less sure of the second page."""

    name = "doubtful"
    model = None

    def read_page(self, page: PageImage) -> PageResult:
        text = f"page {page.page_number}"
        line = TextLine(text=text, bbox=(0.1, 0.1, 0.9, 0.2), score=SCORES[page.page_number])
        return PageResult.of(page, text=text, lines=(line,), engine=self.name)


class Model(Doubtful):
    """A vision model, which gives no score."""

    def read_page(self, page: PageImage) -> PageResult:
        return PageResult.of(page, text=f"page {page.page_number}", engine=self.name)


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "scan.tif"
    first, *others = (Image.new("L", (40, 40), shade) for shade in (255, 254, 253))
    first.save(path, save_all=True, append_images=others)
    return path


def texts(documents: Any) -> list[str]:
    return [document.text if hasattr(document, "text") else document.page_content for document in documents]


@pytest.mark.parametrize(
    ("mode", "given"),
    [
        ("page", ["page 1", "page 3"]),
        ("block", ["page 1", "page 3"]),
        ("document", ["page 1\n\npage 3"]),
        ("chunk", ["page 1\n\npage 3"]),
    ],
)
def test_a_loader_leaves_pages_with_a_low_score_out_and_lists_them(
    scan: Path, mode: Any, given: list[str]
) -> None:
    with pytest.warns(LowScoreWarning, match=r"min_score=0.5: .*scan\.tif page 2 \(0\.40\)") as caught:
        assert texts(VLMLoader(scan, Doubtful(), mode, min_score=0.5).load()) == given
    (warning,) = caught
    assert [page.page_number for page in warning.message.pages] == [2]  # type: ignore[union-attr]


async def test_so_does_an_asynchronous_load(scan: Path) -> None:
    with pytest.warns(LowScoreWarning):
        loaded = [document async for document in VLMLoader(scan, Doubtful(), min_score=0.5).alazy_load()]
    assert texts(loaded) == ["page 1", "page 3"]


def test_a_document_of_which_all_is_left_out_is_told(scan: Path) -> None:
    with pytest.warns(LowScoreWarning, match=r"page 1 .* page 2 .* page 3 "):
        assert VLMLoader(scan, Doubtful(), "document", min_score=1).load() == []


def test_without_a_bound_nothing_is_left_out(scan: Path) -> None:
    assert len(VLMLoader(scan, Doubtful()).load()) == 3


def test_pages_without_a_score_stay(scan: Path) -> None:
    assert len(VLMLoader(scan, Model(), min_score=1).load()) == 3


def test_a_parser_of_pictures_in_a_pdf_gives_an_empty_document_rather_than_none(scan: Path) -> None:
    blob = Blob.from_data(scan.read_bytes())
    with pytest.warns(LowScoreWarning):
        assert texts(VLMBlobParser(Doubtful(), min_score=1).lazy_parse(blob)) == [""]


async def test_a_reader_leaves_them_out_too(scan: Path) -> None:
    reader = VLMReader(engine=Doubtful(), min_score=0.5)
    with pytest.warns(LowScoreWarning):
        assert texts(reader.load_data(scan)) == ["page 1", "page 3"]
    with pytest.warns(LowScoreWarning):
        assert texts(await reader.aload_data(scan)) == ["page 1", "page 3"]


async def test_a_transform_leaves_them_out_too(scan: Path) -> None:
    transform, node = OCRTransform(engine=Doubtful(), min_score=0.5), ImageDocument(image_path=str(scan))
    with pytest.warns(LowScoreWarning):
        assert texts(transform([node])) == ["page 1", "page 3"]
    with pytest.warns(LowScoreWarning):
        assert texts(await transform.acall([node])) == ["page 1", "page 3"]


@pytest.mark.parametrize("score", [-0.1, 1.1, "much"])
def test_a_score_that_cannot_be_is_refused(scan: Path, score: Any) -> None:
    with pytest.raises(ConfigError, match="min_score must be between 0 and 1"):
        VLMLoader(scan, min_score=score)
    with pytest.raises(ValidationError):
        VLMReader(min_score=score)

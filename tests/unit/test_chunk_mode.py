"""Chunks as the documents of frameworks: loaders, splitters and parsers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.documents.base import Blob
from llama_index.core import Document as LlamaDocument
from llama_index.core.schema import ImageDocument, NodeRelationship

from langchain_vlm import VLMBlobParser, VLMLoader, VLMTextSplitter, key_encoder
from llamaindex_vlm import OCRTransform, VLMNodeParser, VLMReader
from vlm_core import ConfigError, DocumentReader, PageImage, PageResult, TextLine, chunks

PAGE = (
    "# Menu\n\n| Item | Price |\n|---|---|\n| Tea | 2.00 |\n| Cake | 3.50 |\n| Pie | 4.00 |\n\nAll with milk."
)


class Menu:
    """An engine that reads the same on every picture."""

    name = "menu"
    model = "menu-1"

    def read_page(self, page: PageImage) -> PageResult:
        facts = {"source": page.source, "page_number": page.page_number, "total_pages": page.total_pages}
        return PageResult(text=PAGE, engine=self.name, model=self.model, sha256=page.sha256, **facts)


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "menu.pgm"
    path.write_bytes(b"P5 40 40 255 " + bytes([255]) * 1600)
    return path


def test_a_loader_gives_chunks_with_their_headings(scan: Path) -> None:
    found = VLMLoader(scan, Menu(), mode="chunk", chunk_tokens=24).load()
    assert len(found) > 1
    assert [document.metadata["headings"] for document in found if "headings" in document.metadata]
    assert all(document.metadata["pages"] == "1" and document.metadata["page"] == 0 for document in found)
    tables = [document for document in found if document.metadata["block_kinds"].endswith("table")]
    assert all("| Item | Price |" in document.page_content for document in tables)


def test_chunks_have_the_same_ids_each_time(scan: Path) -> None:
    first, second = (VLMLoader(scan, Menu(), mode="chunk", chunk_tokens=24).load() for _ in range(2))
    assert first == second
    assert len({document.id for document in first}) == len(first)
    assert [key_encoder(document) for document in first] == [document.id for document in first]


async def test_a_loader_gives_the_same_chunks_asynchronously(scan: Path) -> None:
    loader = VLMLoader(scan, Menu(), mode="chunk", chunk_tokens=24)
    assert [document async for document in loader.alazy_load()] == loader.load()


def test_a_blob_parser_gives_chunks(scan: Path) -> None:
    parser = VLMBlobParser(Menu(), mode="chunk", chunk_tokens=24)
    found = list(parser.lazy_parse(Blob.from_path(scan)))
    assert [document.page_content for document in found] == [
        document.page_content for document in VLMLoader(scan, Menu(), mode="chunk", chunk_tokens=24).load()
    ]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        pytest.param({"chunk_tokens": 0}, "chunk_tokens must be at least 1", id="no token"),
        pytest.param({"chunk_tokens": 8, "overlap": 8}, "overlap must be", id="nothing but overlap"),
        pytest.param({"tokenizer": str.upper}, "tokenizer must be a function", id="a tokenizer of texts"),
    ],
)
def test_a_size_that_cannot_be_is_refused(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        VLMBlobParser(mode="chunk", **wrong)


def test_a_size_that_cannot_be_is_refused_by_a_reader() -> None:
    with pytest.raises(ConfigError, match="overlap must be"):
        VLMReader(mode="chunk", chunk_tokens=8, overlap=8)


LETTERS: dict[str, Any] = {"mode": "chunk", "chunk_tokens": 120, "tokenizer": len, "overlap": 30}
MADE: dict[str, Callable[[Path], list[str]]] = {
    "VLMLoader": lambda scan: [each.page_content for each in VLMLoader(scan, Menu(), **LETTERS).load()],
    "VLMBlobParser": lambda scan: [
        each.page_content for each in VLMBlobParser(Menu(), **LETTERS).lazy_parse(Blob.from_path(scan))
    ],
    "VLMReader": lambda scan: [each.text for each in VLMReader(engine=Menu(), **LETTERS).load_data(scan)],
    "OCRTransform": lambda scan: [
        each.get_content()
        for each in OCRTransform(engine=Menu(), **LETTERS)([ImageDocument(image_path=str(scan))])
    ],
}


@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
def test_chunks_are_measured_by_a_tokenizer_and_overlap(
    made: Callable[[Path], list[str]], scan: Path
) -> None:
    found = made(scan)
    options = {name: option for name, option in LETTERS.items() if name != "mode"}
    assert found == [chunk.text for chunk in chunks(DocumentReader(Menu()).read(scan), **options)]
    assert len(found) > 1
    assert max(map(len, found)) <= LETTERS["chunk_tokens"]


async def test_a_reader_links_its_chunks(scan: Path) -> None:
    reader = VLMReader(engine=Menu(), mode="chunk", chunk_tokens=24)
    found = reader.load_data(scan)
    assert len(found) > 1
    assert found[0].relationships[NodeRelationship.NEXT].node_id == found[1].node_id
    assert found[1].relationships[NodeRelationship.PREVIOUS].node_id == found[0].node_id
    assert [node.id_ for node in await reader.aload_data(scan)] == [node.id_ for node in found]


def test_a_transform_makes_chunks_of_a_picture(scan: Path) -> None:
    nodes = OCRTransform(engine=Menu(), mode="chunk", chunk_tokens=24)([ImageDocument(image_path=str(scan))])
    assert len(nodes) > 1
    assert nodes[0].relationships[NodeRelationship.NEXT].node_id == nodes[1].node_id


PAGES = ["# Menu\n\nTea is green.", "Cake is sweet.\n\n## Prices\n\nTwo each."]


def test_a_text_splitter_cuts_the_pages_of_a_source_together() -> None:
    pages = [
        Document(text, metadata={"source": "a.pdf", "page": number, "sha256": str(number)})
        for number, text in enumerate(PAGES)
    ]
    (first, *rest) = VLMTextSplitter(chunk_tokens=16).split_documents([*pages, Document("Other.")])
    assert first.page_content == "Menu\n\nTea is green.\n\nCake is sweet."
    assert first.metadata["pages"] == "1,2"
    assert [document.metadata.get("headings") for document in rest] == ["Menu > Prices", None]
    assert VLMTextSplitter(chunk_tokens=16).transform_documents(pages)[0].id == first.id


def test_a_text_splitter_refuses_what_cannot_be() -> None:
    with pytest.raises(ConfigError, match="overlap"):
        VLMTextSplitter(chunk_tokens=10, overlap=10)


def test_a_node_parser_cuts_the_pages_of_a_file_together() -> None:
    pages = [
        LlamaDocument(text=text, id_=f"p{number}", metadata={"file_path": "a.pdf", "page_label": str(number)})
        for number, text in enumerate(PAGES, 1)
    ]
    first, second = VLMNodeParser(chunk_tokens=16).get_nodes_from_documents(pages)
    assert first.get_content() == "Menu\n\nTea is green.\n\nCake is sweet."
    assert (first.metadata["pages"], second.metadata["headings"]) == ("1,2", "Menu > Prices")
    assert first.ref_doc_id == "p1"
    assert first.relationships[NodeRelationship.NEXT].node_id == second.node_id
    again = VLMNodeParser(chunk_tokens=16).get_nodes_from_documents(pages)
    assert [node.id_ for node in again] == [first.id_, second.id_]


def test_chunks_of_lines_have_boxes(scan: Path) -> None:
    class Lines(Menu):
        model = None  # type: ignore[assignment]

        def read_page(self, page: PageImage) -> PageResult:
            line = TextLine(text="Tea 2.00", bbox=(0.1, 0.2, 0.5, 0.25))
            return (
                super()
                .read_page(page)
                .model_copy(update={"lines": (line,), "text": line.text, "model": None})
            )

    (document,) = VLMLoader(scan, Lines(), mode="chunk").load()
    assert document.metadata["boxes"] == "1:0.1000,0.2000,0.5000,0.2500"

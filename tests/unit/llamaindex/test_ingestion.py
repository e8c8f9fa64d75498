"""Pictures through LlamaIndex's IngestionPipeline: its cache, its docstore, and vector stores on disk."""

import warnings
from pathlib import Path
from typing import Any

import pytest
from llama_index.core import MockEmbedding, SimpleDirectoryReader
from llama_index.core.ingestion import DocstoreStrategy, IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import ImageDocument, MetadataMode, TextNode
from llama_index.core.storage.docstore import SimpleDocumentStore
from llama_index.core.vector_stores import VectorStoreQuery
from PIL import Image, ImageDraw, ImageFont

from llamaindex_vlm import OCRTransform, VLMReader, file_extractor, image_documents
from vlm_core import EmptyPagesWarning

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")


class StrictEmbedding(MockEmbedding):
    """Refuses an empty text, as many embedding APIs do."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"embed_dim": 4, **kwargs})

    def _get_text_embedding(self, text: str) -> list[float]:
        assert text.strip(), "there is nothing to embed"
        return [1.0, len(text), sum(text.encode()), 1.0]


def qdrant(folder: Path) -> Any:
    pytest.importorskip("qdrant_client")
    from llama_index.vector_stores.qdrant import QdrantVectorStore
    from qdrant_client import QdrantClient

    return QdrantVectorStore("scans", client=QdrantClient(path=str(folder / "qdrant")))


def chroma(folder: Path) -> Any:
    pytest.importorskip("chromadb", reason="run with llama-index-vector-stores-chroma installed (280 MB)")
    import chromadb
    from llama_index.vector_stores.chroma import ChromaVectorStore

    client = chromadb.PersistentClient(str(folder / "chroma"))
    return ChromaVectorStore(client.get_or_create_collection("scans"))


@pytest.fixture(params=[qdrant, chroma], ids=lambda make: make.__name__)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A vector store on disk."""
    made = request.param(tmp_path)
    yield made
    close = getattr(made.client, "close", None)
    if close is not None:
        close()


def pipeline(engine: Any, **options: Any) -> IngestionPipeline:
    """Reads, splits and embeds."""
    ocr = OCRTransform(engine=engine, **options.pop("ocr", {}))
    return IngestionPipeline(transformations=[ocr, SentenceSplitter(), StrictEmbedding()], **options)


def texts(nodes: Any) -> list[str]:
    return [node.get_content(MetadataMode.NONE) for node in nodes]


def found_in(store: Any) -> list[Any]:
    """All that a vector store holds."""
    return store.query(VectorStoreQuery(query_embedding=[1.0, 1.0, 1.0, 1.0], similarity_top_k=100)).nodes


# --- cache ---------------------------------------------------------------------------------------


def test_two_pictures_never_share_a_text_even_with_the_cache_on(
    typist: Any, grey: Any, tmp_path: Path
) -> None:
    first = pipeline(typist)
    assert texts(first.run(documents=[ImageDocument(image=grey(10))])) == ["shade 10"]
    assert texts(first.run(documents=[ImageDocument(image=grey(20))])) == ["shade 20"]
    first.persist(str(tmp_path / "stored"))
    second = pipeline(typist)
    second.load(str(tmp_path / "stored"))
    assert texts(second.run(documents=[ImageDocument(image=grey(30))])) == ["shade 30"]


def test_what_stands_behind_the_transform_is_still_cached(typist: Any, scan: Any) -> None:
    embedded: list[str] = []

    class Counting(StrictEmbedding):
        def _get_text_embedding(self, text: str) -> list[float]:
            embedded.append(text)
            return super()._get_text_embedding(text)

    cached = IngestionPipeline(transformations=[OCRTransform(engine=typist), Counting()])
    for _ in range(2):
        cached.run(documents=image_documents(scan("a.png", 10)))
    assert (typist.read, len(embedded)) == ([10, 10], 1)


# --- docstore and vector store -------------------------------------------------------------------


def test_an_unchanged_corpus_is_read_once(typist: Any, scan: Any, store: Any, tmp_path: Path) -> None:
    paths = [scan(f"scans/{shade}.png", shade) for shade in (10, 20, 30)]
    first = pipeline(typist, vector_store=store, docstore=SimpleDocumentStore())
    assert len(first.run(documents=image_documents(tmp_path / "scans"))) == 3
    first.persist(str(tmp_path / "stored"))

    second = pipeline(typist, vector_store=store)
    second.load(str(tmp_path / "stored"))
    assert second.run(documents=image_documents(paths)) == []
    assert sorted(typist.read) == [10, 20, 30]
    assert sorted(texts(found_in(store))) == ["shade 10", "shade 20", "shade 30"]


def test_a_changed_file_takes_the_place_of_what_it_was(typist: Any, scan: Any, store: Any) -> None:
    ingest = pipeline(typist, vector_store=store, docstore=SimpleDocumentStore())
    ingest.run(documents=image_documents([scan("a.png", 10), scan("b.tif", 20, 30, kind="TIFF")]))
    ingest.run(documents=image_documents([scan("a.png", 10), scan("b.tif", 40, kind="TIFF")]))
    assert sorted(typist.read) == [10, 20, 30, 40]
    assert sorted(texts(found_in(store))) == ["shade 10", "shade 40"]


def test_a_file_that_is_gone_is_deleted_with_all_its_pages(typist: Any, scan: Any, store: Any) -> None:
    ingest = pipeline(
        typist,
        vector_store=store,
        docstore=SimpleDocumentStore(),
        docstore_strategy=DocstoreStrategy.UPSERTS_AND_DELETE,
    )
    ingest.run(documents=image_documents([scan("a.png", 10), scan("b.tif", 20, 30, kind="TIFF")]))
    ingest.run(documents=image_documents([scan("a.png", 10)]))
    assert texts(found_in(store)) == ["shade 10"]


def test_a_damaged_picture_is_marked_in_the_store_and_read_again_when_asked_to(
    typist: Any, scan: Any, store: Any
) -> None:
    ingest = pipeline(typist, vector_store=store, docstore=SimpleDocumentStore())
    paths = [scan("a.png", 10), scan("b.png", 66), scan("c.png", 30)]
    with pytest.warns(EmptyPagesWarning, match="b.png"):
        nodes = ingest.run(documents=image_documents(paths))
    states = {node.metadata["file_name"]: node.metadata["ocr_state"] for node in found_in(store)}
    assert states == {"a.png": "ok", "b.png": "failed", "c.png": "ok"}

    for node in nodes:
        if node.metadata["ocr_state"] == "failed":
            ingest.docstore.set_document_hash(node.ref_doc_id, "read again")
    with pytest.warns(EmptyPagesWarning, match="b.png"):
        ingest.run(documents=image_documents(paths))
    assert sorted(typist.read) == [10, 30, 66, 66]
    assert len(found_in(store)) == 3


@pytest.mark.parametrize("by", [OCRTransform, VLMReader], ids=lambda kind: kind.__name__)
def test_a_page_keeps_its_picture_and_metadata_in_a_store(
    by: Any, typist: Any, scan: Any, store: Any
) -> None:
    path, reading = scan("a.png", 10), by(engine=typist, image_reference=True)
    read = reading.load_data(path) if by is VLMReader else reading(image_documents(path))
    IngestionPipeline(transformations=[StrictEmbedding()], vector_store=store).run(nodes=read)
    (found,) = found_in(store)
    assert found.metadata == read[0].metadata
    assert [block.block_type for block in found.get_content_blocks()] == ["text", "image"]
    assert found.image_resource.path == path


def test_a_page_keeps_its_picture_in_a_docstore(typist: Any, scan: Any, tmp_path: Path) -> None:
    read = OCRTransform(engine=typist, image_reference=True)(image_documents(scan("a.png", 10)))
    docstore = SimpleDocumentStore()
    docstore.add_documents(read)
    docstore.persist(str(tmp_path / "docstore.json"))
    again = SimpleDocumentStore.from_persist_path(str(tmp_path / "docstore.json"))
    assert again.get_document(read[0].id_).image_resource == read[0].image_resource


def test_a_docstore_alone_spares_the_second_reading_and_reads_again_when_asked_to(
    typist: Any, scan: Any
) -> None:
    ingest = IngestionPipeline(
        transformations=[OCRTransform(engine=typist)],
        docstore=SimpleDocumentStore(),
        docstore_strategy=DocstoreStrategy.DUPLICATES_ONLY,
    )
    (node,) = ingest.run(documents=image_documents(scan("a.png", 10)))
    assert ingest.run(documents=image_documents(scan("a.png", 10))) == []
    ingest.docstore.set_document_hash(node.ref_doc_id, "read again")
    assert ingest.run(documents=image_documents(scan("a.png", 10))) == [node]


@pytest.mark.parametrize("mode", ["document", "page", "block"])
def test_every_mode_can_be_stored_and_found_by_the_page(
    mode: str, typist: Any, scan: Any, store: Any
) -> None:
    ingest = pipeline(typist, ocr={"mode": mode}, vector_store=store)
    nodes = ingest.run(documents=image_documents(scan("fax.tif", 10, 20, kind="TIFF")))
    assert sorted(texts(found_in(store))) == sorted(texts(nodes))
    assert {node.metadata["total_pages"] for node in found_in(store)} == {2}


# --- async, processes, other sources -------------------------------------------------------------


async def test_an_async_run_gives_the_same_and_stays_within_its_bound(typist: Any, scan: Any) -> None:
    given = image_documents(scan("fax.tif", *range(10, 30), kind="TIFF"))
    ingest = pipeline(typist, ocr={"max_concurrency": 2}, disable_cache=True)
    assert texts(await ingest.arun(documents=given)) == [f"shade {shade}" for shade in range(10, 30)]
    assert typist.most <= 2


def test_processes_read_the_same(tmp_path: Path) -> None:
    for name in ("ONE.png", "TWO.png"):
        picture = Image.new("RGB", (300, 120), "white")
        ImageDraw.Draw(picture).text((30, 40), name[:3], "black", ImageFont.load_default(size=40))
        picture.save(tmp_path / name)
    ingest = IngestionPipeline(transformations=[OCRTransform()])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Specified num_workers exceed", UserWarning)
        nodes = ingest.run(documents=image_documents(tmp_path), num_workers=2)
    assert texts(nodes) == ["ONE", "TWO"]
    assert [node.metadata["file_name"] for node in nodes] == ["ONE.png", "TWO.png"]


def test_what_the_directory_reader_read_passes_through(typist: Any, scan: Any, tmp_path: Path) -> None:
    scan("scans/a.png", 10)
    (tmp_path / "scans" / "notes.txt").write_text("a note")
    reader = VLMReader(engine=typist, image_reference=True)
    documents = SimpleDirectoryReader(tmp_path / "scans", file_extractor=file_extractor(reader)).load_data()
    nodes = pipeline(typist).run(documents=documents)
    assert (texts(nodes), typist.read) == (["shade 10", "a note"], [10])


def test_texts_and_pictures_are_ingested_together(typist: Any, scan: Any) -> None:
    given = [TextNode(text="a note"), *image_documents(scan("a.png", 10))]
    assert texts(pipeline(typist).run(nodes=given)) == ["a note", "shade 10"]

"""OCRTransform by itself: which nodes it reads, what it makes of them, and how it is kept."""

import asyncio
import base64
import json
import pickle
import threading
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import (
    BaseNode,
    Document,
    ImageDocument,
    ImageNode,
    MediaResource,
    MetadataMode,
    Node,
    NodeRelationship,
    RelatedNodeInfo,
    TextNode,
)

from llamaindex_vlm import OCRTransform, VLMReader, image_documents
from vlm_core import (
    ConfigError,
    CorruptImageError,
    EmptyPagesWarning,
    InputError,
    PageImage,
    PageResult,
    ReaderOptions,
)

MODES = ["document", "page", "block"]


def texts(nodes: Any) -> list[str]:
    return [node.get_content(MetadataMode.NONE) for node in nodes]


def as_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


# --- which nodes it reads ------------------------------------------------------------------------

BRINGS_A_PICTURE = [
    pytest.param(lambda data, path: ImageDocument(image=as_base64(data)), id="ImageDocument-base64"),
    pytest.param(lambda data, path: ImageDocument(image=data), id="ImageDocument-bytes"),
    pytest.param(lambda data, path: ImageDocument(image_path=str(path)), id="ImageDocument-path"),
    pytest.param(lambda data, path: ImageNode(image=as_base64(data)), id="ImageNode-base64"),
    pytest.param(lambda data, path: ImageNode(image_path=str(path)), id="ImageNode-path"),
    pytest.param(lambda data, path: Node(image_resource=MediaResource(data=data)), id="Node-data"),
    pytest.param(lambda data, path: Node(image_resource=MediaResource(path=path)), id="Node-path"),
    pytest.param(lambda data, path: Document(image_resource=MediaResource(path=path)), id="Document-path"),
    pytest.param(
        lambda data, path: Node(image_resource=MediaResource(url=path.as_uri())), id="Node-file-url"
    ),
    pytest.param(
        lambda data, path: ImageNode(image_url=f"data:image/png;base64,{as_base64(data)}"),
        id="ImageNode-data-url",
    ),
]


@pytest.mark.parametrize("bring", BRINGS_A_PICTURE)
def test_a_node_with_a_picture_becomes_a_text_node(bring: Any, typist: Any, scan: Any, grey: Any) -> None:
    (node,) = OCRTransform(engine=typist)([bring(grey(10), scan("a.png", 10))])
    assert isinstance(node, TextNode)
    assert not isinstance(node, ImageNode)
    assert (node.text, node.metadata["ocr_state"]) == ("shade 10", "ok")


@pytest.mark.parametrize(
    "node",
    [
        pytest.param(TextNode(text="a"), id="TextNode"),
        pytest.param(Document(text="a"), id="Document"),
        pytest.param(Node(text_resource=MediaResource(text="a")), id="Node"),
        pytest.param(ImageNode(text="a"), id="ImageNode-without-picture"),
        pytest.param(ImageDocument(text="a"), id="ImageDocument-without-picture"),
    ],
)
def test_a_node_without_a_picture_passes_through_untouched(node: BaseNode, typist: Any) -> None:
    before = node.to_dict()
    (passed,) = OCRTransform(engine=typist)([node])
    assert passed is node
    assert node.to_dict() == before
    assert typist.read == []


def test_nodes_keep_their_order(typist: Any, scan: Any) -> None:
    given = [
        TextNode(text="first"),
        ImageNode(image_path=str(scan("fax.tif", 10, 20, kind="TIFF"))),
        Document(text="second"),
        ImageNode(image_path=str(scan("a.png", 30))),
        TextNode(text="third"),
    ]
    nodes = OCRTransform(engine=typist)(given)
    assert texts(nodes) == ["first", "shade 10", "shade 20", "second", "shade 30", "third"]


def test_what_was_read_already_is_not_read_again(typist: Any, scan: Any) -> None:
    read = VLMReader(engine=typist, image_reference=True).load_data(scan("a.png", 10))
    assert read[0].image_resource is not None
    assert list(OCRTransform(engine=typist)(read)) == read
    assert typist.read == [10]


def test_a_text_that_comes_with_a_picture_is_the_first_of_its_nodes(typist: Any, grey: Any) -> None:
    given = ImageDocument(text="The receipt of May", image=grey(10), metadata={"owner": "Ada"})
    caption, page = OCRTransform(engine=typist)([given])
    assert texts([caption, page]) == ["The receipt of May", "shade 10"]
    assert caption.metadata == {"owner": "Ada"}
    assert (caption.ref_doc_id, caption.next_node.node_id) == (given.id_, page.id_)


def test_what_was_given_is_left_as_it_was(typist: Any, grey: Any) -> None:
    given = ImageDocument(image=grey(10), metadata={"owner": "Ada"})
    before = given.model_copy(deep=True)
    OCRTransform(engine=typist)([given])
    assert given == before


def test_a_folder_is_no_picture(typist: Any, scan: Any) -> None:
    folder = scan("scans/a.png", 10).parent
    scan("scans/b.png", 20)
    with pytest.warns(EmptyPagesWarning, match="folder"):
        (node,) = OCRTransform(engine=typist)([Node(image_resource=MediaResource(path=folder))])
    assert node.metadata["ocr_state"] == "failed"


def test_a_url_is_downloaded_once_and_its_secrets_are_not_kept(
    fax_url: Any, typist: Any, tmp_path: Path, shade_in: Any
) -> None:
    url, asked = fax_url
    transform = OCRTransform(engine=typist, allow_private_urls=True, image_dir=tmp_path / "pictures")
    nodes = transform([Node(image_resource=MediaResource(url=url))])
    assert texts(nodes) == ["shade 10", "shade 20"]
    assert nodes[0].metadata["file_name"] == "fax.tif"
    assert [shade_in(node.image_resource.path) for node in nodes] == [10, 20]
    assert asked == ["/fax.tif?key=hush"]
    assert "hush" not in str([node.metadata for node in nodes])


def test_a_url_into_this_network_is_refused_unless_allowed(fax_url: Any, typist: Any) -> None:
    url, asked = fax_url
    with pytest.warns(EmptyPagesWarning, match="allow_private_urls"):
        (node,) = OCRTransform(engine=typist)([ImageNode(image_url=url)])
    assert (node.metadata["ocr_state"], asked) == ("failed", [])


# --- what it makes of them -----------------------------------------------------------------------


def test_metadata_is_that_of_the_reader_on_top_of_what_was_there(typist: Any, scan: Any) -> None:
    path = scan("fax.tif", 10, 20, kind="TIFF")
    given = Document(
        image_resource=MediaResource(path=path),
        metadata={
            "owner": "Ada",
            "trust": "trusted",
            "ocr_engine": "?",
            "page_label": "?",
            "file_name": "Fax",
        },
    )
    nodes = OCRTransform(engine=typist)([given])
    read = VLMReader(engine=typist).load_data(path)
    assert [node.metadata for node in nodes] == [
        {**document.metadata, "owner": "Ada", "file_name": "Fax"} for document in read
    ]


def test_a_picture_that_is_a_page_of_something_keeps_its_number_there(typist: Any, grey: Any) -> None:
    given = ImageDocument(
        image=grey(10), metadata={"file_path": "a.pdf", "page_label": "7", "total_pages": 9}
    )
    (node,) = OCRTransform(engine=typist)([given])
    assert (node.metadata["page_label"], node.metadata["total_pages"]) == ("7", 9)


def test_a_picture_in_memory_has_no_file_but_what_the_node_names(typist: Any, grey: Any) -> None:
    given = [ImageDocument(image=grey(10)), ImageDocument(image=grey(20), metadata={"file_name": "b.png"})]
    first, second = OCRTransform(engine=typist)(given)
    assert "file_path" not in first.metadata
    assert "file_name" not in first.metadata
    assert second.metadata["file_name"] == "b.png"


@pytest.mark.parametrize("kind", ["excluded_embed_metadata_keys", "excluded_llm_metadata_keys"])
def test_models_see_no_technical_key_and_none_that_was_hidden(kind: str, typist: Any, scan: Any) -> None:
    (given,) = image_documents(scan("a.png", 10))
    given.metadata["secret"] = "hush"
    getattr(given, kind).append("secret")
    (node,) = OCRTransform(engine=typist, mode="block", max_pages=1)([given])[:1]
    hidden = set(getattr(node, kind))
    assert set(node.metadata) - hidden == {"file_path", "file_name", "page_label"}


def test_templates_are_kept(typist: Any, grey: Any) -> None:
    given = ImageDocument(image=grey(10), metadata_template="{key}={value}", metadata_separator="; ")
    given.metadata = {"owner": "Ada", "year": 2025}
    (node,) = OCRTransform(engine=typist)([given])
    assert node.get_content(MetadataMode.LLM).startswith("owner=Ada; year=2025; page_label=1\n\nshade")


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("document", ["shade 10\n\nshade 20"]),
        ("page", ["shade 10", "shade 20"]),
        ("block", ["shade 10", "below", "shade 20", "below"]),
    ],
)
def test_each_mode_has_its_nodes_chained_to_each_other_and_to_their_document(
    mode: str, expected: list[str], typist: Any, scan: Any
) -> None:
    (given,) = image_documents(scan("fax.tif", 10, 20, kind="TIFF"))
    nodes = OCRTransform(engine=typist, mode=mode)([given])
    ids = [node.id_ for node in nodes]
    assert texts(nodes) == expected
    assert {node.ref_doc_id for node in nodes} == {given.id_}
    assert [node.prev_node and node.prev_node.node_id for node in nodes] == [None, *ids[:-1]]
    assert [node.next_node and node.next_node.node_id for node in nodes] == [*ids[1:], None]


def test_pictures_are_not_chained_to_each_other(typist: Any, scan: Any) -> None:
    first, second = OCRTransform(engine=typist)(image_documents([scan("a.png", 10), scan("b.png", 20)]))
    assert (first.next_node, second.prev_node) == (None, None)


def test_a_part_of_a_document_stays_a_part_of_it(typist: Any, grey: Any) -> None:
    source = RelatedNodeInfo(node_id="the document")
    part = ImageNode(image=as_base64(grey(10)), relationships={NodeRelationship.SOURCE: source})
    (node,) = OCRTransform(engine=typist)([part])
    assert node.ref_doc_id == "the document"


@pytest.mark.parametrize("options", [{}, {"image_reference": True}], ids=["text", "with-picture"])
def test_a_splitter_keeps_the_document_and_the_page(options: dict[str, Any], typist: Any, scan: Any) -> None:
    (given,) = image_documents(scan("a.png", 10))
    (chunk,) = SentenceSplitter()(OCRTransform(engine=typist, **options)([given]))
    assert (chunk.ref_doc_id, chunk.metadata["page_label"]) == (given.id_, "1")
    assert "trust" in chunk.excluded_llm_metadata_keys


@pytest.mark.parametrize("mode", MODES)
def test_the_same_nodes_give_the_same(mode: str, typist: Any, scan: Any) -> None:
    given = image_documents([scan("a.tif", 10, 10, kind="TIFF"), scan("b.tif", 10, 10, kind="TIFF")])
    transform = OCRTransform(engine=typist, mode=mode)
    nodes = transform(given)
    assert nodes == transform(given)
    assert len({node.id_ for node in nodes}) == len(nodes)


def test_the_same_picture_in_two_nodes_has_two_ids(typist: Any, grey: Any) -> None:
    nodes = OCRTransform(engine=typist)([ImageDocument(image=grey(10)) for _ in range(2)])
    assert len({node.id_ for node in nodes}) == 2


def test_no_picture_is_copied(typist: Any, grey: Any) -> None:
    data = grey(10)
    nodes = OCRTransform(engine=typist)([ImageDocument(image=data), ImageNode(image=as_base64(data))])
    assert [as_base64(data) in str(node.model_dump()) for node in nodes] == [False, False]
    assert as_base64(data).encode() not in pickle.dumps(nodes)


# --- pages without text --------------------------------------------------------------------------


def test_one_damaged_picture_of_ten_leaves_nine_nodes_and_one_that_is_marked(typist: Any, scan: Any) -> None:
    paths = [scan(f"{number}.png", 10 + number) for number in range(10)]
    paths[3].write_bytes(paths[3].read_bytes()[:60])
    with pytest.warns(EmptyPagesWarning, match=r"3\.png page 1 \(failed: "):
        nodes = OCRTransform(engine=typist)(image_documents(paths))
    assert [node.metadata["ocr_state"] for node in nodes] == ["ok"] * 3 + ["failed"] + ["ok"] * 6
    assert texts(nodes)[3] == ""
    assert nodes[3].metadata["file_name"] == "3.png"


def test_a_page_that_an_engine_fails_on_is_marked_and_its_neighbours_are_kept(typist: Any, scan: Any) -> None:
    with pytest.warns(EmptyPagesWarning, match="page 2"):
        nodes = OCRTransform(engine=typist)(image_documents(scan("fax.tif", 10, 66, 30, kind="TIFF")))
    assert [(node.get_content(), node.metadata["ocr_state"]) for node in nodes] == [
        ("shade 10", "ok"),
        ("", "failed"),
        ("shade 30", "ok"),
    ]


@pytest.mark.parametrize("mode", MODES)
def test_a_marked_node_has_something_to_embed_even_without_a_file(mode: str, typist: Any) -> None:
    with pytest.warns(EmptyPagesWarning):
        (node,) = OCRTransform(engine=typist, mode=mode)([ImageDocument(image=b"no picture")])
    for seen in (MetadataMode.EMBED, MetadataMode.LLM):
        assert "ocr_state: failed" in node.get_content(seen)


def test_a_blank_page_gives_a_warning_and_no_node(typist: Any, scan: Any) -> None:
    with pytest.warns(EmptyPagesWarning, match=r"page 2 \(blank\)"):
        nodes = OCRTransform(engine=typist)(image_documents(scan("fax.tif", 10, 255, kind="TIFF")))
    assert texts(nodes) == ["shade 10"]


def test_blank_pages_give_nodes_on_request(typist: Any, scan: Any) -> None:
    nodes = OCRTransform(engine=typist, empty_pages=True)(
        image_documents(scan("a.tif", 255, 66, kind="TIFF"))
    )
    assert [node.metadata["ocr_state"] for node in nodes] == ["blank", "failed"]


def test_no_page_without_text_gives_a_node_on_request(typist: Any, scan: Any) -> None:
    transform = OCRTransform(engine=typist, empty_pages=False)
    with pytest.warns(EmptyPagesWarning, match="66.png page 1"):
        nodes = transform(image_documents([scan("66.png", 66), scan("10.png", 10)]))
    assert texts(nodes) == ["shade 10"]


def test_a_missing_file_is_marked(typist: Any, tmp_path: Path) -> None:
    with pytest.warns(EmptyPagesWarning, match="does not exist"):
        (node,) = OCRTransform(engine=typist)(image_documents(tmp_path / "gone.png"))
    assert node.metadata["ocr_state"] == "failed"
    assert node.ref_doc_id == str(tmp_path / "gone.png")


async def test_errors_are_raised_on_request(typist: Any) -> None:
    transform = OCRTransform(engine=typist, on_error="raise")
    cut = [ImageDocument(image=b"\x89PNG\r\n\x1a\n cut short")]
    with pytest.raises(CorruptImageError):
        transform(cut)
    with pytest.raises(CorruptImageError):
        await transform.acall(cut)


# --- pictures ------------------------------------------------------------------------------------


def test_nodes_refer_to_the_pictures_of_their_pages_on_request(
    typist: Any, scan: Any, grey: Any, shade_in: Any, tmp_path: Path
) -> None:
    given = [
        *image_documents([scan("a.png", 10), scan("fax.tif", 20, 99, kind="TIFF")]),
        ImageDocument(image=grey(40)),
    ]
    nodes = OCRTransform(engine=typist, image_dir=tmp_path / "pictures")(given)
    assert [shade_in(node.image_resource.path) for node in nodes] == [10, 20, 99, 40]
    assert [node.image_resource.data for node in nodes] == [None] * 4
    assert nodes[0].image_resource.path == tmp_path / "a.png"


def test_a_node_with_a_picture_gives_models_its_text_and_its_picture(typist: Any, scan: Any) -> None:
    path = scan("a.png", 10)
    (node,) = OCRTransform(engine=typist, image_reference=True)(image_documents(path))
    *_, text, picture = node.get_content_blocks(MetadataMode.LLM)
    assert (text.text, picture.path, picture.image_mimetype) == ("shade 10", path, "image/png")


# --- as a component ------------------------------------------------------------------------------


def test_it_has_every_option_of_the_reader() -> None:
    assert set(ReaderOptions.__annotations__) <= set(OCRTransform.model_fields)
    assert set(VLMReader.model_fields) - {"is_remote"} == set(OCRTransform.model_fields)


def test_an_unknown_option_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match=r"Unknown option max_page\. Did you mean max_pages\?"):
        OCRTransform(max_page=3)  # type: ignore[call-arg]


def test_an_option_cannot_be_changed_without_effect() -> None:
    with pytest.raises(ValueError, match="frozen"):
        OCRTransform().mode = "block"


def test_it_describes_itself_anew_each_time_and_without_secrets(typist: Any) -> None:
    transform = OCRTransform(engine=typist, password="hush", on_page=print)
    first, second = transform.to_dict(), transform.to_dict()
    assert {key for key in first if first[key] != second[key]} == {"nonce"}
    assert json.loads(json.dumps(first)) == first
    assert "hush" not in json.dumps(first) + repr(transform)


def test_it_is_made_anew_from_its_description() -> None:
    described = OCRTransform(mode="block", task="text", image_dir=Path("pictures")).to_dict()
    again = OCRTransform.from_dict(described).to_dict()
    assert again | {"nonce": ""} == described | {"nonce": ""}


def test_a_pickled_one_reads_the_same(typist: Any, scan: Any) -> None:
    transform = OCRTransform(engine=typist, mode="block", password="1234")
    again = pickle.loads(pickle.dumps(transform))
    given = image_documents(scan("a.png", 10))
    assert again(given) == transform(given)
    assert again.password == transform.password


# --- async ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
async def test_the_async_call_gives_the_same(mode: str, typist: Any, scan: Any, tmp_path: Path) -> None:
    given = [TextNode(text="first"), *image_documents(scan("fax.tif", 10, 255, 30, kind="TIFF"))]
    transform = OCRTransform(engine=typist, mode=mode, image_dir=tmp_path / "pictures", empty_pages=True)
    assert await transform.acall(given) == transform(given)


async def test_concurrent_calls_share_one_bound(typist: Any, scan: Any) -> None:
    transform = OCRTransform(engine=typist, max_concurrency=1)
    given = image_documents(scan("fax.tif", *range(1, 9), kind="TIFF"))
    await asyncio.gather(*(transform.acall(given) for _ in range(4)))
    assert (typist.most, len(typist.read)) == (1, 32)


async def test_the_event_loop_runs_while_pages_are_read(typist: Any, scan: Any) -> None:
    loop, answered = asyncio.get_running_loop(), threading.Event()

    class Patient(type(typist)):  # type: ignore[misc]
        def read_page(self, page: PageImage) -> PageResult:
            loop.call_soon_threadsafe(answered.set)
            assert answered.wait(30), "the event loop is blocked"
            return super().read_page(page)  # type: ignore[no-any-return]

    nodes = await OCRTransform(engine=Patient()).acall(image_documents(scan("a.png", 10)))
    assert texts(nodes) == ["shade 10"]


# --- image_documents -----------------------------------------------------------------------------


def test_a_folder_gives_a_document_for_each_picture(scan: Any, tmp_path: Path) -> None:
    scan("scans/b.png", 20), scan("scans/a.tif", 10, kind="TIFF")
    (tmp_path / "scans" / "notes.txt").write_text("no picture")
    documents = image_documents(tmp_path / "scans")
    assert [document.id_ for document in documents] == [
        str(tmp_path / "scans" / name) for name in ("a.tif", "b.png")
    ]


def test_a_changed_file_has_another_hash_and_the_same_id(scan: Any) -> None:
    (before,) = image_documents(scan("a.png", 10))
    (same,) = image_documents(scan("a.png", 10))
    (after,) = image_documents(scan("a.png", 20))
    assert before.hash == same.hash != after.hash
    assert before.id_ == after.id_


def test_a_changed_file_has_another_text_for_the_cache_of_a_pipeline(scan: Any) -> None:
    (before,), (after,) = (image_documents(scan("a.png", shade)) for shade in (10, 20))
    assert before.get_content(MetadataMode.ALL) != after.get_content(MetadataMode.ALL)


@pytest.mark.parametrize("source", ["https://example.com/a.png", b"GIF89a"], ids=["url", "bytes"])
def test_what_is_no_file_is_refused(source: Any) -> None:
    with pytest.raises(InputError, match="is not a file here"):
        image_documents(source)

"""PagePictures: which retrieved nodes get the picture of their page, and which pictures these are."""

import base64
import io
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.node_parser import TokenTextSplitter
from llama_index.core.schema import (
    BaseNode,
    ImageDocument,
    ImageNode,
    MediaResource,
    MetadataMode,
    NodeWithScore,
    TextNode,
)
from PIL import Image

from llamaindex_vlm import OCRTransform, PagePictures, VLMReader, image_documents
from vlm_core import ConfigError


def retrieved(nodes: Any) -> list[NodeWithScore]:
    """The nodes as a retriever gives them, the best first."""
    return [NodeWithScore(node=node, score=1 - number / 10) for number, node in enumerate(nodes)]


def chunks_of(engine: Any, *paths: Path, **options: Any) -> list[BaseNode]:
    """What a splitter leaves of pages: texts and metadata."""
    nodes = OCRTransform(engine=engine, **options)(image_documents(paths))
    return TokenTextSplitter(chunk_overlap=0)(nodes)


def picture_of(found: NodeWithScore) -> MediaResource | None:
    return getattr(found.node, "image_resource", None)


def kinds(found: NodeWithScore) -> list[str]:
    """The kinds of content that a model gets of a node."""
    return [block.block_type for block in found.node.get_content_blocks(MetadataMode.NONE)]


@pytest.fixture
def shade_of(shade_in: Any) -> Any:
    """The shade of a node's picture, wherever that is; None if it has none."""

    def shade(found: NodeWithScore) -> int | None:
        picture = picture_of(found)
        if picture is None:
            return None
        return int(shade_in(base64.b64decode(picture.data) if picture.data else picture.path))

    return shade


@pytest.fixture
def fax(scan: Any) -> Path:
    """Three pages."""
    path: Path = scan("fax.tif", 10, 20, 30, kind="TIFF")
    return path


# --- which nodes ---------------------------------------------------------------------------------


def test_a_chunk_gets_the_picture_of_its_page_and_keeps_the_rest(
    typist: Any, fax: Path, shade_of: Any
) -> None:
    given = retrieved(chunks_of(typist, fax))
    found = PagePictures().postprocess_nodes(given)
    assert [shade_of(node) for node in found] == [10, 20, 30]
    assert [kinds(node) for node in found] == [["text", "image"]] * 3
    for before, after in zip(given, found, strict=True):
        assert (after.node_id, after.score, after.metadata) == (before.node_id, before.score, before.metadata)
        assert after.get_content(MetadataMode.LLM) == before.get_content(MetadataMode.LLM)
        assert after.node.relationships == before.node.relationships


def test_what_was_retrieved_is_left_as_it_was(typist: Any, fax: Path) -> None:
    given = retrieved(chunks_of(typist, fax))
    before = [node.model_copy(deep=True) for node in given]
    PagePictures().postprocess_nodes(given)
    assert given == before


def test_a_page_is_shown_once_on_the_first_of_its_chunks(typist: Any, fax: Path, shade_of: Any) -> None:
    blocks = chunks_of(typist, fax, mode="block")
    given = retrieved([blocks[3], blocks[0], blocks[2], blocks[1], blocks[0]])
    found = PagePictures().postprocess_nodes(given)
    assert [shade_of(node) for node in found] == [20, 10, None, None, None]
    assert [node.node_id for node in found] == [node.node_id for node in given]


def test_a_page_is_shown_once_even_where_all_its_blocks_refer_to_it(
    typist: Any, fax: Path, shade_of: Any, tmp_path: Path
) -> None:
    nodes = OCRTransform(engine=typist, mode="block", image_dir=tmp_path)(image_documents(fax))
    found = PagePictures().postprocess_nodes(retrieved(nodes))
    assert [shade_of(node) for node in found] == [10, None, 20, None, 30, None]
    assert [kinds(node) for node in found][:2] == [["text", "image"], ["text"]]


@pytest.mark.parametrize(("most", "expected"), [(0, [None] * 3), (2, [10, 20, None]), (9, [10, 20, 30])])
def test_there_are_at_most_so_many_pictures(
    most: int, expected: list[int | None], typist: Any, fax: Path, shade_of: Any
) -> None:
    found = PagePictures(max_images=most).postprocess_nodes(retrieved(chunks_of(typist, fax)))
    assert [shade_of(node) for node in found] == expected


@pytest.mark.parametrize(
    "node",
    [
        pytest.param(TextNode(text="a"), id="text"),
        pytest.param(TextNode(text="a", metadata={"page_label": "1", "file_path": "a"}), id="another-reader"),
        pytest.param(ImageNode(text="a", image_url="https://example.com/a.png"), id="picture-of-ones-own"),
        pytest.param(
            TextNode(text="a", metadata={"page_label": "1", "image_sha256": "../../etc"}), id="damaged-digest"
        ),
    ],
)
def test_other_nodes_stay_as_they_are(node: BaseNode) -> None:
    given = retrieved([node])
    (found,) = PagePictures().postprocess_nodes(given)
    assert found is given[0]


def test_a_whole_document_of_many_pages_has_no_one_picture(typist: Any, fax: Path) -> None:
    given = retrieved(chunks_of(typist, fax, mode="document"))
    assert PagePictures().postprocess_nodes(given) == given


def test_a_whole_document_of_one_page_has_its_picture(typist: Any, scan: Any, shade_of: Any) -> None:
    (found,) = PagePictures().postprocess_nodes(
        retrieved(chunks_of(typist, scan("a.tif", 10, kind="TIFF"), mode="document"))
    )
    assert shade_of(found) == 10


def test_an_image_node_becomes_one_whose_text_is_not_dropped(typist: Any, scan: Any) -> None:
    (chunk,) = chunks_of(typist, scan("a.png", 10))
    given = ImageNode(text=chunk.get_content(), metadata=chunk.metadata, image_path=str(scan("a.png", 10)))
    (found,) = PagePictures().postprocess_nodes(retrieved([given]))
    assert kinds(found) == ["text", "image"]


# --- which pictures ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_file_that_is_one_page_is_referred_to(kind: str, typist: Any, scan: Any) -> None:
    path = scan("a", 10, kind=kind)
    (found,) = PagePictures().postprocess_nodes(retrieved(chunks_of(typist, path)))
    assert picture_of(found) == MediaResource(path=path, mimetype=f"image/{kind.lower()}")


@pytest.mark.parametrize("kind", ["PDF", "TIFF"])
def test_other_pages_are_held_in_memory_or_written(
    kind: str, typist: Any, scan: Any, shade_of: Any, tmp_path: Path
) -> None:
    given = retrieved(chunks_of(typist, scan("a", 10, 20, kind=kind)))
    held = PagePictures().postprocess_nodes(given)
    written = PagePictures(image_dir=tmp_path / "pictures").postprocess_nodes(given)
    assert [shade_of(found) for found in held] == [shade_of(found) for found in written] == [10, 20]
    assert [picture_of(found).mimetype for found in held] == ["image/png"] * 2
    assert [picture_of(found).path.parent for found in written] == [tmp_path / "pictures"] * 2


def test_a_picture_is_written_once(typist: Any, fax: Path, tmp_path: Path) -> None:
    given = retrieved(chunks_of(typist, fax))
    postprocessor = PagePictures(image_dir=tmp_path / "pictures")
    first = postprocessor.postprocess_nodes(given)
    fax.unlink()
    assert postprocessor.postprocess_nodes(given) == first


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda path, grey: path.write_bytes(grey(20)), id="changed"),
        pytest.param(lambda path, grey: path.unlink(), id="gone"),
        pytest.param(lambda path, grey: path.write_bytes(b"?"), id="damaged"),
    ],
)
def test_a_file_that_is_another_one_by_now_is_not_shown(
    change: Any, typist: Any, scan: Any, grey: Any
) -> None:
    path = scan("a.png", 10)
    given = retrieved(chunks_of(typist, path))
    change(path, grey)
    with pytest.warns(UserWarning, match=r"No picture of page 1: .*a\.png"):
        assert PagePictures().postprocess_nodes(given) == given


def test_a_reference_to_a_changed_file_is_taken_off(typist: Any, scan: Any) -> None:
    (node,) = OCRTransform(engine=typist, image_reference=True)(image_documents(scan("a.png", 10)))
    scan("a.png", 20)
    with pytest.warns(UserWarning, match="changed since page 1 was read"):
        (found,) = PagePictures().postprocess_nodes(retrieved([node]))
    assert kinds(found) == ["text"]


def test_one_warning_is_enough_for_a_page(typist: Any, scan: Any) -> None:
    path = scan("a.png", 10)
    given = retrieved(chunks_of(typist, path, mode="block"))
    path.unlink()
    with pytest.warns(UserWarning, match="No picture") as warned:
        PagePictures().postprocess_nodes(given)
    assert len(warned) == 1


def test_a_page_that_was_turned_for_reading_is_shown_upright(typist: Any, scan: Any, tmp_path: Path) -> None:
    given = retrieved(chunks_of(typist, scan("a.png", 99), image_dir=tmp_path / "pictures"))
    (found,) = PagePictures(image_dir=tmp_path / "pictures").postprocess_nodes(given)
    with Image.open(picture_of(found).path) as picture:
        assert picture.size == (40, 60)


def test_a_page_from_memory_is_found_where_its_picture_was_written(
    typist: Any, grey: Any, shade_of: Any, tmp_path: Path
) -> None:
    given = retrieved(OCRTransform(engine=typist, image_dir=tmp_path)([ImageDocument(image=grey(10))]))
    bare = retrieved([TextNode(text="a", metadata=given[0].metadata)])
    assert [shade_of(found) for found in PagePictures(image_dir=tmp_path).postprocess_nodes(bare)] == [10]
    with pytest.warns(UserWarning, match="read from memory"):
        assert PagePictures().postprocess_nodes(bare) == bare


def test_a_page_behind_a_url_is_downloaded_again_where_that_is_allowed(
    typist: Any, fax_url: Any, shade_of: Any
) -> None:
    url = fax_url[0].partition("?")[0]
    given = retrieved(VLMReader(engine=typist, allow_private_urls=True).load_data(url))
    found = PagePictures(allow_private_urls=True).postprocess_nodes(given)
    assert [shade_of(node) for node in found] == [10, 20]
    with pytest.warns(UserWarning, match="allow_private_urls"):
        assert PagePictures().postprocess_nodes(given) == given


def test_a_document_behind_a_url_is_downloaded_once_for_all_of_its_pages(typist: Any, fax_url: Any) -> None:
    url, requests = fax_url[0].partition("?")[0], fax_url[1]
    pages = retrieved(VLMReader(engine=typist, allow_private_urls=True).load_data(url))
    requests.clear()
    PagePictures(allow_private_urls=True).postprocess_nodes(pages)
    assert (len(pages), len(requests)) == (2, 1)


def test_an_encrypted_pdf_is_opened_with_its_password(typist: Any, data: Path) -> None:
    path = data / "pdfs" / "password_2206.01062_pg3.pdf"
    given = retrieved(VLMReader(engine=typist, password="1234", empty_pages=True).load_data(path))
    (found,) = PagePictures(password="1234").postprocess_nodes(given)
    assert kinds(found) == ["text", "image"]
    with pytest.warns(UserWarning, match="password"):
        PagePictures().postprocess_nodes(given)


def test_a_photograph_that_lies_on_its_side_is_shown_upright(typist: Any, data: Path) -> None:
    path = data / "orientation" / "Portrait_6.jpg"
    (found,) = PagePictures().postprocess_nodes(retrieved(chunks_of(typist, path)))
    picture = picture_of(found)
    assert picture is not None
    assert picture.data is not None
    with Image.open(io.BytesIO(base64.b64decode(picture.data))) as image:
        assert image.width < image.height


# --- as a component ------------------------------------------------------------------------------


async def test_the_async_way_gives_the_same(typist: Any, fax: Path) -> None:
    given = retrieved(chunks_of(typist, fax))
    assert await PagePictures().apostprocess_nodes(given) == PagePictures().postprocess_nodes(given)


def test_it_describes_itself_without_its_password() -> None:
    postprocessor = PagePictures(password="hush", image_dir=Path("pictures"), max_images=3)
    described = postprocessor.to_dict()
    assert json.loads(json.dumps(described)) == described
    assert "hush" not in json.dumps(described) + repr(postprocessor)
    assert PagePictures.from_dict(described).to_dict() == described


def test_it_can_be_pickled() -> None:
    again = pickle.loads(pickle.dumps(PagePictures(password="1234", max_images=3)))
    assert (again.password.get_secret_value(), again.max_images) == ("1234", 3)


@pytest.mark.parametrize("options", [{"max_image": 3}, {"image_folder": "a"}], ids=str)
def test_an_unknown_option_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="Unknown option"):
        PagePictures(**options)

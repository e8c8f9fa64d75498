"""The picture behind a page that was read before is found again as it was then."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from vlm_core import (
    ConfigError,
    DocumentReader,
    DocumentResult,
    InputError,
    PageResult,
    VLMClient,
    page_again,
    page_encoded,
    page_png,
    page_told_by,
)
from vlm_core.testing import ScriptedServer


@pytest.fixture
def client() -> Iterator[VLMClient]:
    with ScriptedServer() as server:
        server.say("TOTAL 9.00")
        with VLMClient("some-vlm", base_url=server.base_url, api_key=server.api_key) as client:
            yield client


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """A PDF of two scanned pages in black and white, which are drawn."""
    pages = [Image.new("1", (800, 1000), "white") for _ in range(2)]
    for number, page in enumerate(pages, 1):
        ImageDraw.Draw(page).text((100, 100), f"page {number}", "black", font_size=80)
    path = tmp_path / "scan.pdf"
    pages[0].save(path, save_all=True, append_images=pages[1:], resolution=100)
    return path


@pytest.mark.parametrize("max_side", [None, 500])
@pytest.mark.parametrize("pdf_text", ["auto", "ignore"])
def test_a_page_is_drawn_again_in_the_size_in_which_it_was_read(
    client: VLMClient, scan: Path, max_side: int | None, pdf_text: str
) -> None:
    options = {} if max_side is None else {"max_side": max_side}
    reader = DocumentReader(client, request_options=options, pdf_text=pdf_text)  # type: ignore[arg-type]
    page = reader.read(scan).pages[1]
    picture = Image.open(io.BytesIO(page_png(scan, page)))
    assert picture.size == (page.width, page.height)
    assert max_side in (None, page.height)


def test_a_page_whose_own_text_was_ignored_is_found_too(client: VLMClient, data: Path) -> None:
    filing = data / "pdfs" / "edgar.pdf"
    options = {"max_side": 600}
    page = DocumentReader(client, pdf_text="ignore", request_options=options).read(filing, pages=[1]).pages[0]
    assert page_again(filing, page).height == 600


def test_a_page_of_a_document_that_changed_is_not_shown(client: VLMClient, scan: Path) -> None:
    page = DocumentReader(client).read(scan).pages[1]
    Image.new("L", (800, 1000)).save(scan, "PDF")
    with pytest.raises(InputError, match="changed since page 2 was read"):
        page_again(scan, page)


@pytest.mark.parametrize("in_memory", [False, True], ids=["path", "bytes"])
def test_a_document_that_is_not_the_one_that_was_read_is_named(scan: Path, in_memory: bool) -> None:
    other = scan.parent / "other.png"
    Image.new("L", (800, 1000)).save(other)
    page = PageResult(source=str(scan), page_number=2, sha256="0" * 64)
    given, name = (other.read_bytes(), "<bytes>") if in_memory else (other, str(other))
    with pytest.raises(InputError, match=f"^{name} does not hold page 2 of .*scan.pdf"):
        page_png(given, page)


RED = (214, 39, 40)


@pytest.fixture
def white(tmp_path: Path) -> Path:
    path = tmp_path / "white.png"
    Image.new("RGB", (400, 300), "white").save(path)
    return path


def is_drawn(png: bytes) -> bool:
    return RED in {colour for _, colour in Image.open(io.BytesIO(png)).getcolors() or []}  # type: ignore[misc]


@pytest.mark.parametrize(
    "boxes",
    [
        pytest.param((0.1, 0.2, 0.5, 0.6), id="one"),
        pytest.param([0.1, 0.2, 0.5, 0.6], id="one as a list"),
        pytest.param([(0.1, 0.2, 0.5, 0.6)], id="many"),
        pytest.param([[0, 0, 1, 1]], id="the page"),
        pytest.param([(0.1, 0.2, 0.5, 1.01)], id="a little beyond the page"),
        pytest.param([(1.01, 0.2, 1.02, 0.6)], id="beside the page"),
        pytest.param(iter([(0.1, 0.2, 0.5, 0.6)]), id="an iterator"),
    ],
)
def test_boxes_are_drawn(boxes: Any, white: Path) -> None:
    assert is_drawn(page_png(white, PageResult(source=str(white)), boxes=boxes))


@pytest.mark.parametrize(
    ("boxes", "told"),
    [
        pytest.param([[10, 10, 200, 200]], r"is not within the page.*divide pixels", id="pixels"),
        pytest.param((10, 10, 200, 200), r"is not within the page.*divide pixels", id="pixels of one"),
        pytest.param([(0.1, 0.2, 0.5)], r"\(0.1, 0.2, 0.5\) is not a box", id="three numbers"),
        pytest.param((0.1, 0.2, 0.5), r"\(0.1, 0.2, 0.5\) is not a box", id="three numbers of one"),
        pytest.param([(0.1, 0.2, 0.5, 0.6), None], "None is not a box", id="none"),
        pytest.param(["0.1"], "'0.1' is not a box", id="text"),
        pytest.param("0.1,0.2,0.5,0.6", "is not a box", id="text of one"),
        pytest.param(7, "7 is not a box", id="a number"),
        pytest.param([(0.5, 0.2, 0.1, 0.6)], "ends before it begins", id="turned round"),
        pytest.param([(float("nan"), 0, 1, 1)], "is not within the page", id="not a number"),
    ],
)
def test_what_is_not_a_box_is_refused(boxes: Any, told: str, white: Path) -> None:
    with pytest.raises(ConfigError, match=told):
        page_png(white, PageResult(source=str(white)), boxes=boxes)


@pytest.mark.parametrize("draw", [page_png, page_encoded, page_again])
def test_a_whole_document_is_not_a_page(draw: Callable[..., Any], white: Path) -> None:
    document = DocumentResult(source=str(white), pages=(PageResult(source=str(white)),))
    with pytest.raises(ConfigError, match=r"page is a DocumentResult.*document.pages\[0\]"):
        draw(white, document)


@pytest.mark.parametrize(
    ("metadata", "number"),
    [
        pytest.param({"source": "a.png", "sha256": "0" * 64, "page_label": "2"}, 2, id="LangChain"),
        pytest.param({"file_path": "a.png", "image_sha256": "0" * 64, "page_label": "2"}, 2, id="LlamaIndex"),
        pytest.param({"source": "a.png", "sha256": "0" * 64, "total_pages": 1}, 1, id="a whole document"),
    ],
)
def test_metadata_tell_of_the_page(metadata: dict[str, object], number: int) -> None:
    page = page_told_by({**metadata, "width": 910, "height": 1288, "rotation": 90})
    assert page is not None
    assert (page.source, page.page_number) == ("a.png", number)
    assert (page.width, page.height, page.rotation) == (910, 1288, 90)


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({}, id="none"),
        pytest.param({"source": "a.pdf", "sha256": "0" * 64, "total_pages": 2}, id="many pages"),
        pytest.param({"source": "a.pdf", "sha256": "0", "page_label": "1"}, id="no digest"),
        pytest.param({"source": "a.pdf", "sha256": "0" * 64, "page_label": "iv"}, id="no number"),
    ],
)
def test_metadata_that_name_no_page_tell_of_none(metadata: dict[str, object]) -> None:
    assert page_told_by(metadata) is None


def test_metadata_of_a_store_that_writes_none_tell_of_the_page() -> None:
    page = page_told_by({"source": "a.png", "sha256": "0" * 64, "page_label": "2", "rotation": None})
    assert page is not None
    assert page.rotation == 0


def test_a_picture_that_is_given_decoded_is_shown_as_it_is() -> None:
    picture = Image.new("RGB", (40, 30), "red")
    assert page_again(picture, PageResult()).pixels == picture.tobytes()


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_page_is_encoded_as_upright_as_it_was_read(tmp_path: Path, rotation: int) -> None:
    path = tmp_path / "scan.png"
    Image.linear_gradient("L").resize((60, 40)).save(path)
    page = PageResult(source=str(path), rotation=rotation)
    found = Image.open(io.BytesIO(page_encoded(path, page).data)).convert("RGB")
    assert found.tobytes() == Image.open(io.BytesIO(page_png(path, page))).tobytes()


def test_a_photograph_is_encoded_without_what_the_camera_noted(tmp_path: Path) -> None:
    path = tmp_path / "photograph.jpg"
    Image.linear_gradient("L").save(path, exif=b"Exif\0\0secret-place")
    encoded = page_encoded(path, PageResult(source=str(path)))
    assert encoded.format == "jpeg"
    assert b"secret-place" in path.read_bytes()
    assert b"secret-place" not in encoded.data

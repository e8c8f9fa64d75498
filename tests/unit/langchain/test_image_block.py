"""Pictures and PDFs as blocks: from whatever they are given in, as they are, truly labelled."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from PIL import Image

from langchain_vlm import ChatVLM, image_block
from vlm_core import InputError, UnsupportedImageError
from vlm_core.images.decode import pages
from vlm_core.testing import ScriptedServer


def held(block: dict[str, Any]) -> bytes:
    return base64.b64decode(block["image_url"]["url"].partition(",")[2])


@pytest.mark.parametrize("given", ["path", "str", "bytes", "file", "data-uri"])
def test_a_file_is_held_as_it_is(png: bytes, tmp_path: Path, given: str) -> None:
    path = tmp_path / "wrong-suffix.jpg"
    path.write_bytes(png)
    forms: dict[str, Any] = {
        "path": path,
        "str": str(path),
        "bytes": png,
        "file": io.BytesIO(png),
        "data-uri": "data:image/bmp;base64," + base64.b64encode(png).decode(),
    }
    block = image_block(forms[given])
    assert block["type"] == "image_url"
    assert block["image_url"]["url"].startswith("data:image/png;base64,")
    assert held(block) == png


@pytest.mark.parametrize("given", ["pillow", "page"])
def test_a_decoded_picture_is_held_as_png(png: bytes, given: str) -> None:
    forms: dict[str, Any] = {"pillow": Image.open(io.BytesIO(png)), "page": next(pages(png))}
    with Image.open(io.BytesIO(held(image_block(forms[given])))) as found:
        assert (found.format, found.size) == ("PNG", (40, 30))
        assert found.tobytes() == Image.open(io.BytesIO(png)).tobytes()


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [
        ("JPEG", "image/jpeg"),
        ("GIF", "image/gif"),
        ("WEBP", "image/webp"),
        ("TIFF", "image/tiff"),
        ("BMP", "image/bmp"),
        ("PPM", "image/x-portable-anymap"),
    ],
)
def test_the_label_is_what_the_bytes_are(kind: str, media_type: str) -> None:
    file = io.BytesIO()
    Image.new("RGB", (4, 3)).save(file, kind)
    assert image_block(file.getvalue())["image_url"]["url"].startswith(f"data:{media_type};base64,")


def test_a_web_address_stays_one() -> None:
    block = image_block("https://example.com/a.png", detail="high")
    assert block == {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "high"}}


def test_a_pdf_is_a_file(pdf: bytes) -> None:
    block = image_block(pdf, detail="low", pages=(2,))
    assert (block["type"], block["mime_type"]) == ("file", "application/pdf")
    assert base64.b64decode(block["base64"]) == pdf
    assert block["extras"] == {"detail": "low", "pages": [2]}
    assert set(image_block(pdf)) == {"type", "base64", "mime_type"}


@pytest.mark.parametrize("kind", ["png", "pdf"])
def test_a_block_is_plain_json(request: pytest.FixtureRequest, kind: str) -> None:
    block = image_block(request.getfixturevalue(kind), detail="low", pages=[1])
    assert json.loads(json.dumps(block)) == block


def test_a_tool_may_return_one(png: bytes) -> None:
    @tool
    def photograph() -> list[dict[str, Any]]:
        """Take a photograph."""
        return [image_block(png), {"type": "text", "text": "done"}]

    message = photograph.invoke({"type": "tool_call", "id": "1", "name": "photograph", "args": {}})
    assert isinstance(message.content, list)
    assert message.content[0] == image_block(png)


def test_it_stays_right_after_a_round_through_json(
    server: ScriptedServer, model: ChatVLM, png: bytes
) -> None:
    model.invoke([HumanMessage([json.loads(json.dumps(image_block(png)))])])
    assert server.seen[0].images[0].data == png


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        pytest.param(b"hello there", UnsupportedImageError, id="text"),
        pytest.param(b"", UnsupportedImageError, id="empty"),
        pytest.param("missing.png", InputError, id="missing"),
        pytest.param([b"GIF89a", b"GIF89a"], InputError, id="two"),
        pytest.param([], InputError, id="none"),
        pytest.param(5, InputError, id="number"),
    ],
)
def test_what_is_no_picture_is_refused(source: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        image_block(source)


def test_pages_are_a_list(png: bytes) -> None:
    with pytest.raises(InputError, match="pages=2"):
        image_block(png, pages=2)  # type: ignore[arg-type]


def test_of_a_decoded_picture_no_page_is_lost() -> None:
    file = io.BytesIO()
    frames = [Image.new("L", (40, 30)) for _ in range(2)]
    frames[0].save(file, "TIFF", save_all=True, append_images=frames[1:])
    with Image.open(io.BytesIO(file.getvalue())) as image, pytest.raises(InputError, match="2 pages"):
        image_block(image)
    assert held(image_block(file.getvalue())) == file.getvalue()

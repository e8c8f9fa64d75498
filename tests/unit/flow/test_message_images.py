"""Images in a conversation: found wherever a caller puts them, and put back in their places."""

from io import BytesIO
from typing import Any

import pytest

from vlm_core.errors import InputError
from vlm_core.flow.message_images import ImagePart, image_parts, read_messages, with_images

GIF = b"GIF89a"
GIF_URI = "data:image/gif;base64,R0lGODlh"
URL = "https://example.com/a.png"


def said(*parts: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(parts)}]


def read(*parts: Any) -> list[Any]:
    (message,) = read_messages(said(*parts))
    return list(message["content"])


@pytest.mark.parametrize(
    ("part", "data", "detail"),
    [
        pytest.param(
            {"type": "image_url", "image_url": {"url": GIF_URI, "detail": "low"}}, GIF, "low", id="data"
        ),
        pytest.param({"type": "image_url", "image_url": GIF_URI[22:]}, GIF, None, id="base64"),
        pytest.param({"type": "image", "image": GIF, "detail": "high"}, GIF, "high", id="bytes"),
        pytest.param({"type": "image", "image": BytesIO(GIF)}, GIF, None, id="open-file"),
        pytest.param({"type": "input_image", "image_url": GIF_URI}, GIF, None, id="of-the-other-api"),
    ],
)
def test_an_image_part_is_read_into_its_source(part: dict[str, Any], data: bytes, detail: str | None) -> None:
    text, image = read({"type": "text", "text": "Read"}, part)
    assert isinstance(image, ImagePart)
    assert text == {"type": "text", "text": "Read"}
    assert (image.detail, image.position, image.url) == (detail, "messages[0].content[1]", None)
    assert image.source is not None
    assert [image.source.read() for _ in range(2)] == [data, data]


@pytest.mark.parametrize(
    "part",
    [
        pytest.param({"type": "image_url", "image_url": {"url": URL}}, id="url"),
        pytest.param({"type": "image_url", "image_url": URL}, id="url-as-a-string"),
        pytest.param({"type": "image", "image": URL}, id="image"),
    ],
)
def test_what_stands_in_the_web_keeps_its_url(part: dict[str, Any]) -> None:
    (image,) = read(part)
    assert (image.url, image.source) == (URL, None)


def test_a_path_is_not_read_before_it_is_sent() -> None:
    (image,) = read({"type": "image", "image": "nowhere/scan.png"})
    assert image.source.name == "nowhere/scan.png"


@pytest.mark.parametrize(
    "part",
    [
        pytest.param({"type": "image_url"}, id="no-url"),
        pytest.param({"type": "image_url", "image_url": {"url": "/etc/passwd"}}, id="path-for-a-url"),
        pytest.param({"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}, id="file-url"),
        pytest.param({"type": "image_url", "image_url": {"url": None}}, id="none"),
        pytest.param({"type": "image"}, id="no-image"),
        pytest.param({"type": "image", "image": "a.pdf", "pages": "1-2"}, id="pages-as-text"),
        pytest.param({"type": "image", "image": "a.pdf", "pages": [0]}, id="page-0"),
        pytest.param({"type": "image", "image": "a.pdf", "pages": 1}, id="pages-as-a-number"),
    ],
)
def test_a_part_written_wrongly_is_refused_by_its_place(part: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"messages\[0\]\.content\[0\]"):
        read(part)


def test_several_files_in_one_part_are_refused() -> None:
    with pytest.raises(InputError, match=r"messages\[0\].content\[0\].*one file"):
        read({"type": "image", "image": [b"GIF89a", b"GIF89a"]})


@pytest.mark.parametrize("content", ["plain", None, [], {"type": "image"}, 7])
def test_content_without_parts_holds_no_image(content: Any) -> None:
    messages = [{"role": "user", "content": content}]
    assert read_messages(messages) == messages
    assert image_parts(messages) == []


def test_each_page_takes_a_place_of_its_own_and_what_stands_around_stays() -> None:
    before, after = {"type": "text", "text": "before"}, {"type": "text", "text": "after"}
    messages = read_messages(said(before, {"type": "image", "image": "two.tif"}, after))
    (message,) = with_images(messages, [["one", "two"]])
    assert [part.get("image") or part["text"] for part in message["content"]] == [
        "before",
        "one",
        "two",
        "after",
    ]


def test_the_callers_messages_stay_as_they_are() -> None:
    messages = said({"type": "image", "image": "a.png"})
    with_images(read_messages(messages), [["page"]])
    assert messages == said({"type": "image", "image": "a.png"})


@pytest.mark.parametrize("address", ["http:scan.png", "file:///etc/passwd", "/etc/passwd", "scan.png"])
def test_a_file_part_opens_no_path(address: str) -> None:
    with pytest.raises(InputError, match=r"messages\[0\]\.content\[0\]"):
        read({"type": "file", "file": {"file_url": address}})

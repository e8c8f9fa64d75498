"""Images in a conversation: found wherever a caller puts them, and put back in their places."""

from typing import Any

import pytest

from vlm_core.errors import InputError
from vlm_core.flow.message_images import image_parts, replace_images, to_picture

PNG_URI = "data:image/png;base64,AAAA"
URL = "https://example.com/a.png"


def said(*parts: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(parts)}]


@pytest.mark.parametrize(
    ("part", "given", "detail"),
    [
        pytest.param({"type": "image_url", "image_url": {"url": URL}}, URL, None, id="url"),
        pytest.param({"type": "image_url", "image_url": URL}, URL, None, id="url-as-a-string"),
        pytest.param(
            {"type": "image_url", "image_url": {"url": PNG_URI, "detail": "low"}}, PNG_URI, "low", id="data"
        ),
        pytest.param({"type": "image", "image": "scan.png"}, "scan.png", None, id="path"),
        pytest.param({"type": "image", "image": b"GIF89a", "detail": "high"}, b"GIF89a", "high", id="bytes"),
    ],
)
def test_an_image_part_is_found(part: dict[str, Any], given: Any, detail: str | None) -> None:
    (found,) = image_parts(said({"type": "text", "text": "Read"}, part))
    assert (found.given, found.detail, found.position) == (given, detail, "messages[0].content[1]")


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
        image_parts(said(part))


def test_several_files_in_one_part_are_refused() -> None:
    (found,) = image_parts(said({"type": "image", "image": [b"GIF89a", b"GIF89a"]}))
    with pytest.raises(InputError, match="one file"):
        to_picture(found)


@pytest.mark.parametrize("content", ["plain", None, [], {"type": "image"}, 7])
def test_content_without_parts_holds_no_image(content: Any) -> None:
    assert image_parts([{"role": "user", "content": content}]) == []


def test_each_page_takes_a_place_of_its_own_and_what_stands_around_stays() -> None:
    before, after = {"type": "text", "text": "before"}, {"type": "text", "text": "after"}
    messages = said(before, {"type": "image", "image": "two.tif"}, after)
    (message,) = replace_images(messages, image_parts(messages), [["one", "two"]])
    assert [part.get("image") or part["text"] for part in message["content"]] == [
        "before",
        "one",
        "two",
        "after",
    ]


def test_the_callers_messages_stay_as_they_are() -> None:
    messages = said({"type": "image", "image": "a.png"})
    replace_images(messages, image_parts(messages), [["page"]])
    assert messages == said({"type": "image", "image": "a.png"})

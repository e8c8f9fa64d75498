"""What the server records of a request."""

from __future__ import annotations

import copy
import io
import json
from typing import Any

import pytest
from PIL import ExifTags, Image

from vlm_core.testing import ScriptedServer, Seen

TOOL = {"type": "function", "function": {"name": "read_image", "parameters": {}}}


def seen_of(**body: Any) -> Seen:
    return Seen("POST", "/v1/chat/completions", {}, json.dumps(body).encode())


def test_a_request_is_recorded_with_all_its_fields(server: ScriptedServer, ask: Any) -> None:
    ask(server, temperature=0, tools=[TOOL], stream=True)
    (seen,) = server.seen
    assert (seen.model, seen.stream) == ("m", True)
    assert seen.messages == [{"role": "user", "content": "hello"}]
    assert seen.options == {"temperature": 0, "tools": [TOOL]}


def test_requests_are_numbered_in_the_order_in_which_they_came(server: ScriptedServer, ask: Any) -> None:
    for model in "abc":
        ask(server, model=model)
    assert [(seen.number, seen.model) for seen in server.seen] == [(1, "a"), (2, "b"), (3, "c")]
    assert server.requests == 3


def test_only_as_many_requests_are_kept_as_wanted(ask: Any) -> None:
    with ScriptedServer(keep=2) as server:
        for model in "abc":
            ask(server, model=model)
        assert [seen.model for seen in server.seen] == ["b", "c"]
        assert server.requests == 3


def test_path_method_and_length_are_recorded(server: ScriptedServer, ask: Any) -> None:
    ask(server, path="/openai/v1/chat/completions?api-version=1")
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", "/openai/v1/chat/completions?api-version=1")
    assert seen.body_bytes == len(seen.body) == int(seen.headers["content-length"])


def test_a_request_that_was_refused_is_recorded_with_the_reason(server: ScriptedServer, ask: Any) -> None:
    ask(server, key="wrong")
    ask(server)
    refused, answered = server.seen
    assert refused.refusal is not None
    assert (refused.refusal.status, answered.refusal) == (401, None)


def test_the_key_is_masked_and_can_be_asked_for(server: ScriptedServer, ask: Any) -> None:
    ask(server)
    (seen,) = server.seen
    assert seen.headers["authorization"] == "Bearer **********"
    assert seen.api_key is not None
    assert seen.api_key.reveal() == server.api_key
    assert server.api_key not in repr(seen) + repr(server)


def test_text_is_that_of_all_messages_and_parts() -> None:
    parts = [{"type": "text", "text": "two"}, {"type": "image_url"}, {"type": "text", "text": "three"}]
    messages = [{"role": "system", "content": "one"}, {"role": "user", "content": parts}]
    assert seen_of(messages=messages).text == "one\ntwo\nthree"


def test_pictures_of_all_messages_are_seen_in_order(picture: Any, image_part: Any) -> None:
    png, webp = picture("png", 5, 4), picture("webp", 3, 2)
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "look"}, image_part(png, detail="low")]},
        {
            "role": "tool",
            "content": [image_part(webp, label="jpeg"), image_part("https://example.org/a.png")],
        },
    ]
    first, second, third = seen_of(messages=messages).images
    assert (first.data, first.declared, first.format, first.size) == (png, "png", "png", (5, 4))
    assert (first.role, first.position, first.detail) == ("user", "messages[0].content[1]", "low")
    assert (second.declared, second.format, second.width, second.height) == ("jpeg", "webp", 3, 2)
    assert (second.role, second.url) == ("tool", None)
    assert (third.url, third.data, third.declared, third.size) == (
        "https://example.org/a.png",
        None,
        None,
        None,
    )


def test_the_size_of_a_picture_is_that_of_the_upright_one(image_part: Any) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    file = io.BytesIO()
    Image.new("RGB", (5, 4)).save(file, "jpeg", exif=exif)
    (image,) = seen_of(messages=[{"role": "user", "content": [image_part(file.getvalue())]}]).images
    assert image.size == (4, 5)


@pytest.mark.parametrize(
    ("uri", "data"),
    [
        pytest.param("data:image/png;base64,!!!", None, id="no base64"),
        pytest.param("data:image/png;base64", None, id="no comma"),
        pytest.param("data:image/png;base64, R0lG ODlh ", b"GIF89a", id="blanks"),
        pytest.param("data:;base64,R0lGODlh", b"GIF89a", id="no type"),
        pytest.param("DATA:image/png;base64,R0lGODlh", b"GIF89a", id="upper case"),
    ],
)
def test_a_data_uri_is_read_as_far_as_it_goes(uri: str, data: bytes | None, image_part: Any) -> None:
    (image,) = seen_of(messages=[{"role": "user", "content": [image_part(uri)]}]).images
    assert (image.data, image.size, image.url) == (data, None, None)


def test_an_image_url_may_be_a_bare_string() -> None:
    content = [{"type": "image_url", "image_url": "https://example.org/a.png"}]
    (image,) = seen_of(messages=[{"role": "user", "content": content}]).images
    assert image.url == "https://example.org/a.png"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"{", id="cut"),
        pytest.param(b"\xff\xfe", id="no text"),
        pytest.param(b"[" * 100_000, id="too deep"),
        pytest.param(b'{"messages": 3, "model": [], "stream": "yes"}', id="wrong types"),
        pytest.param(
            b'{"messages": [3, {"content": [4, {"type": "image_url", "image_url": 5}]}]}', id="odd parts"
        ),
    ],
)
def test_a_body_that_is_no_question_can_be_looked_at(body: bytes) -> None:
    seen = Seen("POST", "/", {}, body)
    assert (seen.model, seen.stream, seen.text, len(seen.options)) == ("", False, "", 0)
    assert [image.data for image in seen.images] == [None] * (body.count(b"image_url") // 2)


def test_what_is_seen_is_a_copy_of_nothing_that_the_server_changes(server: ScriptedServer, ask: Any) -> None:
    ask(server)
    before = server.seen
    kept = copy.copy(before)
    ask(server)
    assert before == kept
    assert len(server.seen) == 2

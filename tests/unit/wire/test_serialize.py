"""The bytes of a body."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import Any

import pytest

from vlm_core.completion import EncodedImage
from vlm_core.errors import ConfigError, InputError
from vlm_core.wire.request import build_request

ONE, TWO = EncodedImage(b"one", "png", 1, 1), EncodedImage(b"two", "jpeg", 1, 1)
LOOP: list[Any] = []
LOOP.append(LOOP)


def user(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


def test_the_body_is_compact_utf8(lab: Any) -> None:
    body = build_request([{"role": "user", "content": "Größe\u2028"}], {"temperature": 0}, lab).body
    assert body == (
        '{"model":"m","messages":[{"role":"user","content":"Größe\u2028"}],"temperature":0}'.encode()
    )


def test_images_keep_their_places(lab: Any) -> None:
    parts = [{"type": "image", "image": picture} for picture in (ONE, TWO, ONE)]
    content = json.loads(build_request([user(*parts), user(parts[1])], {}, lab).body)["messages"]
    found = [part["image_url"]["url"] for message in content for part in message["content"]]
    assert found == [picture.data_uri.decode() for picture in (ONE, TWO, ONE, TWO)]


def test_the_base64_text_is_made_once(lab: Any) -> None:
    picture = EncodedImage(b"one", "png", 1, 1)
    message = user({"type": "image", "image": picture})
    build_request([message], {}, lab)
    first = picture.data_uri
    build_request([message], {}, lab)
    assert picture.data_uri is first


@pytest.mark.parametrize(
    ("message", "place"),
    [
        pytest.param({"role": "user", "content": "a\ud83d"}, r"messages\[1\] cannot", id="text"),
        pytest.param(user("a", "b\udc00"), r"messages\[1\]\.content\[1\] cannot", id="part"),
        pytest.param({"role": "user", "content": "a", "x": LOOP}, r"messages\[1\] cannot", id="loop"),
        pytest.param({"role": "user", "content": "a", "x": {1, 2}}, "has no place for set", id="set"),
        pytest.param({"role": "user", "content": "a", "x": float("nan")}, "not finite", id="NaN"),
    ],
)
def test_what_cannot_be_sent_in_a_message_is_named(message: Any, place: str, lab: Any) -> None:
    with pytest.raises(InputError, match=place):
        build_request([user("fine"), message], {}, lab)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param({"logit_bias": {"1": float("nan")}}, "logit_bias cannot be sent", id="NaN"),
        pytest.param({"logit_bias": {"1": float("inf")}}, "logit_bias cannot be sent", id="infinity"),
        pytest.param(
            {"user": "\ud83d"}, "user cannot be sent: it holds half a character, U[+]D83D", id="half"
        ),
        pytest.param(
            {"metadata": {"a": b"b"}}, "metadata cannot be sent: JSON has no place for bytes", id="bytes"
        ),
        pytest.param({"metadata": {"a": LOOP}}, "metadata cannot be sent", id="loop"),
        pytest.param({"extra_body": {"a": object()}}, "a cannot be sent", id="extra_body"),
    ],
)
def test_what_cannot_be_sent_in_an_option_is_named(options: Any, words: str, lab: Any) -> None:
    with pytest.raises(ConfigError, match=words):
        build_request([user("fine")], options, lab)


def test_an_error_holds_no_body(lab: Any) -> None:
    with pytest.raises(InputError) as caught:
        build_request([{"role": "user", "content": "private words\ud83d"}], {}, lab)
    assert "private" not in str(caught.value)
    assert caught.value.__context__ is None


def test_any_mapping_may_stand_for_a_dict(lab: Any) -> None:
    options = {"metadata": MappingProxyType({"a": MappingProxyType({"b": 1})})}
    assert json.loads(build_request([user("a")], options, lab).body)["metadata"] == {"a": {"b": 1}}


def test_a_request_does_not_show_its_body(lab: Any) -> None:
    assert "private" not in repr(build_request([user("private")], {}, lab))

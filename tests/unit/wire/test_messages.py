"""Messages: what is refused, and how it is named."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from vlm_core.answers import EncodedImage
from vlm_core.errors import InputError
from vlm_core.wire.messages import checked

DOT = EncodedImage(b"dot", "png", 1, 1)


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        pytest.param([], "messages is empty", id="none"),
        pytest.param("Hi", "messages is a str", id="a string"),
        pytest.param({"role": "user"}, "messages is a dict", id="one message"),
        pytest.param([user("a"), "b"], "messages[1] is a str", id="a string among them"),
        pytest.param([{"content": "a"}], "messages[0] has the role None", id="no role"),
        pytest.param([{"role": "robot", "content": "a"}], "has the role 'robot'", id="unknown role"),
        pytest.param([{"role": ["user"], "content": "a"}], "has the role ['user']", id="role is a list"),
        pytest.param([user(None)], "messages[0].content is missing", id="no content"),
        pytest.param([user([])], "messages[0].content is empty", id="no parts"),
        pytest.param([user(7)], "messages[0].content is a int", id="a number"),
        pytest.param([user(b"raw")], "messages[0].content is a bytes", id="bytes"),
        pytest.param([user(["a", 7])], "messages[0].content[1] is a int", id="part is a number"),
        pytest.param([user([{"text": "a"}])], "content[0] is of type None", id="part without type"),
        pytest.param([user([{"type": "text"}])], "content[0].text is missing", id="text without text"),
        pytest.param(
            [user([{"type": "text", "text": 7}])], "content[0].text is a int", id="text is a number"
        ),
        pytest.param(
            [user([{"type": "image", "image": "a.png"}])],
            "content[0].image is a str",
            id="image not finished",
        ),
        pytest.param([{"role": "tool", "content": "a"}], "no tool_call_id", id="whose result"),
        pytest.param(
            [{"role": "function", "content": "a"}], "role function and no name", id="which function"
        ),
        pytest.param([{"role": "assistant", "content": None}], "content is missing", id="silent assistant"),
    ],
)
def test_a_faulty_message_is_named_by_its_place(messages: Any, words: str) -> None:
    with pytest.raises(InputError) as caught:
        checked(messages)
    assert words in str(caught.value)


@pytest.mark.parametrize("kind", ["input_audio", "file", "video_url", "image_url", "tool_use", "document"])
def test_a_part_of_another_type_is_refused_and_never_dropped(kind: str) -> None:
    with pytest.raises(InputError, match=rf"messages\[1\]\.content\[1\] is of type '{kind}'"):
        checked([user("a"), user([{"type": "text", "text": "b"}, {"type": kind, kind: {}}])])


@pytest.mark.parametrize("role", ["system", "developer", "user", "assistant"])
def test_every_role_may_speak(role: str) -> None:
    assert checked([{"role": role, "content": "a"}]) == [{"role": role, "content": "a"}]


@pytest.mark.parametrize(
    "message",
    [
        pytest.param({"tool_calls": [{"id": "1"}]}, id="tool calls"),
        pytest.param({"function_call": {"name": "f"}}, id="a function call"),
        pytest.param({"refusal": "No."}, id="a refusal"),
        pytest.param({"tool_calls": [{"id": "1"}], "content": []}, id="empty parts and tool calls"),
    ],
)
def test_an_assistant_may_be_silent_where_it_acts(message: dict[str, Any]) -> None:
    assert checked([{"role": "assistant", **message}])[0]["content"] is None


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(DOT, id="encoded"),
        pytest.param("https://a.example/b.png", id="https"),
        pytest.param("HTTP://a.example/b.png", id="http in capitals"),
    ],
)
def test_an_image_is_encoded_or_behind_a_url(image: Any) -> None:
    message = user([{"type": "image", "image": image}])
    assert checked([message]) == [message]


def test_other_fields_are_kept() -> None:
    message = {"role": "user", "name": "eve", "content": [{"type": "text", "text": "a", "cache_control": {}}]}
    assert checked([message]) == [message]


def test_the_callers_objects_stay_as_they_are() -> None:
    messages = [user(["a", {"type": "image", "image": DOT, "detail": "low"}])]
    before = copy.deepcopy(messages)
    checked(messages)[0]["content"].clear()
    assert messages == before

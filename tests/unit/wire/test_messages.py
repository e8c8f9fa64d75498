"""Messages: what is refused, and how it is named."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionMessage

from vlm_core.completion import Completion, EncodedImage, ToolCall
from vlm_core.errors import InputError
from vlm_core.types import Usage
from vlm_core.wire.messages import check_messages

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
        pytest.param([user([{"type": "text", "txt": "a"}])], "Did you mean 'text' by 'txt'?", id="txt"),
        pytest.param(
            [user([{"type": "text", "text": "a", "txt": "b"}])],
            "content[0] has a 'txt'",
            id="txt beside text",
        ),
        pytest.param(
            [user(["a", {"type": "image", "image": DOT, "detail": "hihg"}])],
            "messages[0].content[1].detail is 'hihg', which is unknown. Did you mean 'high'?",
            id="detail misspelt",
        ),
        pytest.param(
            [user([{"type": "image", "image": DOT, "detail": "ultra"}])],
            "Known are low, high, auto, original",
            id="unknown detail",
        ),
        pytest.param(
            [user([{"type": "image", "image": DOT, "detail": 7}])], "detail is 7", id="detail is a number"
        ),
        pytest.param([Usage(input_tokens=1)], "messages[0] is a Usage", id="another object of pydantic"),
        pytest.param([Usage], "messages[0] is a ModelMetaclass", id="a class"),
    ],
)
def test_a_faulty_message_is_named_by_its_place(messages: Any, words: str) -> None:
    with pytest.raises(InputError) as caught:
        check_messages(messages)
    assert words in str(caught.value)


@pytest.mark.parametrize("key", ["images", "image", "image_url", "attachments", "files"])
def test_an_image_beside_the_content_is_refused_since_nobody_would_see_it(key: str) -> None:
    with pytest.raises(InputError, match=rf"messages\[1\]\.{key} is not sent to the model") as caught:
        check_messages([user("a"), {**user("b"), key: ["c.png"]}])
    assert "into the content" in caught.value.hint


def test_an_answer_is_what_the_assistant_said() -> None:
    assert check_messages([user("a"), Completion("b", reasoning="c")])[1] == {
        "role": "assistant",
        "content": "b",
    }


def test_an_answers_tool_calls_are_part_of_its_message() -> None:
    (message,) = check_messages([Completion("", tool_calls=(ToolCall("1", "look", "{}"),))])
    function = {"name": "look", "arguments": "{}"}
    calls = [{"id": "1", "type": "function", "function": function}]
    assert message == {"role": "assistant", "content": None, "tool_calls": calls}


def test_an_answer_that_declined_says_so() -> None:
    assert check_messages([Completion("", refusal="No.")])[0] == {
        "role": "assistant",
        "content": None,
        "refusal": "No.",
    }


def test_a_message_of_openais_client_is_taken_without_its_empty_fields() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    fields = {"role": "assistant", "content": None, "annotations": [], "tool_calls": [call]}
    message = ChatCompletionMessage.model_validate(fields)
    assert check_messages([message]) == [{"role": "assistant", "content": None, "tool_calls": [call]}]


def test_of_a_whole_answer_of_openais_client_its_message_is_asked_for() -> None:
    with pytest.raises(InputError, match=r"messages\[0\] is a ChatCompletion, not a dict") as caught:
        check_messages([ChatCompletion.model_construct(id="1", choices=[])])
    assert ".choices[0].message" in caught.value.hint


@pytest.mark.parametrize("detail", ["low", "high", "auto", "original", None])
def test_a_detail_that_a_provider_documents_may_stand(detail: str | None) -> None:
    message = user([{"type": "image", "image": DOT, "detail": detail}])
    assert check_messages([message]) == [message]


@pytest.mark.parametrize("kind", ["input_audio", "file", "video_url", "image_url", "tool_use", "document"])
def test_a_part_of_another_type_is_refused_and_never_dropped(kind: str) -> None:
    with pytest.raises(InputError, match=rf"messages\[1\]\.content\[1\] is of type '{kind}'"):
        check_messages([user("a"), user([{"type": "text", "text": "b"}, {"type": kind, kind: {}}])])


@pytest.mark.parametrize("role", ["system", "developer", "user", "assistant"])
def test_every_role_may_speak(role: str) -> None:
    assert check_messages([{"role": role, "content": "a"}]) == [{"role": role, "content": "a"}]


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
    assert check_messages([{"role": "assistant", **message}])[0]["content"] is None


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
    assert check_messages([message]) == [message]


def test_other_fields_are_kept() -> None:
    message = {"role": "user", "name": "eve", "content": [{"type": "text", "text": "a", "cache_control": {}}]}
    assert check_messages([message]) == [message]


def test_the_callers_objects_stay_as_they_are() -> None:
    messages = [user(["a", {"type": "image", "image": DOT, "detail": "low"}])]
    before = copy.deepcopy(messages)
    check_messages(messages)[0]["content"].clear()
    assert messages == before

"""LangChain's messages on their way to the client: all is sent, moved or refused, and nothing is dropped."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)

from langchain_vlm import ChatVLM, image_block
from langchain_vlm.messages import to_messages
from vlm_core import InputError
from vlm_core.testing import ScriptedServer

CALL = {"name": "look", "args": {"page": 1}, "id": "call_1", "type": "tool_call"}
SENT_CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"page": 1}'}}
PAYLOAD = base64.b64encode(b"canary " * 200).decode()


def only(message: BaseMessage) -> dict[str, Any]:
    (sent,) = to_messages([message])
    return sent


# --- roles


@pytest.mark.parametrize(
    ("message", "sent"),
    [
        pytest.param(HumanMessage("Hi"), {"role": "user", "content": "Hi"}, id="user"),
        pytest.param(
            HumanMessage("Hi", name="anna"), {"role": "user", "content": "Hi", "name": "anna"}, id="name"
        ),
        pytest.param(SystemMessage("Be brief."), {"role": "system", "content": "Be brief."}, id="system"),
        pytest.param(
            SystemMessage("Be brief.", additional_kwargs={"__openai_role__": "developer"}),
            {"role": "developer", "content": "Be brief."},
            id="developer",
        ),
        pytest.param(AIMessage("Hello"), {"role": "assistant", "content": "Hello"}, id="assistant"),
        pytest.param(AIMessageChunk(content="Hello"), {"role": "assistant", "content": "Hello"}, id="chunk"),
        pytest.param(AIMessage(""), {"role": "assistant", "content": ""}, id="empty-answer"),
        pytest.param(
            AIMessage("", tool_calls=[CALL]),
            {"role": "assistant", "content": "", "tool_calls": [SENT_CALL]},
            id="tool-call",
        ),
        pytest.param(
            ToolMessage("9.00", tool_call_id="call_1", status="error", artifact=object()),
            {"role": "tool", "tool_call_id": "call_1", "content": "9.00"},
            id="tool-error",
        ),
        pytest.param(
            FunctionMessage(name="look", content="9.00"),
            {"role": "function", "name": "look", "content": "9.00"},
            id="function",
        ),
        pytest.param(
            ChatMessage(role="developer", content="Hi"), {"role": "developer", "content": "Hi"}, id="chat"
        ),
        pytest.param(
            AIMessage("", additional_kwargs={"refusal": "No."}),
            {"role": "assistant", "content": "", "refusal": "No."},
            id="refusal",
        ),
        pytest.param(
            AIMessage("", additional_kwargs={"function_call": {"name": "look", "arguments": "{}"}}),
            {"role": "assistant", "content": "", "function_call": {"name": "look", "arguments": "{}"}},
            id="function-call",
        ),
    ],
)
def test_a_message_is_sent_as(message: BaseMessage, sent: dict[str, Any]) -> None:
    assert only(message) == sent


def test_a_message_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match=r"messages\[1\] is a RemoveMessage"):
        to_messages([HumanMessage("Hi"), RemoveMessage(id="1")])


# --- the assistant's content


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(
            {"type": "tool_use", "id": "call_1", "name": "look", "input": {"page": 1}}, id="anthropic"
        ),
        pytest.param(CALL, id="v1"),
        pytest.param(
            {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": '{"page": 1}'},
            id="responses",
        ),
    ],
)
@pytest.mark.parametrize("calls", [[], [CALL]], ids=["in-content-alone", "twice"])
def test_a_tool_call_in_the_content_is_one_call(block: dict[str, Any], calls: list[Any]) -> None:
    sent = only(AIMessage([{"type": "text", "text": "I look."}, block], tool_calls=calls))
    assert sent == {"role": "assistant", "content": "I look.", "tool_calls": [SENT_CALL]}


@pytest.mark.parametrize(
    "thought",
    [
        pytest.param({"type": "reasoning", "reasoning": "Hm."}, id="v1"),
        pytest.param({"type": "thinking", "thinking": "Hm.", "signature": "x"}, id="anthropic"),
        pytest.param({"type": "redacted_thinking", "data": "x"}, id="redacted"),
    ],
)
def test_thoughts_of_earlier_turns_are_left_out(thought: dict[str, Any]) -> None:
    assert only(AIMessage([thought, {"type": "text", "text": "9.00"}]))["content"] == "9.00"
    assert only(AIMessage([thought]))["content"] == ""


def test_a_call_that_could_not_be_read_is_sent_as_it_was() -> None:
    broken = {"name": "look", "args": '{"page": ', "id": "call_2", "error": "no JSON"}
    calls = only(AIMessage("", tool_calls=[CALL], invalid_tool_calls=[broken]))["tool_calls"]
    assert calls[0] == SENT_CALL
    assert calls[1]["function"] == {"name": "look", "arguments": '{"page": '}


def test_arguments_keep_their_letters() -> None:
    call = {"name": "look", "args": {"name": "Größe 合計"}, "id": "1"}
    assert "Größe 合計" in only(AIMessage("", tool_calls=[call]))["tool_calls"][0]["function"]["arguments"]


def test_a_refusal_among_the_blocks_is_sent_once() -> None:
    block = {"type": "refusal", "refusal": "No."}
    sent = only(AIMessage([block], additional_kwargs={"refusal": "No."}))
    assert sent == {"role": "assistant", "content": [block]}


def test_a_call_without_a_name_is_refused() -> None:
    with pytest.raises(InputError, match=r"messages\[0\] calls a tool without naming it"):
        to_messages([AIMessage([{"type": "tool_use", "id": "1", "input": {}}])])


# --- results of tools


def test_results_among_the_users_blocks_become_messages_of_tools() -> None:
    content = [
        {"type": "tool_result", "tool_use_id": "call_1", "content": [{"type": "text", "text": "9.00"}]},
        {"type": "text", "text": "And the tax?"},
    ]
    results, question = to_messages([HumanMessage(content)])
    assert results == {"role": "tool", "tool_call_id": "call_1", "content": "9.00"}
    assert question == {"role": "user", "content": [{"type": "text", "text": "And the tax?"}]}


def test_an_image_that_a_tool_returned_reaches_the_model(
    server: ScriptedServer, model: ChatVLM, png: bytes
) -> None:
    content = [image_block(png), {"type": "text", "text": "page 1"}]
    model.invoke(
        [HumanMessage("Look."), AIMessage("", tool_calls=[CALL]), ToolMessage(content, tool_call_id="call_1")]
    )
    (image,) = server.seen[0].images
    assert (image.role, image.declared, image.format, image.size) == ("user", "png", "png", (40, 30))
    assert [message["role"] for message in server.seen[0].messages] == ["user", "assistant", "tool", "user"]
    assert server.seen[0].messages[1]["content"] == ""


# --- pictures and documents


def shapes_of_an_image(data: str) -> list[Any]:
    uri = f"data:image/png;base64,{data}"
    return [
        pytest.param({"type": "image", "base64": data, "mime_type": "image/png"}, id="v1"),
        pytest.param({"type": "image", "base64": data}, id="v1-without-type"),
        pytest.param({"type": "image", "base64": data, "mime_type": "image/bmp"}, id="v1-wrong-type"),
        pytest.param({"type": "image", "base64": uri}, id="v1-data-uri-as-base64"),
        pytest.param({"type": "image", "url": uri}, id="v1-data-uri"),
        pytest.param({"type": "image", "source_type": "base64", "data": data}, id="v0"),
        pytest.param({"type": "image", "source_type": "url", "url": uri}, id="v0-data-uri"),
        pytest.param({"type": "image_url", "image_url": {"url": uri}}, id="openai"),
        pytest.param({"type": "image_url", "image_url": uri}, id="openai-string"),
        pytest.param({"type": "input_image", "image_url": uri}, id="responses"),
        pytest.param(
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}},
            id="anthropic",
        ),
        pytest.param({"type": "image", "source": {"type": "url", "url": uri}}, id="anthropic-url"),
        pytest.param({"type": "media", "mime_type": "image/png", "data": data}, id="gemini"),
        pytest.param({"type": "file", "base64": data, "mime_type": "image/png"}, id="file"),
        pytest.param({"type": "file", "file": {"filename": "a.png", "file_data": uri}}, id="openai-file"),
        pytest.param({"type": "non_standard", "value": {"type": "image", "base64": data}}, id="wrapped"),
    ]


DOT = base64.b64encode(b"P5 2 1 255 \x80\x80").decode()


@pytest.mark.parametrize("block", shapes_of_an_image(DOT))
def test_an_image_is_sent_whatever_its_shape(
    server: ScriptedServer, model: ChatVLM, block: dict[str, Any]
) -> None:
    model.invoke([HumanMessage([block, "What is it?", {"type": "text", "text": "Say it."}])])
    (image,) = server.seen[0].images
    assert (image.declared, image.format, image.size) == ("png", "png", (2, 1))
    assert server.seen[0].text == "What is it?\nSay it."


@pytest.mark.parametrize(
    "block",
    [
        pytest.param({"type": "image", "base64": DOT, "detail": "low"}, id="beside"),
        pytest.param({"type": "image", "base64": DOT, "extras": {"detail": "low"}}, id="extras"),
        pytest.param({"type": "image", "source_type": "base64", "data": DOT, "detail": "low"}, id="v0"),
        pytest.param(
            {"type": "image_url", "image_url": {"url": f"data:;base64,{DOT}", "detail": "low"}}, id="openai"
        ),
        pytest.param(
            {"type": "input_image", "image_url": f"data:;base64,{DOT}", "detail": "low"}, id="responses"
        ),
        pytest.param(image_block(base64.b64decode(DOT), detail="low"), id="image_block"),
    ],
)
def test_detail_is_kept(block: dict[str, Any]) -> None:
    (part,) = only(HumanMessage([block]))["content"]
    assert part.get("detail", part.get("image_url", {}).get("detail")) == "low"


@pytest.mark.parametrize("address", ["url", "openai"])
def test_a_web_address_is_handed_on(address: str) -> None:
    url = "https://example.com/a.png"
    blocks = {
        "url": {"type": "image", "url": url},
        "openai": {"type": "image_url", "image_url": {"url": url}},
    }
    sent = only(HumanMessage([blocks[address]]))
    assert sent["content"] == [{"type": "image_url", "image_url": {"url": url}}]


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param(lambda data: {"type": "file", "base64": data, "mime_type": "application/pdf"}, id="v1"),
        pytest.param(lambda data: {"type": "file", "source_type": "base64", "data": data}, id="v0"),
        pytest.param(
            lambda data: {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{data}"}},
            id="openai",
        ),
        pytest.param(
            lambda data: {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": data},
            },
            id="anthropic",
        ),
        pytest.param(lambda data: image_block(base64.b64decode(data)), id="image_block"),
    ],
)
def test_a_pdf_is_sent_as_its_pages(server: ScriptedServer, model: ChatVLM, pdf: bytes, shape: Any) -> None:
    model.invoke([HumanMessage([shape(base64.b64encode(pdf).decode()), "What is it?"])])
    assert len(server.seen[0].images) == 2
    assert all(image.declared == image.format for image in server.seen[0].images)


def test_of_a_pdf_the_pages_that_are_named_are_sent(
    server: ScriptedServer, model: ChatVLM, pdf: bytes
) -> None:
    model.invoke([HumanMessage([image_block(pdf, pages=[2])])])
    assert len(server.seen[0].images) == 1


@pytest.mark.parametrize(
    ("block", "text"),
    [
        pytest.param({"type": "text-plain", "text": "Milk 2.00"}, "Milk 2.00", id="v1"),
        pytest.param(
            {"type": "text-plain", "text": "Milk 2.00", "title": "Receipt"}, "Receipt\nMilk 2.00", id="title"
        ),
        pytest.param(
            {"type": "file", "source_type": "text", "url": "Milk 2.00"}, "Milk 2.00", id="v0-text-file"
        ),
        pytest.param(
            {"type": "file", "base64": base64.b64encode(b"a,b").decode(), "mime_type": "text/csv"},
            "a,b",
            id="csv",
        ),
        pytest.param(
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Milk 2.00"}},
            "Milk 2.00",
            id="anthropic",
        ),
        pytest.param(
            {
                "type": "document",
                "source": {"type": "content", "content": [{"type": "text", "text": "Milk"}]},
            },
            "Milk",
            id="anthropic-content",
        ),
        pytest.param({"type": "input_text", "text": "Milk"}, "Milk", id="responses"),
        pytest.param({"text": "Milk"}, "Milk", id="without-type"),
        pytest.param({"type": "json", "json": {"total": 9}}, '{"total": 9}', id="json"),
        pytest.param(
            {"type": "text", "text": "Milk", "annotations": [], "id": "1"},
            "Milk",
            id="annotations",
        ),
    ],
)
def test_a_text_is_a_text(block: dict[str, Any], text: str) -> None:
    assert only(HumanMessage([block]))["content"] == [{"type": "text", "text": text}]


@pytest.mark.parametrize("role", [AIMessage, SystemMessage])
def test_texts_of_others_than_the_user_become_one(role: type[BaseMessage]) -> None:
    sent = only(role([{"type": "text", "text": "one"}]))
    assert sent["content"] == "one"


# --- refusals


@pytest.mark.parametrize(
    ("block", "says"),
    [
        pytest.param({"type": "image", "file_id": "file-1"}, "provider's store", id="image-id"),
        pytest.param({"type": "file", "file": {"file_id": "file-1"}}, "provider's store", id="file-id"),
        pytest.param({"type": "input_image", "file_id": "file-1"}, "provider's store", id="responses-id"),
        pytest.param({"type": "audio", "base64": PAYLOAD}, "type 'audio'", id="audio"),
        pytest.param(
            {"type": "input_audio", "input_audio": {"data": PAYLOAD}}, "type 'input_audio'", id="openai-audio"
        ),
        pytest.param({"type": "video", "url": "https://example.com/a.mp4"}, "type 'video'", id="video"),
        pytest.param({"type": "image", "url": "/etc/passwd"}, "neither a web address", id="path"),
        pytest.param({"type": "image", "url": "file:///etc/passwd"}, "neither a web", id="file-url"),
        pytest.param({"type": "image_url", "image_url": {"url": "a.png"}}, "neither a web", id="openai-path"),
        pytest.param({"type": "image", "image": "/etc/passwd"}, "neither a web address", id="own-path"),
        pytest.param({"type": "image"}, "holds nothing", id="empty"),
        pytest.param({"type": "text"}, "no text", id="no-text"),
        pytest.param({"type": "spreadsheet", "data": PAYLOAD}, "type 'spreadsheet'", id="unknown"),
        pytest.param({"type": ["image"], "data": PAYLOAD}, "has no type", id="no-type"),
        pytest.param({"data": PAYLOAD}, "has no type", id="untyped"),
        pytest.param({"type": "tool_use", "id": "1", "name": "look", "input": {}}, "tool_use", id="call"),
        pytest.param({"type": "reasoning", "reasoning": "Hm."}, "reasoning", id="users-thought"),
    ],
)
def test_what_cannot_be_sent_is_refused_by_its_place(block: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        to_messages([SystemMessage("Hi"), HumanMessage(["one", block])])
    assert str(caught.value).startswith("messages[1].content[1]")
    assert caught.value.hint
    assert len(str(caught.value)) < 300


def test_places_count_what_is_left_out() -> None:
    content = [{"type": "reasoning", "reasoning": "Hm."}, {"type": "video", "url": "https://example.com"}]
    with pytest.raises(InputError, match=r"messages\[0\]\.content\[1\]"):
        to_messages([AIMessage(content)])


@pytest.mark.parametrize(
    "block",
    [
        pytest.param({"type": "image", "base64": "@@not base64@@"}, id="no-base64"),
        pytest.param({"type": "image", "base64": base64.b64encode(b"hello there").decode()}, id="no-image"),
        pytest.param({"type": "image", "base64": base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()}, id="cut"),
    ],
)
def test_a_damaged_image_is_refused_by_its_place(
    server: ScriptedServer, model: ChatVLM, block: dict[str, Any]
) -> None:
    with pytest.raises(InputError, match=r"messages\[0\]\.content\[0\]"):
        model.invoke([HumanMessage([block])])
    assert server.requests == 0


def test_the_callers_messages_stay_as_they_are() -> None:
    message = HumanMessage([{"type": "image", "base64": DOT, "detail": "low"}, "Hi"])
    before = json.dumps(message.content)
    to_messages([message])
    assert json.dumps(message.content) == before

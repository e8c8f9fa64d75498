"""Blocks on their way through ChatVLM: files, base64 without a label, marks for prompt caching."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool

from langchain_vlm import ChatVLM, image_block
from vlm_core import ImageWarning, InputError, Provider, UnsupportedImageError
from vlm_core.testing import ScriptedServer

Make = Callable[..., ChatVLM]
Way = Callable[..., Any]
MARK = {"type": "ephemeral"}
CSV = b"item,price\nTea,2.00"
TAKES = Provider(name="gateway", cache_control=True)


def invoke(model: Any, messages: Any) -> Any:
    return model.invoke(messages)


def ainvoke(model: Any, messages: Any) -> Any:
    return asyncio.run(model.ainvoke(messages))


def stream(model: Any, messages: Any) -> Any:
    first, *others = model.stream(messages)
    return first + others


def astream(model: Any, messages: Any) -> Any:
    async def ask() -> Any:
        first, *others = [chunk async for chunk in model.astream(messages)]
        return first + others

    return asyncio.run(ask())


EVERY_WAY = pytest.mark.parametrize("way", [invoke, ainvoke, stream, astream])


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def uri(data: bytes, label: str) -> str:
    return f"data:{label};base64,{encoded(data)}"


# --- files


SHAPES = [
    pytest.param(
        lambda data, label: {"type": "file", "file": {"file_data": uri(data, label), "filename": "a.csv"}},
        id="openai",
    ),
    pytest.param(
        lambda data, label: {"type": "file", "file": {"file_data": encoded(data)}}, id="openai-without-label"
    ),
    pytest.param(
        lambda data, label: {"type": "input_file", "file_data": uri(data, label), "filename": "a.csv"},
        id="responses",
    ),
    pytest.param(lambda data, label: {"type": "file", "base64": encoded(data), "mime_type": label}, id="v1"),
    pytest.param(lambda data, label: {"type": "file", "url": uri(data, label)}, id="v1-data-uri"),
    pytest.param(
        lambda data, label: {"type": "text-plain", "base64": encoded(data), "mime_type": label}, id="v1-text"
    ),
    pytest.param(
        lambda data, label: {
            "type": "file",
            "source_type": "base64",
            "data": encoded(data),
            "mime_type": label,
        },
        id="v0",
    ),
    pytest.param(
        lambda data, label: {
            "type": "document",
            "source": {"type": "base64", "data": encoded(data), "media_type": label},
        },
        id="anthropic",
    ),
    pytest.param(
        lambda data, label: {"type": "media", "data": encoded(data), "mime_type": label}, id="media"
    ),
    pytest.param(lambda data, label: {"type": "media", "data": data, "mime_type": label}, id="media-bytes"),
    pytest.param(
        lambda data, label: {"inline_data": {"data": encoded(data), "mime_type": label}}, id="inline-data"
    ),
    pytest.param(
        lambda data, label: {"inlineData": {"data": encoded(data), "mimeType": label}}, id="inlineData"
    ),
]
LABELS = ["text/csv", "application/json", "text/html", "application/pdf", "application/octet-stream"]


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_text_file_is_sent_as_text_in_every_shape(
    server: ScriptedServer, model: ChatVLM, shape: Any, label: str
) -> None:
    model.invoke([HumanMessage([shape(CSV, label), {"type": "text", "text": "Total?"}])])
    assert server.seen[0].messages[0]["content"][0] == {"type": "text", "text": CSV.decode()}


@EVERY_WAY
@pytest.mark.parametrize("data", [CSV, b'{"total": 9}', b"# Bill", b"<html>Tea</html>", b"<a/>"], ids=repr)
def test_the_bytes_decide_in_every_way_of_asking(
    server: ScriptedServer, model: ChatVLM, way: Way, data: bytes
) -> None:
    block = {"type": "file", "file": {"file_data": uri(data, "application/pdf"), "filename": "a"}}
    way(model, [HumanMessage([block])])
    assert server.seen[0].text == data.decode()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_picture_or_pdf_is_an_image_whatever_its_label(
    server: ScriptedServer, model: ChatVLM, shape: Any, png: bytes, pdf: bytes
) -> None:
    model.invoke([HumanMessage([shape(png, "text/csv"), shape(pdf, "text/csv")])])
    assert len(server.seen[0].images) == 3


@pytest.mark.parametrize("shape", SHAPES)
def test_another_file_is_refused_in_every_shape(server: ScriptedServer, model: ChatVLM, shape: Any) -> None:
    word = b"PK\x03\x04\x14\x00word/document.xml\x00"
    with pytest.raises(UnsupportedImageError, match="Word document") as caught:
        model.invoke([HumanMessage(["Total?", shape(word, "text/csv")])])
    assert caught.value.message.startswith("messages[0].content[1]")
    assert caught.value.hint
    assert server.requests == 0


def test_a_document_keeps_its_title(server: ScriptedServer, model: ChatVLM) -> None:
    source = {"type": "base64", "data": encoded(CSV), "media_type": "text/csv"}
    model.invoke([HumanMessage([{"type": "document", "source": source, "title": "Bill", "context": "May"}])])
    assert server.seen[0].text == "Bill\nMay\n" + CSV.decode()


# --- base64 without a label


BARE = [
    pytest.param(lambda text: {"type": "image_url", "image_url": {"url": text}}, id="image-url"),
    pytest.param(lambda text: {"type": "image_url", "image_url": text}, id="image-url-as-a-string"),
    pytest.param(lambda text: {"type": "input_image", "image_url": text}, id="input-image"),
    pytest.param(lambda text: {"type": "image", "image": text}, id="image"),
    pytest.param(lambda text: {"type": "image", "url": text}, id="v1-url"),
    pytest.param(lambda text: {"type": "file", "url": text}, id="v1-file-url"),
]


@EVERY_WAY
@pytest.mark.parametrize("make_block", BARE)
def test_base64_needs_no_label(
    server: ScriptedServer, model: ChatVLM, way: Way, make_block: Any, png: bytes
) -> None:
    way(model, [HumanMessage([make_block(encoded(png)), {"type": "text", "text": "Total?"}])])
    assert server.seen[0].images[0].size == (40, 30)


@pytest.mark.parametrize("make_block", BARE[:5])
@pytest.mark.parametrize(
    ("data", "words"), [(b"just words " * 100, "plain text"), (b"PK\x03\x04" + bytes(500), "ZIP archive")]
)
def test_base64_of_something_else_is_an_error_that_helps(
    server: ScriptedServer, model: ChatVLM, make_block: Any, data: bytes, words: str
) -> None:
    with pytest.raises(InputError, match=words) as caught:
        model.invoke([HumanMessage([make_block(encoded(data))])])
    assert caught.value.message.startswith("messages[0].content[0]")
    assert server.requests == 0


# --- marks for prompt caching


@tool(extras={"cache_control": MARK})
def look(page: int) -> str:
    """Look at a page."""
    return str(page)


def marked_messages(png: bytes) -> list[Any]:
    def text(words: str) -> dict[str, Any]:
        return {"type": "text", "text": words, "cache_control": MARK}

    extra = {"type": "text", "text": "Be kind.", "extras": {"cache_control": MARK}}
    image = {"type": "image", "base64": encoded(png), "mime_type": "image/png", "cache_control": MARK}

    call = {"name": "look", "args": {"page": 1}, "id": "call_1"}
    return [
        SystemMessage([text("Be brief."), extra]),
        HumanMessage([image, "Total?"]),
        AIMessage([text("I look.")], tool_calls=[call]),
        ToolMessage([text("9.00")], tool_call_id="call_1"),
        HumanMessage([text("So?")]),
    ]


@EVERY_WAY
@pytest.mark.parametrize("provider", ["openrouter", TAKES], ids=["openrouter", "row"])
def test_marks_go_where_they_are_taken(
    server: ScriptedServer, make: Make, provider: Any, way: Way, png: bytes
) -> None:
    anthropics = {"name": "find", "input_schema": {"type": "object"}, "cache_control": MARK}
    answer = way(make(provider=provider).bind_tools([look, anthropics]), marked_messages(png))
    marks = [
        [part.get("cache_control") for part in message["content"]] for message in server.seen[0].messages
    ]
    assert marks == [[MARK, MARK], [MARK, None], [MARK], [MARK], [MARK]]
    assert [sent["cache_control"] for sent in server.seen[0].options["tools"]] == [MARK, MARK]
    assert answer.response_metadata["warnings"] == []


@EVERY_WAY
@pytest.mark.parametrize("provider", ["novita", None], ids=["novita", "unknown"])
def test_marks_are_taken_off_with_a_warning_elsewhere(
    server: ScriptedServer, make: Make, provider: Any, way: Way, png: bytes
) -> None:
    answer = way(make(provider=provider).bind_tools([look]), marked_messages(png))
    assert "cache_control" not in server.seen[0].body.decode()
    texts = [message["content"] for message in server.seen[0].messages]
    assert (texts[0], texts[2], texts[3]) == ("Be brief.\nBe kind.", "I look.", "9.00")
    (warning,) = [one for one in answer.response_metadata["warnings"] if "cache_control" in one]
    assert "is not sent" in warning


def test_a_tool_result_of_anthropics_keeps_its_mark(server: ScriptedServer, make: Make) -> None:
    call = {"name": "look", "args": {"page": 1}, "id": "call_1"}
    result = {"type": "tool_result", "tool_use_id": "call_1", "content": "9.00", "cache_control": MARK}
    make(provider=TAKES).invoke(
        [HumanMessage("Total?"), AIMessage("", tool_calls=[call]), HumanMessage([result])]
    )
    assert server.seen[0].messages[2]["content"] == [{"type": "text", "text": "9.00", "cache_control": MARK}]


# --- pictures that became text


@EVERY_WAY
def test_a_block_in_the_place_of_a_text_is_warned_of(
    server: ScriptedServer, model: ChatVLM, way: Way, png: bytes
) -> None:
    prompt = ChatPromptTemplate([("human", ["{picture}", "{question}"])])
    asked = prompt.invoke({"picture": image_block(png), "question": "Total?"})
    with pytest.warns(ImageWarning, match="became text") as caught:
        way(model, asked)
    assert '("placeholder", "{asked}")' in str(caught[0].message)
    assert server.seen[0].images == ()


@pytest.mark.filterwarnings("error")
def test_the_template_that_the_warning_shows_sends_the_picture(
    server: ScriptedServer, model: ChatVLM, png: bytes
) -> None:
    prompt = ChatPromptTemplate([("system", "Be brief."), ("placeholder", "{asked}")])
    (prompt | model).invoke({"asked": [("human", [image_block(png), "Total?"])]})
    assert len(server.seen[0].images) == 1

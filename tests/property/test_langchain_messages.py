"""Whatever a message holds, it is sent or refused with a typed error, and no text of it is lost."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from langchain_vlm.content_blocks import CALLS, THOUGHTS
from langchain_vlm.image_blocks import labelled
from langchain_vlm.messages import to_messages
from vlm_core import InputError, VLMClient

KINDS = ["text", "image", "image_url", "input_image", "media", "file", "document", "text-plain", "json"]
KEYS = ["text", "url", "base64", "data", "image_url", "file", "source", "content", "mime_type", "value", "id"]
scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("data:;base64,R0lGODlh")
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=6,
)
kinds = st.sampled_from([*KINDS, *sorted(CALLS | THOUGHTS), "tool_result", "non_standard", "video"]) | scalars
blocks = st.text(max_size=8) | st.builds(
    lambda kind, rest: {**rest, "type": kind},
    kinds,
    st.dictionaries(st.sampled_from(KEYS), values, max_size=4),
)


def made(role: type[BaseMessage], content: Any) -> BaseMessage:
    return ToolMessage(content, tool_call_id="1") if role is ToolMessage else role(content)


@given(
    st.sampled_from([HumanMessage, AIMessage, SystemMessage, ToolMessage]),
    st.lists(blocks, min_size=1, max_size=4),
)
def test_any_content_is_sent_or_refused(role: type[BaseMessage], content: list[Any]) -> None:
    messages = labelled([made(role, content)])
    sent, refusal = None, ""
    try:
        sent = to_messages(messages)
    except InputError as error:
        refusal = str(error)
    if sent is None:
        assert refusal.startswith("messages[0]")
    else:
        assert all(message["role"] and message["content"] is not None for message in sent)


@given(st.lists(st.tuples(st.sampled_from([HumanMessage, AIMessage, SystemMessage]), st.lists(st.text()))))
def test_no_text_is_lost(turns: list[tuple[type[BaseMessage], list[str]]]) -> None:
    messages = [
        role([{"type": "text", "text": text} if number % 2 else text for number, text in enumerate(texts)])
        for role, texts in turns
    ]
    sent = json.dumps([message["content"] for message in to_messages(messages)])
    for _, texts in turns:
        assert all(json.dumps(text)[1:-1] in sent for text in texts)


@given(st.text(max_size=200))
def test_a_text_is_sent_word_for_word(text: str) -> None:
    assert to_messages([HumanMessage(text)]) == [{"role": "user", "content": text}]


@given(st.text(max_size=40))
def test_the_client_takes_what_it_is_given(text: str) -> None:
    client = VLMClient("some-vlm", base_url="http://127.0.0.1:9/v1")
    call = {"name": "look", "args": {"where": text}, "id": "1"}
    messages = to_messages([HumanMessage([text or "?"]), AIMessage("", tool_calls=[call])])
    assert client.estimate(messages).text_tokens

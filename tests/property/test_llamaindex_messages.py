"""Whatever blocks a conversation has, in whatever roles: all of it arrives, in its order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock, ThinkingBlock

from llamaindex_vlm import VLM
from llamaindex_vlm.responses import growing, to_response
from vlm_core import Completion, Delta
from vlm_core.testing import ScriptedServer
from vlm_core.testing.seen import content_parts

words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=8)
texts = st.builds(lambda text: TextBlock(text=text), words)
dots = st.builds(lambda shade: ImageBlock(image=b"P5 1 1 255 " + bytes([shade])), st.integers(1, 255))
thoughts = st.builds(lambda text: ThinkingBlock(content=text), words)
messages = st.builds(
    lambda role, blocks: ChatMessage(role=role, blocks=blocks),
    st.sampled_from(["user", "assistant", "system", "chatbot", "model"]),
    st.lists(texts | dots | thoughts, max_size=4),
)


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(keep=1) as scripted:
        yield scripted


@pytest.fixture(scope="module")
def llm(server: ScriptedServer) -> VLM:
    return VLM(model="some-vlm", api_base=server.base_url, api_key=server.api_key)


def every(kind: type, conversation: list[ChatMessage]) -> list[Any]:
    return [block for message in conversation for block in message.blocks if isinstance(block, kind)]


@given(conversation=st.lists(messages, min_size=1, max_size=4))
def test_all_texts_and_images_arrive_in_order(
    conversation: list[ChatMessage], llm: VLM, server: ScriptedServer
) -> None:
    before = [message.model_dump() for message in conversation]
    llm.chat(conversation)
    (seen,) = server.seen
    assert len(seen.images) == len(every(ImageBlock, conversation))
    assert {image.role for image in seen.images} <= {"user"}
    sent = "\n".join(
        part["text"] for message in seen.messages for part in content_parts(message) if "text" in part
    )
    place = 0
    for block in every(TextBlock, conversation):
        place = sent.index(block.text, place) + len(block.text)
    assert [message.model_dump() for message in conversation] == before


@given(pieces=st.lists(st.tuples(words, st.booleans()), max_size=9))
def test_what_grows_is_the_sum_of_its_pieces(pieces: list[tuple[str, bool]]) -> None:
    deltas = [Delta(reasoning=word) if thought else Delta(text=word) for word, thought in pieces]
    text = "".join(delta.text for delta in deltas)
    whole = Completion(text, reasoning="".join(delta.reasoning for delta in deltas))
    *growth, last = growing(step for step in [*deltas, whole])
    assert last == to_response(whole)
    assert "".join(step.delta or "" for step in growth) == text
    for number, step in enumerate(growth, 1):
        assert (step.message.content or "") == "".join(delta.text for delta in deltas[:number])

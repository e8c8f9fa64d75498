"""Blocks on their way through VLM: files, base64 without a label, cache points."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import Callable
from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    CacheControl,
    CachePoint,
    ChatMessage,
    DocumentBlock,
    ImageBlock,
    TextBlock,
)
from llama_index.core.prompts import ChatPromptTemplate, RichPromptTemplate
from PIL import Image

from llamaindex_vlm import VLM
from vlm_core import ImageWarning, Provider
from vlm_core.testing import ScriptedServer

Make = Callable[..., VLM]
MARK = {"type": "ephemeral", "ttl": "5m"}
POINT = CachePoint(cache_control=CacheControl(type="ephemeral"))
TAKES = Provider(name="gateway", cache_control=True)


def chat(llm: VLM, messages: Any) -> Any:
    return llm.chat(messages)


def achat(llm: VLM, messages: Any) -> Any:
    return asyncio.run(llm.achat(messages))


def stream(llm: VLM, messages: Any) -> Any:
    return list(llm.stream_chat(messages))[-1]


def astream(llm: VLM, messages: Any) -> Any:
    async def ask() -> Any:
        return [step async for step in await llm.astream_chat(messages)][-1]

    return asyncio.run(ask())


Way = Callable[[VLM, Any], Any]
EVERY_WAY = pytest.mark.parametrize("way", [chat, achat, stream, astream])


def picture(kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((40, 30)).convert("RGB").save(file, kind)
    return file.getvalue()


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def user(*blocks: Any) -> list[ChatMessage]:
    return [ChatMessage(role="user", blocks=list(blocks))]


# --- files


CSV = "item,price\nTea,2.00"
URI = f"data:application/pdf;base64,{encoded(CSV.encode())}"
DOCUMENTS = [
    pytest.param(DocumentBlock(data=CSV.encode()), id="bytes"),
    pytest.param(DocumentBlock(data=encoded(CSV.encode()).encode()), id="base64"),
    pytest.param(DocumentBlock(data=io.BytesIO(CSV.encode())), id="open-file"),
    pytest.param(DocumentBlock(data=URI.encode()), id="data-uri"),
    pytest.param(DocumentBlock(url=URI), id="url"),
    pytest.param(DocumentBlock(data=CSV.encode(), document_mimetype="application/pdf"), id="wrong-label"),
    pytest.param(DocumentBlock(data=CSV.encode("utf-16")), id="utf-16"),
]


@EVERY_WAY
@pytest.mark.parametrize("block", DOCUMENTS)
def test_a_text_file_is_sent_as_text(llm: VLM, server: ScriptedServer, way: Way, block: Any) -> None:
    way(llm, user(block))
    assert server.seen[0].text == CSV


@pytest.mark.parametrize("kind", ["PNG", "PDF"])
def test_a_picture_or_pdf_in_a_document_is_an_image(llm: VLM, server: ScriptedServer, kind: str) -> None:
    data = picture(kind)
    label = f"data:text/csv;base64,{encoded(data)}"
    blocks = [DocumentBlock(data=data), DocumentBlock(data=label.encode()), DocumentBlock(url=encoded(data))]
    llm.chat(user(*blocks))
    assert len(server.seen[0].images) == 3


# --- base64 without a label


WRITTEN = [
    pytest.param(base64.b64encode, id="standard"),
    pytest.param(base64.encodebytes, id="line-breaks"),
    pytest.param(lambda data: base64.urlsafe_b64encode(data).rstrip(b"="), id="url-safe"),
]


@EVERY_WAY
@pytest.mark.parametrize("write", WRITTEN)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "PDF"])
def test_base64_needs_no_label(
    llm: VLM, server: ScriptedServer, way: Way, kind: str, write: Callable[[bytes], bytes]
) -> None:
    way(llm, user(ImageBlock(image=write(picture(kind))), TextBlock(text="Total?")))
    assert len(server.seen[0].images) == 1


# --- cache points


def marked_messages() -> list[ChatMessage]:
    return [
        ChatMessage(role="system", blocks=[TextBlock(text="Be brief."), POINT]),
        ChatMessage(role="user", blocks=[ImageBlock(image=picture()), POINT, TextBlock(text="Total?")]),
        ChatMessage(role="assistant", content="9.00", additional_kwargs={"cache_control": MARK}),
        ChatMessage(role="user", content="Sure?"),
    ]


@EVERY_WAY
@pytest.mark.parametrize("provider", ["openrouter", TAKES], ids=["openrouter", "row"])
def test_cache_points_go_where_they_are_taken(
    make_llm: Make, server: ScriptedServer, way: Way, provider: Any
) -> None:
    way(make_llm(provider=provider), marked_messages())
    system, asked, said, again = server.seen[0].messages
    assert system["content"] == [{"type": "text", "text": "Be brief.", "cache_control": MARK}]
    assert [part.get("cache_control") for part in asked["content"]] == [MARK, None]
    assert said["content"] == [{"type": "text", "text": "9.00", "cache_control": MARK}]
    assert again["content"] == "Sure?"


@EVERY_WAY
@pytest.mark.parametrize("provider", ["novita", None], ids=["novita", "unknown"])
def test_cache_points_are_taken_off_with_a_warning_elsewhere(
    make_llm: Make, server: ScriptedServer, way: Way, provider: Any
) -> None:
    response = way(make_llm(provider=provider), marked_messages())
    assert "cache_control" not in server.seen[0].body.decode()
    texts = [message["content"] for message in server.seen[0].messages]
    assert (texts[0], texts[2], texts[3]) == ("Be brief.", "9.00", "Sure?")
    (warning,) = [one for one in response.additional_kwargs["warnings"] if "cache_control" in one]
    assert "is not sent" in warning


# --- pictures that became text


@EVERY_WAY
def test_a_picture_in_the_place_of_a_text_is_warned_of(llm: VLM, server: ScriptedServer, way: Way) -> None:
    prompt = ChatPromptTemplate.from_messages([("user", "{picture} {question}")])
    uri = f"data:image/png;base64,{encoded(picture())}"
    with pytest.warns(ImageWarning, match="became text") as caught:
        way(llm, prompt.format_messages(picture=uri, question="Total?"))
    assert "{{ picture | image }}" in str(caught[0].message)
    assert server.seen[0].images == ()


@pytest.mark.filterwarnings("error::vlm_core.ImageWarning")
def test_the_template_that_the_warning_shows_sends_the_picture(llm: VLM, server: ScriptedServer) -> None:
    uri = f"data:image/png;base64,{encoded(picture())}"
    prompt = RichPromptTemplate("{% chat role='user' %}{{ picture | image }} {{ question }}{% endchat %}")
    llm.chat(prompt.format_messages(picture=uri, question="Total?"))
    assert len(server.seen[0].images) == 1

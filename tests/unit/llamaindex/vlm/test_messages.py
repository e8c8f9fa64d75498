"""Every block of a message is sent, or refused by the name of its place."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    AudioBlock,
    CacheControl,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)
from llama_index.core.prompts import ChatPromptTemplate
from PIL import Image

from llamaindex_vlm import VLM
from vlm_core import ImageLimits, InputError, Provider, TooManyImagesError
from vlm_core.testing import ScriptedServer

Bytes = Callable[..., bytes]
Shade = Callable[[bytes], int]
SHADE = 40


class OwnBlock(ImageBlock):
    """A block of somebody's own."""


def user(*blocks: Any) -> list[ChatMessage]:
    return [ChatMessage(role="user", blocks=list(blocks))]


def at_its_end(data: bytes) -> io.BytesIO:
    file = io.BytesIO()
    file.write(data)
    return file


def data_uri(data: bytes, label: str = "image/png") -> str:
    return f"data:{label};base64,{base64.b64encode(data).decode()}"


def file_of(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


IMAGES = [
    pytest.param(lambda png, folder: ImageBlock(image=png), id="bytes"),
    pytest.param(lambda png, folder: ImageBlock(image=base64.b64encode(png)), id="base64"),
    pytest.param(lambda png, folder: OwnBlock(image=png), id="subclass"),
    pytest.param(lambda png, folder: ImageBlock(image=io.BytesIO(png)), id="open-file"),
    pytest.param(lambda png, folder: ImageBlock(image=at_its_end(png)), id="open-file-at-its-end"),
    pytest.param(lambda png, folder: ImageBlock(image=data_uri(png)), id="data-uri-as-image"),
    pytest.param(lambda png, folder: ImageBlock(url=data_uri(png)), id="data-uri-as-url"),
    pytest.param(lambda png, folder: ImageBlock(url=data_uri(png, "image/jpeg")), id="untrue-label"),
    pytest.param(lambda png, folder: ImageBlock(path=file_of(folder, "SCAN.PNG", png)), id="upper-case"),
    pytest.param(lambda png, folder: ImageBlock(path=file_of(folder, "scan", png)), id="no-extension"),
    pytest.param(lambda png, folder: ImageBlock(path=file_of(folder, "a.jpg", png)), id="wrong-extension"),
    pytest.param(lambda png, folder: ImageBlock(image=png, image_mimetype="image/webp"), id="wrong-mimetype"),
    pytest.param(
        lambda png, folder: CitableBlock(title="t", source="s", content=[ImageBlock(image=png)]), id="citable"
    ),
    pytest.param(
        lambda png, folder: CitationBlock(
            cited_content=ImageBlock(image=png), source="s", title="t", additional_location_info={}
        ),
        id="citation",
    ),
]


@pytest.mark.parametrize("make_block", IMAGES)
def test_an_image_is_sent_whatever_it_was_given_as(
    make_block: Callable[[bytes, Path], Any],
    llm: VLM,
    server: ScriptedServer,
    grey: Bytes,
    shade_in: Shade,
    tmp_path: Path,
) -> None:
    block = make_block(grey(SHADE), tmp_path)
    for _ in range(2):  # and again in the next turn
        llm.chat(user(block))
    for seen in server.seen:
        (image,) = seen.images
        assert (image.declared, image.format, shade_in(image.data or b"")) == ("png", "png", SHADE)


@pytest.mark.parametrize("kind", ["PPM", "TIFF", "BMP", "GIF", "WEBP", "JPEG", "ICO"])
def test_bytes_of_any_format_are_read_as_what_they_are(
    kind: str, llm: VLM, server: ScriptedServer, grey: Bytes
) -> None:
    if kind == "ICO":
        with pytest.raises(InputError, match=r"messages\[0\]"):
            llm.chat(user(ImageBlock(image=grey(SHADE, kind=kind))))
        assert server.requests == 0
        return
    llm.chat(user(ImageBlock(image=grey(SHADE, kind=kind))))
    (image,) = server.seen[0].images
    assert image.format == image.declared
    assert image.format in ("png", "jpeg")
    assert image.size == (60, 40)


@pytest.mark.parametrize("role", ["user", "assistant", "system", "tool", "chatbot", "developer"])
def test_an_image_in_any_role_reaches_the_model(
    role: str, llm: VLM, server: ScriptedServer, grey: Bytes, shade_in: Shade
) -> None:
    call = ToolCallBlock(tool_call_id="c1", tool_name="look", tool_kwargs={})
    before = [ChatMessage(role="assistant", blocks=[call])] if role == "tool" else []
    named = {"tool_call_id": "c1"} if role == "tool" else {}
    picture = ChatMessage(role=role, blocks=[ImageBlock(image=grey(SHADE))], additional_kwargs=named)
    llm.chat([*before, picture, ChatMessage(role="user", content="Well?")])
    (image,) = server.seen[0].images
    assert (image.role, shade_in(image.data or b"")) == ("user", SHADE)


def test_pages_of_a_tiff_are_all_sent(llm: VLM, server: ScriptedServer, grey: Bytes, shade_in: Shade) -> None:
    llm.chat(user(ImageBlock(image=grey(10, 20, 30, kind="TIFF"))))
    assert [shade_in(image.data or b"") for image in server.seen[0].images] == [10, 20, 30]


def test_a_url_goes_out_as_it_is_where_the_row_says_so(
    make_llm: Callable[..., VLM], server: ScriptedServer
) -> None:
    lab = Provider(name="lab", base_url=server.base_url, limits=ImageLimits(accepts_url=True))
    make_llm(provider=lab, api_base=None).chat(user(ImageBlock(url="https://example.com/scan.png?sig=1")))
    assert server.seen[0].images[0].url == "https://example.com/scan.png?sig=1"


@pytest.mark.parametrize("detail", [None, "low"])
def test_detail_is_sent_only_where_it_is_set(
    detail: str | None, make_llm: Callable[..., VLM], server: ScriptedServer, grey: Bytes
) -> None:
    lab = Provider(name="lab", base_url=server.base_url, limits=ImageLimits(accepts_detail=True))
    make_llm(provider=lab, api_base=None).chat(user(ImageBlock(image=grey(SHADE), detail=detail)))
    assert server.seen[0].images[0].detail == detail


def pdf_of(*shades: int) -> bytes:
    file = io.BytesIO()
    first, *rest = (Image.new("L", (60, 40), shade) for shade in shades)
    first.save(file, "PDF", save_all=True, append_images=rest)
    return file.getvalue()


PDFS = [
    pytest.param(lambda data, folder: DocumentBlock(data=data), id="bytes"),
    pytest.param(lambda data, folder: DocumentBlock(data=io.BytesIO(data)), id="open-file"),
    pytest.param(lambda data, folder: DocumentBlock(path=file_of(folder, "two", data)), id="path"),
    pytest.param(
        lambda data, folder: DocumentBlock(path=str(file_of(folder, "2.TXT", data))), id="text-path"
    ),
    pytest.param(lambda data, folder: DocumentBlock(url=data_uri(data, "text/plain")), id="data-uri"),
]


@pytest.mark.parametrize("make_block", PDFS)
def test_a_pdf_is_sent_as_its_pages(
    make_block: Callable[[bytes, Path], Any],
    llm: VLM,
    server: ScriptedServer,
    shade_in: Shade,
    tmp_path: Path,
) -> None:
    llm.chat(user(make_block(pdf_of(10, 200), tmp_path), TextBlock(text="What is the total?")))
    seen = server.seen[0]
    shades = [shade_in(image.data or b"") for image in seen.images]
    assert [abs(shade - wanted) <= 3 for shade, wanted in zip(shades, (10, 200), strict=True)] == [True, True]
    assert seen.text == "What is the total?"


def test_a_pdf_with_more_pages_than_allowed_is_refused(
    make_llm: Callable[..., VLM], server: ScriptedServer
) -> None:
    with pytest.raises(TooManyImagesError, match="2 pages"):
        make_llm(max_pages=1).chat(user(DocumentBlock(data=pdf_of(10, 20))))
    assert server.requests == 0


def test_a_pdf_behind_a_private_url_is_not_fetched(llm: VLM, server: ScriptedServer) -> None:
    with pytest.raises(InputError) as caught:
        llm.chat(user(DocumentBlock(url=f"{server.base_url}/a.pdf")))
    assert "allow_private_urls" in caught.value.hint
    assert server.connections == 0


@pytest.mark.parametrize(
    ("title", "sent"),
    [
        pytest.param(None, "TOTAL 9.00 €", id="untitled"),
        pytest.param("Bill", "Bill\n\nTOTAL 9.00 €", id="titled"),
    ],
)
def test_a_text_document_is_sent_as_text(
    title: str | None, sent: str, llm: VLM, server: ScriptedServer, tmp_path: Path
) -> None:
    text = "TOTAL 9.00 €".encode()
    llm.chat(user(DocumentBlock(data=text, title=title)))
    llm.chat(user(DocumentBlock(path=file_of(tmp_path, "a.csv", text), title=title)))
    assert [seen.text for seen in server.seen] == [sent, sent]


SECRET = b"canary-payload-77"
REFUSED = [
    pytest.param(AudioBlock(audio=SECRET), "no AudioBlock", id="audio"),
    pytest.param(VideoBlock(video=SECRET), "no VideoBlock", id="video"),
    pytest.param(ImageBlock(image=SECRET), "messages", id="no-picture"),
    pytest.param(ImageBlock(image=b""), "without an image", id="empty-bytes"),
    pytest.param(ImageBlock(), "without an image", id="empty-block"),
    pytest.param(ImageBlock(image=io.BytesIO()), "empty", id="empty-file"),
    pytest.param(ImageBlock(url="file:///etc/passwd"), "neither a web address", id="file-url"),
    pytest.param(DocumentBlock(), "without a document", id="no-document"),
    pytest.param(DocumentBlock(url="file:///etc/passwd"), "neither a web address", id="document-file-url"),
    pytest.param(DocumentBlock(path="/nowhere/a.pdf"), "does not exist", id="document-missing"),
    pytest.param(DocumentBlock(data=b"PK\x03\x04\x14\x00" + SECRET), "neither PDF", id="document-of-office"),
    pytest.param(
        CitableBlock(title="t", source="s", content=[DocumentBlock(data=b"\xff\xfe" + SECRET)]),
        "neither PDF",
        id="nested",
    ),
]


@pytest.mark.parametrize(("block", "words"), REFUSED)
def test_what_cannot_be_sent_is_refused_by_its_place(
    block: Any, words: str, llm: VLM, server: ScriptedServer
) -> None:
    hello = ChatMessage(role="user", content="hello")
    with pytest.raises(InputError, match=words) as caught:
        llm.chat([hello, ChatMessage(role="user", blocks=[TextBlock(text="See:"), block])])
    error = caught.value
    assert error.message.startswith("messages[1].")
    assert error.hint
    assert SECRET.decode() not in f"{error!r}{vars(error)}"
    assert server.requests == 0


def test_thoughts_and_cache_points_are_left_out(llm: VLM, server: ScriptedServer) -> None:
    point = CachePoint(cache_control=CacheControl(type="ephemeral"))
    said = ChatMessage(role="assistant", blocks=[ThinkingBlock(content="hm"), TextBlock(text="9.00"), point])
    llm.chat([*user(TextBlock(text="Total?")), said, *user(TextBlock(text="Sure?"))])
    assert server.seen[0].messages[1] == {"role": "assistant", "content": "9.00"}


CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"page": 1}'}}


class OfAClient:
    """As openai's client has tool calls."""

    def model_dump(self) -> dict[str, Any]:
        return {"index": 0, **CALL}


CALLS = [
    pytest.param(
        {"blocks": [ToolCallBlock(tool_call_id="c1", tool_name="look", tool_kwargs={"page": 1})]}, id="dict"
    ),
    pytest.param(
        {"blocks": [ToolCallBlock(tool_call_id="c1", tool_name="look", tool_kwargs='{"page": 1}')]},
        id="string",
    ),
    pytest.param({"additional_kwargs": {"tool_calls": [CALL]}}, id="kept-beside"),
    pytest.param({"additional_kwargs": {"tool_calls": [OfAClient()]}}, id="kept-as-objects"),
    pytest.param(
        {
            "blocks": [ToolCallBlock(tool_call_id="c1", tool_name="look", tool_kwargs={"page": 1})],
            "additional_kwargs": {"tool_calls": [OfAClient()]},
        },
        id="both-counts-once",
    ),
]


@pytest.mark.parametrize("said", CALLS)
def test_tool_calls_of_history_are_understood(said: Any, llm: VLM, server: ScriptedServer) -> None:
    result = ChatMessage(role="tool", content="a cat", additional_kwargs={"tool_call_id": "c1"})
    llm.chat([*user(TextBlock(text="Look.")), ChatMessage(role="assistant", **said), result])
    assert server.seen[0].messages[1:] == [
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "content": "a cat", "tool_call_id": "c1"},
    ]


WRONG_CALLS = [
    pytest.param(
        {"role": "user", "additional_kwargs": {"tool_calls": [CALL]}}, "has the role user", id="role"
    ),
    pytest.param(
        {"role": "assistant", "additional_kwargs": {"tool_calls": [{"id": "c"}]}},
        "without a function",
        id="shape",
    ),
    pytest.param({"role": "tool", "content": "a cat"}, "no tool_call_id", id="result-without-its-call"),
]


@pytest.mark.parametrize(("message", "words"), WRONG_CALLS)
def test_a_tool_call_that_means_nothing_is_refused(
    message: dict[str, Any], words: str, llm: VLM, server: ScriptedServer
) -> None:
    with pytest.raises(InputError, match=words):
        llm.chat([ChatMessage(**message)])
    assert server.requests == 0


def test_a_turn_that_was_declined_does_not_end_the_conversation(llm: VLM, server: ScriptedServer) -> None:
    server.say("", refusal="I cannot help with that.")
    server.say("9.00")
    question = user(TextBlock(text="Total?"))
    declined = llm.chat(question).message
    assert llm.chat([*question, declined, *question]).message.content == "9.00"
    assert server.seen[1].messages[1]["refusal"] == "I cannot help with that."


def test_a_conversation_stays_as_it_was(llm: VLM, grey: Bytes) -> None:
    file = at_its_end(grey(SHADE))
    messages = user(TextBlock(text="a"), ImageBlock(image=grey(SHADE)), ImageBlock(image=file))
    before = [message.model_dump() for message in messages], file.tell()
    llm.chat(messages)
    assert ([message.model_dump() for message in messages], file.tell()) == before


def test_an_image_that_went_through_a_template_is_sent(
    llm: VLM, server: ScriptedServer, shade_in: Shade
) -> None:
    plain = b"P2 60 40 255 " + b"40 " * 2400  # a picture that is text, and so a template to LlamaIndex
    template = ChatPromptTemplate(
        message_templates=[
            ChatMessage(role="user", blocks=[ImageBlock(image=plain), TextBlock(text="{ask}?")])
        ]
    )
    llm.predict(template, ask="Total")
    assert server.seen[0].text == "Total?"
    assert shade_in(server.seen[0].images[0].data or b"") == SHADE

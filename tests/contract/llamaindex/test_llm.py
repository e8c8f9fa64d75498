"""What an LLM of LlamaIndex for vision models owes to its users, class by class."""

from __future__ import annotations

import asyncio
import io
import pickle
from collections.abc import Callable
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from llama_index.core import MockEmbedding, VectorStoreIndex
from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.base.llms.types import (
    ChatMessage,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ToolCallBlock,
    VideoBlock,
)
from llama_index.core.bridge.pydantic import BaseModel
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.prompts import PromptTemplate
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import MediaResource, Node
from llama_index.core.tools import FunctionTool
from PIL import Image

from vlm_core.testing import ScriptedServer

ANSWER = "This is a scripted answer."
Picture = Callable[..., bytes]
NO_IMAGES = "it sends the text of a message alone"
NO_MIME = "it tells a picture's format by its name, and labels it None"
NO_WORK = "it sends a picture as it is"
ASKS_FIRST = "its metadata is a request, at every call"


def asked(*blocks: Any, role: str = "user") -> list[ChatMessage]:
    return [ChatMessage(role=role, blocks=[*blocks, TextBlock(text="What is the total?")])]


def sent(server: ScriptedServer) -> Any:
    """The only chat that was asked for, and its only picture."""
    (seen,) = [seen for seen in server.seen if seen.is_chat]
    (image,) = seen.images
    assert image.declared == image.format
    return image


def opened(server: ScriptedServer) -> Image.Image:
    return Image.open(io.BytesIO(sent(server).data)).convert("RGB")


# --- what it is


def test_it_is_an_llm_that_calls_functions(llm: Any) -> None:
    names = [base.__name__ for base in type(llm).__mro__]
    assert BaseLLM.__name__ in names
    assert FunctionCallingLLM.__name__ in names


@pytest.mark.peer_fails(DeepInfraLLM=ASKS_FIRST)
def test_its_metadata_needs_no_request(llm: Any, server: ScriptedServer) -> None:
    assert llm.metadata.model_name
    assert server.requests == 0


@pytest.mark.peer_fails(OpenAILike="3900 tokens", DeepInfraLLM="3900 tokens, which is less than two images")
def test_its_context_holds_some_images(llm: Any) -> None:
    assert llm.metadata.context_window >= 32_000


@pytest.mark.peer_fails(OpenAILike="it takes every model for one that completes text")
def test_it_chats_unless_told_otherwise(kind: Any, server: ScriptedServer) -> None:
    assert kind._replace(settings={}).make(server).metadata.is_chat_model


@pytest.mark.peer_fails(
    OpenAILike="it says so only where it is told", DeepInfraLLM="it says so only where a request tells it"
)
def test_it_calls_functions_unless_that_is_known_to_fail(llm: Any) -> None:
    assert llm.metadata.is_function_calling_model


@pytest.mark.peer_fails(OpenAILike="its name has no multi in it", DeepInfraLLM="its name has no multi in it")
def test_its_name_tells_an_index_that_it_sees(llm: Any) -> None:
    assert "multi" in llm.class_name()


# --- what it sends


@pytest.mark.peer_fails(DeepInfraLLM=NO_IMAGES)
def test_bytes_of_a_picture_are_sent(llm: Any, server: ScriptedServer, picture: Picture) -> None:
    llm.chat(asked(ImageBlock(image=picture())))
    assert opened(server).getpixel((5, 5)) == (40, 40, 40)


@pytest.mark.peer_fails(OpenAILike=NO_MIME, DeepInfraLLM=NO_IMAGES)
@pytest.mark.parametrize("name", ["SCAN.PNG", "scan", "scan.jpg"])
def test_a_file_is_sent_as_what_it_is(
    name: str, llm: Any, server: ScriptedServer, picture: Picture, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(picture())
    llm.chat(asked(ImageBlock(path=tmp_path / name)))
    assert sent(server).format == "png"


@pytest.mark.peer_fails(OpenAILike="it takes its bytes for text", DeepInfraLLM=NO_IMAGES)
def test_an_open_file_is_sent(llm: Any, server: ScriptedServer, picture: Picture) -> None:
    llm.chat(asked(ImageBlock(image=io.BytesIO(picture()))))
    assert sent(server).format == "png"


@pytest.mark.peer_fails(OpenAILike="it encodes the string", DeepInfraLLM=NO_IMAGES)
def test_a_data_uri_is_sent_as_the_picture_in_it(llm: Any, server: ScriptedServer, picture: Picture) -> None:
    uri = ImageBlock(image=picture()).inline_url()
    llm.chat(asked(ImageBlock(image=uri)))
    assert sent(server).format == "png"


@pytest.mark.peer_fails(OpenAILike=NO_WORK, DeepInfraLLM=NO_IMAGES)
@pytest.mark.parametrize("format_name", ["TIFF", "BMP", "PPM"])
def test_a_format_that_providers_do_not_take_is_converted(
    format_name: str, llm: Any, server: ScriptedServer, picture: Picture
) -> None:
    llm.chat(asked(ImageBlock(image=picture(kind=format_name))))
    assert sent(server).format in ("png", "jpeg")


@pytest.mark.peer_fails(OpenAILike=NO_WORK, DeepInfraLLM=NO_IMAGES)
def test_a_photograph_is_turned_upright(llm: Any, server: ScriptedServer, picture: Picture) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    llm.chat(asked(ImageBlock(image=picture(kind="JPEG", exif=exif))))
    assert opened(server).size == (40, 60)


@pytest.mark.peer_fails(OpenAILike=NO_WORK, DeepInfraLLM=NO_IMAGES)
def test_what_shines_through_becomes_white(llm: Any, server: ScriptedServer) -> None:
    file = io.BytesIO()
    Image.new("RGBA", (60, 40), (0, 0, 0, 0)).save(file, "PNG")
    llm.chat(asked(ImageBlock(image=file.getvalue())))
    assert opened(server).getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.peer_fails(OpenAILike="it sends images of users alone", DeepInfraLLM=NO_IMAGES)
@pytest.mark.parametrize("role", ["tool", "assistant", "system"])
def test_a_picture_in_any_role_reaches_the_model(
    role: str, llm: Any, server: ScriptedServer, picture: Picture
) -> None:
    call = ToolCallBlock(tool_call_id="c1", tool_name="look", tool_kwargs={})
    before = [ChatMessage(role="assistant", blocks=[call])] if role == "tool" else []
    shown = asked(ImageBlock(image=picture()), role=role)
    shown[0].additional_kwargs = {"tool_call_id": "c1"} if role == "tool" else {}
    llm.chat([*before, *shown, ChatMessage(role="user", content="Well?")])
    assert sent(server).format == "png"


@pytest.mark.peer_fails(OpenAILike="it sends a file, which few servers take", DeepInfraLLM=NO_IMAGES)
def test_a_pdf_is_sent_as_pictures(llm: Any, server: ScriptedServer, picture: Picture) -> None:
    llm.chat(asked(DocumentBlock(data=picture(kind="PDF"))))
    assert sent(server).format in ("png", "jpeg")


@pytest.mark.peer_fails(DeepInfraLLM="it drops what it does not know")
def test_what_cannot_be_sent_is_an_error_and_no_request(llm: Any, server: ScriptedServer) -> None:
    with pytest.raises(Exception, match="VideoBlock"):
        llm.chat(asked(VideoBlock(video=b"film")))
    assert [seen for seen in server.seen if seen.is_chat] == []


@pytest.mark.peer_fails(DeepInfraLLM=ASKS_FIRST)
def test_a_chat_is_one_request(llm: Any, server: ScriptedServer) -> None:
    assert llm.chat(asked()).message.content == ANSWER
    assert server.requests == 1


@pytest.mark.peer_fails(
    OpenAILike="its small context makes it three requests",
    DeepInfraLLM="it makes more than one, and all without pictures",
)
def test_three_pictures_of_a_query_are_one_request(
    llm: Any, server: ScriptedServer, picture: Picture, tmp_path: Path
) -> None:
    for shade in (10, 20, 30):
        (tmp_path / f"{shade}.png").write_bytes(picture(shade))
    nodes = [
        Node(text_resource=MediaResource(text=path.name), image_resource=MediaResource(path=path))
        for path in tmp_path.iterdir()
    ]
    retriever = VectorStoreIndex(nodes, embed_model=MockEmbedding(4)).as_retriever(similarity_top_k=3)
    RetrieverQueryEngine.from_args(retriever, llm=llm, multimodal=True).query("What is the total?")
    (seen,) = [seen for seen in server.seen if seen.is_chat]
    assert len(seen.images) == 3


@pytest.mark.peer_fails(
    OpenAILike="it appends to the caller's list", DeepInfraLLM="it appends to the caller's list"
)
def test_a_history_stays_as_it_was(llm: Any) -> None:
    history = [ChatMessage(role="user", content="hello")]
    tool = FunctionTool.from_defaults(lambda page: page, name="look", description="Look.")
    llm._prepare_chat_with_tools([tool], user_msg="And now?", chat_history=history)
    assert len(history) == 1


# --- what it gives back


@pytest.mark.peer_fails(DeepInfraLLM="it completes prompts at an address of its own")
def test_an_answer_is_given_by_all_eight_methods(llm: Any) -> None:
    async def ask() -> list[str]:
        streamed = [step async for step in await llm.astream_chat(asked())]
        completed = [step async for step in await llm.astream_complete("Total?")]
        whole = (await llm.achat(asked())).message.content, (await llm.acomplete("Total?")).text
        return [streamed[-1].message.content, completed[-1].text, *whole]

    *_, chat = llm.stream_chat(asked())
    *_, completion = llm.stream_complete("Total?")
    answers = [
        llm.chat(asked()).message.content,
        llm.complete(prompt="Total?").text,
        chat.message.content,
        completion.text,
        *asyncio.run(ask()),
    ]
    assert answers == [ANSWER] * 8


def test_two_calls_are_under_way_at_once_on_one_loop(llm: Any, server: ScriptedServer) -> None:
    both = Barrier(2, timeout=20)

    def reply(seen: Any) -> str:
        both.wait()
        return ANSWER

    async def ask() -> list[Any]:
        return await asyncio.gather(llm.achat(asked()), llm.achat(asked()))

    server.answer(reply)
    responses = asyncio.run(asyncio.wait_for(ask(), 30))
    assert [response.message.content for response in responses] == [ANSWER] * 2


@pytest.mark.peer_fails(DeepInfraLLM="it keeps no usage")
def test_what_an_answer_took_is_told(llm: Any) -> None:
    facts = llm.chat(asked()).additional_kwargs
    assert facts["prompt_tokens"] > 0
    assert facts["completion_tokens"] > 0


@pytest.mark.peer_fails(OpenAILike="it asks for no usage of a stream", DeepInfraLLM="it keeps no usage")
def test_what_a_stream_took_is_told_at_its_end(llm: Any) -> None:
    *_, last = llm.stream_chat(asked())
    assert last.additional_kwargs["prompt_tokens"] > 0


@pytest.mark.peer_fails(
    OpenAILike="it counts nothing of a stream", DeepInfraLLM="it counts nothing of a stream"
)
def test_a_token_counter_counts_what_the_provider_said(kind: Any, server: ScriptedServer) -> None:
    counter = TokenCountingHandler(tokenizer=str.split)
    llm = kind.make(server, callback_manager=CallbackManager([counter]))
    server.say("TOTAL 9.00", usage={"prompt_tokens": 120, "completion_tokens": 8, "total_tokens": 128})
    llm.chat(asked())
    list(llm.stream_chat(asked()))
    assert (counter.prompt_llm_token_count, counter.completion_llm_token_count) == (240, 16)


@pytest.mark.peer_fails(
    OpenAILike="it is to be looked for in raw", DeepInfraLLM="it is to be looked for in raw"
)
def test_an_answer_that_was_cut_off_says_so(llm: Any, server: ScriptedServer) -> None:
    server.say("TOTAL", finish_reason="length")
    assert llm.chat(asked()).additional_kwargs["finish_reason"] == "length"


@pytest.mark.peer_fails(DeepInfraLLM="it gives the call as text")
def test_a_tool_call_is_given_whole_and_streamed(kind: Any, server: ScriptedServer) -> None:
    flags = {"is_function_calling_model": True} if kind.name == "OpenAILike" else {}
    llm = kind.make(server, **flags)
    server.call_tool("look", {"page": 3})
    server.call_tool("look", {"page": 3})
    tool = FunctionTool.from_defaults(lambda page: page, name="look", description="Look.")
    whole = llm.chat_with_tools([tool], user_msg="Look.")
    *_, streamed = llm.stream_chat_with_tools([tool], user_msg="Look.")
    for response in (whole, streamed):
        (selection,) = llm.get_tool_calls_from_response(response)
        assert (selection.tool_name, selection.tool_kwargs) == ("look", {"page": 3})


class Receipt(BaseModel):
    """A receipt."""

    total: float


@pytest.mark.peer_fails(OpenAILike="what is in a code fence is not JSON to it")
def test_an_object_in_a_code_fence_is_read(kind: Any, server: ScriptedServer) -> None:
    flags = {"should_use_structured_outputs": True} if kind.name == "OpenAILike" else {}
    server.say('```json\n{"total": 9.0}\n```')
    llm = kind.make(server, **flags)
    assert llm.structured_predict(Receipt, PromptTemplate("What is the total?")) == Receipt(total=9.0)


# --- when something fails


@pytest.mark.peer_fails(
    OpenAILike="its own repetitions and those of openai's client multiply",
    DeepInfraLLM="it repeats no call that was limited",
)
def test_two_retries_are_three_requests(kind: Any, server: ScriptedServer) -> None:
    llm = kind.make(server, max_retries=2)
    server.refuse(429, "Busy", headers={"Retry-After": "0.01"})
    with pytest.raises(Exception, match=r"429|Busy|Error"):
        llm.chat(asked())
    assert len([seen for seen in server.seen if seen.is_chat]) == 3


def test_a_wrong_key_is_tried_once(kind: Any, server: ScriptedServer) -> None:
    llm = kind.make(server, api_key="wrong-key-0000")
    with pytest.raises(Exception, match=r"401|key"):
        llm.chat(asked())
    assert len([seen for seen in server.seen if seen.is_chat]) == 1


@pytest.mark.peer_fails(
    OpenAILike="it sends OpenAI's key to whoever has the URL", DeepInfraLLM="it wants a key of its own"
)
def test_the_key_of_openai_goes_to_nobody_else(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "canary-openai-key-1")
    with ScriptedServer(api_key="") as server:
        kind.make(server, api_key=None).chat(asked())
        assert "canary-openai-key-1" not in (
            server.seen[0].api_key.reveal() if server.seen[0].api_key else ""
        )


# --- what is stored


@pytest.mark.peer_fails(OpenAILike="the key is in the dict")
def test_no_dump_has_the_key(llm: Any, server: ScriptedServer) -> None:
    assert server.api_key not in f"{llm.to_dict()}{llm.to_json()}{llm.model_dump_json()}{llm!r}"


@pytest.mark.peer_fails(OpenAILike="the key is in the pickle", DeepInfraLLM="the key is in the pickle")
def test_a_pickle_has_the_settings_and_not_the_key(kind: Any, server: ScriptedServer) -> None:
    llm = kind.make(server, temperature=0.25, max_tokens=77)
    written = pickle.dumps(llm)
    twin = pickle.loads(written)
    assert (twin.model, twin.temperature, twin.max_tokens) == (llm.model, 0.25, 77)
    assert server.api_key.encode() not in written

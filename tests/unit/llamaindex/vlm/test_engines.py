"""Query and chat engines over a VLM: what they retrieve is sent, in one request, and counted."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from llama_index.core import MockEmbedding, Settings, VectorStoreIndex
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.chat_engine import CondensePlusContextChatEngine, SimpleChatEngine
from llama_index.core.embeddings import MultiModalEmbedding
from llama_index.core.indices import MultiModalVectorStoreIndex
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import Document, ImageNode, MediaResource, Node

from llamaindex_vlm import VLM
from vlm_core.testing import ScriptedServer


@pytest.fixture
def index() -> Any:
    documents = [Document(text="The total is 9.00.", metadata={"file_name": "a.png"})]
    return VectorStoreIndex.from_documents(documents, embed_model=MockEmbedding(4))


def test_a_query_engine_asks_with_what_it_found(index: Any, llm: VLM, server: ScriptedServer) -> None:
    server.say("9.00")
    assert str(index.as_query_engine(llm=llm).query("What is the total?")) == "9.00"
    assert "The total is 9.00." in server.seen[0].text


def test_a_query_engine_takes_the_llm_of_all(
    index: Any, llm: VLM, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Settings, "_llm", None)
    Settings.llm = llm
    server.say("9.00")
    assert str(index.as_query_engine().query("What is the total?")) == "9.00"


def test_a_query_engine_streams(index: Any, llm: VLM, server: ScriptedServer) -> None:
    server.stream("9", ".00")
    response = index.as_query_engine(llm=llm, streaming=True).query("What is the total?")
    assert list(response.response_gen) == ["9", ".00", ""]


@pytest.mark.parametrize("mode", ["simple", "context", "condense_plus_context"])
def test_a_chat_engine_remembers(mode: str, index: Any, llm: VLM, server: ScriptedServer) -> None:
    server.say("It is 9.00.")
    engine = index.as_chat_engine(chat_mode=mode, llm=llm, memory=ChatMemoryBuffer.from_defaults(llm=llm))
    assert "9.00" in str(engine.chat("What is the total?"))
    assert "9.00" in str(engine.chat("Sure?"))
    assert "What is the total?" in server.seen[-1].body.decode()


@pytest.mark.parametrize("kind", [SimpleChatEngine, CondensePlusContextChatEngine])
def test_a_chat_engine_streams_on_a_loop(kind: Any, index: Any, llm: VLM, server: ScriptedServer) -> None:
    server.stream("It is ", "9.00.")
    given = {"retriever": index.as_retriever()} if kind is CondensePlusContextChatEngine else {}
    engine = kind.from_defaults(llm=llm, memory=ChatMemoryBuffer.from_defaults(llm=llm), **given)

    async def ask() -> str:
        response = await engine.astream_chat("What is the total?")
        return "".join([piece async for piece in response.async_response_gen()])

    assert asyncio.run(ask()) == "It is 9.00."
    assert engine.chat_history[-1].content == "It is 9.00."


def test_three_pictures_are_one_request(llm: VLM, server: ScriptedServer, scan: Any, shade_in: Any) -> None:
    nodes = [
        Node(
            text_resource=MediaResource(text=f"page {shade}"),
            image_resource=MediaResource(path=scan(f"{shade}.png", shade)),
        )
        for shade in (10, 20, 30)
    ]
    index = VectorStoreIndex(nodes, embed_model=MockEmbedding(4))
    engine = RetrieverQueryEngine.from_args(index.as_retriever(similarity_top_k=3), llm=llm, multimodal=True)
    server.say("9.00")
    assert str(engine.query("What is the total?")) == "9.00"
    (seen,) = server.seen
    assert sorted(shade_in(image.data) for image in seen.images) == [10, 20, 30]
    assert "page 20" in seen.text


def test_a_token_counter_counts_a_query(
    index: Any, llm: VLM, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter = TokenCountingHandler(tokenizer=str.split)
    monkeypatch.setattr(Settings, "_callback_manager", CallbackManager([counter]))
    server.say("9.00", usage={"prompt_tokens": 120, "completion_tokens": 8, "total_tokens": 128})
    index.as_query_engine(llm=llm).query("What is the total?")
    response = index.as_query_engine(llm=llm, streaming=True).query("What is the total?")
    assert "".join(response.response_gen) == "9.00"
    assert (counter.prompt_llm_token_count, counter.completion_llm_token_count) == (240, 16)


class TinyEmbedding(MultiModalEmbedding):
    """The same vector for everything."""

    def _get_query_embedding(self, query: str) -> list[float]:
        return [1.0, 0.0]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return [1.0, 0.0]

    def _get_text_embedding(self, text: str) -> list[float]:
        return [1.0, 0.0]

    def _get_image_embedding(self, img_file_path: Any) -> list[float]:
        return [1.0, 0.0]

    async def _aget_image_embedding(self, img_file_path: Any) -> list[float]:
        return [1.0, 0.0]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the index is deprecated itself
def test_a_multimodal_index_does_not_take_it_for_blind(
    llm: VLM, server: ScriptedServer, scan: Any, caplog: pytest.LogCaptureFixture
) -> None:
    node = ImageNode(image_path=str(scan("a.png", 40)), text="a scan")
    embedding = TinyEmbedding()
    index = MultiModalVectorStoreIndex([node], embed_model=embedding, image_embed_model=embedding)
    assert str(index.as_query_engine(llm=llm).query("What is the total?"))
    assert [record.message for record in caplog.records if "multi-modal" in record.message] == []
    assert len(server.seen[0].images) == 1

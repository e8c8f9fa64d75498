"""CitationPostprocessor over responses and query engines, and evidence of structured answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock
from llama_index.core.base.response.schema import Response, StreamingResponse
from llama_index.core.query_engine import CustomQueryEngine
from llama_index.core.schema import NodeWithScore, TextNode
from pydantic import BaseModel

from llamaindex_vlm import VLM, CitationPostprocessor
from vlm_core import ConfigError
from vlm_core.testing import ScriptedServer

RECEIPT = Path(__file__).parents[4] / "examples" / "scans" / "receipt.jpg"
NODES = [NodeWithScore(node=TextNode(text="TEA 2.00", metadata={"file_path": "menu.png", "page_label": "1"}))]
Make = Callable[..., VLM]


class Receipt(BaseModel):
    """A receipt."""

    total: float


class Engine(CustomQueryEngine):
    """Answers always the same."""

    def custom_query(self, query_str: str) -> Any:
        return Response("Tea is 2.00.", NODES, {"kept": {}})


def test_a_response_has_its_claims_in_its_metadata() -> None:
    response = CitationPostprocessor()(Response("Tea is 2.00.", NODES))
    assert response.metadata is not None
    assert response.metadata["citations"].claims[0].citations[0].source == "menu.png"


def test_a_response_that_streams_is_read_to_its_end() -> None:
    streaming: Any = StreamingResponse(iter(["Tea is", " 2.00."]), NODES)
    response = CitationPostprocessor("cited")(streaming)
    assert (str(response), response.metadata["cited"].ok) == ("Tea is 2.00.", True)


def test_a_query_engine_gives_responses_with_their_claims() -> None:
    engine = CitationPostprocessor().over(Engine())
    for response in (engine.query("tea?"), asyncio.run(engine.aquery("tea?"))):
        assert response.metadata is not None
        assert list(response.metadata) == ["kept", "citations"]


def test_what_has_no_nodes_is_refused() -> None:
    with pytest.raises(ConfigError, match="source nodes"):
        CitationPostprocessor()("Tea is 2.00.")


def question() -> list[ChatMessage]:
    return [ChatMessage(blocks=[ImageBlock(path=RECEIPT), TextBlock(text="What is the total?")])]


def test_a_structured_answer_comes_with_its_evidence(make_llm: Make, server: ScriptedServer) -> None:
    server.say('{"total": 38.25}')
    server.say('{"total": 88.25}')
    llm = make_llm().as_structured_llm(Receipt, evidence=True)
    good, bad = llm.chat(question()), asyncio.run(llm.achat(question()))
    assert (good.raw, good.additional_kwargs["evidence"].fields["total"].status) == (
        Receipt(total=38.25),
        "exact",
    )
    assert [finding.expected for finding in bad.additional_kwargs["evidence"].findings] == ["38.25"]


async def streamed(llm: Any, *, is_async: bool) -> list[Any]:
    if not is_async:
        return list(llm.stream_chat(question()))
    return [response async for response in await llm.astream_chat(question())]


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_the_last_item_of_a_stream_has_the_evidence(
    make_llm: Make, server: ScriptedServer, is_async: bool
) -> None:
    server.say('{"total": 88.25}')
    llm = make_llm().as_structured_llm(Receipt, evidence=True)
    *growing, last = asyncio.run(streamed(llm, is_async=is_async))
    assert growing
    assert not any("evidence" in response.additional_kwargs for response in growing)
    proof = last.additional_kwargs["evidence"]
    assert (last.raw, proof.fields["total"].status) == (Receipt(total=88.25), "contradicted")
    assert [finding.expected for finding in proof.findings] == ["38.25"]


def test_a_streamed_answer_that_was_corrected_has_the_evidence_of_the_correction(
    make_llm: Make, server: ScriptedServer
) -> None:
    server.say('{"total": "none"}')
    server.say('{"total": 38.25}')
    *_, last = make_llm().as_structured_llm(Receipt, evidence=True).stream_chat(question())
    assert last.additional_kwargs["evidence"].fields["total"].status == "exact"


def test_without_evidence_nothing_is_added(make_llm: Make, server: ScriptedServer) -> None:
    server.say('{"total": 38.25}')
    assert "evidence" not in make_llm().as_structured_llm(Receipt).chat(question()).additional_kwargs

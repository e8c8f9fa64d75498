"""Tool calls as servers are known to send them: each reaches LlamaIndex's messages and agents once, whole."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ToolCallBlock
from llama_index.core.tools import FunctionTool

from llamaindex_vlm import VLM
from vlm_core import MalformedResponse, OutputTruncated
from vlm_core.testing import ScriptedServer

Play: TypeAlias = Callable[..., None]
ROWS = json.loads((Path(__file__).parents[1] / "tool_streams.json").read_text())
EACH_ROW = pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
STREAMED_ONLY = {8, 0}
"""Rows about pieces, of which a whole answer has none."""
CUT = [[{"index": 0, "id": "c", "name": "look", "arguments": '{"page": 1, "why": "the to'}]]
WAYS_TO_END = ["tool_calls", "stop", "length", "model_length", "max_output_tokens"]
QUESTION = [ChatMessage(role="user", content="Look at the pages.")]


def look(page: int) -> str:
    """Look at a page."""
    return f"page {page}"


TOOL = FunctionTool.from_defaults(look)
GIVEN: dict[str, Any] = {"chat_history": QUESTION, "allow_parallel_tool_calls": True}


@pytest.fixture
def llm(server: ScriptedServer) -> VLM:
    return VLM(model="some-vlm", api_base=server.base_url, api_key=server.api_key, max_retries=0)


def chat(llm: VLM) -> ChatResponse:
    return llm.chat_with_tools([TOOL], **GIVEN)


def stream_chat(llm: VLM) -> ChatResponse:
    return list(llm.stream_chat_with_tools([TOOL], **GIVEN))[-1]


def achat(llm: VLM) -> ChatResponse:
    return asyncio.run(llm.achat_with_tools([TOOL], **GIVEN))


def astream_chat(llm: VLM) -> ChatResponse:
    async def last() -> ChatResponse:
        return [step async for step in await llm.astream_chat_with_tools([TOOL], **GIVEN)][-1]

    return asyncio.run(last())


WAYS = pytest.mark.parametrize("ask", [chat, stream_chat, achat, astream_chat])
STREAMS = pytest.mark.parametrize("streaming", [True, False])


def run(agent: FunctionAgent) -> Any:
    async def asked() -> Any:
        return await agent.run(user_msg="Look at the pages.")

    return asyncio.run(asked())


@EACH_ROW
@WAYS
def test_each_call_is_in_the_message_once(
    row: Any, ask: Any, llm: VLM, server: ScriptedServer, play: Play
) -> None:
    if ask in (chat, achat) and row["row"] in STREAMED_ONLY:
        pytest.skip("a whole answer has no pieces")
    play(server, row["chunks"])
    response = ask(llm)
    selections = llm.get_tool_calls_from_response(response)
    blocks = [block for block in response.message.blocks if isinstance(block, ToolCallBlock)]
    ids = [selection.tool_id for selection in selections]
    assert [selection.tool_kwargs["page"] for selection in selections] == row["calls"]
    assert [block.tool_call_id for block in blocks] == ids
    assert [call["id"] for call in response.message.additional_kwargs["tool_calls"]] == ids
    assert all(isinstance(name, str) and name not in ("", "null") for name in ids)
    assert len({*ids}) == len(ids)


@EACH_ROW
@STREAMS
def test_an_agent_runs_each_call_once_and_answers(
    row: Any, streaming: bool, llm: VLM, server: ScriptedServer, play: Play
) -> None:
    if not streaming and row["row"] in STREAMED_ONLY:
        pytest.skip("a whole answer has no pieces")
    play(server, row["chunks"])
    server.say("Seen.")
    agent = FunctionAgent(llm=llm, tools=[TOOL], streaming=streaming, allow_parallel_tool_calls=True)
    assert str(run(agent)) == "Seen."
    said, *results = server.seen[1].messages[-1 - len(row["calls"]) :]
    assert sorted(result["content"] for result in results) == [f"page {page}" for page in row["calls"]]
    assert {call["id"] for call in said["tool_calls"]} == {result["tool_call_id"] for result in results}


@WAYS
@pytest.mark.parametrize("finish", WAYS_TO_END)
def test_arguments_that_end_too_early_are_an_error(
    ask: Any, finish: str, llm: VLM, server: ScriptedServer, play: Play
) -> None:
    play(server, CUT, finish)
    response = ask(llm)
    with pytest.raises(OutputTruncated, match="look") as caught:
        llm.get_tool_calls_from_response(response)
    assert caught.value.partial == CUT[0][0]["arguments"]


@pytest.mark.parametrize("finish", WAYS_TO_END)
@STREAMS
def test_an_agent_never_runs_a_tool_on_half_of_its_arguments(
    finish: str, streaming: bool, llm: VLM, server: ScriptedServer, play: Play
) -> None:
    ran: list[str] = []

    def pay(amount: int, to: str = "") -> str:
        """Pay."""
        ran.append(to)
        return "paid"

    play(
        server,
        [[{"index": 0, "id": "c", "name": "pay", "arguments": '{"amount": 9, "to": "the sup'}]],
        finish,
    )
    server.say("Paid.")
    agent = FunctionAgent(llm=llm, tools=[FunctionTool.from_defaults(pay)], streaming=streaming)
    with pytest.raises(OutputTruncated):
        run(agent)
    assert ran == []


@WAYS
def test_arguments_that_are_no_object_are_an_error(
    ask: Any, llm: VLM, server: ScriptedServer, play: Play
) -> None:
    play(server, [[{"index": 0, "id": "c", "name": "look", "arguments": "[1]"}]])
    response = ask(llm)
    with pytest.raises(MalformedResponse, match="look"):
        llm.get_tool_calls_from_response(response)


@WAYS
@pytest.mark.parametrize("arguments", ["", " ", "null", None, "{}"])
def test_missing_arguments_are_none(
    arguments: Any, ask: Any, llm: VLM, server: ScriptedServer, play: Play
) -> None:
    play(server, [[{"index": 0, "id": "c", "name": "look", "arguments": arguments}]])
    (selection,) = llm.get_tool_calls_from_response(ask(llm))
    assert selection.tool_kwargs == {}


def test_a_broken_call_in_a_history_is_not_sent_without_a_result(llm: VLM, server: ScriptedServer) -> None:
    server.say("Seen.")
    broken = ToolCallBlock(tool_call_id="broken", tool_name="look", tool_kwargs='{"page": ')
    llm.chat([*QUESTION, ChatMessage(role="assistant", blocks=[broken]), ChatMessage(content="Again.")])
    sent = server.seen[0].messages[1]
    assert "tool_calls" not in sent
    assert '{"page": ' in sent["content"]

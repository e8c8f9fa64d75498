"""Tool calls as servers are known to send them: each reaches LangChain's messages and agents once, whole."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool

from vlm_core import MalformedResponse, OutputTruncated
from vlm_core.testing import ScriptedServer

Make: TypeAlias = Callable[..., BaseChatModel]
Play: TypeAlias = Callable[..., None]
ROWS = json.loads((Path(__file__).parents[1] / "tool_streams.json").read_text())
EACH_ROW = pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
STREAMED_ONLY = {8, 0}
"""Rows about pieces, of which a whole answer has none."""
CUT = [[{"index": 0, "id": "c", "name": "look", "arguments": '{"page": 1, "why": "the to'}]]
WAYS_TO_END = ["tool_calls", "stop", "length", "model_length", "max_output_tokens", "MAX_TOKENS"]
QUESTION = [HumanMessage("Look at the pages.")]


@tool
def look(page: int) -> str:
    """Look at a page."""
    return f"page {page}"


def invoke(model: Any) -> AIMessage:
    return model.invoke(QUESTION)


def stream(model: Any) -> AIMessage:
    return reduce(add, model.stream(QUESTION))


def ainvoke(model: Any) -> AIMessage:
    return asyncio.run(model.ainvoke(QUESTION))


def astream(model: Any) -> AIMessage:
    async def collected() -> list[AIMessageChunk]:
        return [chunk async for chunk in model.astream(QUESTION)]

    return reduce(add, asyncio.run(collected()))


def events(model: Any) -> AIMessage:
    async def last() -> AIMessage:
        found = [event async for event in model.astream_events(QUESTION, version="v2")]
        return found[-1]["data"]["output"]

    return asyncio.run(last())


WAYS = pytest.mark.parametrize("ask", [invoke, stream, ainvoke, astream, events])
STREAMS = pytest.mark.parametrize("ask", [stream, astream, events])


def pages(message: AIMessage) -> list[int]:
    return [call["args"]["page"] for call in message.tool_calls]


@EACH_ROW
@WAYS
def test_each_call_is_in_the_message_once(
    row: Any, ask: Any, make: Make, server: ScriptedServer, play: Play
) -> None:
    if ask in (invoke, ainvoke) and row["row"] in STREAMED_ONLY:
        pytest.skip("a whole answer has no pieces")
    play(server, row["chunks"])
    message = ask(make().bind_tools([look]))
    ids = [call["id"] for call in message.tool_calls]
    assert pages(message) == row["calls"]
    assert {call["name"] for call in message.tool_calls} == {"look"}
    assert message.invalid_tool_calls == []
    assert all(isinstance(name, str) and name not in ("", "null") for name in ids)
    assert len({*ids}) == len(ids)


@EACH_ROW
@pytest.mark.parametrize("mode", ["invoke", "messages"])
def test_an_agent_runs_each_call_once_and_answers(
    row: Any, mode: str, make: Make, server: ScriptedServer, play: Play
) -> None:
    if mode == "invoke" and row["row"] in STREAMED_ONLY:
        pytest.skip("a whole answer has no pieces")
    play(server, row["chunks"])
    server.say("Seen.")
    agent = create_agent(make(), [look])
    if mode == "invoke":
        agent.invoke({"messages": QUESTION})
    else:
        list(agent.stream({"messages": QUESTION}, stream_mode="messages"))
    _, said, *results = server.seen[1].messages
    assert [result["content"] for result in results] == [f"page {page}" for page in row["calls"]]
    assert [call["id"] for call in said["tool_calls"]] == [result["tool_call_id"] for result in results]


@pytest.mark.parametrize("mode", ["messages", "values"])
def test_an_agent_without_blocking_runs_parallel_calls_without_ids(
    mode: Any, make: Make, server: ScriptedServer, play: Play
) -> None:
    chunks = next(row["chunks"] for row in ROWS if row["id"] == "all-index-0-a-chunk-each")
    play(server, chunks)
    server.say("Seen.")

    async def run() -> list[Any]:
        agent = create_agent(make(), [look])
        return [step async for step in agent.astream({"messages": QUESTION}, stream_mode=mode)]

    asyncio.run(run())
    assert [message["content"] for message in server.seen[1].messages[2:]] == ["page 1", "page 2", "page 3"]


@pytest.mark.parametrize("ask", [stream, astream])
def test_blocks_of_content_hold_the_same_calls(
    ask: Any, make: Make, server: ScriptedServer, play: Play
) -> None:
    play(server, ROWS[0]["chunks"])
    message = ask(make(output_version="v1").bind_tools([look]))
    (block,) = [block for block in message.content_blocks if block["type"] == "tool_call"]
    assert block["args"] == {"page": 1}
    assert block["id"] == message.tool_calls[0]["id"]


# --- arguments that end too early


@STREAMS
@pytest.mark.parametrize("finish", WAYS_TO_END)
def test_a_stream_that_ends_within_arguments_is_an_error(
    ask: Any, finish: str, make: Make, server: ScriptedServer, play: Play
) -> None:
    play(server, CUT, finish)
    with pytest.raises(OutputTruncated, match="look") as caught:
        ask(make(max_retries=0).bind_tools([look]))
    assert caught.value.partial == CUT[0][0]["arguments"]
    assert caught.value.hint


@pytest.mark.parametrize("ask", [invoke, ainvoke])
@pytest.mark.parametrize("finish", WAYS_TO_END)
def test_a_whole_answer_that_ends_within_arguments_has_an_invalid_call(
    ask: Any, finish: str, make: Make, server: ScriptedServer, play: Play
) -> None:
    play(server, CUT, finish)
    message = ask(make().bind_tools([look]))
    assert message.tool_calls == []
    assert message.invalid_tool_calls[0]["args"] == CUT[0][0]["arguments"]


@pytest.mark.parametrize("finish", WAYS_TO_END)
def test_an_agent_never_runs_a_tool_on_half_of_its_arguments(
    finish: str, make: Make, server: ScriptedServer, play: Play
) -> None:
    ran: list[str] = []

    @tool
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
    agent = create_agent(make(max_retries=0), [pay])
    with pytest.raises(OutputTruncated):
        list(agent.stream({"messages": QUESTION}, stream_mode="messages"))
    assert ran == []


@STREAMS
def test_arguments_that_are_no_object_are_an_error(
    ask: Any, make: Make, server: ScriptedServer, play: Play
) -> None:
    play(server, [[{"index": 0, "id": "c", "name": "look", "arguments": "[1]"}]])
    with pytest.raises(MalformedResponse, match="not a JSON object"):
        ask(make(max_retries=0).bind_tools([look]))


@WAYS
@pytest.mark.parametrize("arguments", ["", " ", "null", None, "{}"])
def test_missing_arguments_are_none(
    arguments: Any, ask: Any, make: Make, server: ScriptedServer, play: Play
) -> None:
    @tool
    def now() -> str:
        """The time."""
        return "noon"

    play(server, [[{"index": 0, "id": "c", "name": "now", "arguments": arguments}]])
    message = ask(make().bind_tools([now]))
    assert [(call["name"], call["args"]) for call in message.tool_calls] == [("now", {})]
    assert message.invalid_tool_calls == []


# --- calls that could not be read, in a history


BROKEN = {
    "name": "look",
    "args": '{"page": ',
    "id": "broken",
    "error": "no JSON",
    "type": "invalid_tool_call",
}


def test_a_broken_call_is_not_sent_without_a_result(make: Make, server: ScriptedServer) -> None:
    server.say("Seen.")
    history = [*QUESTION, AIMessage("I look.", invalid_tool_calls=[BROKEN]), HumanMessage("Again.")]
    answer = make().invoke(history)
    assert server.seen[0].messages[1] == {"role": "assistant", "content": "I look."}
    assert "look" in answer.response_metadata["warnings"][0]


def test_a_broken_call_is_told_where_the_message_holds_nothing_else(
    make: Make, server: ScriptedServer
) -> None:
    server.say("Seen.")
    make().invoke([*QUESTION, AIMessage("", invalid_tool_calls=[BROKEN]), HumanMessage("Again.")])
    sent = server.seen[0].messages[1]
    assert "tool_calls" not in sent
    assert '{"page": ' in sent["content"]


def test_a_broken_call_with_a_result_is_sent_as_strict_hosts_take_it(
    make: Make, server: ScriptedServer
) -> None:
    server.say("Seen.")
    result = ToolMessage("The arguments are not JSON.", tool_call_id="broken", status="error")
    make().invoke([*QUESTION, AIMessage("", invalid_tool_calls=[BROKEN]), result])
    (call,) = server.seen[0].messages[1]["tool_calls"]
    assert (call["id"], call["function"]["arguments"]) == ("broken", "{}")

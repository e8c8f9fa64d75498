"""Tools offered, calls made, and what becomes of calls that are broken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ToolCallBlock
from llama_index.core.tools import FunctionTool

from llamaindex_vlm import VLM
from vlm_core import EmptyOutput, MalformedResponse, OutputTruncated, Provider
from vlm_core.completion import ToolCall
from vlm_core.testing import ScriptedServer

Make = Callable[..., VLM]


def look(page: int) -> str:
    """Look at a page."""
    return f"page {page}"


TOOL = FunctionTool.from_defaults(look)
HISTORY = [ChatMessage(role="user", content="Look.")]


def test_tools_are_offered_as_functions_and_nothing_is_added(llm: VLM, server: ScriptedServer) -> None:
    llm.chat_with_tools([TOOL], user_msg="Look.")
    options = server.seen[0].options
    (tool,) = options["tools"]
    assert (tool["type"], tool["function"]["name"]) == ("function", "look")
    assert tool["function"]["parameters"]["properties"]["page"]["type"] == "integer"
    assert "strict" not in tool["function"]
    assert {"tool_choice", "parallel_tool_calls", "strict"} & options.keys() == set()


OPTIONS = [
    pytest.param({"tool_required": True}, {"tool_choice": "required"}, id="required"),
    pytest.param(
        {"tool_choice": "look"},
        {"tool_choice": {"type": "function", "function": {"name": "look"}}},
        id="named",
    ),
    pytest.param({"tool_choice": "none"}, {"tool_choice": "none"}, id="none"),
    pytest.param({"parallel_tool_calls": False}, {"parallel_tool_calls": False}, id="parallel"),
    pytest.param({"temperature": 0}, {"temperature": 0}, id="any-option"),
]


@pytest.mark.parametrize(("given", "sent"), OPTIONS)
def test_what_is_asked_of_tools_is_sent(
    given: dict[str, Any], sent: dict[str, Any], llm: VLM, server: ScriptedServer
) -> None:
    llm.chat_with_tools([TOOL], chat_history=HISTORY, **given)
    options = server.seen[0].options
    assert {name: options.get(name) for name in sent} == sent


def test_strict_is_sent_only_where_it_is_set(llm: VLM, server: ScriptedServer) -> None:
    llm.chat_with_tools([TOOL], chat_history=HISTORY, strict=True)
    assert server.seen[0].options["tools"][0]["function"]["strict"] is True


@pytest.mark.parametrize(("parallel", "sent"), [(False, False), (True, None)])
def test_a_provider_known_for_tools_is_told_to_call_one_at_a_time(
    parallel: bool, sent: bool | None, make_llm: Make, server: ScriptedServer
) -> None:
    lab = Provider(name="lab", base_url=server.base_url, tools=True)
    llm = make_llm(provider=lab, api_base=None)
    llm.chat_with_tools([TOOL], chat_history=HISTORY, allow_parallel_tool_calls=parallel)
    assert server.seen[0].options.get("parallel_tool_calls") is sent


def test_without_tools_nothing_of_tools_is_sent(llm: VLM, server: ScriptedServer) -> None:
    llm.chat_with_tools([], user_msg="Look.", tool_required=True)
    assert {"tools", "tool_choice", "parallel_tool_calls"} & server.seen[0].options.keys() == set()


def test_the_history_stays_as_it_was(llm: VLM, server: ScriptedServer) -> None:
    history = list(HISTORY)
    llm.chat_with_tools([TOOL], user_msg=ChatMessage(content="And now?"), chat_history=history)
    assert history == HISTORY
    assert [message["content"] for message in server.seen[0].messages] == ["Look.", "And now?"]


def whole(llm: VLM) -> list[ChatResponse]:
    return [llm.chat_with_tools([TOOL], chat_history=HISTORY)]


def streamed(llm: VLM) -> list[ChatResponse]:
    return list(llm.stream_chat_with_tools([TOOL], chat_history=HISTORY))


def awaited(llm: VLM) -> list[ChatResponse]:
    return [asyncio.run(llm.achat_with_tools([TOOL], chat_history=HISTORY))]


def astreamed(llm: VLM) -> list[ChatResponse]:
    async def ask() -> list[ChatResponse]:
        return [step async for step in await llm.astream_chat_with_tools([TOOL], chat_history=HISTORY)]

    return asyncio.run(ask())


EVERY_WAY = pytest.mark.parametrize("way", [whole, streamed, awaited, astreamed])
Way = Callable[[VLM], list[ChatResponse]]


@EVERY_WAY
def test_calls_are_in_blocks_beside_them_and_as_selections(
    way: Way, llm: VLM, server: ScriptedServer
) -> None:
    server.call_tool("look", {"page": 3}, text="Let me see.")
    last = way(llm)[-1]
    (block,) = [block for block in last.message.blocks if isinstance(block, ToolCallBlock)]
    (beside,) = last.message.additional_kwargs["tool_calls"]
    (selection,) = llm.get_tool_calls_from_response(last)
    assert block.tool_call_id == beside["id"] == selection.tool_id
    assert block.tool_name == beside["function"]["name"] == selection.tool_name == "look"
    assert selection.tool_kwargs == {"page": 3}
    assert last.message.content == "Let me see."
    assert last.additional_kwargs["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("way", [streamed, astreamed])
def test_a_growing_call_is_read_as_far_as_it_goes(way: Way, llm: VLM, server: ScriptedServer) -> None:
    server.call_tool("look", {"page": 3, "why": "the total stands there"})
    seen = []
    for step in way(llm):
        selections = llm.get_tool_calls_from_response(step, error_on_no_tool_call=False)
        assert bool(step.message.additional_kwargs.get("tool_calls")) == bool(selections)
        seen += [selection.tool_kwargs for selection in selections]
    assert {"page": 3} in seen or {"page": 3, "why": ""} in seen
    assert seen[-1] == {"page": 3, "why": "the total stands there"}


BROKEN = [
    pytest.param('{"page": ', "tool_calls", MalformedResponse, id="broken"),
    pytest.param('{"page": ', "length", OutputTruncated, id="cut-off"),
    pytest.param("[3]", "tool_calls", MalformedResponse, id="a-list"),
]


@EVERY_WAY
@pytest.mark.parametrize(("arguments", "reason", "kind"), BROKEN)
def test_broken_arguments_never_become_none(
    way: Way, arguments: str, reason: str, kind: type[MalformedResponse], llm: VLM, server: ScriptedServer
) -> None:
    server.call_tool("look", arguments, finish_reason=reason)
    last = way(llm)[-1]
    with pytest.raises(kind, match="look") as caught:
        llm.get_tool_calls_from_response(last)
    assert caught.value.partial == arguments
    assert caught.value.hint


def test_a_tool_without_arguments_may_have_none(llm: VLM, server: ScriptedServer) -> None:
    server.call_tool("look", "")
    (selection,) = llm.get_tool_calls_from_response(whole(llm)[-1])
    assert selection.tool_kwargs == {}


def test_no_call_is_an_error_unless_it_may_be(llm: VLM, server: ScriptedServer) -> None:
    server.say("I will not.")
    (response,) = whole(llm)
    assert llm.get_tool_calls_from_response(response, error_on_no_tool_call=False) == []
    with pytest.raises(EmptyOutput):
        llm.get_tool_calls_from_response(response)


def test_of_two_calls_one_is_kept_with_a_warning_unless_two_are_allowed(
    llm: VLM, server: ScriptedServer
) -> None:
    calls = tuple(ToolCall(f"c{page}", "look", f'{{"page": {page}}}') for page in (1, 2))
    server.call_tool("", {}, tool_calls=calls)
    with pytest.warns(UserWarning, match="look is not called"):
        one = llm.chat_with_tools([TOOL], chat_history=HISTORY)
    two = llm.chat_with_tools([TOOL], chat_history=HISTORY, allow_parallel_tool_calls=True)
    for response, expected in ((one, [1]), (two, [1, 2])):
        kwargs = [selection.tool_kwargs["page"] for selection in llm.get_tool_calls_from_response(response)]
        assert kwargs == expected
        assert len(response.message.additional_kwargs["tool_calls"]) == len(expected)


def test_a_tool_is_called_and_its_result_given(llm: VLM, server: ScriptedServer) -> None:
    server.call_tool("look", {"page": 3})
    assert str(llm.predict_and_call([TOOL], user_msg="Look.")) == "page 3"
    assert str(asyncio.run(llm.apredict_and_call([TOOL], user_msg="Look."))) == "page 3"

"""What Gemini, Kimi and OpenRouter send with an answer: an agent gives it back to them alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from functools import reduce
from operator import add
from typing import Any, NamedTuple

import pytest
from langchain.agents import create_agent
from langchain_core.load import dumpd, load
from langchain_core.messages import (
    AIMessage,
    HumanMessage,
    ToolMessage,
    messages_from_dict,
    messages_to_dict,
)
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver

from langchain_vlm import ChatVLM
from vlm_core import Provider, Route, ToolCall
from vlm_core.testing import Answer, ScriptedServer

SIGNATURE = {"extra_content": {"google": {"thought_signature": "c2lnbmF0dXJl"}}}
DETAILS = [
    {"type": "reasoning.text", "text": "The first ", "format": "anthropic-claude-v1", "index": 0},
    {"type": "reasoning.text", "text": "page, then.", "format": "anthropic-claude-v1", "index": 0},
    {"type": "reasoning.text", "signature": "c2lnbmF0dXJl", "format": "anthropic-claude-v1", "index": 0},
    {"type": "reasoning.encrypted", "data": "c2VjcmV0", "id": "r1", "index": 1},
]
THOUGHT = "The first page, then.\n"


class Case(NamedTuple):
    """A provider, and what it sends with a call."""

    route: str
    answer: dict[str, Any]
    of_call: dict[str, Any]
    private: str
    """Words of it that no other route may see."""


CASES = {
    "gemini": Case("gemini:gemini-3-flash-preview", {}, SIGNATURE, "c2lnbmF0dXJl"),
    "gemini-and-text": Case(
        "gemini:gemini-3-flash-preview", {"fields": SIGNATURE}, SIGNATURE, "c2lnbmF0dXJl"
    ),
    "kimi": Case("moonshot:kimi-k2.5", {"fields": {"reasoning_content": THOUGHT}}, {}, "The first page"),
    "deepseek": Case(
        "deepseek:deepseek-v4-pro", {"fields": {"reasoning_content": THOUGHT}}, {}, "first page"
    ),
    "vllm": Case("lab:some-vlm", {"fields": {"reasoning": THOUGHT}}, {}, "The first page"),
    "openrouter": Case(
        "openrouter:anthropic/claude-x",
        {"fields": {"reasoning_details": DETAILS}},
        {},
        "c2VjcmV0",
    ),
}
EACH = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
MODES = pytest.mark.parametrize("mode", ["invoke", "messages", "ainvoke", "amessages"])


@tool
def look(page: int) -> str:
    """Look at a page."""
    return f"page {page}"


@pytest.fixture
def strict() -> Iterator[Callable[[str], ScriptedServer]]:
    """Starts strict servers: strict("gemini:gemini-3-flash"); they may refuse nothing."""
    running: list[ScriptedServer] = []

    def start(route: str) -> ScriptedServer:
        name = route.partition(":")[0]
        known = name in ("gemini", "openrouter", "groq", "mistral")
        server = ScriptedServer(provider=name if known else Provider(name=name), api_key="sk-canary-1")
        running.append(server.start())
        return server

    yield start
    for server in running:
        server.stop()
        assert [seen.refusal for seen in server.seen if seen.refusal] == []


def model_of(route: str, server: ScriptedServer, **settings: Any) -> ChatVLM:
    provider, _, name = route.partition(":")
    given = {"provider": provider, "base_url": server.base_url, "api_key": server.api_key}
    return ChatVLM(model=name, **given, max_retries=0, **settings)


def calling(case: Case, call_id: str, page: int) -> Answer:
    call = ToolCall(call_id, "look", json.dumps({"page": page}), case.of_call)
    return Answer(tool_calls=(call,), finish_reason="tool_calls", **case.answer)


def run(agent: Any, words: str, mode: str, thread: str = "1") -> None:
    given = {"messages": [HumanMessage(words)]}
    config: Any = {"configurable": {"thread_id": thread}}

    async def later() -> None:
        if mode == "ainvoke":
            await agent.ainvoke(given, config)
        else:
            async for _ in agent.astream(given, config, stream_mode="messages"):
                pass

    if mode == "invoke":
        agent.invoke(given, config)
    elif mode == "messages":
        list(agent.stream(given, config, stream_mode="messages"))
    else:
        asyncio.run(later())


def calls_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [message for message in body["messages"] if message.get("tool_calls")]


@EACH
@MODES
def test_three_turns_with_a_provider_that_wants_back_what_it_sent(
    case: Case, mode: str, strict: Callable[[str], ScriptedServer]
) -> None:
    server = strict(case.route)
    for turn in range(3):
        server.answer(calling(case, f"call_{turn}", turn))
        server.say("Seen.")
    agent = create_agent(model_of(case.route, server), [look], checkpointer=InMemorySaver())
    for _ in range(3):
        run(agent, "Look.", mode)
    assert server.requests == 6
    assert len(calls_of(server.seen[5].fields)) == 3
    state = agent.get_state({"configurable": {"thread_id": "1"}}).values["messages"]
    assert [message.text for message in state if isinstance(message, AIMessage)][1::2] == ["Seen."] * 3
    assert all(case.private not in message.text for message in state)


@EACH
@MODES
def test_nothing_goes_to_a_fallback_and_all_comes_back_to_its_route(
    case: Case, mode: str, strict: Callable[[str], ScriptedServer]
) -> None:
    server, other = strict(case.route), strict("other:some-vlm")
    fallback = Route(Provider(name="other"), "some-vlm", api_key=other.api_key, base_url=other.base_url)
    server.answer(calling(case, "call_0", 0))
    server.refuse(503, "over capacity")
    server.say("Seen all.")
    other.call_tool("look", {"page": 1})
    agent = create_agent(
        model_of(case.route, server, fallbacks=[fallback]), [look], checkpointer=InMemorySaver()
    )
    run(agent, "Look.", mode)
    assert case.private not in other.seen[0].body.decode()
    first, second = calls_of(server.seen[2].fields)
    assert case.private in json.dumps(first)
    assert case.private not in json.dumps(second)


@EACH
@pytest.mark.parametrize("streamed", [True, False])
def test_it_survives_every_way_to_store_a_message(
    case: Case, streamed: bool, strict: Callable[[str], ScriptedServer]
) -> None:
    server = strict(case.route)
    server.answer(calling(case, "call_0", 0))
    server.say("Seen.")
    model = model_of(case.route, server).bind_tools([look])
    question = HumanMessage("Look.")
    said = reduce(add, model.stream([question])) if streamed else model.invoke([question])
    result = ToolMessage("page 0", tool_call_id="call_0")
    (by_dict,) = messages_from_dict(json.loads(json.dumps(messages_to_dict([said]))))
    by_load = load(json.loads(json.dumps(dumpd(said))), allowed_objects="all")
    for message in (said, by_dict, by_load, type(said).model_validate_json(said.model_dump_json())):
        model.invoke([question, message, result])
    assert server.requests == 5
    assert len({json.dumps(seen.messages) for seen in server.seen[1:]}) == 1


@EACH
@pytest.mark.parametrize("streamed", [True, False])
def test_content_in_blocks_gives_it_back_too(
    case: Case, streamed: bool, strict: Callable[[str], ScriptedServer]
) -> None:
    server = strict(case.route)
    server.answer(calling(case, "call_0", 0))
    server.say("Seen.")
    model = model_of(case.route, server, output_version="v1").bind_tools([look])
    question = HumanMessage("Look.")
    said = reduce(add, model.stream([question])) if streamed else model.invoke([question])
    model.invoke([question, said, ToolMessage("page 0", tool_call_id="call_0")])
    assert server.requests == 2


def test_reasoning_stands_where_other_integrations_have_it(strict: Callable[[str], ScriptedServer]) -> None:
    case = CASES["openrouter"]
    server = strict(case.route)
    server.answer(calling(case, "call_0", 0))
    message = reduce(add, model_of(case.route, server).stream("Look."))
    kwargs = message.additional_kwargs
    assert kwargs["reasoning_content"] == "The first page, then."
    assert [detail["type"] for detail in kwargs["reasoning_details"]] == [
        "reasoning.text",
        "reasoning.encrypted",
    ]
    assert [block["type"] for block in message.content_blocks] == ["reasoning", "tool_call"]


BY_HAND = [
    pytest.param(
        {"additional_kwargs": {"reasoning_content": "Hm."}}, {"reasoning_content": "Hm."}, id="beside"
    ),
    pytest.param(
        {"content": [{"type": "reasoning", "reasoning": "Hm."}]}, {"reasoning_content": "Hm."}, id="block"
    ),
    pytest.param(
        {"additional_kwargs": {"reasoning_details": DETAILS}}, {"reasoning_details": DETAILS}, id="details"
    ),
]


@pytest.mark.parametrize(("given", "sent"), BY_HAND)
@pytest.mark.parametrize("route", ["moonshot:kimi-k2.5", "lab:some-vlm"])
def test_reasoning_may_be_set_by_hand(
    given: Any, sent: Any, route: str, strict: Callable[[str], ScriptedServer]
) -> None:
    server = strict(route)
    server.say("Seen.")
    calls = [{"name": "look", "args": {"page": 1}, "id": "c1"}]
    said = AIMessage(**{"content": "", **given}, tool_calls=calls)
    model_of(route, server).invoke([HumanMessage("Look."), said, ToolMessage("page 1", tool_call_id="c1")])
    assert sent.items() <= server.seen[0].messages[1].items()


@pytest.mark.parametrize("route", ["groq:some-vlm", "mistral:some-vlm"])
def test_a_route_that_refuses_reasoning_gets_none(
    route: str, strict: Callable[[str], ScriptedServer]
) -> None:
    server = strict(route)
    server.answer(Answer(tool_calls=(ToolCall("c1", "look", '{"page": 1}'),), reasoning="Hm."))
    server.say("Seen.")
    create_agent(model_of(route, server), [look]).invoke({"messages": [HumanMessage("Look.")]})
    assert "Hm." not in server.seen[1].body.decode()


def test_a_message_of_another_integration_goes_to_its_own_model_alone(
    strict: Callable[[str], ScriptedServer],
) -> None:
    said = AIMessage(
        "",
        tool_calls=[{"name": "look", "args": {"page": 1}, "id": "c1"}],
        additional_kwargs={"reasoning_content": "Hm."},
        response_metadata={"model_provider": "deepseek", "model_name": "deepseek-chat"},
    )
    history = [HumanMessage("Look."), said, ToolMessage("page 1", tool_call_id="c1")]
    for route, goes in (("deepseek:deepseek-chat", True), ("lab:some-vlm", False)):
        server = strict(route)
        server.say("Seen.")
        model_of(route, server).invoke(history)
        assert ("reasoning_content" in server.seen[0].messages[1]) is goes

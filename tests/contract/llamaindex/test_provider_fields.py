"""What Gemini, Kimi and OpenRouter send with an answer: an agent gives it back to them alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ThinkingBlock, ToolCallBlock
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.tools import FunctionTool
from llama_index.core.workflow import Context, HumanResponseEvent, InputRequiredEvent

from llamaindex_vlm import VLM
from vlm_core import Provider, Route, ToolCall
from vlm_core.testing import Answer, ScriptedServer

SIGNATURE = {"extra_content": {"google": {"thought_signature": "c2lnbmF0dXJl"}}}
DETAILS = [
    {"type": "reasoning.text", "text": "The first ", "index": 0},
    {"type": "reasoning.text", "text": "page, then.", "index": 0},
    {"type": "reasoning.text", "signature": "c2lnbmF0dXJl", "index": 0},
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
    "kimi": Case("moonshot:kimi-k2.5", {"fields": {"reasoning_content": THOUGHT}}, {}, "The first page"),
    "vllm": Case("lab:some-vlm", {"fields": {"reasoning": THOUGHT}}, {}, "The first page"),
    "openrouter": Case(
        "openrouter:anthropic/claude-x", {"fields": {"reasoning_details": DETAILS}}, {}, "c2VjcmV0"
    ),
}
EACH = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
STREAMING = pytest.mark.parametrize("streaming", [True, False])
QUESTION = ChatMessage(role="user", content="Look.")


def look(page: int) -> str:
    """Look at a page."""
    return f"page {page}"


TOOL = FunctionTool.from_defaults(look)


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


def llm_of(route: str, server: ScriptedServer, **settings: Any) -> VLM:
    provider, _, name = route.partition(":")
    given = {"provider": provider, "api_base": server.base_url, "api_key": server.api_key}
    return VLM(model=name, **given, max_retries=0, **settings)


def calling(case: Case, call_id: str, page: int) -> Answer:
    call = ToolCall(call_id, "look", json.dumps({"page": page}), case.of_call)
    return Answer(tool_calls=(call,), finish_reason="tool_calls", **case.answer)


def calls_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [message for message in body["messages"] if message.get("tool_calls")]


def function_agent(llm: VLM, streaming: bool) -> Any:
    return FunctionAgent(llm=llm, tools=[TOOL], streaming=streaming)


def workflow(llm: VLM, streaming: bool) -> Any:
    agent = FunctionAgent(name="reader", description="Reads.", llm=llm, tools=[TOOL], streaming=streaming)
    return AgentWorkflow(agents=[agent], root_agent="reader")


AGENTS = pytest.mark.parametrize("make_agent", [function_agent, workflow])


@pytest.mark.filterwarnings("ignore:Skipping serialization of known unserializable key")
@EACH
@STREAMING
@AGENTS
def test_three_turns_with_a_provider_that_wants_back_what_it_sent(
    case: Case, streaming: bool, make_agent: Any, strict: Callable[[str], ScriptedServer]
) -> None:
    server = strict(case.route)
    for turn in range(3):
        server.answer(calling(case, f"call_{turn}", turn))
        server.say("Seen.")

    async def run() -> list[str]:
        agent = make_agent(llm_of(case.route, server), streaming)
        context, memory, said = Context(agent), ChatMemoryBuffer.from_defaults(token_limit=9999), []
        for _ in range(3):
            said.append(str(await agent.run(user_msg="Look.", ctx=context, memory=memory)))
            kept = [ChatMessage.model_validate_json(one.model_dump_json()) for one in memory.get_all()]
            memory = ChatMemoryBuffer.from_defaults(chat_history=kept, token_limit=9999)
            context = Context.from_dict(agent, json.loads(json.dumps(context.to_dict())))
        return said

    assert asyncio.run(run()) == ["Seen."] * 3
    assert len(calls_of(server.seen[5].fields)) == 3


@EACH
@STREAMING
def test_nothing_goes_to_a_fallback_and_all_comes_back_to_its_route(
    case: Case, streaming: bool, strict: Callable[[str], ScriptedServer]
) -> None:
    server, other = strict(case.route), strict("other:some-vlm")
    fallback = Route(Provider(name="other"), "some-vlm", api_key=other.api_key, base_url=other.base_url)
    server.answer(calling(case, "call_0", 0))
    server.refuse(503, "over capacity")
    server.say("Seen all.")
    other.call_tool("look", {"page": 1})
    llm = llm_of(case.route, server, fallbacks=[fallback])

    async def run() -> str:
        return str(await function_agent(llm, streaming).run(user_msg="Look."))

    assert asyncio.run(run()) == "Seen all."
    assert case.private not in other.seen[0].body.decode()
    first, second = calls_of(server.seen[2].fields)
    assert case.private in json.dumps(first)
    assert case.private not in json.dumps(second)


def chat(llm: VLM, history: list[ChatMessage]) -> ChatResponse:
    return llm.chat_with_tools([TOOL], chat_history=history)


def stream_chat(llm: VLM, history: list[ChatMessage]) -> ChatResponse:
    return list(llm.stream_chat_with_tools([TOOL], chat_history=history))[-1]


def achat(llm: VLM, history: list[ChatMessage]) -> ChatResponse:
    return asyncio.run(llm.achat_with_tools([TOOL], chat_history=history))


def astream_chat(llm: VLM, history: list[ChatMessage]) -> ChatResponse:
    async def last() -> ChatResponse:
        return [step async for step in await llm.astream_chat_with_tools([TOOL], chat_history=history)][-1]

    return asyncio.run(last())


WAYS = pytest.mark.parametrize("ask", [chat, stream_chat, achat, astream_chat])


@pytest.mark.filterwarnings("ignore:Skipping serialization of known unserializable key")
@EACH
@STREAMING
def test_a_context_that_is_stored_within_a_run_still_holds_it(
    case: Case, streaming: bool, strict: Callable[[str], ScriptedServer]
) -> None:
    server = strict(case.route)
    server.answer(calling(case, "call_0", 0))
    server.say("Seen.")
    llm = llm_of(case.route, server)

    async def confirm(ctx: Context, page: int) -> str:
        """Look at a page, once the user agrees."""
        question = InputRequiredEvent(prefix="May I?")
        answer = await ctx.wait_for_event(HumanResponseEvent, waiter_id="may", waiter_event=question)
        return answer.response

    async def run() -> str:
        confirm.__annotations__ = {"ctx": Context, "page": int, "return": str}  # which LlamaIndex looks at
        tool = FunctionTool.from_defaults(async_fn=confirm, name="look")
        agent = FunctionAgent(llm=llm, tools=[tool], streaming=streaming)
        handler = agent.run(user_msg="Look.")
        async for event in handler.stream_events():
            if isinstance(event, InputRequiredEvent):
                stored = json.loads(json.dumps(handler.ctx.to_dict()))
                await handler.cancel_run()
                break
        context = Context.from_dict(agent, stored)
        await context.store.set("memory", ChatMemoryBuffer.from_defaults(token_limit=9999))
        handler = agent.run(ctx=context)
        handler.ctx.send_event(HumanResponseEvent(response="page 0"))
        return str(await handler)

    assert asyncio.run(run()) == "Seen."
    assert case.private in json.dumps(calls_of(server.seen[-1].fields))


@EACH
@WAYS
def test_a_message_in_json_still_holds_it(
    case: Case, ask: Any, strict: Callable[[str], ScriptedServer]
) -> None:
    server = strict(case.route)
    server.answer(calling(case, "call_0", 0))
    server.say("Seen.")
    llm = llm_of(case.route, server)
    said = ask(llm, [QUESTION]).message
    assert case.private not in (said.content or "")
    result = ChatMessage(role="tool", content="page 0", additional_kwargs={"tool_call_id": "call_0"})
    for message in (said, ChatMessage.model_validate_json(said.model_dump_json())):
        ask(llm, [QUESTION, message, result])
    assert server.requests == 3


CALL = ToolCallBlock(tool_call_id="c1", tool_name="look", tool_kwargs={"page": 1})
RESULT = ChatMessage(role="tool", content="page 1", additional_kwargs={"tool_call_id": "c1"})
BY_HAND = [
    pytest.param(ChatMessage(role="assistant", blocks=[ThinkingBlock(content="Hm."), CALL]), id="block"),
    pytest.param(
        ChatMessage(role="assistant", blocks=[CALL], additional_kwargs={"reasoning_content": "Hm."}),
        id="beside",
    ),
]


@pytest.mark.parametrize("said", BY_HAND)
@pytest.mark.parametrize("route", ["moonshot:kimi-k2.5", "lab:some-vlm"])
def test_reasoning_may_be_set_by_hand(
    said: ChatMessage, route: str, strict: Callable[[str], ScriptedServer]
) -> None:
    server = strict(route)
    server.say("Seen.")
    llm_of(route, server).chat([QUESTION, said, RESULT])
    assert server.seen[0].messages[1]["reasoning_content"] == "Hm."


@pytest.mark.parametrize("route", ["groq:some-vlm", "mistral:some-vlm"])
def test_a_route_that_refuses_reasoning_gets_none(
    route: str, strict: Callable[[str], ScriptedServer]
) -> None:
    server = strict(route)
    server.answer(Answer(tool_calls=(ToolCall("c1", "look", '{"page": 1}'),), reasoning="Hm."))
    server.say("Seen.")
    llm = llm_of(route, server)
    said = llm.chat_with_tools([TOOL], chat_history=[QUESTION]).message
    llm.chat([QUESTION, said, RESULT])
    assert "Hm." not in server.seen[1].body.decode()

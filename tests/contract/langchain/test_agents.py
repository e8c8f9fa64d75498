"""LangChain's agents over ChatVLM: two turns about one picture, which arrives whole in each request."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool
from pydantic import BaseModel

from vlm_core import ToolCall
from vlm_core.testing import Answer, ScriptedServer, Seen

Make: TypeAlias = Callable[..., BaseChatModel]
Pictures: TypeAlias = Callable[[Seen], list[Any]]
NAVY = ("png", (120, 80), "navy")
RED = ("png", (120, 80), "red")
BOTH_TURNS = ["What is the total?", "And twice of it?"]


class Receipt(BaseModel):
    """What a receipt says."""

    total: float


@tool
def double(amount: float) -> float:
    """Double an amount."""
    return 2 * amount


@pytest.fixture
def block(picture: Callable[..., bytes]) -> Callable[[str], dict[str, Any]]:
    """Draws an image block of a colour."""

    def drawn(colour: str) -> dict[str, Any]:
        data = base64.b64encode(picture(colour=colour)).decode()
        return {"type": "image", "base64": data, "mime_type": "image/png"}

    return drawn


@pytest.fixture
def question(block: Callable[[str], dict[str, Any]]) -> HumanMessage:
    """The first turn: a picture and what is asked about it."""
    return HumanMessage([block("navy"), {"type": "text", "text": BOTH_TURNS[0]}])


def roles(seen: Seen) -> list[str]:
    return [message["role"] for message in seen.messages]


# --- tools


def test_an_agent_calls_a_tool_and_answers_over_two_turns(
    server: ScriptedServer, make: Make, pictures: Pictures, question: HumanMessage
) -> None:
    server.say("TOTAL 9.00")
    server.call_tool("double", {"amount": 9.0})
    server.say("18.00")
    agent = create_agent(make(), [double], system_prompt="Read closely.")
    first = agent.invoke({"messages": [question]})
    second = agent.invoke({"messages": [*first["messages"], HumanMessage(BOTH_TURNS[1])]})
    assert second["messages"][-1].text == "18.00"
    assert [pictures(seen) for seen in server.seen] == [[NAVY]] * 3
    assert roles(server.seen[2]) == ["system", "user", "assistant", "user", "assistant", "tool"]
    assert server.seen[2].messages[-1]["content"] == "18.0"


async def test_an_agent_works_without_blocking(
    server: ScriptedServer, make: Make, pictures: Pictures, question: HumanMessage
) -> None:
    server.call_tool("double", {"amount": 9.0})
    server.say("18.00")
    result = await create_agent(make(), [double]).ainvoke({"messages": [question]})
    assert result["messages"][-1].text == "18.00"
    assert [pictures(seen) for seen in server.seen] == [[NAVY]] * 2


def test_arguments_that_are_no_json_come_as_an_invalid_call(
    server: ScriptedServer, make: Make, question: HumanMessage
) -> None:
    server.call_tool("double", '{"amount": ')
    answer = make().bind_tools([double]).invoke([question])
    assert answer.tool_calls == []
    assert answer.invalid_tool_calls[0]["args"] == '{"amount": '


def test_pictures_of_tools_come_in_a_users_message_behind_the_whole_batch(
    server: ScriptedServer,
    make: Make,
    pictures: Pictures,
    question: HumanMessage,
    block: Callable[[str], dict[str, Any]],
) -> None:
    @tool
    def page(number: int) -> list[dict[str, Any]]:
        """Show a page."""
        return [{"type": "text", "text": f"page {number}"}, block("red" if number == 2 else "teal")]

    calls = tuple(ToolCall(f"call_{number}", "page", f'{{"number": {number}}}') for number in (2, 3))
    server.answer(Answer(tool_calls=calls, finish_reason="tool_calls"))
    server.say("Both are blank.")
    server.say("No.")
    agent = create_agent(make(), [page])
    first = agent.invoke({"messages": [question]})
    agent.invoke({"messages": [*first["messages"], HumanMessage("Are you sure?")]})
    _, after_tools, next_turn = server.seen
    assert roles(after_tools) == ["user", "assistant", "tool", "tool", "user"]
    assert pictures(after_tools) == [NAVY, RED, ("png", (120, 80), "teal")]
    assert ["page 2" in str(message["content"]) for message in after_tools.messages[2:4]] == [True, False]
    assert roles(next_turn) == ["user", "assistant", "tool", "tool", "user", "assistant", "user"]
    assert pictures(next_turn) == pictures(after_tools)


def test_a_tools_error_is_told_to_the_model(
    server: ScriptedServer, make: Make, question: HumanMessage
) -> None:
    calls = [{"name": "double", "args": {"amount": 1}, "id": "one"}]
    failed = ToolMessage("no such page", tool_call_id="one", status="error")
    make().bind_tools([double]).invoke([question, AIMessage("", tool_calls=calls), failed])
    assert "no such page" in server.seen[0].messages[-1]["content"]


# --- structured output

ANSWERS = [
    pytest.param('{"total": 9.0}', id="bare"),
    pytest.param('```json\n{"total": 9.0}\n```', id="fenced"),
]


@pytest.mark.parametrize("said", ANSWERS)
def test_a_schema_is_asked_for_as_the_provider_has_it(
    server: ScriptedServer, make: Make, pictures: Pictures, question: HumanMessage, said: str
) -> None:
    server.say(said)
    agent = create_agent(make(), response_format=ProviderStrategy(Receipt))
    first = agent.invoke({"messages": [question]})
    second = agent.invoke({"messages": [*first["messages"], HumanMessage("Check it.")]})
    assert first["structured_response"] == second["structured_response"] == Receipt(total=9.0)
    for seen in server.seen:
        assert pictures(seen) == [NAVY]
        assert seen.options["response_format"]["json_schema"]["schema"]["properties"].keys() == {"total"}
        assert "tools" not in seen.options


def test_a_schema_goes_together_with_tools(
    server: ScriptedServer, make: Make, question: HumanMessage
) -> None:
    server.call_tool("double", {"amount": 4.5})
    server.say('{"total": 9.0}')
    agent = create_agent(make(), [double], response_format=ProviderStrategy(Receipt))
    assert agent.invoke({"messages": [question]})["structured_response"] == Receipt(total=9.0)


def test_a_schema_is_asked_for_as_a_tool(
    server: ScriptedServer, make: Make, pictures: Pictures, question: HumanMessage
) -> None:
    server.call_tool("Receipt", {"total": 9.0})
    agent = create_agent(make(), response_format=ToolStrategy(Receipt))
    first = agent.invoke({"messages": [question]})
    second = agent.invoke({"messages": [*first["messages"], HumanMessage("Check it.")]})
    assert first["structured_response"] == second["structured_response"] == Receipt(total=9.0)
    assert [pictures(seen) for seen in server.seen] == [[NAVY]] * 2
    assert [seen.options["tool_choice"] for seen in server.seen] == ["required", "required"]


def test_a_mere_schema_gets_an_answer_in_its_form(
    server: ScriptedServer, make: Make, question: HumanMessage
) -> None:
    def either_way(seen: Seen) -> Answer:
        if "response_format" in seen.options:
            return Answer('{"total": 9.0}')
        return Answer(tool_calls=(ToolCall("one", "Receipt", '{"total": 9.0}'),), finish_reason="tool_calls")

    server.answer(either_way)
    agent = create_agent(make(), response_format=Receipt)
    assert agent.invoke({"messages": [question]})["structured_response"] == Receipt(total=9.0)


# --- streaming


def test_an_agents_messages_are_streamed(
    server: ScriptedServer, make: Make, pictures: Pictures, question: HumanMessage
) -> None:
    server.call_tool("double", {"amount": 9.0})
    server.stream("18", ".00")
    agent = create_agent(make(), [double])
    pieces = [message for message, _ in agent.stream({"messages": [question]}, stream_mode="messages")]
    texts = [piece.text for piece in pieces if isinstance(piece, AIMessageChunk) and piece.text]
    assert texts == ["18", ".00"]
    assert [seen.stream for seen in server.seen] == [True, True]
    assert [pictures(seen) for seen in server.seen] == [[NAVY]] * 2


def test_an_agents_states_are_streamed(server: ScriptedServer, make: Make, question: HumanMessage) -> None:
    server.call_tool("double", {"amount": 9.0})
    server.say("18.00")
    agent = create_agent(make(), [double])
    *_, last = agent.stream({"messages": [question]}, stream_mode="values")
    assert [message.type for message in last["messages"]] == ["human", "ai", "tool", "ai"]


async def test_an_agents_events_are_streamed(
    server: ScriptedServer, make: Make, question: HumanMessage
) -> None:
    server.call_tool("double", {"amount": 9.0})
    server.stream("18", ".00")
    agent = create_agent(make(), [double])
    events = [event async for event in agent.astream_events({"messages": [question]}, version="v2")]
    chunks = [event["data"]["chunk"] for event in events if event["event"] == "on_chat_model_stream"]
    assert [chunk.text for chunk in chunks if chunk.text] == ["18", ".00"]
    (ended,) = [event for event in events if event["event"] == "on_tool_end"]
    assert ended["data"]["output"].content == "18.0"


def test_an_agents_third_kind_of_events_is_streamed(
    server: ScriptedServer, make: Make, pictures: Pictures, question: HumanMessage
) -> None:
    server.call_tool("double", {"amount": 9.0})
    server.say("18.00")
    agent = create_agent(make(), [double])
    run = agent.stream_events({"messages": [question]}, version="v3")
    said = [str(message.text) for message in run.messages]
    assert said[-1] == "18.00"
    assert run.output["messages"][-1].text == "18.00"
    assert [pictures(seen) for seen in server.seen] == [[NAVY]] * 2


def test_what_a_stream_adds_up_to_is_the_whole_answer(
    server: ScriptedServer, make: Make, question: HumanMessage
) -> None:
    server.say("TOTAL 9.00", reasoning="The last line says it.", id="answer-1")
    model = make()
    whole, streamed = model.invoke([question]), None
    for chunk in model.stream([question]):
        streamed = chunk if streamed is None else streamed + chunk
    assert streamed is not None
    for name in ("content", "usage_metadata", "additional_kwargs", "tool_calls"):
        assert getattr(streamed, name) == getattr(whole, name)
    told = ("model_provider", "model_name", "finish_reason", "route")
    assert [streamed.response_metadata[key] for key in told] == [whole.response_metadata[key] for key in told]

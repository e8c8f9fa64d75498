"""LlamaIndex's own agents: what their tools show reaches the model, and is sent again at each step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from llama_index.core.agent.workflow import AgentStream, AgentWorkflow, FunctionAgent, ReActAgent
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.tools import FunctionTool

from llamaindex_vlm import VLM, VLMReActAgent
from vlm_core import Provider, ToolCall
from vlm_core.testing import ScriptedServer

SHADE = 40
Agent = Callable[..., Any]


@pytest.fixture
def show(grey: Callable[..., bytes]) -> FunctionTool:
    def show(page: int) -> ImageBlock:
        """Show a page."""
        return ImageBlock(image=grey(SHADE))

    return FunctionTool.from_defaults(show)


def function_agent(llm: VLM, tools: list[Any], *, streaming: bool = True) -> FunctionAgent:
    return FunctionAgent(llm=llm, tools=tools, streaming=streaming, system_prompt="Look first.")


def workflow(llm: VLM, tools: list[Any], *, streaming: bool = True) -> AgentWorkflow:
    agent = FunctionAgent(name="reader", description="Reads.", llm=llm, tools=tools, streaming=streaming)
    return AgentWorkflow(agents=[agent], root_agent="reader")


def ask(agent: Any, message: Any, **options: Any) -> Any:
    async def run() -> Any:
        return await agent.run(user_msg=message, **options)

    return asyncio.run(run())


EVERY_AGENT = pytest.mark.parametrize("make_agent", [function_agent, workflow])
EITHER = pytest.mark.parametrize("streaming", [True, False])


@EVERY_AGENT
@EITHER
def test_the_picture_that_a_tool_returns_reaches_the_model(
    make_agent: Agent, streaming: bool, llm: VLM, server: ScriptedServer, show: Any, shade_in: Any
) -> None:
    server.call_tool("show", {"page": 1})
    server.say("It is grey.")
    result = ask(make_agent(llm, [show], streaming=streaming), "What is on page 1?")
    assert str(result) == "It is grey."
    (image,) = server.seen[1].images
    assert (image.role, shade_in(image.data)) == ("user", SHADE)
    roles = [message["role"] for message in server.seen[1].messages]
    assert roles[-3:] == ["assistant", "tool", "user"]
    assert server.seen[1].stream == streaming


@EVERY_AGENT
def test_pictures_of_two_calls_at_once_stand_behind_both_results(
    make_agent: Agent, llm: VLM, server: ScriptedServer, show: Any
) -> None:
    calls = tuple(ToolCall(f"c{page}", "show", f'{{"page": {page}}}') for page in (1, 2))
    server.call_tool("", {}, tool_calls=calls)
    server.say("Both are grey.")
    ask(make_agent(llm, [show]), "What is on pages 1 and 2?")
    roles = [message["role"] for message in server.seen[1].messages]
    assert roles[-4:] == ["assistant", "tool", "tool", "user"]
    assert len(server.seen[1].images) == 2


@EVERY_AGENT
def test_the_users_own_picture_is_seen_at_every_step(
    make_agent: Agent, llm: VLM, server: ScriptedServer, show: Any, grey: Any, shade_in: Any
) -> None:
    server.call_tool("show", {"page": 1})
    server.say("Both are grey.")
    question = ChatMessage(
        role="user", blocks=[ImageBlock(image=grey(99)), TextBlock(text="Same as page 1?")]
    )
    ask(make_agent(llm, [show]), question)
    shades = [[shade_in(image.data) for image in seen.images] for seen in server.seen]
    assert shades == [[99], [99, SHADE]]


@EVERY_AGENT
def test_memory_sends_pictures_again(
    make_agent: Agent, llm: VLM, server: ScriptedServer, show: Any, shade_in: Any
) -> None:
    memory = ChatMemoryBuffer.from_defaults(llm=llm)
    server.call_tool("show", {"page": 1})
    server.say("It is grey.")
    agent = make_agent(llm, [show])
    ask(agent, "What is on page 1?", memory=memory)
    ask(agent, "Sure?", memory=memory)
    assert [shade_in(image.data) for image in server.seen[2].images] == [SHADE]


def test_what_a_model_says_and_thinks_is_streamed_to_the_user(llm: VLM, server: ScriptedServer) -> None:
    server.say("It is grey.", reasoning="Hm, grey?")

    async def run() -> list[AgentStream]:
        handler = function_agent(llm, []).run(user_msg="Which colour?")
        events = [event async for event in handler.stream_events() if isinstance(event, AgentStream)]
        await handler
        return events

    events = asyncio.run(run())
    assert "".join(event.delta for event in events) == "It is grey."
    assert "".join(event.thinking_delta or "" for event in events) == "Hm, grey?"


REACT_CALL = 'Thought: I must look.\nAction: show\nAction Input: {"page": 1}'
REACT_ANSWER = "Thought: I can answer.\nAnswer: It is grey."


def test_a_react_agent_sees_the_users_picture(
    llm: VLM, server: ScriptedServer, show: Any, grey: Any, shade_in: Any
) -> None:
    server.say(REACT_CALL)
    server.say(REACT_ANSWER)
    question = ChatMessage(role="user", blocks=[ImageBlock(image=grey(99)), TextBlock(text="Which colour?")])
    assert str(ask(ReActAgent(llm=llm, tools=[show]), question)) == "It is grey."
    assert [[shade_in(image.data) for image in seen.images] for seen in server.seen] == [[99], [99]]


def test_a_react_agent_keeps_a_tools_text(llm: VLM, server: ScriptedServer, grey: Any) -> None:
    def show(page: int) -> list[Any]:
        """Show a page."""
        return [TextBlock(text="page 1, grey"), ImageBlock(image=grey(SHADE))]

    server.say(REACT_CALL)
    server.say(REACT_ANSWER)
    ask(ReActAgent(llm=llm, tools=[FunctionTool.from_defaults(show)]), "Which colour?")
    assert server.seen[1].messages[-1]["content"] == "Observation: page 1, grey"


def react_agent(llm: VLM, tools: list[Any], *, streaming: bool = True) -> VLMReActAgent:
    return VLMReActAgent(llm=llm, tools=tools, streaming=streaming, system_prompt="Look first.")


def react_workflow(llm: VLM, tools: list[Any], *, streaming: bool = True) -> AgentWorkflow:
    agent = VLMReActAgent(name="reader", description="Reads.", llm=llm, tools=tools, streaming=streaming)
    return AgentWorkflow(agents=[agent], root_agent="reader")


@pytest.mark.parametrize("make_agent", [react_agent, react_workflow])
@EITHER
def test_a_react_agent_of_ours_shows_the_model_what_its_tools_return(
    make_agent: Agent, streaming: bool, llm: VLM, server: ScriptedServer, show: Any, shade_in: Any
) -> None:
    server.say(REACT_CALL)
    server.say(REACT_CALL.replace("1", "2"))
    server.say(REACT_ANSWER)
    assert str(ask(make_agent(llm, [show], streaming=streaming), "Which colour?")) == "It is grey."
    assert [[shade_in(image.data) for image in seen.images] for seen in server.seen] == [
        [],
        [SHADE],
        [SHADE, SHADE],
    ]


def shades_sent(server: ScriptedServer, shade_in: Any) -> list[list[int]]:
    return [[shade_in(image.data) for image in seen.images] for seen in server.seen]


def test_in_six_turns_about_a_picture_the_model_receives_it_at_each_once(
    llm: VLM, server: ScriptedServer, show: Any, shade_in: Any
) -> None:
    memory = ChatMemoryBuffer.from_defaults(llm=llm)
    agent = react_agent(llm, [show])
    server.say(REACT_CALL)
    for _ in range(6):
        server.say(REACT_ANSWER)
    for turn in range(6):
        assert str(ask(agent, f"Question {turn}: which colour?", memory=memory)) == "It is grey."
    assert shades_sent(server, shade_in) == [[], *[[SHADE]] * 6]


def test_a_picture_that_is_shown_again_in_a_later_turn_is_sent_once(
    llm: VLM, server: ScriptedServer, show: Any, shade_in: Any
) -> None:
    memory = ChatMemoryBuffer.from_defaults(llm=llm)
    agent = react_agent(llm, [show])
    for _ in range(2):
        server.say(REACT_CALL)
        server.say(REACT_ANSWER)
        ask(agent, "Which colour?", memory=memory)
    assert shades_sent(server, shade_in) == [[], [SHADE], [SHADE], [SHADE]]
    assert "shown again below" in str(server.seen[-1].messages)


def test_memory_keeps_the_words_of_each_step_too(llm: VLM, server: ScriptedServer, show: Any) -> None:
    memory = ChatMemoryBuffer.from_defaults(llm=llm)
    server.say(REACT_CALL)
    server.say(REACT_ANSWER)
    ask(react_agent(llm, [show]), "Which colour?", memory=memory)
    roles = [message.role.value for message in memory.get_all()]
    assert roles == ["user", "assistant", "user", "assistant"]
    assert memory.get_all()[-1].content == REACT_ANSWER


def test_the_newest_pictures_are_sent_where_there_are_more_than_the_budget(
    llm: VLM, server: ScriptedServer, grey: Any, shade_in: Any
) -> None:
    def show(page: int) -> ImageBlock:
        """Show a page."""
        return ImageBlock(image=grey(40 * page))

    memory = ChatMemoryBuffer.from_defaults(llm=llm)
    tool = FunctionTool.from_defaults(show)
    agent = VLMReActAgent(llm=llm, tools=[tool], max_pictures=2)
    for page in (1, 2, 3):
        server.say(REACT_CALL.replace("1", str(page)))
        server.say(REACT_ANSWER)
        ask(agent, f"Which colour has page {page}?", memory=memory)
    assert shades_sent(server, shade_in) == [[], [40], [40], [40, 80], [40, 80], [80, 120]]
    assert "A picture was shown here" in str(server.seen[-1].messages)


def test_the_users_own_picture_of_an_earlier_turn_counts_in_the_budget(
    llm: VLM, server: ScriptedServer, show: Any, grey: Any, shade_in: Any
) -> None:
    memory = ChatMemoryBuffer.from_defaults(llm=llm)
    agent = VLMReActAgent(llm=llm, tools=[show], max_pictures=1)
    server.say(REACT_ANSWER)
    server.say(REACT_CALL)
    server.say(REACT_ANSWER)
    own = ChatMessage(role="user", blocks=[ImageBlock(image=grey(99)), TextBlock(text="Which colour?")])
    ask(agent, own, memory=memory)
    ask(agent, "And page 1?", memory=memory)
    assert shades_sent(server, shade_in) == [[99], [99], [SHADE]]


def test_a_react_agent_of_ours_has_its_system_prompt(llm: VLM, server: ScriptedServer) -> None:
    server.say(REACT_ANSWER)
    ask(react_agent(llm, []), "Which colour?")
    assert "Look first." in server.seen[0].messages[0]["content"]


@pytest.mark.parametrize(("tools", "kind"), [(None, FunctionAgent), (False, ReActAgent)])
def test_a_model_that_is_known_to_call_no_tools_gets_a_react_agent(
    tools: bool | None, kind: type, make_llm: Callable[..., VLM], server: ScriptedServer
) -> None:
    lab = Provider(name="lab", base_url=server.base_url, tools=tools)
    agents = AgentWorkflow.from_tools_or_functions([print], llm=make_llm(provider=lab, api_base=None)).agents
    assert [type(agent) for agent in agents.values()] == [kind]

"""LangChain's middleware over ChatVLM: what it repeats, what it shortens, what it gives up."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import ModelRetryMiddleware, SummarizationMiddleware
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from vlm_core import VLMError
from vlm_core.testing import Answer, ScriptedServer, Seen

Make: TypeAlias = Callable[..., BaseChatModel]
Pictures: TypeAlias = Callable[[Seen], list[Any]]
NAVY = ("png", (120, 80), "navy")
AT_ONCE = {"initial_delay": 0.0, "jitter": False, "on_failure": "error"}


@pytest.fixture
def question(picture: Callable[..., bytes]) -> HumanMessage:
    """A question about a picture."""
    data = base64.b64encode(picture()).decode()
    image = {"type": "image", "base64": data, "mime_type": "image/png"}
    return HumanMessage([image, {"type": "text", "text": "What is the total?"}])


@pytest.fixture
def turns(question: HumanMessage) -> list[BaseMessage]:
    """A conversation whose second question is open."""
    return [question, AIMessage("TOTAL 9.00"), HumanMessage("And the date?")]


# --- what is repeated

PASSING = ["status_503", "rate_limited_silent", "reset_before_headers", "choices_empty"]
LASTING = ["unauthorized", "unknown_model", "content_policy", "quota_402", "context_too_long"]


@pytest.mark.parametrize("name", PASSING)
def test_what_may_pass_is_repeated(
    server: ScriptedServer, make: Make, pictures: Pictures, turns: list[BaseMessage], name: str
) -> None:
    server.fault(name, times=2)
    server.say("1 May")
    retry = ModelRetryMiddleware(max_retries=2, **AT_ONCE)
    agent = create_agent(make(max_retries=0), middleware=[retry])
    assert agent.invoke({"messages": turns})["messages"][-1].text == "1 May"
    assert [pictures(seen) for seen in server.seen] == [[NAVY]] * 3


@pytest.mark.parametrize("name", LASTING)
def test_what_does_not_pass_is_not_repeated(
    server: ScriptedServer, make: Make, turns: list[BaseMessage], name: str
) -> None:
    server.fault(name)
    agent = create_agent(make(max_retries=0), middleware=[ModelRetryMiddleware(max_retries=2, **AT_ONCE)])
    with pytest.raises(VLMError):
        agent.invoke({"messages": turns})
    assert server.requests == 1


def test_a_picture_that_cannot_be_read_is_not_repeated(server: ScriptedServer, make: Make) -> None:
    bad = HumanMessage([{"type": "image", "base64": "bm8gaW1hZ2U=", "mime_type": "image/png"}])
    asked: list[Any] = []

    class Counted(ModelRetryMiddleware):
        def wrap_model_call(self, request: Any, handler: Any) -> Any:
            return super().wrap_model_call(request, lambda given: asked.append(1) or handler(given))

    agent = create_agent(make(), middleware=[Counted(max_retries=2, **AT_ONCE)])
    with pytest.raises(VLMError):
        agent.invoke({"messages": [bad]})
    assert (len(asked), server.requests) == (1, 0)


# --- what is shortened


def summarised(seen: Seen) -> Answer | str:
    return "It is about a receipt." if "extract" in seen.text.lower() else "1 May"


def test_a_long_conversation_is_summarised_and_its_last_picture_kept(
    server: ScriptedServer, make: Make, pictures: Pictures, question: HumanMessage
) -> None:
    server.answer(summarised)
    model = make()
    before = [HumanMessage("Hello, " * 400), AIMessage("Hello, " * 400)]
    shorten = SummarizationMiddleware(model, trigger=("tokens", 500), keep=("messages", 1))
    result = create_agent(model, middleware=[shorten]).invoke({"messages": [*before, question]})
    assert result["messages"][-1].text == "1 May"
    summary, asked = server.seen
    assert "Hello" in summary.text
    assert "Hello" not in asked.text
    assert "It is about a receipt." in asked.text
    assert pictures(asked) == [NAVY]


def test_the_reported_usage_decides_when_to_shorten(
    server: ScriptedServer, make: Make, pictures: Pictures, question: HumanMessage
) -> None:
    server.say("9.00", usage={"prompt_tokens": 5000, "completion_tokens": 2, "total_tokens": 5002})
    server.answer(summarised)
    model = make()
    shorten = SummarizationMiddleware(model, trigger=("tokens", 4000), keep=("messages", 1))
    agent = create_agent(model, middleware=[shorten])
    first = agent.invoke({"messages": [question]})
    agent.invoke({"messages": [*first["messages"], HumanMessage("And the date?")]})
    assert server.requests == 3
    assert "It is about a receipt." in server.seen[-1].text


def test_a_history_that_is_too_long_to_be_summarised_is_cut_and_summarised(
    server: ScriptedServer, make: Make, pictures: Pictures, question: HumanMessage
) -> None:
    server.fault("context_too_long")
    server.answer(summarised)
    model = make()
    before = [HumanMessage(f"Page {number} says " + "much. " * 100) for number in range(30)]
    shorten = SummarizationMiddleware(model, trigger=("tokens", 500), keep=("messages", 1))
    result = create_agent(model, middleware=[shorten]).invoke({"messages": [*before, question]})
    assert result["messages"][-1].text == "1 May"
    too_long, cut, asked = server.seen
    assert cut.body_bytes < too_long.body_bytes
    assert pictures(asked) == [NAVY]

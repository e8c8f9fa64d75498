"""Headers and times of a call; no event, span or repr sees a header."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.bridge.pydantic import BaseModel
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.span_handlers import NullSpanHandler
from llama_index.core.prompts import PromptTemplate

from llamaindex_vlm import VLM
from vlm_core import ConfigError
from vlm_core.testing import ScriptedServer

Make = Callable[..., VLM]
CANARY = "canary-header-7f3a"
HEADERS = {"X-Trace": CANARY}
ASKED = [ChatMessage(role="user", content="Hi")]


class Receipt(BaseModel):
    total: float


PROMPT = PromptTemplate("Total?")


async def _all(steps: Any) -> list[Any]:
    return [step async for step in await steps]


WAYS = [
    pytest.param(lambda llm, **more: llm.chat(ASKED, **more), id="chat"),
    pytest.param(lambda llm, **more: asyncio.run(llm.achat(ASKED, **more)), id="achat"),
    pytest.param(lambda llm, **more: list(llm.stream_chat(ASKED, **more)), id="stream"),
    pytest.param(lambda llm, **more: asyncio.run(_all(llm.astream_chat(ASKED, **more))), id="astream"),
    pytest.param(lambda llm, **more: llm.complete("Hi", **more), id="complete"),
    pytest.param(lambda llm, **more: asyncio.run(llm.acomplete("Hi", **more)), id="acomplete"),
    pytest.param(lambda llm, **more: list(llm.stream_complete("Hi", **more)), id="stream-complete"),
    pytest.param(
        lambda llm, **more: asyncio.run(_all(llm.astream_complete("Hi", **more))), id="astream-complete"
    ),
    pytest.param(lambda llm, **more: llm.as_structured_llm(Receipt).chat(ASKED, **more), id="structured"),
    pytest.param(lambda llm, **more: llm.structured_predict(Receipt, PROMPT, llm_kwargs=more), id="predict"),
    pytest.param(
        lambda llm, **more: asyncio.run(llm.astructured_predict(Receipt, PROMPT, llm_kwargs=more)),
        id="apredict",
    ),
]


@pytest.fixture
def shown() -> Iterator[list[str]]:
    """All that watches LlamaIndex is shown."""
    seen: list[str] = []

    class Events(BaseEventHandler):
        def handle(self, event: Any, **kwargs: Any) -> None:
            seen.append(repr(event.model_dump()))

    class Spans(NullSpanHandler):
        def new_span(self, id_: str, bound_args: Any, *args: Any, **kwargs: Any) -> None:
            seen.append(repr(bound_args.arguments))

    dispatcher = get_dispatcher()
    events, spans = Events(), Spans()
    dispatcher.add_event_handler(events)
    dispatcher.add_span_handler(spans)
    yield seen
    dispatcher.event_handlers.remove(events)
    dispatcher.span_handlers.remove(spans)


@pytest.mark.parametrize("way", WAYS)
def test_headers_of_a_call_are_sent_and_shown_nowhere(
    way: Callable[..., Any], make_llm: Make, server: ScriptedServer, shown: list[str]
) -> None:
    server.say('{"total": 9}')
    way(make_llm(default_headers={"X-Team": "scans"}), extra_headers=HEADERS)
    headers = server.seen[0].headers
    assert (headers["x-trace"], headers["x-team"]) == (CANARY, "scans")
    assert shown
    assert CANARY not in "".join(shown)


@pytest.mark.parametrize("library", [name for name in ("httpx", "httpx2") if find_spec(name)])
def test_a_timeout_of_httpx_is_taken(make_llm: Make, library: str) -> None:
    timeout = import_module(library).Timeout(30.0, connect=5.0)
    llm = make_llm(timeout=timeout)
    assert llm.timeout == 30.0
    assert llm._client()._limits.timeout == 30.0
    assert llm.chat(ASKED, timeout=timeout).message.content


def test_a_pair_of_times_is_taken(make_llm: Make) -> None:
    assert make_llm(timeout=(1, 5)).timeout == 5
    assert make_llm(timeout=(1, None)).timeout == 600
    with pytest.raises(ConfigError) as caught:
        make_llm(timeout=(1, 2, 3))
    assert "idle_timeout" in caught.value.hint

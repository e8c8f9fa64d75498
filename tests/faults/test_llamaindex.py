"""What each fault comes to in LlamaIndex's LLM: the row's outcome, by all four ways to chat."""

from __future__ import annotations

import asyncio
import gc
import traceback
from collections.abc import Mapping
from io import BytesIO
from typing import Any, TypeAlias

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ImageBlock, TextBlock
from PIL import Image

from llamaindex_vlm import VLM
from vlm_core import Usage, VLMError
from vlm_core.testing import ScriptedServer

pytestmark = pytest.mark.usefixtures("quick_collections", "short_waits", "small_answers")

Rows: TypeAlias = Mapping[bool, Mapping[str, Any]]
KEY = "canary-key-4f0d73"
QUESTION = "canary-question-e2c8a5: what is the total?"
SETTINGS = {"max_retries": 2, "timeout": 20, "idle_timeout": 20, "temperature": 0}
COUNTS = {"prompt_tokens", "completion_tokens", "total_tokens", "cost_usd"}


def question() -> list[ChatMessage]:
    file = BytesIO()
    Image.linear_gradient("L").resize((400, 300)).convert("RGB").save(file, "PNG")
    return [ChatMessage(role="user", blocks=[ImageBlock(image=file.getvalue()), TextBlock(text=QUESTION)])]


MESSAGES = question()


# --- the four ways to ask


Answer: TypeAlias = tuple[ChatResponse, str | None]
"""The last response, and the pieces of a stream together. All responses would be the square of the text."""


def chat(llm: VLM) -> Answer:
    return llm.chat(MESSAGES), None


def stream_chat(llm: VLM) -> Answer:
    pieces = []
    for response in llm.stream_chat(MESSAGES):
        pieces.append(response.delta or "")
    return response, "".join(pieces)


def achat(llm: VLM) -> Answer:
    return asyncio.run(llm.achat(MESSAGES)), None


def astream_chat(llm: VLM) -> Answer:
    async def ask() -> Answer:
        pieces = []
        async for response in await llm.astream_chat(MESSAGES):
            pieces.append(response.delta or "")
        return response, "".join(pieces)

    return asyncio.run(ask())


WAYS = {chat: False, achat: False, stream_chat: True, astream_chat: True}
"""Whether the answer is streamed."""


# --- what holds of every call


def check_answer(answer: Answer, row: Any) -> None:
    """It says what the row says, and tells what the client would have told."""
    last, pieces = answer
    facts, wanted = last.additional_kwargs, dict(row.answer)
    assert (last.message.content or "") == row.lasting
    assert pieces in (None, row.lasting)
    assert row.warning in " ".join(facts.get("warnings", ()))
    assert bool(facts.get("warnings")) == bool(row.warning)
    if "usage" in wanted:
        assert wanted.pop("usage") == Usage()
        assert COUNTS & facts.keys() == set()
    assert {name: facts.get(name) for name in wanted} == wanted
    assert [attempt["outcome"] for attempt in facts["attempts"]][-1] == "ok"


def check_failure(error: VLMError) -> None:
    """It says what to do, and gives nothing away."""
    assert error.hint
    assert error.route
    told = "".join(traceback.TracebackException.from_exception(error).format())
    for text in (repr(error), str(error), repr(vars(error)), told):
        assert KEY not in text
        assert QUESTION not in text
        assert "iVBORw0KGgo" not in text


@pytest.mark.parametrize("ask", WAYS, ids=lambda ask: ask.__name__)
def test_a_fault_comes_to_the_same_as_in_the_client(ask: Any, rows: Rows, kind_of_fault: str) -> None:
    row = rows[WAYS[ask]][kind_of_fault]
    with ScriptedServer(api_key=KEY) as server:
        server.fault(kind_of_fault, times=row.requests, **row.fault)
        llm = VLM(model="some-vlm", api_base=server.base_url, api_key=KEY, **{**SETTINGS, **row.client})
        if isinstance(row.lasting, str):
            check_answer(ask(llm), row)
        else:
            with pytest.raises(row.lasting) as caught:
                ask(llm)
            check_failure(caught.value)
        assert server.requests == row.requests
    del llm
    gc.collect()  # what was left open would warn here


@pytest.mark.parametrize("max_retries", [0, 1, 3])
@pytest.mark.parametrize("ask", [chat, stream_chat], ids=lambda ask: ask.__name__)
@pytest.mark.parametrize("name", ["status_503", "rate_limited_silent", "reset_before_headers", "html_200"])
def test_n_retries_are_at_most_n_and_one_requests(ask: Any, name: str, max_retries: int) -> None:
    with ScriptedServer(api_key=KEY) as server:
        server.fault(name)
        settings = {**SETTINGS, "max_retries": max_retries}
        llm = VLM(model="some-vlm", api_base=server.base_url, api_key=KEY, **settings)
        with pytest.raises(VLMError) as caught:
            ask(llm)
        assert len(caught.value.attempts) == server.requests == max_retries + 1


def test_the_llm_is_of_use_after_a_fault(rows: Rows) -> None:
    with ScriptedServer(api_key=KEY) as server:
        server.fault("reset_in_body", times=3)
        server.say("TOTAL 9.00")
        llm = VLM(model="some-vlm", api_base=server.base_url, api_key=KEY, **SETTINGS)
        with pytest.raises(VLMError):
            chat(llm)
        assert [ask(llm)[0].message.content for ask in WAYS] == ["TOTAL 9.00"] * 4

"""What each fault comes to in LangChain's chat model: the row's outcome, by all four ways to ask."""

from __future__ import annotations

import asyncio
import base64
import gc
import traceback
from collections.abc import Mapping
from functools import reduce
from io import BytesIO
from operator import add
from typing import Any, TypeAlias

import pytest
from langchain_core.exceptions import ModelError
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from PIL import Image

from langchain_vlm import ChatVLM
from vlm_core import Usage, VLMError
from vlm_core.testing import ScriptedServer

pytestmark = pytest.mark.usefixtures("quick_collections", "short_waits", "small_answers")

Rows: TypeAlias = Mapping[bool, Mapping[str, Any]]
KEY = "canary-key-90be41"
QUESTION = "canary-question-77f1e0: what is the total?"
SETTINGS = {"max_retries": 2, "timeout": 20, "idle_timeout": 20, "temperature": 0}


def question() -> list[HumanMessage]:
    file = BytesIO()
    Image.linear_gradient("L").resize((400, 300)).convert("RGB").save(file, "PNG")
    image = {"type": "image", "base64": base64.b64encode(file.getvalue()).decode(), "mime_type": "image/png"}
    return [HumanMessage([image, {"type": "text", "text": QUESTION}])]


MESSAGES = question()


# --- the four ways to ask


def invoke(model: ChatVLM) -> AIMessage:
    return model.invoke(MESSAGES)


def stream(model: ChatVLM) -> AIMessage:
    return reduce(add, model.stream(MESSAGES))


def ainvoke(model: ChatVLM) -> AIMessage:
    return asyncio.run(model.ainvoke(MESSAGES))


def astream(model: ChatVLM) -> AIMessage:
    async def collected() -> list[AIMessageChunk]:
        return [chunk async for chunk in model.astream(MESSAGES)]

    return reduce(add, asyncio.run(collected()))


WAYS = {invoke: False, ainvoke: False, stream: True, astream: True}
"""Whether the answer is streamed."""


# --- what holds of every call


def check_answer(answer: AIMessage, row: Any) -> None:
    """It says what the row says, and tells what the client would have told."""
    told = answer.response_metadata
    wanted = dict(row.answer)
    assert row.warning in " ".join(told.get("warnings", ()))
    assert bool(told.get("warnings")) == bool(row.warning)
    assert answer.additional_kwargs.get("refusal") == wanted.pop("refusal", None)
    if "usage" in wanted:
        assert wanted.pop("usage") == Usage()
        assert answer.usage_metadata is None
    if "served_model" in wanted:
        assert told["model_name"] == wanted.pop("served_model")
    assert {name: told.get(name) for name in wanted} == wanted
    assert told["model_provider"]


def check_failure(error: VLMError) -> None:
    """It is of both families, says what to do, and gives nothing away."""
    assert isinstance(error, ModelError)
    assert error.hint
    assert error.route
    told = "".join(traceback.TracebackException.from_exception(error, capture_locals=False).format())
    for text in (repr(error), str(error), repr(vars(error)), told):
        assert KEY not in text
        assert QUESTION not in text
        assert "iVBORw0KGgo" not in text


@pytest.mark.parametrize("ask", WAYS, ids=lambda ask: ask.__name__)
def test_a_fault_comes_to_the_same_as_in_the_client(ask: Any, rows: Rows, kind_of_fault: str) -> None:
    row = rows[WAYS[ask]][kind_of_fault]
    with ScriptedServer(api_key=KEY) as server:
        server.fault(kind_of_fault, times=row.requests, **row.fault)
        settings = {**SETTINGS, **row.client}
        model = ChatVLM(model="some-vlm", base_url=server.base_url, api_key=KEY, **settings)
        if isinstance(row.lasting, str):
            answer = ask(model)
            assert answer.text == row.lasting
            check_answer(answer, row)
        else:
            with pytest.raises(row.lasting) as caught:
                ask(model)
            check_failure(caught.value)
        assert server.requests == row.requests
    del model
    gc.collect()  # what was left open would warn here


def test_the_model_is_of_use_after_a_fault(rows: Rows) -> None:
    with ScriptedServer(api_key=KEY) as server:
        server.fault("reset_in_body", times=3)
        server.say("TOTAL 9.00")
        model = ChatVLM(model="some-vlm", base_url=server.base_url, api_key=KEY, **SETTINGS)
        with pytest.raises(VLMError):
            invoke(model)
        assert [ask(model).text for ask in WAYS] == ["TOTAL 9.00"] * 4

"""The LLM of LlamaIndex against servers that nobody here wrote."""

from __future__ import annotations

import asyncio
from io import BytesIO

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ImageBlock, TextBlock
from PIL import Image

from llamaindex_vlm import VLM
from vlm_core import ContextOverflow, RateLimited, ServerError, VLMClient

LITELLM_KEY = "sk-local"
LITELLM_MODEL = "Qwen/Qwen2.5-VL-32B-Instruct"


def question(size: tuple[int, int] = (112, 84)) -> list[ChatMessage]:
    file = BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(file, "TIFF")
    blocks = [ImageBlock(image=file.getvalue()), TextBlock(text="Extract all text.")]
    return [ChatMessage(role="user", blocks=blocks)]


@pytest.fixture
def llm(tiny: VLMClient) -> VLM:
    """Asks `transformers serve` with a tiny Qwen2.5-VL."""
    return VLM(model=tiny.endpoint.model, api_base=tiny.endpoint.base_url, max_tokens=8, timeout=120)


def litellm(base_url: str, model: str = LITELLM_MODEL) -> VLM:
    return VLM(model=model, api_base=base_url, api_key=LITELLM_KEY, max_retries=0, timeout=120)


def test_a_larger_picture_takes_more_tokens(llm: VLM) -> None:
    small, large = (
        llm.chat(question(size)).additional_kwargs["prompt_tokens"] for size in ((56, 56), (448, 448))
    )
    assert large > small


def test_blocking_or_not_the_answer_is_the_same(llm: VLM) -> None:
    async def ask() -> list[ChatResponse]:
        streamed = [step async for step in await llm.astream_chat(question())]
        return [await llm.achat(question()), streamed[-1]]

    *_, streamed = llm.stream_chat(question())
    responses = [llm.chat(question()), streamed, *asyncio.run(ask())]
    whole, piecewise, awaited, apiecewise = (response.message.content or "" for response in responses)
    assert (whole, piecewise) == (awaited, apiecewise)
    # The server strips a whole answer, and streams no half character.
    assert whole.startswith(piecewise.strip())
    assert piecewise.strip()
    assert all(response.additional_kwargs["completion_tokens"] for response in responses)


def test_a_gateway_answers_whole_and_streamed(base_url_of_litellm: str) -> None:
    llm = litellm(base_url_of_litellm)
    *_, streamed = llm.stream_chat(question())
    for response in (llm.chat(question()), streamed):
        assert response.message.content == "INVOICE 42\nTotal: 12.50"
        assert response.additional_kwargs["finish_reason"] == "stop"


FAILURES = [
    pytest.param("mock-ratelimit", RateLimited, id="429"),
    pytest.param("mock-5xx", ServerError, id="5xx"),
    pytest.param("mock-context", ContextOverflow, id="context"),
]


@pytest.mark.parametrize(("model", "kind"), FAILURES)
def test_what_a_gateway_refuses_is_typed(base_url_of_litellm: str, model: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        litellm(base_url_of_litellm, model).chat(question())

"""The server through the client that everybody uses."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from vlm_core.testing import ScriptedServer

HELLO: list[Any] = [{"role": "user", "content": "hello"}]
USAGE: dict[str, Any] = {"include_usage": True}


@pytest.fixture
def client(server: ScriptedServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=server.base_url, api_key=server.api_key, max_retries=0) as client:
        yield client


def test_an_answer_is_read(server: ScriptedServer, client: openai.OpenAI) -> None:
    server.say("TOTAL 9.00", finish_reason="length", usage={"prompt_tokens": 7, "completion_tokens": 2})
    answer = client.chat.completions.create(model="m", messages=HELLO)
    choice = answer.choices[0]
    assert (choice.message.content, choice.finish_reason, answer.model) == ("TOTAL 9.00", "length", "m")
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 7


def test_a_stream_is_read(server: ScriptedServer, client: openai.OpenAI) -> None:
    server.stream("TO", "TAL", " 9.00")
    chunks = list(
        client.chat.completions.create(model="m", messages=HELLO, stream=True, stream_options=USAGE)
    )
    pieces = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
    assert [piece for piece in pieces if piece] == ["TO", "TAL", " 9.00"]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 2


def test_a_stream_of_8000_pieces_arrives_whole(server: ScriptedServer, client: openai.OpenAI) -> None:
    server.stream(*map(str, range(8000)))
    stream = client.chat.completions.create(model="m", messages=HELLO, stream=True)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    assert text == "".join(map(str, range(8000)))


def test_a_streamed_tool_call_is_put_together(server: ScriptedServer, client: openai.OpenAI) -> None:
    server.call_tool("read_image", {"page": 1, "question": "what is the total?"})
    with client.chat.completions.stream(model="m", messages=HELLO) as stream:
        (call,) = stream.get_final_completion().choices[0].message.tool_calls or ()
    assert (call.type, call.function.name) == ("function", "read_image")
    assert call.function.arguments == '{"page": 1, "question": "what is the total?"}'


@pytest.mark.parametrize(
    ("status", "error"),
    [
        pytest.param(400, openai.BadRequestError, id="400"),
        pytest.param(403, openai.PermissionDeniedError, id="403"),
        pytest.param(404, openai.NotFoundError, id="404"),
        pytest.param(429, openai.RateLimitError, id="429"),
        pytest.param(503, openai.InternalServerError, id="503"),
    ],
)
def test_a_refusal_becomes_an_error(
    server: ScriptedServer, client: openai.OpenAI, status: int, error: type[openai.APIStatusError]
) -> None:
    server.refuse(status, "not today")
    with pytest.raises(error, match="not today"):
        client.chat.completions.create(model="m", messages=HELLO)


def test_a_wrong_key_becomes_an_error(server: ScriptedServer, client: openai.OpenAI) -> None:
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="wrong").chat.completions.create(model="m", messages=HELLO)


def test_models_are_listed() -> None:
    with (
        ScriptedServer(models=["a", "b"]) as server,
        openai.OpenAI(base_url=server.base_url, api_key=server.api_key) as client,
    ):
        assert [model.id for model in client.models.list()] == ["a", "b"]


async def test_many_questions_at_once_are_answered(server: ScriptedServer) -> None:
    server.answer(lambda seen: seen.text)
    async with openai.AsyncOpenAI(base_url=server.base_url, api_key=server.api_key) as client:

        async def ask(text: str) -> str | None:
            messages: list[Any] = [{"role": "user", "content": text}]
            answer = await client.chat.completions.create(model="m", messages=messages)
            return answer.choices[0].message.content

        texts = [f"question {number}" for number in range(50)]
        assert await asyncio.gather(*map(ask, texts)) == texts

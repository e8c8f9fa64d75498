"""Chats and completions, whole and streamed, blocking and not: what is in their responses."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ImageBlock, ThinkingBlock
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.schema import ImageDocument

from llamaindex_vlm import VLM
from vlm_core import ConfigError, DeadlineExceeded, Provider, ProviderTimeout, Route, ServerError
from vlm_core.testing import ScriptedServer
from vlm_core.testing.replies import Answer

HELLO = [ChatMessage(role="user", content="Total?")]


def whole(llm: VLM, name: str, asked: Any, **options: Any) -> list[Any]:
    return [getattr(llm, name)(asked, **options)]


def streamed(llm: VLM, name: str, asked: Any, **options: Any) -> list[Any]:
    steps = getattr(llm, f"stream_{name}")(asked, **options)
    assert isinstance(steps, Generator)
    return list(steps)


def awaited(llm: VLM, name: str, asked: Any, **options: Any) -> list[Any]:
    async def ask() -> list[Any]:
        return [await getattr(llm, f"a{name}")(asked, **options)]

    return asyncio.run(ask())


def astreamed(llm: VLM, name: str, asked: Any, **options: Any) -> list[Any]:
    async def ask() -> list[Any]:
        steps = await getattr(llm, f"astream_{name}")(asked, **options)
        assert isinstance(steps, AsyncGenerator)
        return [step async for step in steps]

    return asyncio.run(ask())


WAYS = [whole, streamed, awaited, astreamed]
Way = Callable[..., list[Any]]
EVERY_WAY = pytest.mark.parametrize("way", WAYS)
STREAMED = pytest.mark.parametrize("way", [streamed, astreamed])


@EVERY_WAY
def test_a_chat_gives_the_answer_and_what_it_cost(way: Way, llm: VLM, server: ScriptedServer) -> None:
    usage = {"prompt_tokens": 120, "completion_tokens": 8, "total_tokens": 128, "cost": 0.002}
    server.say("TOTAL 9.00", usage=usage)
    last = way(llm, "chat", HELLO)[-1]
    assert last.message.role == "assistant"
    assert last.message.content == "TOTAL 9.00"
    facts = last.additional_kwargs
    assert {name: facts[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")} == {
        "prompt_tokens": 120,
        "completion_tokens": 8,
        "total_tokens": 128,
    }
    assert (facts["finish_reason"], facts["cost_usd"]) == ("stop", 0.002)
    assert facts["route"].endswith(":some-vlm")
    assert [attempt["outcome"] for attempt in facts["attempts"]] == ["ok"]
    assert last.raw["usage"] == usage


@EVERY_WAY
def test_a_completion_is_the_same_answer(way: Way, llm: VLM, server: ScriptedServer) -> None:
    server.say("TOTAL 9.00", finish_reason="length")
    last = way(llm, "complete", "Total?")[-1]
    assert last.text == "TOTAL 9.00"
    assert last.additional_kwargs["finish_reason"] == "length"
    assert last.raw["usage"]["prompt_tokens"] == 1
    assert server.seen[0].messages == [{"role": "user", "content": "Total?"}]


@STREAMED
def test_a_stream_gives_the_answer_so_far_and_the_piece(way: Way, llm: VLM, server: ScriptedServer) -> None:
    server.stream("TO", "TAL", " 9.00")
    chat = way(llm, "chat", HELLO)
    assert [step.delta for step in chat] == ["TO", "TAL", " 9.00", ""]
    assert [step.message.content for step in chat] == ["TO", "TOTAL", "TOTAL 9.00", "TOTAL 9.00"]
    assert [step.text for step in way(llm, "complete", "Total?")] == [
        "TO",
        "TOTAL",
        "TOTAL 9.00",
        "TOTAL 9.00",
    ]
    assert server.seen[0].options["stream_options"] == {"include_usage": True}


@EVERY_WAY
def test_what_the_model_thought_is_apart_from_its_answer(way: Way, llm: VLM, server: ScriptedServer) -> None:
    server.say("9.00", reasoning="The last line.")
    steps = way(llm, "chat", HELLO)
    thought, text = steps[-1].message.blocks
    assert isinstance(thought, ThinkingBlock)
    assert (thought.content, text.text) == ("The last line.", "9.00")
    if len(steps) > 1:
        pieces = [step.additional_kwargs.get("thinking_delta", "") for step in steps]
        assert "".join(pieces) == "The last line."


@EVERY_WAY
def test_a_refusal_is_no_answer_and_is_not_lost(way: Way, llm: VLM, server: ScriptedServer) -> None:
    server.say("", refusal="I cannot help with that.")
    last = way(llm, "chat", HELLO)[-1]
    assert not last.message.content
    assert last.additional_kwargs["refusal"] == "I cannot help with that."


@EVERY_WAY
@pytest.mark.parametrize(
    "usage",
    [
        pytest.param({}, id="none"),
        pytest.param({"prompt_tokens": None, "completion_tokens": None}, id="null"),
        pytest.param({"prompt_tokens": "many"}, id="words"),
    ],
)
def test_usage_that_is_no_figure_harms_no_token_counter(
    way: Way, usage: dict[str, Any], make_llm: Callable[..., VLM], server: ScriptedServer
) -> None:
    counter = TokenCountingHandler(tokenizer=str.split)
    llm = make_llm(callback_manager=CallbackManager([counter]))
    server.say("TOTAL 9.00", usage=usage)
    assert way(llm, "chat", HELLO)[-1].message.content == "TOTAL 9.00"
    assert counter.total_llm_token_count > 0  # its own estimate


@EVERY_WAY
def test_a_token_counter_counts_what_the_provider_said(
    way: Way, make_llm: Callable[..., VLM], server: ScriptedServer
) -> None:
    counter = TokenCountingHandler(tokenizer=str.split)
    llm = make_llm(callback_manager=CallbackManager([counter]))
    server.say("TOTAL 9.00", usage={"prompt_tokens": 120, "completion_tokens": 8, "total_tokens": 128})
    way(llm, "chat", HELLO)
    way(llm, "complete", "Total?")
    assert (counter.prompt_llm_token_count, counter.completion_llm_token_count) == (240, 16)


@EVERY_WAY
def test_logprobs_are_given_where_they_are_asked_for(way: Way, llm: VLM, server: ScriptedServer) -> None:
    token = {"token": "9", "logprob": -0.1, "bytes": [57], "top_logprobs": []}
    sure = {"content": [{**token, "top_logprobs": [token, {"token": "8", "logprob": -2.5}]}, token]}
    message = {"role": "assistant", "content": "9"}
    choice = {"index": 0, "message": message, "delta": message, "finish_reason": "stop", "logprobs": sure}
    body: dict[str, Any] = {"id": "1", "object": "chat.completion", "model": "some-vlm", "choices": [choice]}
    server.reply(json=body)
    last = way(llm, "chat", HELLO, logprobs=True)[-1]
    assert server.seen[0].options["logprobs"] is True
    assert [[one.token for one in tokens] for tokens in last.logprobs] == [["9", "8"], ["9"]]


@EVERY_WAY
def test_options_of_a_call_count_more_than_the_settings(
    way: Way, make_llm: Callable[..., VLM], server: ScriptedServer
) -> None:
    llm = make_llm(temperature=0, max_tokens=9, seed=1, additional_kwargs={"seed": 2, "user": "me"})
    way(llm, "chat", HELLO, max_tokens=5)
    options = server.seen[0].options
    assert {name: options.get(name) for name in ("temperature", "max_tokens", "seed", "user")} == {
        "temperature": 0,
        "max_tokens": 5,
        "seed": 2,
        "user": "me",
    }
    assert "top_p" not in options


@EVERY_WAY
def test_an_unknown_option_is_refused_with_the_nearest_name(
    way: Way, llm: VLM, server: ScriptedServer
) -> None:
    with pytest.raises(ConfigError, match="max_tokens"):
        way(llm, "chat", HELLO, max_token=5)
    assert server.requests == 0


@EVERY_WAY
def test_a_call_may_have_a_time_of_its_own(way: Way, llm: VLM, server: ScriptedServer) -> None:
    server.fault("never_answers", seconds=30.0)
    with pytest.raises((ProviderTimeout, DeadlineExceeded)):
        way(llm, "chat", HELLO, timeout=0.3)


@EVERY_WAY
def test_a_prompt_is_wrapped_unless_it_is_formatted(
    way: Way, make_llm: Callable[..., VLM], server: ScriptedServer
) -> None:
    llm = make_llm(completion_to_prompt=lambda prompt: f"<{prompt}>")
    way(llm, "complete", "Total?")
    way(llm, "complete", "Total?", formatted=True)
    assert [seen.text for seen in server.seen] == ["<Total?>", "Total?"]


@EVERY_WAY
def test_a_completion_takes_images(
    way: Way, llm: VLM, server: ScriptedServer, grey: Any, shade_in: Any
) -> None:
    node = ImageDocument(image=b64encode(grey(10)).decode())
    way(llm, "complete", "Total?", image_documents=[node, ImageBlock(image=grey(20))])
    assert [shade_in(image.data) for image in server.seen[0].images] == [10, 20]
    assert server.seen[0].text == "Total?"


@EVERY_WAY
@pytest.mark.parametrize("max_retries", [0, 1, 2])
def test_n_retries_are_n_and_one_requests(
    way: Way, max_retries: int, make_llm: Callable[..., VLM], server: ScriptedServer
) -> None:
    server.fault("status_503")
    with pytest.raises(ServerError):
        way(make_llm(max_retries=max_retries), "chat", HELLO)
    assert server.requests == max_retries + 1


def test_another_route_answers_and_is_named(make_llm: Callable[..., VLM], server: ScriptedServer) -> None:
    with ScriptedServer(api_key="") as second:
        second.say("9.00")
        lab = Provider(name="lab", base_url=second.base_url, key_required=False)
        server.fault("quota_402")
        llm = make_llm(fallbacks=[Route(lab, "other-vlm")], max_retries=0)
        response = llm.chat(HELLO)
    assert response.additional_kwargs["route"] == "lab:other-vlm"
    assert [attempt["outcome"] for attempt in response.additional_kwargs["attempts"]] == [
        "QuotaExhausted",
        "ok",
    ]


def test_a_stream_that_is_left_early_is_closed(llm: VLM, server: ScriptedServer) -> None:
    server.answer(Answer(pieces=("a ",) * 50 + (30.0, "b")))
    server.say("again")
    steps = llm.stream_chat(HELLO)
    assert next(steps).delta == "a "
    steps.close()
    assert llm.complete("Total?", timeout=4).text == "again"
    assert server.connections == 2


def test_many_threads_share_one_llm(llm: VLM, server: ScriptedServer) -> None:
    server.answer(lambda seen: seen.text)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: llm.complete(str(number)).text, range(40)))
    assert answers == [str(number) for number in range(40)]


def test_it_serves_one_event_loop_after_another(llm: VLM, server: ScriptedServer) -> None:
    async def ask() -> list[str]:
        responses = await asyncio.gather(*(llm.acomplete("Total?") for _ in range(5)))
        return [response.text for response in responses]

    server.say("9.00")
    assert asyncio.run(ask()) == asyncio.run(ask()) == ["9.00"] * 5


def test_a_response_survives_json(llm: VLM, server: ScriptedServer) -> None:
    server.call_tool("look", {"page": 1})
    response = llm.chat(HELLO)
    assert ChatResponse.model_validate_json(response.model_dump_json()).message == response.message

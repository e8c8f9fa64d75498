"""LangChain's cache: one request for one question, and no picture in the key."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.globals import set_llm_cache
from langchain_core.messages import HumanMessage

from langchain_vlm import ChatVLM, image_block
from vlm_core.testing import ScriptedServer

Make = Callable[..., ChatVLM]


class Watched(InMemoryCache):
    """A cache whose keys can be looked at."""

    @property
    def prompts(self) -> list[str]:
        return [prompt for prompt, _ in self._cache]


@pytest.fixture
def cache() -> Watched:
    return Watched()


def about(picture: bytes) -> list[HumanMessage]:
    return [HumanMessage([image_block(picture), {"type": "text", "text": "What is it?"}])]


@pytest.fixture
def noise() -> Callable[[int], bytes]:
    """Pictures of 90 kB that do not resemble each other."""

    def picture(seed: int) -> bytes:
        return b"P6 300 100 255 " + random.Random(seed).randbytes(90_000)

    return picture


@pytest.mark.parametrize("is_global", [True, False], ids=["global", "own"])
def test_the_same_picture_is_asked_about_once(
    server: ScriptedServer, make: Make, cache: Watched, noise: Callable[[int], bytes], is_global: bool
) -> None:
    server.answer(lambda seen: f"answer {seen.number}")
    model = make(cache=None if is_global else cache)
    set_llm_cache(cache if is_global else None)
    try:
        answers = [model.invoke(about(noise(seed))).content for seed in (1, 1, 2)]
        answers.append(asyncio.run(model.ainvoke(about(noise(2)))).content)
    finally:
        set_llm_cache(None)
    assert answers == ["answer 1", "answer 1", "answer 2", "answer 2"]
    assert server.requests == 2
    assert [seen.images[0].size for seen in server.seen] == [(300, 100)] * 2


def test_a_key_is_short(
    make: Make, cache: Watched, noise: Callable[[int], bytes], server: ScriptedServer
) -> None:
    make(cache=cache).invoke(about(noise(1)))
    (prompt,) = cache.prompts
    assert len(prompt) < 1000
    assert "What is it?" in prompt


def test_a_streamed_question_is_kept_by_the_same_key(
    make: Make, cache: Watched, noise: Callable[[int], bytes], server: ScriptedServer
) -> None:
    model = make(cache=cache, streaming=True)
    assert model.invoke(about(noise(1))).content == model.invoke(about(noise(1))).content
    assert server.requests == 1
    assert server.seen[0].stream
    assert server.seen[0].images[0].size == (300, 100)


def test_long_texts_stay_apart(make: Make, cache: Watched, server: ScriptedServer) -> None:
    model = make(cache=cache)
    for last in "ab":
        model.invoke([HumanMessage([{"type": "text", "text": "word " * 500 + last}])])
    assert server.requests == 2


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": 0.5},
        {"model": "other-vlm"},
        {"tool_images": "placeholder"},
        {"extra_body": {"top_k": 1}},
        {"stop": ["END"]},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_models_that_may_answer_otherwise_have_other_keys(
    server: ScriptedServer, make: Make, cache: Watched, settings: dict[str, Any]
) -> None:
    first = make(cache=cache)
    first.invoke("Hi")
    first.model_copy(update=settings).invoke("Hi")
    make(cache=cache, timeout=5).invoke("Hi")
    assert server.requests == 2


def test_a_changed_setting_changes_the_key(server: ScriptedServer, make: Make, cache: Watched) -> None:
    model = make(cache=cache)
    model.invoke("Hi")
    model.temperature = 0.5
    model.invoke("Hi")
    model.invoke("Hi", model="other-vlm")
    assert server.requests == 3


def test_without_a_cache_nothing_is_digested(server: ScriptedServer, model: ChatVLM) -> None:
    messages = about(b"P5 1 1 255 \x80")
    assert model._for_cache(messages) is messages  # type: ignore[arg-type, comparison-overlap]

"""Two ways to another provider: the routes of one model, and LangChain's with_fallbacks over two.

Each test says what both do, so that it is told when LangChain does otherwise one day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest
from langchain_core.exceptions import ModelError, ModelTimeoutError
from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable

from vlm_core import Route
from vlm_core.testing import ScriptedServer

Make: TypeAlias = Callable[..., BaseChatModel]
Both: TypeAlias = Callable[..., Runnable[Any, Any]]


@pytest.fixture
def second() -> Iterator[ScriptedServer]:
    """The other provider, which answers."""
    with ScriptedServer(api_key="sk-second") as second:
        second.say("TOTAL 9.00")
        yield second


@pytest.fixture
def routes(make: Make, second: ScriptedServer) -> Both:
    """One model with two routes."""
    other = Route(provider="second", model="some-vlm", base_url=second.base_url, api_key="sk-second")
    return lambda **settings: make(fallbacks=[other], **settings)


@pytest.fixture
def models(make: Make, second: ScriptedServer) -> Both:
    """Two models, the second behind the first."""
    there = {"base_url": second.base_url, "api_key": "sk-second"}
    return lambda **settings: make(**settings).with_fallbacks([make(**there, **settings)])


def asked(runnable: Runnable[Any, Any]) -> Any:
    """The answer, or the error in its place."""
    try:
        return runnable.invoke("What is the total?")
    except ModelError as error:
        return error


def pieces(runnable: Runnable[Any, Any]) -> list[str]:
    """What a stream gives, and at its end the name of its error."""
    found: list[str] = []
    try:
        found.extend(chunk.text for chunk in runnable.stream("What is the total?") if chunk.text)
    except ModelError as error:
        found.append(type(error).__name__)
    return found


def test_an_answer_tells_of_the_requests_before_it(
    server: ScriptedServer, routes: Both, models: Both
) -> None:
    server.fault("status_503")
    told = [
        [attempt["outcome"] for attempt in asked(both(max_retries=0)).response_metadata["attempts"]]
        for both in (routes, models)
    ]
    assert told == [["ServerError", "ok"], ["ok"]]


def test_one_time_limit_is_for_both(server: ScriptedServer, routes: Both, models: Both) -> None:
    server.fault("never_answers", seconds=30)
    assert isinstance(asked(routes(max_retries=0, timeout=0.2)), ModelTimeoutError)
    assert asked(models(max_retries=0, timeout=0.2)).text == "TOTAL 9.00"


def test_a_stream_that_breaks_is_completed(server: ScriptedServer, routes: Both, models: Both) -> None:
    server.fault("stream_ends_early", text="TOTAL 9.00", after=1)
    assert pieces(routes(max_retries=0)) == ["TOTAL ", "9.00"]
    assert pieces(models(max_retries=0)) == ["TOTAL ", "IncompleteResponse"]


@pytest.mark.parametrize("fault", ["unauthorized", "unknown_model", "content_policy"])
def test_what_is_wrong_with_the_request_is_raised(
    server: ScriptedServer, routes: Both, models: Both, fault: str
) -> None:
    server.fault(fault)
    assert isinstance(asked(routes()), ModelError)
    assert asked(models()).text == "TOTAL 9.00"


def test_a_provider_that_is_down_is_left_alone(server: ScriptedServer, routes: Both, models: Both) -> None:
    server.fault("status_503")
    requests = []
    for both in (routes(max_retries=0), models(max_retries=0)):
        before = server.requests
        assert [asked(both).text for _ in range(12)] == ["TOTAL 9.00"] * 12
        requests.append(server.requests - before)
    assert requests[0] < requests[1] == 12

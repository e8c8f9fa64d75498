"""Headers and times of a call, as users of ChatOpenAI give them; no tracer, cache or repr sees a header."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.load import dumps
from langchain_core.tracers.base import BaseTracer
from langchain_core.tracers.schemas import Run

from langchain_vlm import ChatVLM
from vlm_core import ConfigError
from vlm_core.testing import ScriptedServer

Make = Callable[..., ChatVLM]
CANARY = "canary-header-7f3a"
HEADERS = {"X-Trace": CANARY}


class Tracer(BaseTracer):
    """Keeps all that a tracer is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def _persist_run(self, run: Run) -> None:
        self.seen.append(f"{run.model_dump()!r}{json.dumps(run.extra, default=str)}")


class Watch(BaseCallbackHandler):
    def __init__(self) -> None:
        self.seen: list[str] = []

    def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
        self.seen.append(repr((args, kwargs)))


def invoke(model: Any, **options: Any) -> Any:
    return model.invoke("Hi", **options)


def ainvoke(model: Any, **options: Any) -> Any:
    return asyncio.run(model.ainvoke("Hi", **options))


def stream(model: Any, **options: Any) -> Any:
    return list(model.stream("Hi", **options))


def astream(model: Any, **options: Any) -> Any:
    async def ask() -> Any:
        return [chunk async for chunk in model.astream("Hi", **options)]

    return asyncio.run(ask())


def batch(model: Any, **options: Any) -> Any:
    return model.batch(["Hi"], **options)


def abatch(model: Any, **options: Any) -> Any:
    return asyncio.run(model.abatch(["Hi"], **options))


def events(model: Any, **options: Any) -> Any:
    async def ask() -> Any:
        return [event async for event in model.astream_events("Hi", version="v2", **options)]

    return asyncio.run(ask())


def bound(model: Any, **options: Any) -> Any:
    config = options.pop("config", None)
    return model.bind(**options).invoke("Hi", config=config)


Way = Callable[..., Any]
EVERY_WAY = pytest.mark.parametrize(
    "way", [invoke, ainvoke, stream, astream, batch, abatch, events, bound], ids=lambda way: way.__name__
)


@EVERY_WAY
def test_headers_of_a_call_are_sent_and_shown_nowhere(server: ScriptedServer, make: Make, way: Way) -> None:
    model, tracer, watch = make(default_headers={"X-Team": "scans"}), Tracer(), Watch()
    way(model, extra_headers=HEADERS, config={"callbacks": [tracer, watch]})
    headers = server.seen[0].headers
    assert (headers["x-trace"], headers["x-team"]) == (CANARY, "scans")
    assert tracer.seen
    assert watch.seen
    assert CANARY not in "".join(tracer.seen + watch.seen)
    assert HEADERS == {"X-Trace": CANARY}


def test_a_binding_shows_no_header(model: ChatVLM) -> None:
    for binding in (
        model.bind(extra_headers=HEADERS),
        model.bind_tools([], extra_headers=HEADERS),
        model.with_structured_output({"type": "object", "properties": {}}, extra_headers=HEADERS),
    ):
        assert CANARY not in f"{binding!r}{binding}{dumps(binding)}"


def test_headers_are_no_part_of_the_caches_key(server: ScriptedServer, make: Make) -> None:
    cache = InMemoryCache()
    model = make(cache=cache)
    model.invoke("Hi", extra_headers=HEADERS)
    model.invoke("Hi", extra_headers={"X-Trace": "another"})
    model.invoke("Hi")
    assert server.requests == 1
    assert CANARY not in repr(cache._cache)


def test_structured_output_takes_headers_and_a_time(server: ScriptedServer, model: ChatVLM) -> None:
    server.say('{"total": 9}')
    schema = {"title": "Receipt", "type": "object", "properties": {"total": {"type": "number"}}}
    model.with_structured_output(schema, extra_headers=HEADERS, timeout=30).invoke("Hi")
    assert server.seen[0].headers["x-trace"] == CANARY


def test_headers_among_model_kwargs_are_refused_with_where_they_go(make: Make) -> None:
    with pytest.raises(ConfigError, match="default_headers") as caught:
        make(model_kwargs={"extra_headers": HEADERS})
    assert CANARY not in f"{caught.value!r}{caught.value.hint}"


@pytest.mark.parametrize("library", [name for name in ("httpx", "httpx2") if find_spec(name)])
@pytest.mark.parametrize("name", ["timeout", "request_timeout"])
def test_a_timeout_of_httpx_is_taken(server: ScriptedServer, make: Make, library: str, name: str) -> None:
    timeout = import_module(library).Timeout(30.0, connect=5.0)
    model = make(**{name: timeout})
    assert model.timeout == 30.0
    assert model._client()._limits.timeout == 30.0
    assert model.invoke("Hi", timeout=timeout).content


def test_a_pair_of_times_is_taken(make: Make) -> None:
    assert make(timeout=(1, 5)).timeout == 5
    assert make(timeout=(1, None)).timeout == 600
    with pytest.raises(ConfigError) as caught:
        make(timeout=(1, 2, 3))
    assert "idle_timeout" in caught.value.hint

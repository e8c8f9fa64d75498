"""A server that answers as a test says, and a VLM that asks it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from llamaindex_vlm import VLM
from vlm_core.flow import policy
from vlm_core.testing import ScriptedServer

KEY = "canary-key-5d21c0"


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "BASE_SECONDS", 0.01)


@pytest.fixture(autouse=True)
def no_loop_by_chance() -> None:
    """Where a thread never had an event loop, LlamaIndex makes one and leaves it open."""
    asyncio.run(asyncio.sleep(0))


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(api_key=KEY) as scripted:
        yield scripted


@pytest.fixture
def make_llm(server: ScriptedServer) -> Callable[..., VLM]:
    """Makes a VLM that asks the server; arguments are those of VLM."""

    def make(**settings: Any) -> VLM:
        return VLM(**{"model": "some-vlm", "api_base": server.base_url, "api_key": KEY, **settings})

    return make


@pytest.fixture
def llm(make_llm: Callable[..., VLM]) -> VLM:
    return make_llm()

"""A server that answers as it is told, models that ask it, and pictures to show them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest
from PIL import Image

from langchain_vlm import ChatVLM
from vlm_core.flow import policy
from vlm_core.testing import ScriptedServer

Make: TypeAlias = Callable[..., ChatVLM]


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "BASE_SECONDS", 0.01)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as scripted:
        yield scripted


@pytest.fixture
def make(server: ScriptedServer) -> Make:
    """Makes a model that asks the server."""

    def made(**settings: Any) -> ChatVLM:
        given = {"model": "some-vlm", "base_url": server.base_url, "api_key": server.api_key}
        return ChatVLM(**{**given, **settings})

    return made


@pytest.fixture
def model(make: Make) -> ChatVLM:
    return make()


@pytest.fixture
def png() -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((40, 30)).convert("RGB").save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def pdf() -> bytes:
    """Two pages without text."""
    file = io.BytesIO()
    pages = [Image.new("RGB", (120, 160), shade) for shade in ("white", "gray")]
    pages[0].save(file, "PDF", save_all=True, append_images=pages[1:])
    return file.getvalue()

"""A server, a plain HTTP client for it, and pictures to send."""

from __future__ import annotations

import base64
import http.client
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from vlm_core.catalog.schema import ImageLimits, Provider, Quirk
from vlm_core.testing import ScriptedServer


@dataclass
class Answered:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> Any:
        return self.json["choices"][0]["message"]["content"]

    @property
    def chunks(self) -> list[Any]:
        """What was streamed, without the [DONE], which must be there."""
        *events, done = [event.removeprefix("data: ") for event in self.body.decode().split("\n\n") if event]
        assert done == "[DONE]"
        return [json.loads(event) for event in events]

    @property
    def deltas(self) -> list[Any]:
        return [chunk["choices"][0]["delta"] for chunk in self.chunks if chunk["choices"]]


Ask = Callable[..., Answered]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


@pytest.fixture
def ask() -> Ask:
    """Send a chat completion on a connection of its own; by default "hello" to model "m"."""

    def ask(
        server: ScriptedServer,
        path: str = "/v1/chat/completions",
        key: str = "",
        headers: Mapping[str, str] | None = None,
        **fields: Any,
    ) -> Answered:
        body = {"model": "m", "messages": [{"role": "user", "content": "hello"}], **fields}
        client = http.client.HTTPConnection(urlsplit(server.base_url).netloc, timeout=30)
        try:
            default = {"Authorization": f"Bearer {key or server.api_key}"}
            client.request("POST", path, json.dumps(body), headers or default)
            answer = client.getresponse()
            return Answered(answer.status, dict(answer.headers), answer.read())
        finally:
            client.close()

    return ask


@pytest.fixture
def picture() -> Callable[..., bytes]:
    """The bytes of a white picture."""

    def picture(kind: str = "png", width: int = 8, height: int = 6) -> bytes:
        from PIL import Image

        file = io.BytesIO()
        Image.new("RGB", (width, height), "white").save(file, kind)
        return file.getvalue()

    return picture


@pytest.fixture
def image_part() -> Callable[..., dict[str, Any]]:
    """A picture as a part of a message; a string is a URL."""

    def image_part(data: bytes | str, label: str = "png", **fields: Any) -> dict[str, Any]:
        url = data
        if isinstance(data, bytes):
            url = f"data:image/{label};base64,{base64.b64encode(data).decode()}"
        return {"type": "image_url", "image_url": {"url": url, **fields}}

    return image_part


@pytest.fixture
def own_row() -> Callable[..., Provider]:
    """A row that has a known provider's name, and of its limits and quirks only what is given."""

    def own_row(name: str, *quirks: Quirk, **limits: Any) -> Provider:
        return Provider(name=name, limits=ImageLimits(**limits), quirks=frozenset(quirks))

    return own_row

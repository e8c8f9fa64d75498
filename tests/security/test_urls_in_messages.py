"""A URL in a chat message makes no server fetch from within its network, and no key goes to a proxy."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock

from langchain_vlm import ChatVLM
from llamaindex_vlm import VLM
from vlm_core import ImageLimits, Provider, UnsafeURLError, VLMClient, VLMError
from vlm_core.testing import ScriptedServer

ADDRESSES = [
    "http://169.254.169.254/latest/meta-data/",
    "http://127.0.0.1:22/",
    "http://localhost/a.png",
    "http://[::1]/a.png",
    "http://[::ffff:10.0.0.1]/a.png",
    "http://10.0.0.1/a.png",
    "http://192.168.1.1:8080/a.png",
    "http://2130706433/a.png",
    "http://0x7f.1/a.png",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://user:pass@127.0.0.1/a.png",
    "HTTP://LOCALHOST/a.png",
    "http://example.com\\@127.0.0.1/a.png",
]
ROUTES = ["vllm:some-vlm", "ollama:some-vlm", "lmstudio:some-vlm", "some-vlm"]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


def asked(url: str, kind: str = "image_url") -> list[dict[str, Any]]:
    part = {"type": kind, kind: {"url": url} if kind == "image_url" else url}
    return [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, part]}]


CALLS: dict[str, Callable[[ScriptedServer, str, str], object]] = {}


def by(call: Callable[[ScriptedServer, str, str], object]) -> Callable[[ScriptedServer, str, str], object]:
    CALLS[call.__name__] = call
    return call


def client_of(server: ScriptedServer, route: str) -> VLMClient:
    return VLMClient(route, base_url=server.base_url, api_key=server.api_key, max_attempts=1, timeout=5)


@by
def chat(server: ScriptedServer, route: str, url: str) -> object:
    with client_of(server, route) as client:
        return client.chat(asked(url))


@by
def image_part(server: ScriptedServer, route: str, url: str) -> object:
    with client_of(server, route) as client:
        return client.chat(asked(url, "image"))


@by
def stream(server: ScriptedServer, route: str, url: str) -> object:
    with client_of(server, route) as client:
        return list(client.stream(asked(url)))


@by
def achat(server: ScriptedServer, route: str, url: str) -> object:
    async def call() -> object:
        async with client_of(server, route) as client:
            return await client.achat(asked(url))

    return asyncio.run(call())


@by
def langchain(server: ScriptedServer, route: str, url: str) -> object:
    model = ChatVLM(model=route, base_url=server.base_url, api_key=server.api_key)
    return model.invoke([HumanMessage([{"type": "image", "url": url}, {"type": "text", "text": "What?"}])])


@by
def llamaindex(server: ScriptedServer, route: str, url: str) -> object:
    model = VLM(model=route, api_base=server.base_url, api_key=server.api_key)
    return model.chat([ChatMessage(blocks=[ImageBlock(url=url), TextBlock(text="What?")])])


@pytest.mark.parametrize("url", ADDRESSES)
@pytest.mark.parametrize("route", ROUTES)
def test_a_private_server_is_given_no_url_of_its_network(
    server: ScriptedServer, route: str, url: str
) -> None:
    with pytest.raises(UnsafeURLError):
        chat(server, route, url)
    assert server.requests == 0


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("url", ADDRESSES[:2])
def test_by_no_call(
    server: ScriptedServer, url: str, call: Callable[[ScriptedServer, str, str], object]
) -> None:
    with pytest.raises(VLMError):
        call(server, "vllm:some-vlm", url)
    assert server.requests == 0


@pytest.mark.parametrize("kind", ["video_url", "input_audio", "audio_url", "file", "input_file", "media"])
def test_a_url_in_another_kind_of_part_is_not_passed_on_either(server: ScriptedServer, kind: str) -> None:
    part = {"type": kind, kind: {"url": ADDRESSES[0], "file_url": ADDRESSES[0]}, "file_url": ADDRESSES[0]}
    with client_of(server, "vllm:some-vlm") as client, pytest.raises(VLMError):
        client.chat([{"role": "user", "content": [part]}])
    assert server.requests == 0


@pytest.mark.parametrize("url", ADDRESSES)
def test_a_provider_that_fetches_urls_is_given_none_that_is_private(server: ScriptedServer, url: str) -> None:
    row = Provider(name="web", base_url="https://api.example.com/v1", limits=ImageLimits(accepts_url=True))
    with VLMClient("m", provider=row, api_key="k") as client, pytest.raises(UnsafeURLError):
        client.chat(asked(url))


def test_a_name_that_leads_to_the_network_is_fetched_here_and_refused(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_up(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", port))]

    client = client_of(server, "vllm:some-vlm")
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with client, pytest.raises(UnsafeURLError, match="metadata"):
        client.chat(asked("http://pictures.example/a.png"))


# --- proxies -------------------------------------------------------------------------------------

PROXIES = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]


@pytest.mark.parametrize("variable", PROXIES)
@pytest.mark.parametrize("way", ["chat", "achat", "stream"])
def test_a_server_of_this_machine_is_reached_without_a_proxy(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, variable: str, way: str
) -> None:
    with ScriptedServer(api_key="") as proxy:
        monkeypatch.setenv(variable, proxy.base_url.removesuffix("/v1"))
        with client_of(server, "some-vlm") as client:
            if way == "achat":
                assert asyncio.run(client.achat("What is it?")).text
            else:
                assert list(client.stream("What?")) if way == "stream" else client.chat("What?").text
        assert proxy.connections == 0
    assert server.requests == 1


def test_a_server_in_the_web_is_reached_by_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(api_key="") as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.base_url.removesuffix("/v1"))
        with VLMClient("m", base_url="http://api.example.com/v1", max_attempts=1) as client:
            assert client.chat("What is it?").text
        assert proxy.connections == 1

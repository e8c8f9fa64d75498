"""Headers and times of a call, as users of other clients give them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest

from vlm_core import AuthenticationFailed, ConfigError, Route, Secret, VLMClient, VLMError
from vlm_core.flow import policy
from vlm_core.testing import ScriptedServer

CANARY = "canary-header-7f3a"
Way = Callable[..., Any]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as scripted:
        yield scripted


def client_of(server: ScriptedServer, **settings: Any) -> VLMClient:
    return VLMClient("some-vlm", base_url=server.base_url, api_key=server.api_key, **settings)


def chat(client: VLMClient, **options: Any) -> Any:
    return client.chat("Hi", **options)


def achat(client: VLMClient, **options: Any) -> Any:
    return asyncio.run(client.achat("Hi", **options))


def stream(client: VLMClient, **options: Any) -> Any:
    return list(client.stream("Hi", **options))[-1]


def astream(client: VLMClient, **options: Any) -> Any:
    async def ask() -> Any:
        return [step async for step in client.astream("Hi", **options)][-1]

    return asyncio.run(ask())


EVERY_WAY = pytest.mark.parametrize("way", [chat, achat, stream, astream])


# --- headers


@EVERY_WAY
def test_headers_of_a_call_go_with_it_and_with_no_other(server: ScriptedServer, way: Way) -> None:
    client = client_of(server, headers={"X-Title": "app", "X-Team": "scans"})
    way(client, extra_headers={"x-title": "one call", "X-Trace": Secret(CANARY)})
    way(client)
    first, second = (dict(seen.headers) for seen in server.seen)
    assert (first["x-title"], first["x-team"], first["x-trace"]) == ("one call", "scans", CANARY)
    assert (second["x-title"], second["x-team"]) == ("app", "scans")
    assert "x-trace" not in second
    assert len([name for name in first if name.lower() == "x-title"]) == 1


def test_a_call_may_bring_a_key_of_its_own(server: ScriptedServer) -> None:
    client = VLMClient("some-vlm", base_url=server.base_url, api_key="another")
    assert client.chat("Hi", extra_headers={"authorization": f"Bearer {server.api_key}"}).text
    with pytest.raises(AuthenticationFailed):
        client.chat("Hi")


@EVERY_WAY
def test_headers_of_a_call_never_go_to_a_fallback(
    server: ScriptedServer, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy, "BASE_SECONDS", 0.01)
    server.refuse(500, "down")
    with ScriptedServer() as other:
        route = Route("some-host", "another-vlm", base_url=other.base_url, api_key=other.api_key)
        way(client_of(server, fallbacks=[route]), extra_headers={"X-Trace": CANARY})
        assert server.seen[0].headers["x-trace"] == CANARY
        assert CANARY not in str(dict(other.seen[0].headers))


def test_no_error_shows_the_headers_of_a_call(server: ScriptedServer) -> None:
    server.refuse(400, f"the header {CANARY} is unknown")
    with pytest.raises(VLMError) as caught:
        client_of(server).chat("Hi", extra_headers={"X-Trace": CANARY})
    assert CANARY not in repr(caught.value.__dict__.get("attempts"))
    with pytest.raises(ConfigError) as refused:
        client_of(server).chat("Hi", extra_headers={"X-Trace": f"{CANARY}\n"})
    assert CANARY not in f"{refused.value!r}{refused.value.hint}"


@pytest.mark.parametrize(
    "headers", [{"Host": "x"}, {"X Y": "x"}, {"X": 5}, {"X": "a\nb"}, "X: y", 5], ids=repr
)
def test_headers_that_cannot_be_sent_are_refused(server: ScriptedServer, headers: Any) -> None:
    with pytest.raises(ConfigError):
        client_of(server).chat("Hi", extra_headers=headers)
    assert server.requests == 0


def test_among_options_headers_are_refused_with_where_they_go() -> None:
    from vlm_core import check_options

    with pytest.raises(ConfigError, match="default_headers"):
        check_options({"extra_headers": {}})


# --- times


LIBRARIES = [name for name in ("httpx", "httpx2") if find_spec(name)]
TIMES = [
    pytest.param(lambda library: library.Timeout(30.0), 30.0, id="one"),
    pytest.param(lambda library: library.Timeout(30.0, connect=5.0), 30.0, id="connect"),
    pytest.param(lambda library: library.Timeout(connect=5, read=40, write=9, pool=1), 40, id="four"),
    pytest.param(lambda library: library.Timeout(None), 600.0, id="none"),
    pytest.param(lambda library: library.Timeout(5, read=None), 600.0, id="endless-read"),
    pytest.param(lambda library: (1, 5), 5, id="pair"),
    pytest.param(lambda library: (1, 5, 9, 9), 5, id="tuple-of-four"),
    pytest.param(lambda library: (1, None), 600.0, id="pair-without-read"),
    pytest.param(lambda library: None, 600.0, id="default"),
]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(("timeout", "seconds"), TIMES)
def test_the_time_to_read_is_that_of_the_whole_call(
    server: ScriptedServer, library: str, timeout: Any, seconds: float
) -> None:
    client = client_of(server, timeout=timeout(import_module(library)))
    assert client._limits.timeout == seconds
    call = client._call("Hi", {"timeout": timeout(import_module(library))}, stream=False)
    assert call.limits.timeout == seconds


@EVERY_WAY
def test_a_call_takes_such_a_time(server: ScriptedServer, way: Way) -> None:
    assert way(client_of(server), timeout=(1, 30))


@pytest.mark.parametrize("timeout", [(1, 2, 3), (1,), "fast", (1, "x"), (1, -5), 0, True], ids=repr)
def test_a_time_that_is_none_says_which_times_there_are(server: ScriptedServer, timeout: Any) -> None:
    for give in (
        lambda: client_of(server, timeout=timeout),
        lambda: client_of(server).chat("Hi", timeout=timeout),
    ):
        with pytest.raises(ConfigError) as caught:
            give()
        for name in ("timeout is for the whole call", "first_token_timeout", "idle_timeout"):
            assert name in caught.value.hint
    assert server.requests == 0

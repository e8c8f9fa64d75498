"""A key or a header's value shows itself nowhere, however a call ends."""

import asyncio
import copy
import json
import logging
import pickle
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import openai
import pytest

from vlm_core.catalog.routes import Route
from vlm_core.client import VLMClient
from vlm_core.errors import ConfigError, MissingKeyError, VLMError
from vlm_core.flow import policy
from vlm_core.secret import Secret
from vlm_core.testing import ScriptedServer


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "BASE_SECONDS", 0.01)


KEY = "canary-key-5f1c9a"
HEADER = "canary-header-77aa01"
QUESTION = "What is the total?"


def client_of(base_url: str, **options: Any) -> VLMClient:
    return VLMClient(
        "some-vlm", base_url=base_url, api_key=KEY, headers={"X-Team": HEADER}, timeout=5, **options
    )


def assert_clean(text: str) -> None:
    assert KEY not in text
    assert HEADER not in text


def shown(thing: Any) -> Iterator[str]:
    """All ways in which an object may show itself."""
    yield repr(thing)
    yield str(thing)
    yield f"{thing!s:>40}"
    yield repr(vars(thing)) if hasattr(thing, "__dict__") else ""
    for dump in ("model_dump", "model_dump_json"):
        yield str(getattr(thing, dump)()) if hasattr(thing, dump) else ""
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        yield pickle.dumps(thing, protocol).decode("latin-1")
    yield repr(copy.deepcopy(thing))


def told_by(error: BaseException) -> Iterator[str]:
    """All that a log or an error tracker could make of an error, with the variables of each frame."""
    yield from shown(error)
    yield "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    link: BaseException | None = error
    while link is not None:
        yield from (repr(value) for value in vars(link).values())
        yield "".join(traceback.TracebackException.from_exception(link, capture_locals=True).format())
        link = link.__cause__ or link.__context__


def test_a_client_and_its_parts_show_no_secret() -> None:
    client = client_of("http://127.0.0.1:9/v1")
    for thing in (client, client.endpoint, Route("deepinfra", "m", api_key=KEY, headers={"X": HEADER})):
        for text in shown(thing):
            assert_clean(text)
    assert_clean(repr(asdict(client.endpoint)))
    assert_clean(json.dumps(client.endpoint, default=str))


def test_a_pickled_client_says_that_its_key_stayed_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOVITA_API_KEY", raising=False)
    client = VLMClient("novita:qwen/qwen3-vl-8b-instruct", api_key=KEY)
    copied = pickle.loads(pickle.dumps(client))
    with pytest.raises(MissingKeyError, match="NOVITA_API_KEY"):
        copied.chat(QUESTION)


def test_a_copy_within_the_process_keeps_its_key() -> None:
    with ScriptedServer() as server:
        client = VLMClient("some-vlm", base_url=server.base_url, api_key=server.api_key)
        with copy.deepcopy(client) as copied:
            assert copied.chat(QUESTION).text


def test_a_client_with_connections_of_the_users_own_is_not_pickled() -> None:
    with openai.DefaultHttpxClient() as own, pytest.raises(ConfigError, match="http_client"):
        pickle.dumps(VLMClient("m", base_url="http://127.0.0.1:9/v1", http_client=own))


def echo(server: ScriptedServer) -> None:
    server.reply(status=401, json={"error": {"message": f"Wrong key {KEY} in team {HEADER}"}})


def answer(server: ScriptedServer) -> None:
    server.say("TOTAL 9.00")


def fail(server: ScriptedServer) -> None:
    server.reply(status=500, json={"error": {"message": "boom", "key": KEY}})


def redirect(server: ScriptedServer) -> None:
    server.reply(status=307, headers={"Location": "http://127.0.0.1:9/elsewhere"})


def babble(server: ScriptedServer) -> None:
    server.reply(status=200, body=f"<html><title>Hello {KEY}</title></html>")


def hang_up(server: ScriptedServer) -> None:
    server.raw(
        lambda connection: connection.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{")
    )


OUTCOMES = [echo, answer, fail, redirect, babble, hang_up]
WAYS: dict[str, Callable[[VLMClient], object]] = {
    "chat": lambda client: client.chat(QUESTION),
    "stream": lambda client: list(client.stream(QUESTION)),
    "achat": lambda client: asyncio.run(client.achat(QUESTION)),
    "astream": lambda client: asyncio.run(collect(client)),
}


async def collect(client: VLMClient) -> list[Any]:
    return [step async for step in client.astream(QUESTION)]


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: outcome.__name__)
def test_no_outcome_of_a_call_shows_a_secret(
    outcome: Callable[[ScriptedServer], None],
    way: Callable[[VLMClient], object],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with caplog.at_level(logging.DEBUG), ScriptedServer(api_key=KEY) as server:
        outcome(server)
        with client_of(server.base_url) as client:
            try:
                result = way(client)
            except VLMError as error:
                for text in told_by(error):
                    assert_clean(text)
            else:
                assert_clean(repr(result))
        assert server.requests >= 1
        assert server.seen[0].headers["x-team"] == HEADER
    for record in caplog.records:
        assert_clean(record.getMessage() + repr(vars(record)))
    assert_clean("".join(capfd.readouterr()))


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_refused_connection_shows_no_secret(way: Callable[[VLMClient], object]) -> None:
    client = client_of("http://127.0.0.1:9/v1")
    with pytest.raises(VLMError) as caught:
        way(client)
    for text in told_by(caught.value):
        assert_clean(text)
    client.close()


@pytest.fixture
def openais_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "canary-openai-key")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "canary-openai-admin")
    monkeypatch.setenv("OPENAI_ORG_ID", "canary-openai-org")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "canary-openai-project")
    monkeypatch.setenv(
        "OPENAI_CUSTOM_HEADERS", "X-Canary: canary-openai-header\nAuthorization: Bearer canary"
    )
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/canary")


@pytest.mark.parametrize("key", [pytest.param("sk-own-key", id="own-key"), pytest.param("", id="no-key")])
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.usefixtures("openais_environment")
def test_what_is_openais_reaches_no_other_provider(way: Callable[[VLMClient], object], key: str) -> None:
    with ScriptedServer(api_key=key) as server:
        with VLMClient("some-vlm", base_url=server.base_url, api_key=key or None) as client:
            way(client)
        received = server.seen[0]
    assert "canary" not in repr(dict(received.headers)).lower()
    assert "canary" not in received.body.decode()
    assert (received.api_key.reveal() if received.api_key else "") == key


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_origin_gets_nothing(way: Callable[[VLMClient], object], status: int) -> None:
    with ScriptedServer(api_key="") as stranger, ScriptedServer(api_key=KEY) as server:
        server.reply(status=status, headers={"Location": stranger.base_url + "/chat/completions"})
        with client_of(server.base_url) as client, pytest.raises(VLMError) as caught:
            way(client)
        assert stranger.connections == 0
    assert "base_url" in str(caught.value)


def test_a_secret_is_equal_only_to_a_secret_with_the_same_string() -> None:
    assert Secret("one") == Secret("one")
    assert Secret("one") != Secret("two")
    assert Secret("one") != "one"


def test_warnings_of_a_client_show_no_secret() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        VLMClient("hyperbolic:Qwen/Qwen2.5-VL-72B-Instruct", api_key=KEY, headers={"X": HEADER})
    for warning in caught:
        assert_clean(str(warning.message))

"""An answer that is whole though its transfer breaks off: one request, by all ways to ask."""

from __future__ import annotations

import asyncio
import json
import shutil
import ssl
import subprocess
from collections.abc import Callable, Iterator
from functools import reduce
from operator import add
from pathlib import Path
from threading import Event
from typing import Any, TypeAlias

import pytest
from llama_index.core.base.llms.types import ChatMessage

from langchain_vlm import ChatVLM
from llamaindex_vlm import VLM
from vlm_core.client import VLMClient
from vlm_core.completion import Completion
from vlm_core.errors import IncompleteResponse
from vlm_core.testing import ScriptedServer
from vlm_core.testing.connection import Connection, Listener

pytestmark = pytest.mark.usefixtures("quick_collections", "short_waits")

KEY = "sk-whole-answers-0123456789"
TEXT = "TOTAL 9.00"
USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
QUESTION = "What is the total?"
MESSAGES = [ChatMessage(role="user", content=QUESTION)]

Given: TypeAlias = tuple[str, int | None]
"""The text and the tokens of the answer."""


# --- all ways to ask


def of_client(answer: Completion) -> Given:
    return answer.text, answer.usage.output_tokens


def of_langchain(message: Any) -> Given:
    return message.text, message.usage_metadata["output_tokens"]


def of_llamaindex(response: Any) -> Given:
    return response.message.content, response.additional_kwargs["completion_tokens"]


async def last_of(steps: Any) -> Any:
    return [step async for step in steps][-1]


async def sum_of(steps: Any) -> Any:
    return reduce(add, [step async for step in steps])


async def achat(client: VLMClient) -> Given:
    async with client:
        return of_client(await client.achat(QUESTION))


async def astream(client: VLMClient) -> Given:
    async with client:
        return of_client(await last_of(client.astream(QUESTION)))


async def llama_astream(llm: VLM) -> Given:
    return of_llamaindex(await last_of(await llm.astream_chat(MESSAGES)))


async def llama_achat(llm: VLM) -> Given:
    return of_llamaindex(await llm.achat(MESSAGES))


async def ainvoke(model: ChatVLM) -> Given:
    return of_langchain(await model.ainvoke(QUESTION))


async def lang_astream(model: ChatVLM) -> Given:
    return of_langchain(await sum_of(model.astream(QUESTION)))


WAYS = [
    pytest.param(VLMClient, lambda c: of_client(c.chat(QUESTION)), id="client-chat"),
    pytest.param(VLMClient, lambda c: of_client(list(c.stream(QUESTION))[-1]), id="client-stream"),
    pytest.param(VLMClient, lambda c: asyncio.run(achat(c)), id="client-achat"),
    pytest.param(VLMClient, lambda c: asyncio.run(astream(c)), id="client-astream"),
    pytest.param(ChatVLM, lambda c: of_langchain(c.invoke(QUESTION)), id="langchain-invoke"),
    pytest.param(ChatVLM, lambda c: of_langchain(reduce(add, c.stream(QUESTION))), id="langchain-stream"),
    pytest.param(ChatVLM, lambda c: asyncio.run(ainvoke(c)), id="langchain-ainvoke"),
    pytest.param(ChatVLM, lambda c: asyncio.run(lang_astream(c)), id="langchain-astream"),
    pytest.param(VLM, lambda c: of_llamaindex(c.chat(MESSAGES)), id="llamaindex-chat"),
    pytest.param(VLM, lambda c: of_llamaindex(list(c.stream_chat(MESSAGES))[-1]), id="llamaindex-stream"),
    pytest.param(VLM, lambda c: asyncio.run(llama_achat(c)), id="llamaindex-achat"),
    pytest.param(VLM, lambda c: asyncio.run(llama_astream(c)), id="llamaindex-astream"),
]
EVERY_WAY = pytest.mark.parametrize(("kind", "ask"), WAYS)
Ask: TypeAlias = Callable[[Any], Given]


def made(kind: type[Any], base_url: str) -> Any:
    settings = {"base_url": base_url, "api_key": KEY, "timeout": 20}
    return kind("some-vlm", **settings) if kind is VLMClient else kind(model="some-vlm", **settings)


# --- what the server sends


def pieces(is_streamed: bool, *, with_end: bool = True) -> list[bytes]:
    """An answer as bytes, with its finish_reason and usage or without."""
    reason = "stop" if with_end else None
    if not is_streamed:
        choice = {"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": reason}
        body = json.dumps({"id": "x", "choices": [choice], "usage": USAGE}).encode()
        return [body[:20], body[20:] if with_end else body[20:-9]]
    choices: list[dict[str, Any]] = [{"index": 0, "delta": {"content": TEXT}, "finish_reason": None}]
    choices += [{"index": 0, "delta": {}, "finish_reason": reason}] if with_end else []
    events: list[dict[str, Any]] = [{"id": "x", "choices": [choice]} for choice in choices]
    events += [{"id": "x", "choices": [], "usage": USAGE}] if with_end else []
    return [b"data: %b\n\n" % json.dumps(event).encode() for event in events]


def send(connection: Connection, answer: list[bytes], is_streamed: bool) -> None:
    kind = "text/event-stream" if is_streamed else "application/json"
    connection.begin(200, {"Content-Type": kind})
    for piece in answer:
        connection.piece(piece)


def leave(connection: Connection) -> None:
    """Close without the last chunk."""
    connection.last = True


def reset(connection: Connection) -> None:
    connection.wait(0.1)  # it would overtake what was sent
    connection.reset()


ENDINGS = [pytest.param(leave, id="no-last-chunk"), pytest.param(reset, id="reset")]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(api_key=KEY) as server:
        yield server


def answers(
    server: ScriptedServer, ending: Callable[[Connection], None], *, with_end: bool = True
) -> Callable[[Connection], None]:
    def write(connection: Connection) -> None:
        is_streamed = server.seen[-1].stream
        send(connection, pieces(is_streamed, with_end=with_end), is_streamed)
        ending(connection)

    return write


@EVERY_WAY
@pytest.mark.parametrize("ending", ENDINGS)
def test_an_answer_with_its_end_is_whole_however_its_body_ends(
    server: ScriptedServer, kind: type[Any], ask: Ask, ending: Callable[[Connection], None]
) -> None:
    server.raw(answers(server, ending))
    assert ask(made(kind, server.base_url)) == (TEXT, 3)
    assert server.requests == 1


def test_a_body_that_is_shorter_than_it_said_is_whole_where_its_json_is(server: ScriptedServer) -> None:
    def write(connection: Connection) -> None:
        body = b"".join(pieces(False))
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body) + 9, body))
        connection.last = True

    server.raw(write)
    with made(VLMClient, server.base_url) as client:
        assert of_client(client.chat(QUESTION)) == (TEXT, 3)
    assert server.requests == 1


@EVERY_WAY
def test_an_answer_without_its_end_is_not_whole(server: ScriptedServer, kind: type[Any], ask: Ask) -> None:
    server.raw(answers(server, leave, with_end=False))
    with pytest.raises(IncompleteResponse):
        ask(made(kind, server.base_url))
    assert server.requests == 3


# --- over TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for 127.0.0.1, signed by itself, with its key in the same file."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl command to make a certificate with")
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -batch"
    where = f"-subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -keyout {path} -out {path}.crt"
    subprocess.run([*make.split(), *where.split()], check=True, capture_output=True)
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return path


@EVERY_WAY
def test_a_tls_connection_cut_after_the_end_loses_nothing(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, kind: type[Any], ask: Ask
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    requests = []

    def talk(client: Any, stopping: Event) -> None:
        with context.wrap_socket(client.dup(), server_side=True) as secured:
            connection = Connection(secured, stopping)
            with secured.makefile("rb") as lines:
                request = connection.read(lines)
            assert request
            requests.append(request)
            is_streamed = bool(json.loads(request.body).get("stream"))
            send(connection, pieces(is_streamed), is_streamed)
            connection.wait(0.1)
            # Without the alert by which TLS says that it ends.
            client.close()

    listener = Listener(talk)
    try:
        assert ask(made(kind, f"https://127.0.0.1:{listener.port}/v1")) == (TEXT, 3)
    finally:
        listener.stop()
    assert len(requests) == 1

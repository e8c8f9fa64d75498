"""The server as an HTTP server: its life, its connections, and clients that behave badly."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from vlm_core.errors import ConfigError
from vlm_core.testing import Answer, Connection, ScriptedServer, Seen
from vlm_core.testing.connection import Listener

QUESTION = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}]}).encode()
PATH = "/v1/chat/completions"


@pytest.fixture
def client(server: ScriptedServer) -> Iterator[http.client.HTTPConnection]:
    client = http.client.HTTPConnection(urlsplit(server.base_url).netloc, timeout=30)
    yield client
    client.close()


def dial(server: ScriptedServer) -> socket.socket:
    address = urlsplit(server.base_url)
    return socket.create_connection((address.hostname, address.port), timeout=30)


def raw_request(server: ScriptedServer, head: str, body: bytes = QUESTION) -> bytes:
    key = f"Authorization: Bearer {server.api_key}\r\n"
    return f"POST {PATH} HTTP/1.1\r\n{key}{head}\r\n".encode() + body


def all_bytes(client: socket.socket) -> bytes:
    return b"".join(iter(lambda: client.recv(2**16), b""))


def test_a_connection_is_kept_for_the_next_request(server: ScriptedServer, client: Any) -> None:
    for _ in range(3):
        client.request("POST", PATH, QUESTION, {"Authorization": f"Bearer {server.api_key}"})
        assert client.getresponse().read()
    assert (server.connections, server.requests) == (1, 3)
    assert [seen.connection for seen in server.seen] == [1, 1, 1]


def test_a_streamed_answer_leaves_the_connection_open(server: ScriptedServer, client: Any) -> None:
    body = json.dumps({"model": "m", "messages": [], "stream": True})
    for _ in range(2):
        client.request("POST", PATH, body, {"Authorization": f"Bearer {server.api_key}"})
        assert client.getresponse().read().endswith(b"data: [DONE]\n\n")
    assert server.connections == 1


def test_a_client_that_wants_the_connection_closed_gets_it_closed(server: ScriptedServer) -> None:
    with dial(server) as client:
        head = f"Content-Length: {len(QUESTION)}\r\nConnection: close\r\n"
        client.sendall(raw_request(server, head))
        assert b"\r\nConnection: close\r\n" in all_bytes(client)


def test_a_client_of_http_1_0_gets_a_stream_without_chunks(server: ScriptedServer) -> None:
    body = json.dumps({"model": "m", "messages": [], "stream": True}).encode()
    request = raw_request(server, f"Content-Length: {len(body)}\r\n", body)
    with dial(server) as client:
        client.sendall(request.replace(b"HTTP/1.1", b"HTTP/1.0", 1))
        answer = all_bytes(client)
    assert b"chunked" not in answer
    assert answer.endswith(b"}\n\ndata: [DONE]\n\n")


def test_a_body_in_chunks_is_put_together(server: ScriptedServer, client: Any) -> None:
    pieces = iter([QUESTION[:10], QUESTION[10:]])
    key = {"Authorization": f"Bearer {server.api_key}"}
    client.request("POST", PATH, pieces, key, encode_chunked=True)
    assert client.getresponse().status == 200
    assert server.seen[0].body == QUESTION


def test_a_client_that_waits_for_100_continue_gets_it(server: ScriptedServer) -> None:
    head = f"Content-Length: {len(QUESTION)}\r\nExpect: 100-continue\r\nConnection: close\r\n"
    with dial(server) as client:
        client.sendall(raw_request(server, head, b""))
        assert client.recv(99) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(QUESTION)
        assert all_bytes(client).startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_body_of_20_megabytes_arrives(server: ScriptedServer, ask: Any) -> None:
    assert ask(server, user="x" * 20_000_000).status == 200
    assert server.seen[0].body_bytes > 20_000_000


def test_200_clients_are_answered_at_once(server: ScriptedServer, ask: Any) -> None:
    together = threading.Barrier(200)

    def reply(seen: Any) -> str:
        together.wait(30)
        return str(seen.text)

    server.answer(reply)
    questions = [f"question {number}" for number in range(200)]

    def answer(question: str) -> str:
        return str(ask(server, messages=[{"role": "user", "content": question}]).text)

    with ThreadPoolExecutor(200) as pool:
        assert list(pool.map(answer, questions)) == questions
    assert sorted(seen.text for seen in server.seen) == sorted(questions)
    assert server.connections == 200


def test_each_piece_of_a_stream_is_sent_before_the_next_one_is_due(
    server: ScriptedServer, client: Any
) -> None:
    server.stream("first", 600, "second")
    body = json.dumps({"model": "m", "messages": [], "stream": True})
    client.request("POST", PATH, body, {"Authorization": f"Bearer {server.api_key}"})
    answer = client.getresponse()
    assert b'"content":""' in answer.readline()
    assert answer.readline() == b"\n"
    assert b'"content":"first"' in answer.readline()


def test_a_pause_ends_when_the_server_stops(ask: Any) -> None:
    server = ScriptedServer().start()
    came = threading.Event()

    def reply(seen: Seen) -> Answer:
        came.set()
        return Answer("late", pause=600)

    server.answer(reply)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, server)
        assert came.wait(30)
        server.stop()
        with pytest.raises(ConnectionError):
            asked.result(30)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Le", id="half a head"),
        pytest.param(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 99\r\n\r\n{", id="half a body"),
    ],
)
def test_a_client_that_leaves_early_does_no_harm(
    server: ScriptedServer, ask: Any, capfd: pytest.CaptureFixture[str], sent: bytes
) -> None:
    with dial(server) as client:
        client.sendall(sent)
    assert ask(server).status == 200
    assert capfd.readouterr() == ("", "")
    assert server.requests == 1


def test_a_client_that_leaves_in_the_middle_of_an_answer_does_no_harm(
    server: ScriptedServer, ask: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    came, gone, ended = threading.Event(), threading.Event(), threading.Event()

    def write(connection: Connection) -> None:
        came.set()
        try:
            assert gone.wait(30)
            while True:
                connection.send(b"x" * 2**16)
        finally:
            ended.set()

    server.raw(write)
    server.say("fine")
    with dial(server) as client:
        client.sendall(raw_request(server, f"Content-Length: {len(QUESTION)}\r\n"))
        assert came.wait(30)
    gone.set()
    assert ended.wait(30)
    assert ask(server).text == "fine"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", id="tls"),
        pytest.param(b"GET\r\n\r\n", id="no path"),
        pytest.param(b"GET /v1/models HTTP/1.1\r\nno colon\r\n\r\n", id="no colon"),
        pytest.param(b"POST /v1/models HTTP/1.1\r\nContent-Length: many\r\n\r\n", id="no length"),
        pytest.param(b"POST /v1/models HTTP/1.1\r\nContent-Length: -1\r\n\r\n", id="negative length"),
        pytest.param(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", id="no chunk"),
    ],
)
def test_what_is_no_http_gets_a_400(server: ScriptedServer, sent: bytes) -> None:
    with dial(server) as client:
        client.sendall(sent)
        assert all_bytes(client).startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_a_stopped_server_leaves_no_thread(ask: Any) -> None:
    before = threading.active_count()
    with ScriptedServer() as server:
        idle = [dial(server) for _ in range(5)]
        ask(server)
        assert threading.active_count() > before
    assert threading.active_count() == before
    assert [client.recv(1) for client in idle] == [b""] * 5
    for client in idle:
        client.close()


def test_a_stopped_server_takes_no_connection(ask: Any) -> None:
    with ScriptedServer() as server:
        pass
    with pytest.raises(ConnectionRefusedError):
        ask(server)


def test_a_server_can_be_stopped_by_its_own_reply(ask: Any) -> None:
    server = ScriptedServer().start()

    def reply(seen: Any) -> str:
        server.stop()
        return "too late"

    server.answer(reply)
    with pytest.raises(ConnectionError):
        ask(server)


def test_a_server_that_starts_again_has_the_same_address_and_memory(ask: Any) -> None:
    server = ScriptedServer().start()
    ask(server)
    address = server.base_url
    server.stop()
    with server:
        assert server.base_url == address
        ask(server)
        assert server.requests == 2


def test_start_and_stop_may_be_called_twice(ask: Any) -> None:
    server = ScriptedServer().start().start()
    assert ask(server).status == 200
    server.stop()
    server.stop()


def test_a_server_that_was_never_started_has_no_address() -> None:
    with pytest.raises(ConfigError, match="start"):
        _ = ScriptedServer().base_url


def test_servers_run_side_by_side(ask: Any) -> None:
    with ScriptedServer() as one, ScriptedServer() as other:
        one.say("one")
        other.say("other")
        assert (ask(one).text, ask(other).text) == ("one", "other")


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/openai/chat/completions", "/chat/completions"])
def test_any_base_path_will_do(server: ScriptedServer, ask: Any, path: str) -> None:
    assert ask(server, path=path).status == 200


def test_another_path_is_not_found(server: ScriptedServer, ask: Any) -> None:
    answer = ask(server, path="/v1/embeddings")
    assert (answer.status, answer.json["error"]["message"]) == (404, "Cannot POST /v1/embeddings")


def test_models_are_listed() -> None:
    with (
        ScriptedServer(models=["a", "b"], api_key="") as server,
        urlopen(f"{server.base_url}/models") as answer,
    ):
        found = json.load(answer)
    assert [model["id"] for model in found["data"]] == ["a", "b"]


def test_a_reply_that_never_ends_is_warned_of() -> None:
    never, came = threading.Event(), threading.Event()

    def talk(client: socket.socket, stopping: threading.Event) -> None:
        came.set()
        never.wait(30)

    listener = Listener(talk, patience=0)
    with socket.create_connection(("127.0.0.1", listener.port)):
        assert came.wait(30)
        with pytest.warns(ResourceWarning, match="still runs"):
            listener.stop()
    never.set()


def test_the_server_loads_neither_a_client_nor_a_decoder() -> None:
    program = (
        "import sys\nfrom vlm_core.testing import ScriptedServer\n"
        "with ScriptedServer(): assert not {'openai', 'PIL', 'numpy'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0

"""Bytes out and bytes back over real sockets, and what the network does meanwhile."""

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from vlm_core.catalog.resolve_route import resolve
from vlm_core.catalog.routes import Endpoint
from vlm_core.errors import ConnectionFailed, ProviderTimeout
from vlm_core.testing import ScriptedServer
from vlm_core.wire.response_stream import Watchdog
from vlm_core.wire.transport import AsyncTransport, RawResponse, Timeouts, Transport


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as scripted:
        yield scripted


@pytest.fixture
def transport() -> Iterator[Transport]:
    ours = Transport()
    yield ours
    ours.close()


def endpoint_of(server: ScriptedServer) -> Endpoint:
    return resolve("m", base_url=server.base_url, api_key=server.api_key)


BODY = b'{"model": "m", "messages": [{"role": "user", "content": "Hi"}]}'


def body_of(transport: Transport, answer: RawResponse) -> bytes:
    return b"".join(iter(lambda: transport.read(answer), b""))


async def read_all(transport: AsyncTransport, answer: RawResponse) -> None:
    while await transport.read(answer):
        pass


def test_the_body_goes_out_byte_by_byte_as_it_is(server: ScriptedServer, transport: Transport) -> None:
    answer = transport.open(endpoint_of(server), BODY, Timeouts())
    body_of(transport, answer)
    transport.release(answer)
    assert server.seen[0].body == BODY
    assert server.seen[0].path == "/v1/chat/completions"


@pytest.mark.parametrize("status", [200, 307, 400, 401, 404, 413, 422, 429, 500, 503])
async def test_any_status_comes_back_with_its_body(server: ScriptedServer, status: int) -> None:
    server.reply(status=status, body=b"words", headers={"X-Any": "header"})
    blocking, asynchronous = Transport(), AsyncTransport()
    answer = blocking.open(endpoint_of(server), BODY, Timeouts())
    assert (answer.status, body_of(blocking, answer)) == (status, b"words")
    assert answer.headers["x-any"] == "header"
    answer = await asynchronous.open(endpoint_of(server), BODY, Timeouts())
    assert (answer.status, await asynchronous.read(answer)) == (status, b"words")
    await asynchronous.release(answer)
    await asynchronous.close()
    blocking.close()
    assert server.requests == 2


async def test_the_body_of_an_error_is_read_only_so_far(server: ScriptedServer) -> None:
    server.reply(status=500, body=b"x" * 5_000_000)
    blocking, asynchronous = Transport(), AsyncTransport()
    answer = blocking.open(endpoint_of(server), BODY, Timeouts())
    assert 0 < len(body_of(blocking, answer)) < 300_000
    answer = await asynchronous.open(endpoint_of(server), BODY, Timeouts())
    assert 0 < len(await asynchronous.read(answer)) < 300_000
    await asynchronous.close()
    blocking.close()


def test_a_compressed_answer_is_unpacked(server: ScriptedServer, transport: Transport) -> None:
    import gzip

    server.reply(body=gzip.compress(b"words"), headers={"Content-Encoding": "gzip"})
    assert body_of(transport, transport.open(endpoint_of(server), BODY, Timeouts())) == b"words"
    assert server.seen[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("timeouts", "kind"),
    [
        pytest.param(Timeouts(first_byte=0.1), ProviderTimeout, id="head"),
        pytest.param(Timeouts(whole=0.1, first_byte=0.1), ProviderTimeout, id="whole"),
    ],
)
async def test_a_silent_server_is_waited_for_so_long(
    server: ScriptedServer, timeouts: Timeouts, kind: type[Exception]
) -> None:
    server.raw(lambda connection: connection.wait(30))
    blocking, asynchronous = Transport(), AsyncTransport()
    with pytest.raises(kind):
        blocking.open(endpoint_of(server), BODY, timeouts)
    with pytest.raises(kind):
        await asynchronous.open(endpoint_of(server), BODY, timeouts)
    await asynchronous.close()
    blocking.close()


@pytest.mark.parametrize(
    "timeouts",
    [
        pytest.param(Timeouts(between_bytes=0.1), id="between-bytes"),
        pytest.param(Timeouts(whole=0.2), id="whole"),
    ],
)
async def test_a_body_that_stops_coming_is_waited_for_so_long(
    server: ScriptedServer, timeouts: Timeouts
) -> None:
    server.stream("one ", 30.0, "two")
    question = BODY[:-1] + b', "stream": true}'
    blocking, asynchronous = Transport(), AsyncTransport()
    answer = blocking.open(endpoint_of(server), question, timeouts)
    with pytest.raises(ProviderTimeout):
        body_of(blocking, answer)
    blocking.release(answer)
    answer = await asynchronous.open(endpoint_of(server), question, timeouts)
    with pytest.raises(ProviderTimeout):
        await read_all(asynchronous, answer)
    await asynchronous.release(answer)
    await asynchronous.close()
    blocking.close()


@pytest.mark.parametrize(
    ("base_url", "words"),
    [
        pytest.param("http://127.0.0.1:9/v1", "refused", id="refused"),
        pytest.param("http://no-such-host.invalid/v1", "looked up", id="no-such-host"),
    ],
)
def test_no_connection_is_told_by_its_cause(transport: Transport, base_url: str, words: str) -> None:
    with pytest.raises(ConnectionFailed, match=words):
        transport.open(replace(resolve("m", base_url="http://lab/v1"), base_url=base_url), BODY, Timeouts())


def test_what_is_no_tls_is_not_spoken_to(server: ScriptedServer, transport: Transport) -> None:
    endpoint = replace(endpoint_of(server), base_url=server.base_url.replace("http:", "https:"))
    with pytest.raises(ConnectionFailed):
        transport.open(endpoint, BODY, Timeouts())


def test_a_read_that_the_watchdog_ends_wakes_up() -> None:
    near, far = socket.socketpair()
    watchdog = Watchdog()
    later = watchdog.watch(near, 60)
    sooner = watchdog.watch(near, 0.05)
    assert near.recv(1) == b""
    assert (sooner.expired, later.expired) == (True, False)
    watchdog.forget(later)
    near.close()
    far.close()


def test_a_watch_that_was_forgotten_ends_nothing() -> None:
    near, far = socket.socketpair()
    watchdog = Watchdog()
    watchdog.forget(watchdog.watch(near, 0.05))
    other_near, other_far = socket.socketpair()
    watchdog.watch(other_near, 0.1)
    other_near.recv(1)  # by now the forgotten one would have ended too
    far.send(b"x")
    assert near.recv(1) == b"x"
    for each in (near, far, other_near, other_far):
        each.close()

"""What each fault comes to, whole and streamed, blocking and not, where it stays and where it passes.

The rows stand in conftest.py; what holds of every call is asserted in one place.
"""

from __future__ import annotations

import asyncio
import gc
import io
import pickle
import socket
import traceback
from collections.abc import Callable, Iterator, Mapping
from threading import Event
from typing import Any, TypeAlias

import pytest
from PIL import Image

from vlm_core.catalog.schema import ImageLimits, Provider
from vlm_core.client import VLMClient
from vlm_core.completion import Completion, Delta
from vlm_core.errors import (
    ConnectionFailed,
    IncompleteResponse,
    InputError,
    PayloadTooLarge,
    RateLimited,
    RequestRejected,
    UnsafeURLError,
    VLMError,
)
from vlm_core.testing import FAULTS, ScriptedServer
from vlm_core.testing.connection import Listener
from vlm_core.testing.fault_parts import TEXT

pytestmark = pytest.mark.usefixtures("quick_collections", "short_waits")

KEY = "canary-key-2b7e15"
QUESTION = "canary-question-9d0c41: what is the total?"

Rows: TypeAlias = Mapping[bool, Mapping[str, Any]]
Outcome: TypeAlias = str | type[VLMError] | tuple[type[VLMError], ...]


# --- the ways to ask


def picture() -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((400, 300)).convert("RGB").save(file, "PNG")
    return file.getvalue()


PICTURE = picture()
BASE64 = "iVBORw0KGgo"
"""How every PNG begins."""
MESSAGES = [
    {
        "role": "user",
        "content": [{"type": "image", "image": PICTURE}, {"type": "text", "text": QUESTION}],
    }
]

Steps: TypeAlias = list[Delta | Completion]


class Blocking:
    """Asks with `chat` or `stream`."""

    def __init__(self, streamed: bool) -> None:
        self.streamed = streamed

    def ask(self, client: VLMClient, times: int) -> list[Steps | VLMError]:
        with client:
            return [self._ask(client) for _ in range(times)]

    def _ask(self, client: VLMClient) -> Steps | VLMError:
        steps: Steps = []
        try:
            if not self.streamed:
                return [client.chat(MESSAGES, temperature=0)]
            steps.extend(client.stream(MESSAGES, temperature=0))
        except VLMError as error:
            return error
        return steps


class Asynchronous:
    """Asks with `achat` or `astream`."""

    def __init__(self, streamed: bool) -> None:
        self.streamed = streamed

    def ask(self, client: VLMClient, times: int) -> list[Steps | VLMError]:
        return asyncio.run(self._ask_all(client, times))

    async def _ask_all(self, client: VLMClient, times: int) -> list[Steps | VLMError]:
        async with client:
            return [await self._ask(client) for _ in range(times)]

    async def _ask(self, client: VLMClient) -> Steps | VLMError:
        try:
            if not self.streamed:
                return [await client.achat(MESSAGES, temperature=0)]
            return [step async for step in client.astream(MESSAGES, temperature=0)]
        except VLMError as error:
            return error


Way: TypeAlias = Blocking | Asynchronous
WAYS = [
    pytest.param(kind(streamed), id=f"{word}-{'streamed' if streamed else 'whole'}")
    for kind, word in ((Blocking, "sync"), (Asynchronous, "async"))
    for streamed in (False, True)
]


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    chosen: Way = request.param
    return chosen


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(api_key=KEY) as server:
        yield server


def client_of(server: ScriptedServer, **settings: Any) -> VLMClient:
    usual = {"max_attempts": 3, "timeout": 20, "idle_timeout": 20}
    return VLMClient("some-vlm", base_url=server.base_url, api_key=KEY, **{**usual, **settings})


# --- what holds of every call


def check(outcome: Steps | VLMError, expected: Outcome, *, warning: str = "", **fields: Any) -> None:
    if isinstance(outcome, VLMError):
        check_failure(outcome, expected)
    else:
        check_answer(outcome, expected, warning, fields)


def check_answer(steps: Steps, expected: Outcome, warning: str, fields: Mapping[str, Any]) -> None:
    *deltas, completion = steps
    assert isinstance(completion, Completion)
    assert completion.text == expected
    if deltas:
        assert "".join(step.text for step in deltas if isinstance(step, Delta)) == completion.text
    assert [attempt.ok for attempt in completion.attempts][-1:] == [True]
    assert {name: getattr(completion, name) for name in fields} == fields
    assert bool(completion.warnings) == bool(warning)
    assert warning in " ".join(completion.warnings)


def check_failure(error: VLMError, expected: Outcome) -> None:
    if isinstance(expected, str):
        raise AssertionError("no answer came") from error
    assert isinstance(error, expected)
    assert error.hint
    assert error.route
    for text in (repr(error), str(error), repr(vars(error)), pickle.dumps(error).decode("latin-1")):
        assert QUESTION not in text
        assert BASE64 not in text
    assert KEY not in told_by(error)


def told_by(error: BaseException) -> str:
    """All that a log or an error tracker could make of an error, with the variables of each frame."""
    told = [repr(vars(error)), pickle.dumps(error).decode("latin-1")]
    told += traceback.TracebackException.from_exception(error, capture_locals=True).format()
    return "".join(told)


def attempts_of(outcome: Steps | VLMError) -> tuple[Any, ...]:
    return outcome.attempts if isinstance(outcome, VLMError) else outcome[-1].attempts  # type: ignore[union-attr]


# --- the matrix


def test_every_fault_has_a_row(rows: Rows) -> None:
    assert rows[False].keys() == rows[True].keys() == FAULTS.keys()


@pytest.mark.usefixtures("small_answers")
def test_a_fault_that_stays(server: ScriptedServer, way: Way, rows: Rows, any_fault: str) -> None:
    row = rows[way.streamed][any_fault]
    server.fault(any_fault, times=row.requests, **row.fault)
    server.say("TOTAL 9.00")
    outcome, after = way.ask(client_of(server, **row.client), 2)
    check(outcome, row.lasting, warning=row.warning, **row.answer)
    check(after, "TOTAL 9.00")
    attempts = attempts_of(outcome)
    assert (len(attempts), server.requests) == (row.requests, row.requests + 1)
    assert row.billed in (None, sum(attempt.may_be_billed for attempt in attempts))
    gc.collect()  # what was left open would warn here


@pytest.mark.usefixtures("small_answers")
def test_a_fault_that_passes(server: ScriptedServer, way: Way, rows: Rows, passing_fault: str) -> None:
    row = rows[way.streamed][passing_fault]
    server.fault(passing_fault, **row.fault)
    server.say(row.passing if isinstance(row.passing, str) else TEXT)
    (outcome,) = way.ask(client_of(server, **row.client), 1)
    check(outcome, row.passing, warning=row.warning, **row.answer)
    assert len(attempts_of(outcome)) == server.requests == row.requests_passing
    gc.collect()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gzip_bomb", "endless", "long_answer"])
def test_an_answer_of_its_full_size(server: ScriptedServer, way: Way, rows: Rows, name: str) -> None:
    row = rows[way.streamed][name]
    server.fault(name)
    (outcome,) = way.ask(client_of(server), 1)
    check(outcome, "and so on " * 1_000_000 if name == "long_answer" else row.lasting)
    assert server.requests == row.requests


# --- what single faults ask for


@pytest.fixture
def client(server: ScriptedServer) -> Iterator[VLMClient]:
    with client_of(server) as client:
        yield client


def failure_of(client: VLMClient) -> VLMError:
    with pytest.raises(VLMError) as caught:
        client.chat(MESSAGES)
    return caught.value


def test_a_server_that_is_down_is_asked_three_times_and_used_again(way: Way) -> None:
    with ScriptedServer(api_key=KEY) as server:
        client = client_of(server)
        server.stop()
        (outcome,) = way.ask(client, 1)
        assert isinstance(outcome, ConnectionFailed)
        assert len(outcome.attempts) == 3
        server.start()
        server.say("TOTAL 9.00")
        (after,) = way.ask(client_of(server), 1)
        check(after, "TOTAL 9.00")


@pytest.mark.parametrize("status", [302, 307])
def test_where_a_redirect_leads_nothing_arrives(
    server: ScriptedServer, client: VLMClient, status: int
) -> None:
    with ScriptedServer(api_key=KEY) as elsewhere:
        server.fault(f"redirect_{status}", location=f"{elsewhere.base_url}/chat/completions")
        assert "base_url" in failure_of(client).hint
        assert elsewhere.connections == 0


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        pytest.param("rate_limited", 700, id="seconds"),
        pytest.param("rate_limited_date", 700, id="date"),
        pytest.param("rate_limited_ms", 700, id="ms"),
        pytest.param("rate_limited_reset", 700, id="reset"),
    ],
)
def test_a_wait_that_is_too_long_is_told_and_not_waited(
    server: ScriptedServer, client: VLMClient, name: str, seconds: float
) -> None:
    server.fault(name, seconds=seconds)
    error = failure_of(client)
    assert isinstance(error, RateLimited)
    assert error.retry_after == pytest.approx(seconds)
    assert server.requests == 1


@pytest.mark.parametrize("name", ["image_too_large", "html_413"])
def test_a_picture_that_is_too_large_is_sent_smaller(
    server: ScriptedServer, client: VLMClient, name: str
) -> None:
    server.fault(name)
    server.say("TOTAL 9.00")
    client.chat(MESSAGES)
    first, second = (seen.images[0] for seen in server.seen)
    assert first.size == (400, 300)
    assert second.size
    assert 0 < second.size[0] * second.size[1] <= 400 * 300 // 2


def test_without_a_picture_there_is_nothing_to_make_smaller(
    server: ScriptedServer, client: VLMClient
) -> None:
    server.fault("html_413")
    with pytest.raises(PayloadTooLarge):
        client.chat("What is the total?")
    assert server.requests == 1


def test_only_the_refused_option_is_left_out(server: ScriptedServer, client: VLMClient) -> None:
    server.fault("unknown_parameter", parameter="top_p")
    client.chat(MESSAGES, temperature=0, top_p=0.5, seed=7)
    assert server.seen[1].options == {"temperature": 0, "seed": 7}


def test_an_option_that_the_question_needs_is_not_left_out(server: ScriptedServer, client: VLMClient) -> None:
    server.fault("unknown_parameter", parameter="max_tokens")
    with pytest.raises(RequestRejected) as caught:
        client.chat(MESSAGES, max_tokens=9)
    assert caught.value.parameter == "max_tokens"
    assert server.requests == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("content_policy", "safety system", id="policy"),
        pytest.param("quota_402", "Insufficient balance", id="quota"),
        pytest.param("html_502", "502 Bad Gateway", id="page"),
        pytest.param("html_200", "Sign in to the guest network", id="portal"),
        pytest.param("error_inside", "Provider returned error", id="error-inside"),
    ],
)
def test_an_error_has_the_providers_words_without_markup(
    server: ScriptedServer, client: VLMClient, name: str, words: str
) -> None:
    server.fault(name)
    message = failure_of(client).message
    assert words in message
    assert "<" not in message


def test_after_a_broken_stream_the_answer_is_asked_for_as_a_whole(
    server: ScriptedServer, rows: Rows, mended_stream: str
) -> None:
    row = rows[True][mended_stream]
    server.fault(mended_stream, **row.fault)
    with client_of(server, **row.client) as client:
        list(client.stream(MESSAGES))
    assert [seen.stream for seen in server.seen] == [True, False]


def test_two_answers_are_never_put_together(server: ScriptedServer, way: Way) -> None:
    if not way.streamed:
        pytest.skip("a whole answer has no pieces that were given before")
    server.fault("stream_ends_early")
    server.say("It is another answer.")
    (outcome,) = way.ask(client_of(server), 1)
    assert isinstance(outcome, IncompleteResponse)
    assert outcome.partial == "This is "


# --- pictures behind addresses


def lab(server: ScriptedServer, **settings: Any) -> VLMClient:
    """A client of a provider that takes no URLs, so that pictures are downloaded here."""
    provider = Provider(name="lab", base_url=server.base_url, limits=ImageLimits(accepts_url=False))
    return VLMClient("some-vlm", provider=provider, api_key=KEY, **settings)


def at(url: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://127.0.0.1:{port}/v1/models", id="this-machine"),
        pytest.param("http://[::ffff:127.0.0.1]:{port}/v1/models", id="this-machine-in-disguise"),
        pytest.param("http://10.0.0.1/scan.png", id="this-network"),
        pytest.param("http://169.254.169.254/latest/meta-data/", id="metadata"),
        pytest.param("http://localhost:{port}/v1/models", id="name"),
    ],
)
def test_a_private_address_is_not_visited(server: ScriptedServer, url: str) -> None:
    port = server.base_url.rpartition(":")[2].removesuffix("/v1")
    with lab(server) as client, pytest.raises(UnsafeURLError) as caught:
        client.chat(at(url.format(port=port)))
    assert caught.value.hint
    assert server.connections == 0


def test_a_file_is_no_address(server: ScriptedServer) -> None:
    with lab(server) as client, pytest.raises(InputError):
        client.chat(at("file:///etc/passwd"))
    assert server.connections == 0


def drip(client: socket.socket, stopping: Event) -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
    while not stopping.wait(0.02):
        client.sendall(b"x")


def announce_much(client: socket.socket, stopping: Event) -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n")
    stopping.wait(30)


@pytest.mark.parametrize(
    ("talk", "words"),
    [pytest.param(drip, "time allowed", id="slow"), pytest.param(announce_much, "larger than", id="huge")],
)
def test_a_download_that_would_not_end_is_given_up(
    server: ScriptedServer, talk: Callable[[socket.socket, Event], None], words: str
) -> None:
    pictures = Listener(talk)
    try:
        with (
            lab(server, timeout=0.5, allow_private_urls=True) as client,
            pytest.raises(InputError, match=words) as caught,
        ):
            client.chat(at(f"http://127.0.0.1:{pictures.port}/scan.png"))
    finally:
        pictures.stop()
    assert caught.value.hint
    assert server.connections == 0

"""VLMClient over real sockets: whole and streamed, from threads, event loops, forks and pickles."""

import asyncio
import copy
import gc
import multiprocessing
import pickle
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from io import BytesIO
from pathlib import Path
from typing import Any

import openai
import pytest
from PIL import Image

from vlm_core.catalog import resolve_route
from vlm_core.catalog.routes import Endpoint, Route
from vlm_core.catalog.schema import ImageLimits, Provider
from vlm_core.client import VLMClient
from vlm_core.completion import Completion, Delta
from vlm_core.errors import (
    AuthenticationFailed,
    ConfigError,
    ConnectionFailed,
    DeadlineExceeded,
    IncompleteResponse,
    InputError,
    MalformedResponse,
    MissingKeyError,
    ModelNotFound,
    ProviderTimeout,
    TooManyImagesError,
    VLMError,
)
from vlm_core.flow import policy
from vlm_core.flow.call import PerRoute
from vlm_core.testing import ScriptedServer

QUESTION = "What is the total?"


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "BASE_SECONDS", 0.01)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as scripted:
        yield scripted


@pytest.fixture
def client(server: ScriptedServer) -> Iterator[VLMClient]:
    with client_of(server) as ours:
        yield ours


def client_of(server: ScriptedServer, **options: Any) -> VLMClient:
    return VLMClient("some-vlm", base_url=server.base_url, api_key=server.api_key, **options)


def png(size: tuple[int, int] = (40, 30)) -> bytes:
    file = BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(file, "PNG")
    return file.getvalue()


def about(*images: Any) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [{"type": "image", "image": image} for image in images]
    return [{"role": "user", "content": [*parts, {"type": "text", "text": QUESTION}]}]


# --- what goes out, what comes back


def test_an_answer_tells_who_gave_it_and_what_it_took(server: ScriptedServer, client: VLMClient) -> None:
    server.say("TOTAL 9.00", usage={"prompt_tokens": 70, "completion_tokens": 5})
    answer = client.chat(QUESTION, temperature=0)
    assert (answer.text, answer.finish_reason) == ("TOTAL 9.00", "stop")
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (70, 5)
    assert answer.route == client.route
    assert answer.model == answer.served_model == "some-vlm"
    (attempt,) = answer.attempts
    assert (attempt.route, attempt.ok) == (client.route, True)
    assert server.seen[0].options == {"temperature": 0}


@pytest.mark.parametrize("given", ["path", "str", "bytes", "file", "pillow", "page", "data-uri"])
def test_a_picture_may_be_given_in_any_form(
    server: ScriptedServer, client: VLMClient, tmp_path: Path, given: str
) -> None:
    from vlm_core.images.decode import pages

    path = tmp_path / "scan.png"
    path.write_bytes(png())
    forms: dict[str, Any] = {
        "path": path,
        "str": str(path),
        "bytes": png(),
        "file": BytesIO(png()),
        "pillow": Image.open(BytesIO(png())),
        "page": next(pages(png())),
        "data-uri": "data:;base64," + __import__("base64").b64encode(png()).decode(),
    }
    client.chat(about(forms[given]))
    (sent,) = server.seen[0].images
    assert (sent.declared, sent.width, sent.height) == ("png", 40, 30)


def test_an_open_file_is_read_once_however_often_it_is_sent(server: ScriptedServer) -> None:
    server.refuse(503, "down")
    server.say("TOTAL 9.00")
    with client_of(server) as client:
        assert client.chat(about(BytesIO(png()))).text == "TOTAL 9.00"
    assert [len(seen.images) for seen in server.seen] == [1, 1]


def test_every_page_of_a_file_is_sent_unless_some_are_named(
    server: ScriptedServer, client: VLMClient
) -> None:
    frames = [Image.new("L", (40 + number, 30), 90 * number) for number in range(3)]
    file = BytesIO()
    frames[0].save(file, "TIFF", save_all=True, append_images=frames[1:])
    client.chat(about(file.getvalue()))
    client.chat([{"role": "user", "content": [{"type": "image", "image": file.getvalue(), "pages": [2]}]}])
    assert [image.width for image in server.seen[0].images] == [40, 41, 42]
    assert [image.width for image in server.seen[1].images] == [41]


def test_a_picture_can_be_made_smaller_than_the_provider_asks_for(
    server: ScriptedServer, client: VLMClient
) -> None:
    part = {"type": "image", "image": png((400, 300)), "max_side": 200}
    client.chat([{"role": "user", "content": [part]}])
    assert (server.seen[0].images[0].width, server.seen[0].images[0].height) == (200, 150)


@pytest.mark.parametrize("max_side", [0, -1, "big", True])
def test_a_largest_side_is_a_number_of_pixels(client: VLMClient, max_side: Any) -> None:
    with pytest.raises(InputError, match="max_side"):
        client.chat([{"role": "user", "content": [{"type": "image", "image": png(), "max_side": max_side}]}])


def test_each_route_can_be_asked_in_words_of_its_own() -> None:
    def words(endpoint: Endpoint) -> Any:
        return [{"role": "user", "content": f"Read as {endpoint.model}."}], {
            "max_tokens": len(endpoint.model)
        }

    with ScriptedServer() as first, ScriptedServer() as second:
        first.refuse(503, "down")
        routes = [
            Route(Provider(name=name), model, api_key=each.api_key, base_url=each.base_url)
            for name, model, each in (("one", "a-vlm", first), ("two", "another-vlm", second))
        ]
        with VLMClient(routes[0], fallbacks=routes[1:], max_attempts=1) as client:
            client.chat(PerRoute(words))
    assert (first.seen[0].text, first.seen[0].options["max_tokens"]) == ("Read as a-vlm.", 5)
    assert (second.seen[0].text, second.seen[0].options["max_tokens"]) == ("Read as another-vlm.", 11)


@pytest.mark.parametrize(("max_pages", "sent"), [(1, []), (2, [2]), (3, [2])])
def test_of_a_document_at_most_max_pages_are_sent(
    server: ScriptedServer, max_pages: int, sent: list[int]
) -> None:
    frames = [Image.new("L", (40 + number, 30)) for number in range(2)]
    file = BytesIO()
    frames[0].save(file, "TIFF", save_all=True, append_images=frames[1:])
    refused = nullcontext() if sent else pytest.raises(TooManyImagesError, match="has 2 pages; at most 1")
    with client_of(server, max_pages=max_pages) as client, refused:
        client.chat(about(file.getvalue()))
    assert [len(seen.images) for seen in server.seen] == sent


def test_pieces_of_a_stream_come_before_its_end(server: ScriptedServer, client: VLMClient) -> None:
    release = threading.Event()

    def slowly(connection: Any) -> None:
        piece = b'data: {"choices":[{"index":0,"delta":{"content":"TOTAL"}}]}\n\n'
        end = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
        connection.socket.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
        )
        connection.socket.sendall(piece)
        release.wait(10)
        connection.socket.sendall(end)

    server.raw(slowly)
    steps = client.stream(QUESTION)
    assert next(steps) == Delta("TOTAL")
    release.set()
    *_, answer = steps
    assert isinstance(answer, Completion)
    assert answer.text == "TOTAL"


def test_tool_calls_come_whole_from_a_stream(server: ScriptedServer, client: VLMClient) -> None:
    server.call_tool("read_image", {"image": "scan.png", "page": 1})
    tool = {"type": "function", "function": {"name": "read_image", "parameters": {"type": "object"}}}
    *_, answer = client.stream(QUESTION, tools=[tool])
    assert isinstance(answer, Completion)
    (call,) = answer.tool_calls
    assert (call.name, call.arguments) == ("read_image", '{"image": "scan.png", "page": 1}')
    assert answer.finish_reason == "tool_calls"


# --- refused before anything is sent


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        pytest.param({"temprature": 0}, ConfigError, "temperature", id="option-misspelt"),
        pytest.param({"n": 2}, ConfigError, "n=2", id="several-answers"),
        pytest.param({"extra_body": {"messages": []}}, ConfigError, "messages", id="messages-replaced"),
        pytest.param({"temperature": float("nan")}, VLMError, "temperature", id="not-a-number"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_sent(
    server: ScriptedServer, client: VLMClient, options: Any, kind: type[VLMError], words: str
) -> None:
    with pytest.raises(kind, match=words):
        client.chat(QUESTION, **options)
    assert server.connections == 0


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([], id="none"),
        pytest.param([{"role": "robot", "content": "Hi"}], id="role"),
        pytest.param([{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}], id="audio"),
        pytest.param([{"role": "tool", "content": "9.00"}], id="tool-without-call"),
        pytest.param([{"role": "user", "content": [{"type": "image", "image": "missing.png"}]}], id="file"),
        pytest.param(["Hi"], id="string-in-a-list"),
    ],
)
def test_messages_that_cannot_be_sent_are_refused_before_anything_is_sent(
    server: ScriptedServer, client: VLMClient, messages: Any
) -> None:
    with pytest.raises(InputError):
        client.chat(messages)
    assert server.connections == 0


def test_a_missing_key_is_said_before_a_picture_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOVITA_API_KEY", raising=False)
    client = VLMClient("novita:qwen/qwen3-vl-8b-instruct")
    with pytest.raises(MissingKeyError, match="NOVITA_API_KEY"):
        client.chat(about("missing.png"))


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"route": "novta:qwen", "base_url": None}, id="provider-misspelt"),
        pytest.param({"provider": "novta", "base_url": None}, id="provider-argument"),
        pytest.param({"timeout": 0}, id="timeout"),
        pytest.param({"idle_timeout": "a"}, id="idle-timeout"),
        pytest.param({"first_token_timeout": float("nan")}, id="first-token-timeout"),
        pytest.param({"base_url": "ftp://127.0.0.1"}, id="base-url"),
        pytest.param({"base_url": 5}, id="base-url-as-a-number"),
        pytest.param({"route": None}, id="no-route"),
        pytest.param({"provider": 5}, id="provider-as-a-number"),
        pytest.param({"api_key": b"abc"}, id="key-as-bytes"),
        pytest.param({"headers": "x"}, id="headers-as-a-string"),
        pytest.param({"headers": {"X": "ü"}}, id="header-not-ascii"),
        pytest.param({"headers": {"X": 1}}, id="header-as-a-number"),
        pytest.param({"headers": {"X": "a\r\nB: c"}}, id="header-of-two-lines"),
        pytest.param({"headers": {"X": " a"}}, id="header-with-a-blank"),
        pytest.param({"headers": {"X T": "v"}}, id="header-name"),
        pytest.param({"headers": {"Content-Length": "5"}}, id="header-not-the-users"),
        pytest.param({"tool_images": "inlien"}, id="tool-images"),
        pytest.param({"allow_private_urls": "no"}, id="flag-as-a-string"),
        pytest.param({"http_client": 5}, id="http-client"),
        pytest.param({"async_http_client": 5}, id="async-http-client"),
    ],
)
def test_a_client_that_could_never_ask_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        VLMClient(**{"route": "m", "base_url": "http://127.0.0.1:9/v1", **wrong})


def test_a_closed_http_client_is_refused_with_its_name(server: ScriptedServer) -> None:
    own = openai.DefaultHttpxClient()
    client = client_of(server, http_client=own)
    own.close()
    with pytest.raises(ConfigError, match="http_client is closed"):
        client.chat(QUESTION)


@pytest.mark.parametrize(
    ("part", "words"),
    [
        pytest.param({"type": "image", "image": "a.tif", "page": 1}, "pages", id="page"),
        pytest.param({"type": "image", "image": "a.tif", "detial": "low"}, "detail", id="detial"),
        pytest.param(
            {"type": "image_url", "image_url": {"url": "data:,", "detial": "low"}}, "detail", id="inner"
        ),
        pytest.param({"type": "image", "image": "/9j/4AAQ" * 80}, "base64", id="bare-base64"),
        pytest.param({"type": "image_url", "image_url": {"url": "/9j/4AAQ" * 80}}, "base64", id="base64-url"),
        pytest.param({"type": "image", "image": 7}, r"content\[0\]", id="number"),
    ],
)
def test_a_part_that_would_not_do_what_it_says_is_refused(
    server: ScriptedServer, client: VLMClient, part: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        client.chat([{"role": "user", "content": [part]}])
    assert server.connections == 0


def test_messages_may_come_from_a_generator(server: ScriptedServer, client: VLMClient) -> None:
    client.chat(message for message in about(png()))
    assert len(server.seen[0].images) == 1


def test_an_encrypted_pdf_is_sent_with_its_password(
    server: ScriptedServer, client: VLMClient, data: Path
) -> None:
    part = {"type": "image", "image": data / "pdfs" / "password_2206.01062_pg3.pdf", "password": "1234"}
    client.chat([{"role": "user", "content": [part]}])
    assert len(server.seen[0].images) == 1


def test_a_picture_that_does_not_come_is_waited_for_no_longer_than_the_call(server: ScriptedServer) -> None:
    row = Provider(name="no-urls", base_url=server.base_url, limits=ImageLimits(accepts_url=False))
    client = VLMClient("m", provider=row, api_key=server.api_key, timeout=0.3, allow_private_urls=True)
    with socket.create_server(("127.0.0.1", 0)) as silent, client:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/picture.png"
        with pytest.raises(InputError, match="in the time allowed"):
            client.chat(about(address))


COLD_START = """
import asyncio, sys
from vlm_core import VLMClient
base_url, key, picture = sys.argv[1:]
client = VLMClient("m", base_url=base_url, api_key=key)
parts = [{"type": "image", "image": picture}, {"type": "text", "text": "Total?"}]
async def main():
    question = [{"role": "user", "content": parts}]
    answers = await asyncio.gather(*(client.achat(question) for _ in range(8)))
    print(len(answers))
asyncio.run(main())
"""


def test_the_first_calls_of_a_process_may_all_come_at_once(server: ScriptedServer, tmp_path: Path) -> None:
    (tmp_path / "scan.png").write_bytes(png())
    command = [sys.executable, "-c", COLD_START, server.base_url, server.api_key, tmp_path / "scan.png"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("8\n", "")


@pytest.mark.parametrize(
    "make",
    [copy.copy, copy.deepcopy, lambda client: pickle.loads(pickle.dumps(client))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_a_copy_harms_nothing(server: ScriptedServer, make: Any) -> None:
    client = client_of(server)
    make(client)
    with make(client) as copied, client:
        assert copied.route == client.route
        assert client.chat(QUESTION).text


# --- what goes wrong on the way


def test_a_wrong_key_is_said_with_the_providers_words(server: ScriptedServer) -> None:
    client = VLMClient("some-vlm", base_url=server.base_url, api_key="sk-wrong-key")
    with client, pytest.raises(AuthenticationFailed) as caught:
        client.chat(QUESTION)
    (attempt,) = caught.value.attempts
    assert (attempt.outcome, attempt.ok) == ("AuthenticationFailed", False)
    assert caught.value.route == client.route


def test_an_unknown_model_is_answered_with_names_like_it() -> None:
    with ScriptedServer(provider="novita") as server:
        server.refuse(404, "model not found", code="model_not_found")
        with (
            VLMClient(
                "novita:qwen/qwen3-vl-8b-instuct", base_url=server.base_url, api_key=server.api_key
            ) as client,
            pytest.raises(ModelNotFound, match="qwen/qwen3-vl-8b-instruct"),
        ):
            client.chat(QUESTION)


def test_nobody_listening_is_a_failed_connection() -> None:
    with VLMClient("m", base_url="http://127.0.0.1:9/v1") as client, pytest.raises(ConnectionFailed):
        client.chat(QUESTION)


def test_a_server_that_never_answers_is_given_up_in_time(server: ScriptedServer) -> None:
    server.raw(lambda connection: connection.wait(30))
    with client_of(server, timeout=0.2) as client, pytest.raises(ProviderTimeout) as caught:
        client.chat(QUESTION)
    assert caught.value.attempts[0].may_be_billed


def test_a_stream_cut_short_keeps_what_came(server: ScriptedServer, client: VLMClient) -> None:
    event = b'data: {"choices":[{"index":0,"delta":{"content":"TOT"}}]}\n\n'
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 9999\r\n\r\n"
    server.raw(lambda connection: connection.socket.sendall(head + event))
    steps = client.stream(QUESTION)
    assert next(steps) == Delta("TOT")
    with pytest.raises(IncompleteResponse) as caught:
        list(steps)
    assert caught.value.partial == "TOT"


def test_a_stream_that_falls_silent_keeps_what_came(server: ScriptedServer) -> None:
    server.stream("TOT", 30.0, "AL")
    options = {"idle_timeout": 0.2, "max_attempts": 1}
    with client_of(server, **options) as client, pytest.raises(IncompleteResponse) as caught:
        list(client.stream(QUESTION))
    assert caught.value.partial == "TOT"


def test_a_body_cut_short_is_incomplete(server: ScriptedServer, client: VLMClient) -> None:
    server.raw(
        lambda connection: connection.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{")
    )
    with pytest.raises(IncompleteResponse):
        client.chat(QUESTION)


def test_a_dripping_body_is_held_to_the_time(server: ScriptedServer) -> None:
    def drip(connection: Any) -> None:
        connection.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
        for _ in range(100):
            connection.socket.sendall(b" ")
            connection.wait(0.05)

    server.raw(drip)
    with client_of(server, timeout=0.4) as client, pytest.raises((DeadlineExceeded, VLMError)):
        client.chat(QUESTION)


def test_an_endless_answer_is_cut_off(server: ScriptedServer, client: VLMClient) -> None:
    def flood(connection: Any) -> None:
        connection.socket.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        for _ in range(200):
            connection.socket.sendall(b" " * 2**20)

    server.raw(flood)
    with pytest.raises(MalformedResponse, match="longer than"):
        client.chat(QUESTION)


def test_a_client_is_well_after_any_failure(server: ScriptedServer, client: VLMClient) -> None:
    for _ in range(3):
        server.reply(status=200, body="<html>")
    server.say("TOTAL 9.00")
    with pytest.raises(MalformedResponse):
        client.chat(QUESTION)
    assert client.chat(QUESTION).text == "TOTAL 9.00"


# --- connections


def test_calls_share_one_connection(server: ScriptedServer, client: VLMClient) -> None:
    for _ in range(5):
        client.chat(QUESTION)
        list(client.stream(QUESTION))
    assert (server.requests, server.connections) == (10, 1)


def test_a_stream_left_early_frees_its_connection(server: ScriptedServer, client: VLMClient) -> None:
    server.stream("a ", "b ", "c ")
    steps = client.stream(QUESTION)
    next(steps)
    steps.close()
    assert client.chat(QUESTION).text == "a b c "


def test_threads_share_a_client(server: ScriptedServer, client: VLMClient) -> None:
    server.answer(lambda seen: seen.text)
    with ThreadPoolExecutor(16) as pool:
        asked = [f"question {number}" for number in range(200)]
        assert [answer.text for answer in pool.map(client.chat, asked)] == asked


def test_one_client_serves_one_event_loop_after_another(server: ScriptedServer, client: VLMClient) -> None:
    for _ in range(3):
        assert asyncio.run(client.achat(QUESTION)).text
    gc.collect()  # a socket left open would warn here


async def test_many_calls_at_once_on_one_loop(server: ScriptedServer) -> None:
    server.answer(lambda seen: seen.text)
    client = client_of(server)
    asked = [f"question {number}" for number in range(100)]
    answers = await asyncio.gather(*(client.achat(text) for text in asked))
    assert [answer.text for answer in answers] == asked
    await client.aclose()


async def test_a_cancelled_call_leaves_the_client_well(server: ScriptedServer) -> None:
    arrived = asyncio.Event()
    loop = asyncio.get_running_loop()

    def say_nothing(connection: Any) -> None:
        loop.call_soon_threadsafe(arrived.set)
        connection.wait(30)

    server.raw(say_nothing)
    server.say("TOTAL 9.00")
    async with client_of(server) as client:
        task = asyncio.create_task(client.achat(QUESTION))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await client.achat(QUESTION)).text == "TOTAL 9.00"


async def test_a_loop_is_not_blocked_while_pictures_are_encoded(server: ScriptedServer) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    noise = Image.effect_noise((3000, 2000), 60)
    async with client_of(server) as client:
        ticking = asyncio.create_task(tick())
        await client.achat(about(noise))
        ticking.cancel()
    assert ticks > 20


def ask_in_child(client: VLMClient, pipe: Any) -> None:
    pipe.send(client.chat(QUESTION).text)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fork_opens_connections_of_its_own(server: ScriptedServer, client: VLMClient) -> None:
    server.say("TOTAL 9.00")
    client.chat(QUESTION)
    here, there = multiprocessing.Pipe()
    child = multiprocessing.get_context("fork").Process(target=ask_in_child, args=(client, there))
    child.start()
    assert here.recv() == "TOTAL 9.00"
    child.join()
    assert client.chat(QUESTION).text == "TOTAL 9.00"
    assert server.connections == 2


def test_a_pickled_client_asks_with_the_key_of_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(provider="vllm", api_key="") as server:
        client = VLMClient("vllm:some-vlm", base_url=server.base_url, timeout=7)
        copied = pickle.loads(pickle.dumps(client))
        assert copied.chat(QUESTION).text
        assert copied.route == client.route
        copied.close()


def test_a_key_that_was_changed_in_the_variable_is_sent(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Provider(name="lab", base_url=server.base_url, api_key_env=("LAB_KEY",))
    with VLMClient("lab:some-vlm", provider=lab) as client:
        monkeypatch.setenv("LAB_KEY", "an-old-key-0123456789")
        with pytest.raises(AuthenticationFailed):
            client.chat(QUESTION)
        monkeypatch.setenv("LAB_KEY", server.api_key)
        assert client.chat(QUESTION).text
        monkeypatch.delenv("LAB_KEY")
        with pytest.raises(MissingKeyError):
            client.chat(QUESTION)
        assert client.endpoint.api_key is None


def test_two_routes_of_one_name_keep_their_own_keys(server: ScriptedServer) -> None:
    down = "http://127.0.0.1:9/v1"
    wrong = Route(Provider(name="lab"), "some-vlm", api_key="another-key-0123456789", base_url=down)
    right = Route(Provider(name="lab"), "some-vlm", api_key=server.api_key, base_url=server.base_url)
    with VLMClient(wrong, fallbacks=[right], max_attempts=1) as client:
        assert client.chat(QUESTION).text


def test_a_users_own_http_client_is_used_and_left_open(server: ScriptedServer) -> None:
    with openai.DefaultHttpxClient(headers={"X-Mine": "yes"}) as http_client:
        with client_of(server, http_client=http_client) as client:
            client.chat(QUESTION)
        assert not http_client.is_closed
    assert server.seen[0].headers["x-mine"] == "yes"


# --- estimates


def test_an_estimate_counts_calls_of_tools(client: VLMClient) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "look", "arguments": '{"page": "the last"}'}}
    said = {"role": "assistant", "content": "", "tool_calls": [call]}
    plain, calling = (
        client.estimate([message]).text_tokens for message in ({**said, "tool_calls": []}, said)
    )
    assert plain is not None
    assert calling is not None
    assert calling > plain + 5


def test_an_estimate_counts_images_by_the_models_formula_and_sends_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NOVITA_API_KEY", raising=False)
    client = VLMClient("novita:qwen/qwen3-vl-8b-instruct")
    estimate = client.estimate(about(png((1240, 1754))), max_tokens=1_000_000)
    assert estimate.image_tokens == 2145 + 2
    assert estimate.text_tokens
    assert estimate.input_cost_usd == pytest.approx(estimate.input_tokens * 0.08 / 1e6)
    assert estimate.max_output_cost_usd == pytest.approx(0.5)
    assert estimate.images == 1


def test_an_estimate_says_what_it_cannot_know() -> None:
    client = VLMClient("some-vlm", base_url="http://127.0.0.1:9/v1")
    estimate = client.estimate(about(png()))
    assert estimate.image_tokens is None
    assert estimate.input_cost_usd is None
    assert len(estimate.unknown) >= 3


def test_a_model_about_to_go_is_warned_of_once_however_many_clients_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resolve_route, "_warned", set())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        VLMClient("hyperbolic:mistralai/Pixtral-12B-2409")
        VLMClient("hyperbolic:mistralai/Pixtral-12B-2409")
    assert len([warning for warning in caught if "Pixtral" in str(warning.message)]) == 1

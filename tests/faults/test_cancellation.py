"""Calls broken off at any moment: the others go on, and nothing of them is left."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from vlm_core.client import VLMClient
from vlm_core.completion import Completion, Delta
from vlm_core.testing import ScriptedServer

CALLS = 200
LONG = 60.0
"""Seconds that no test waits for; what ends earlier was ended."""
WORDS = [f"word{number} " for number in range(400)]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


def client_of(server: ScriptedServer, **options: Any) -> VLMClient:
    return VLMClient(
        "some-vlm", base_url=server.base_url, api_key=server.api_key, **{"timeout": LONG, **options}
    )


def open_sockets() -> set[str]:
    """The sockets of this process, by the system's own number for each."""
    links = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            links.append(os.readlink(entry))
        except OSError:  # the one that lists this folder
            continue
    return {link for link in links if link.startswith("socket:")}


def connections_to(server: ScriptedServer) -> int:
    """How many connections this process holds to a server, the server's own ends apart."""
    port = f"{int(server.base_url.rsplit(':', 1)[1].split('/')[0]):04X}"
    mine = open_sockets()
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[2].endswith(f":{port}") and f"socket:[{row[9]}]" in mine for row in rows)


needs_proc = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="this system has no /proc")


@needs_proc
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
@pytest.mark.parametrize("how", ["achat", "astream"])
async def test_of_many_calls_a_third_is_cancelled_at_any_moment(
    server: ScriptedServer, how: str, seed: int
) -> None:
    server.answer(lambda seen: seen.text)
    dice = random.Random(seed)
    client = client_of(server)
    ask = client.achat if how == "achat" else streamed_by(client)
    before = asyncio.all_tasks()
    calls = [asyncio.create_task(ask(f"question {number}")) for number in range(CALLS)]
    chosen = set(dice.sample(range(CALLS), CALLS // 3))
    await asyncio.gather(*(cancel_at_some_moment(calls[number], calls, dice) for number in chosen))
    ends = await asyncio.gather(*calls, return_exceptions=True)
    for number, end in enumerate(ends):
        if number in chosen and isinstance(end, asyncio.CancelledError):
            continue
        assert isinstance(end, Completion), end
        assert end.text == f"question {number}"
    assert sum(isinstance(end, asyncio.CancelledError) for end in ends) > CALLS // 10
    assert (await client.achat("and now?")).text == "and now?"
    assert asyncio.all_tasks() == before
    assert connections_to(server) > 0
    await client.aclose()
    assert connections_to(server) == 0
    gc.collect()  # a socket left open would warn here


def streamed_by(client: VLMClient) -> Any:
    async def ask(question: str) -> Completion:
        steps = [step async for step in client.astream(question)]
        assert "".join(step.text for step in steps[:-1]) == question
        assert isinstance(steps[-1], Completion)
        return steps[-1]

    return ask


async def cancel_at_some_moment(
    call: asyncio.Task[Any], calls: list[asyncio.Task[Any]], dice: random.Random
) -> None:
    """Once so many calls are done: the moment is one of the work's own, and of no clock."""
    after = dice.randrange(CALLS // 2)
    while not call.done() and sum(other.done() for other in calls) < after:  # noqa: ASYNC110  nobody sets one
        await asyncio.sleep(0)
    for _ in range(dice.randrange(20)):
        await asyncio.sleep(0)
    call.cancel()


def stuck_before_the_head(connection: Any) -> None:
    """Nothing is sent."""


def stuck_in_the_body(connection: Any) -> None:
    connection.begin(200, {"Content-Type": "text/event-stream"})
    connection.piece(b'data: {"choices": [{"delta": {"content": "TOT"}}]}\n\n')


@pytest.mark.parametrize("stuck", [stuck_before_the_head, stuck_in_the_body])
@pytest.mark.parametrize("how", ["achat", "astream"])
async def test_a_cancelled_call_ends_while_its_provider_is_still_silent(
    server: ScriptedServer, stuck: Any, how: str
) -> None:
    arrived, gone = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def be_stuck(connection: Any) -> None:
        try:
            stuck(connection)
            # Not before, or what is sent may meet a connection that is closed already.
            loop.call_soon_threadsafe(arrived.set)
            connection.wait(LONG)
        finally:
            gone.set()

    server.raw(be_stuck)
    server.answer(lambda seen: seen.text)
    async with client_of(server, max_concurrency=1) as client:
        ask = client.achat if how == "achat" else streamed_by(client)
        call = asyncio.create_task(ask("What is the total?"))
        await arrived.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert not gone.is_set()
        assert (await client.achat("and now?")).text == "and now?"


async def test_a_call_cancelled_between_two_attempts_sends_no_other(server: ScriptedServer) -> None:
    answered = asyncio.Event()
    loop = asyncio.get_running_loop()

    def refuse(connection: Any) -> None:
        connection.respond(429, b"{}", {"Retry-After": "30"})
        loop.call_soon_threadsafe(answered.set)

    server.raw(refuse)
    async with client_of(server) as client:
        call = asyncio.create_task(client.achat("What is the total?"))
        await answered.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert server.requests == 1


async def test_a_call_cancelled_in_the_queue_leaves_its_place_to_the_next(server: ScriptedServer) -> None:
    release = threading.Event()
    arrived = asyncio.Event()
    loop = asyncio.get_running_loop()

    def late(seen: Any) -> str:
        loop.call_soon_threadsafe(arrived.set)
        release.wait(LONG)
        return str(seen.text)

    server.answer(late)
    async with client_of(server, max_concurrency=1) as client:
        calls = [asyncio.create_task(client.achat(f"question {number}")) for number in range(3)]
        await arrived.wait()
        calls[1].cancel()
        await asyncio.wait([calls[1]])
        release.set()
        ends = await asyncio.gather(*calls, return_exceptions=True)
    assert [getattr(end, "text", None) for end in ends] == ["question 0", None, "question 2"]
    assert isinstance(ends[1], asyncio.CancelledError)
    assert server.requests == 2


async def test_an_abandoned_async_stream_leaves_the_client_well(server: ScriptedServer) -> None:
    server.stream(*WORDS)
    server.answer(lambda seen: seen.text)
    async with client_of(server, max_concurrency=1) as client:
        steps = client.astream("Tell me all")
        assert isinstance(await anext(steps), Delta)
        await steps.aclose()
        assert (await client.achat("and now?")).text == "and now?"


@needs_proc
def test_streams_abandoned_in_many_threads_leave_the_pool_working(server: ScriptedServer) -> None:
    server.answer(lambda seen: seen.text)
    client = client_of(server, max_concurrency=4)
    question = "".join(WORDS)

    def abandon(number: int) -> str:
        steps = client.stream(question)
        words = [
            step.text for step, _ in zip(steps, range(number % 7), strict=False) if isinstance(step, Delta)
        ]
        steps.close()
        return "".join(words)

    with ThreadPoolExecutor(50) as pool:
        begun = list(pool.map(abandon, range(100)))
        assert all(question.startswith(words) for words in begun)
        asked = [f"question {number}" for number in range(50)]
        assert [answer.text for answer in pool.map(client.chat, asked)] == asked
    client.close()
    assert connections_to(server) == 0
    gc.collect()


def test_a_stream_that_is_merely_forgotten_is_closed(server: ScriptedServer) -> None:
    server.answer(lambda seen: seen.text)
    with client_of(server, max_concurrency=1) as client:
        for _ in range(5):
            next(client.stream("".join(WORDS)))
            gc.collect()
        assert client.chat("and now?", timeout=10).text == "and now?"


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, ZeroDivisionError])
def test_an_interrupt_while_a_stream_is_consumed_leaves_the_client_usable(
    server: ScriptedServer, kind: type[BaseException]
) -> None:
    server.answer(lambda seen: seen.text)
    with client_of(server, max_concurrency=1) as client:
        for _ in range(5):
            steps = client.stream("".join(WORDS))
            next(steps)
            with pytest.raises(kind):
                steps.throw(kind())
        assert client.chat("and now?", timeout=10).text == "and now?"

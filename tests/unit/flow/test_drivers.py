"""What the logger tells of requests and answers, and what it never tells."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Iterator

import pytest
from PIL import Image

from vlm_core.client import VLMClient
from vlm_core.completion import Completion
from vlm_core.errors import VLMError
from vlm_core.flow import policy
from vlm_core.testing import ScriptedServer

KEY = "sk-canary-0123456789abcdef"
QUESTION = [
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "canary question"},
            {"type": "image", "image": Image.new("RGB", (64, 64), "navy")},
        ],
    }
]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    monkeypatch.setattr(policy, "BASE_SECONDS", 0.01)
    with ScriptedServer(api_key=KEY) as scripted:
        yield scripted


def call(client: VLMClient) -> Completion:
    return client.chat(QUESTION)


def acall(client: VLMClient) -> Completion:
    return asyncio.run(client.achat(QUESTION))


@pytest.fixture(params=[call, acall], ids=["chat", "achat"])
def ask(request: pytest.FixtureRequest, server: ScriptedServer) -> Callable[[], Completion]:
    client = VLMClient("m", base_url=server.base_url, api_key=KEY)
    return lambda: request.param(client)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "vlm_core"]


def test_a_request_its_status_and_its_answer_are_told(
    server: ScriptedServer, ask: Callable[[], Completion], caplog: pytest.LogCaptureFixture
) -> None:
    server.say("canary answer")
    with caplog.at_level(logging.DEBUG, "vlm_core"):
        ask()
    sent, answered, ended = told(caplog)
    size = re.fullmatch(r"\S+: sends (\d+) bytes, waits \d+\.\d s at most", sent)
    assert size is not None
    assert int(size[1]) == len(server.seen[-1].body)
    assert re.fullmatch(r"\S+: status 200 after \d+\.\d{3} s, request id \S+", answered)
    assert re.fullmatch(
        r"\S+: answer with finish reason stop, \d+ input and \d+ output tokens, request id \S+", ended
    )


def test_every_attempt_is_told(
    server: ScriptedServer, ask: Callable[[], Completion], caplog: pytest.LogCaptureFixture
) -> None:
    server.fault("status_503")
    server.say("canary answer")
    with caplog.at_level(logging.DEBUG, "vlm_core"):
        ask()
    assert [match[1] for line in told(caplog) if (match := re.search(r"status (\d+)", line))] == [
        "503",
        "200",
    ]


def test_a_request_without_an_answer_is_told_by_its_error(
    server: ScriptedServer, ask: Callable[[], Completion], caplog: pytest.LogCaptureFixture
) -> None:
    server.stop()
    with caplog.at_level(logging.DEBUG, "vlm_core"), pytest.raises(VLMError):
        ask()
    assert re.fullmatch(r"\S+: ConnectionFailed after \d+\.\d{3} s", told(caplog)[1])


def test_no_key_no_text_and_no_picture_is_told(
    server: ScriptedServer, ask: Callable[[], Completion], caplog: pytest.LogCaptureFixture
) -> None:
    server.say("canary answer")
    with caplog.at_level(logging.DEBUG, "vlm_core"):
        ask()
    assert told(caplog)
    assert not re.search("canary|base64|data:", "\n".join(told(caplog)))


def test_nothing_is_told_at_info(
    server: ScriptedServer, ask: Callable[[], Completion], caplog: pytest.LogCaptureFixture
) -> None:
    server.say("canary answer")
    with caplog.at_level(logging.INFO, "vlm_core"):
        ask()
    assert told(caplog) == []

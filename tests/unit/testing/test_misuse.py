"""What a server cannot do is said where it is told to, and not in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from vlm_core.errors import ConfigError
from vlm_core.testing import ScriptedServer


@pytest.mark.parametrize(
    ("tell", "said"),
    [
        pytest.param(lambda server: server.say(5), "text is of type int", id="a-number-said"),
        pytest.param(lambda server: server.stream(), "without pieces", id="nothing-streamed"),
        pytest.param(lambda server: server.stream(b"TO"), "a piece is of type bytes", id="bytes-streamed"),
        pytest.param(lambda server: server.reply(200, body={"a": 1}), "json=", id="a-dict-as-body"),
        pytest.param(lambda server: server.raw(b"HTTP/1.1 200"), "Give a function", id="bytes-as-raw"),
        pytest.param(lambda server: server.answer({"text": "TOTAL"}), "Give an Answer", id="a-dict-answered"),
    ],
)
def test_a_reply_that_cannot_be_sent_is_refused(tell: Callable[[Any], None], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        tell(ScriptedServer())


def test_an_unknown_strictness_is_refused() -> None:
    with pytest.raises(ConfigError, match="recommendations"):
        ScriptedServer(provider="novita", strict="recommendation")  # type: ignore[arg-type]


def test_a_string_is_an_answer() -> None:
    with ScriptedServer(api_key="") as server:
        server.answer("TOTAL 9.00")
        with urlopen(Request(server.base_url + "/chat/completions", b'{"model": "m"}')) as answer:
            assert b"TOTAL 9.00" in answer.read()


def test_what_a_replying_function_raised_is_told_beside_the_error_that_it_led_to() -> None:
    server = ScriptedServer(api_key="")
    server.answer(lambda seen: 1 / 0)
    with pytest.raises(HTTPError) as caught, server:
        urlopen(Request(server.base_url + "/chat/completions", b'{"model": "m"}'))
    caught.value.close()
    assert "ZeroDivisionError" in caught.value.__notes__[0]

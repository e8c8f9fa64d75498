"""What a client is made of: checked when it is given, and with no secret in what is shown of it."""

from __future__ import annotations

import inspect
import pickle
import traceback
from typing import Any

import pytest

from vlm_core import ConfigError, MissingKeyError, Secret, VLMClient
from vlm_core.integration import ClientSettings

CANARY = "canary-key-77c1"
ROUTE = "novita:qwen/qwen3-vl-8b-instruct"
WRONG = [
    pytest.param({"route": 5}, "route", id="route"),
    pytest.param({"fallbacks": "novita:m"}, "fallbacks", id="fallbacks"),
    pytest.param({"timeout": -1}, "timeout", id="timeout"),
    pytest.param({"max_attempts": 0}, "max_attempts", id="attempts"),
    pytest.param({"tool_images": "drop"}, "tool_images", id="tool-images"),
    pytest.param({"headers": {"Host": "x"}}, "Host", id="header"),
]


def test_a_client_takes_the_settings_as_its_arguments() -> None:
    assert inspect.signature(VLMClient).parameters == inspect.signature(ClientSettings).parameters


@pytest.mark.parametrize(("settings", "words"), WRONG)
def test_a_setting_that_cannot_be_used_is_refused_by_its_name(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        ClientSettings(**{"route": ROUTE, **settings})


def test_no_secret_is_in_what_is_shown() -> None:
    settings = ClientSettings(ROUTE, api_key=CANARY, headers={"X-Title": CANARY})
    assert CANARY not in f"{settings!r}{settings}{vars(settings)}"


def test_no_traceback_shows_a_secret_of_settings_that_are_refused() -> None:
    try:
        ClientSettings(ROUTE, api_key=CANARY, headers={"X-Title": CANARY}, timeout=-1)
    except ConfigError as error:
        frames = traceback.TracebackException.from_exception(error, capture_locals=True).stack
        checking = [frame for frame in frames if frame.name in ("__post_init__", "check_seconds")]
        assert checking
        assert CANARY not in str([frame.locals for frame in checking])


def test_the_key_of_a_pickled_client_is_not_in_the_pickle(monkeypatch: pytest.MonkeyPatch) -> None:
    written = pickle.dumps(VLMClient(ROUTE, api_key=Secret(CANARY), max_attempts=5))
    assert CANARY.encode() not in written
    monkeypatch.delenv("NOVITA_API_KEY", raising=False)
    with pytest.raises(MissingKeyError, match="not pickled"):
        pickle.loads(written).chat("Hi")

"""What a VLM is told: checked where it is given, kept in copies and files, and the key in none of them."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from llama_index.core import Settings
from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.rate_limiter import TokenBucketRateLimiter

from llamaindex_vlm import VLM
from vlm_core import AuthenticationFailed, ConfigError, MissingKeyError, Provider, Route
from vlm_core.testing import ScriptedServer

KEY = "canary-key-5d21c0"
HEADER = "canary-header-81be"
Make = Callable[..., VLM]


def test_it_is_an_llm_that_calls_functions() -> None:
    assert issubclass(VLM, FunctionCallingLLM)
    assert issubclass(VLM, BaseLLM)
    assert "multi_modal" in VLM.class_name()


WRONG = [
    pytest.param({"temprature": 1}, "Did you mean temperature", id="misspelt"),
    pytest.param({"temperature": "hot"}, "temperature", id="no-number"),
    pytest.param({"temperature": -1}, "temperature", id="out-of-range"),
    pytest.param(
        {"additional_kwargs": {"reasonin_effort": "low"}}, "Did you mean reasoning_effort", id="option"
    ),
    pytest.param({"base_url": "http://elsewhere/v1"}, "not the same", id="two-urls"),
    pytest.param({"max_retries": -1}, "max_retries", id="retries"),
    pytest.param({"timeout": 0}, "timeout", id="timeout"),
    pytest.param({"api_key": 5}, "api_key", id="key"),
    pytest.param({"default_headers": {"a": 5}}, "headers", id="header"),
    pytest.param({"default_headers": 5}, "headers", id="headers"),
    pytest.param({"fallbacks": "novita:m"}, "fallbacks", id="fallbacks"),
    pytest.param({"fallbacks": [5]}, "a route is", id="no-fallback"),
    pytest.param({"fallbacks": [{"model": "m"}]}, "a route is", id="half-a-fallback"),
    pytest.param({"provider": {"name": "UP:"}}, "provider", id="provider"),
    pytest.param({"fallbacks": ["nobody:m"]}, "nobody", id="fallback"),
    pytest.param({"tool_images": "drop"}, "tool_images", id="tool-images"),
    pytest.param({"http_client": 5}, "http_client", id="client"),
    pytest.param({"context_window": 0}, "context_window", id="window"),
    pytest.param({"max_pages": 0}, "max_pages", id="pages"),
    pytest.param({"model": None}, "model", id="model"),
]


@pytest.mark.parametrize(("settings", "words"), WRONG)
def test_a_wrong_setting_is_said_where_it_is_given(
    settings: dict[str, Any], words: str, make_llm: Make
) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        make_llm(**settings)
    assert caught.value.hint
    assert KEY not in f"{caught.value!r}{vars(caught.value)}"


def test_a_missing_key_is_said_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOVITA_API_KEY", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)  # which is nobody else's
    with pytest.raises(MissingKeyError, match="novita"):
        VLM(model="novita:qwen/qwen3-vl-8b-instruct").complete("Total?")


@pytest.mark.parametrize("name", ["api_base", "base_url"])
def test_the_url_has_two_names(name: str, server: ScriptedServer) -> None:
    llm = VLM(**{"model": "some-vlm", "api_key": KEY, name: server.base_url})
    assert llm.api_base == llm.base_url == server.base_url
    assert llm.complete("Total?").text


def test_headers_and_extra_body_are_sent(make_llm: Make, server: ScriptedServer) -> None:
    make_llm(default_headers={"X-Title": HEADER}, extra_body={"top_k": 1}).complete("Total?")
    assert server.seen[0].headers["x-title"] == HEADER
    assert server.seen[0].options["top_k"] == 1


# --- metadata


METADATA = [
    pytest.param(
        {}, {"context_window": 32_768, "num_output": -1, "is_function_calling_model": True}, id="unknown"
    ),
    pytest.param({"context_window": 9, "max_tokens": 5}, {"context_window": 9, "num_output": 5}, id="given"),
    pytest.param(
        {"model": "deepinfra:Qwen/Qwen2.5-VL-32B-Instruct", "api_base": None},
        {"context_window": 128_000, "model_name": "Qwen/Qwen2.5-VL-32B-Instruct"},
        id="known",
    ),
]


@pytest.mark.parametrize(("settings", "expected"), METADATA)
def test_metadata_is_what_is_known_of_the_model(
    settings: dict[str, Any], expected: dict[str, Any], make_llm: Make, server: ScriptedServer
) -> None:
    metadata = make_llm(**settings).metadata
    assert metadata.is_chat_model
    assert {name: getattr(metadata, name) for name in expected} == expected
    assert server.connections == 0


def test_a_model_that_cannot_call_tools_says_so(make_llm: Make, server: ScriptedServer) -> None:
    lab = Provider(name="lab", base_url=server.base_url, tools=False)
    assert not make_llm(provider=lab, api_base=None).metadata.is_function_calling_model


def test_metadata_is_made_once_and_anew_after_a_change(llm: VLM) -> None:
    assert llm.metadata is llm.metadata
    llm.max_tokens = 7
    assert llm.metadata.num_output == 7
    llm.model = "other-vlm"
    assert llm.metadata.model_name == "other-vlm"


# --- copies


def from_dict(llm: VLM) -> VLM:
    return VLM.from_dict(llm.to_dict(), api_key=KEY)


def from_json(llm: VLM) -> VLM:
    return VLM.from_json(llm.to_json(), api_key=KEY)


def validated(llm: VLM) -> VLM:
    return VLM.model_validate({**llm.model_dump(), "api_key": KEY})


COPIES = [copy.copy, copy.deepcopy, from_dict, from_json, validated]


@pytest.mark.parametrize("copied", COPIES)
def test_a_copy_asks_the_same(copied: Callable[[VLM], VLM], make_llm: Make, server: ScriptedServer) -> None:
    lab = Provider(name="lab", base_url=server.base_url, quirks=["images_first"])
    fallbacks = ["novita:qwen/qwen3-vl-8b-instruct", Route(lab, "m", base_url=server.base_url)]
    llm = make_llm(
        provider=lab, fallbacks=fallbacks, temperature=0, stop=["END"], max_retries=1, extra_body={"top_k": 1}
    )
    twin = copied(llm)
    assert twin.model_dump() == llm.model_dump()
    assert twin.provider == lab
    fallback = twin.fallbacks[1]
    assert isinstance(fallback, Route)
    assert (fallback.provider, fallback.model, fallback.base_url) == (lab, "m", server.base_url)


@pytest.mark.parametrize("copied", COPIES)
def test_a_copy_works(copied: Callable[[VLM], VLM], make_llm: Make, server: ScriptedServer) -> None:
    llm = make_llm(temperature=0, max_tokens=9, system_prompt="Be brief.")
    llm.complete("Total?")
    copied(llm).complete("Total?")
    first, second = server.seen
    assert first.body == second.body


def test_a_pickle_has_all_but_the_key_and_takes_that_from_the_variable(
    make_llm: Make, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Provider(name="lab", base_url=server.base_url, api_key_env=("LAB_KEY",))
    llm = make_llm(
        provider=lab, api_base=None, temperature=0, max_retries=0, default_headers={"X-Id": HEADER}
    )
    llm.complete("Total?")
    written = pickle.dumps(llm)
    assert KEY.encode() not in written
    assert HEADER.encode() not in written
    twin = pickle.loads(written)
    assert twin.model_dump() == llm.model_dump()
    monkeypatch.delenv("LAB_KEY", raising=False)
    with pytest.raises(MissingKeyError, match="not pickled"):
        twin.complete("Total?")
    monkeypatch.setenv("LAB_KEY", KEY)
    assert twin.complete("Total?").text


def test_a_key_that_was_changed_is_used_and_not_pickled(llm: VLM, server: ScriptedServer) -> None:
    llm.api_key = "canary-second-key-9"
    llm.default_headers = {"X-Id": HEADER}
    with pytest.raises(AuthenticationFailed):
        llm.complete("Total?")
    assert server.seen[0].headers["x-id"] == HEADER
    written = pickle.dumps(llm)
    assert b"canary-second-key-9" not in written
    assert HEADER.encode() not in written


def test_what_cannot_be_pickled_is_not_dropped_in_silence(make_llm: Make) -> None:
    http = openai.DefaultHttpxClient()
    with http, pytest.raises(ConfigError, match="cannot be pickled"):
        pickle.dumps(make_llm(http_client=http))
    with pytest.raises((AttributeError, pickle.PicklingError)):
        pickle.dumps(make_llm(completion_to_prompt=lambda prompt: prompt))


def test_a_copy_uses_the_same_http_client(make_llm: Make) -> None:
    with openai.DefaultHttpxClient() as http:
        llm = make_llm(http_client=http)
        assert copy.copy(llm).http_client is copy.deepcopy(llm).http_client is http
        assert copy.deepcopy(llm).complete("Total?").text


def test_a_changed_copy_leaves_the_first_as_it_was(llm: VLM, server: ScriptedServer) -> None:
    llm.complete("Total?")
    other = llm.model_copy(update={"model": "other-vlm", "temperature": 1.0})
    for asked in (other, llm, other):
        asked.complete("Total?")
    assert [seen.model for seen in server.seen] == ["some-vlm", "other-vlm", "some-vlm", "other-vlm"]
    assert server.connections == 2


# --- keys


def shown(llm: VLM) -> Iterator[str]:
    yield repr(llm)
    yield str(llm)
    yield json.dumps(llm.to_dict())
    yield llm.to_json()
    yield llm.model_dump_json()
    yield repr(llm.model_dump())
    yield json.dumps(llm.to_payload())
    yield repr(llm.metadata)
    yield repr(llm.__dict__)
    yield repr(llm.__getstate__())
    yield pickle.dumps(llm).decode("latin-1")


def test_no_key_is_shown(make_llm: Make) -> None:
    fallback = Route("novita", "qwen/qwen3-vl-8b-instruct", api_key=KEY)
    llm = make_llm(default_headers={"Authorization": HEADER}, fallbacks=[fallback])
    for text in shown(llm):
        assert KEY not in text
        assert HEADER not in text


class Recorder(BaseEventHandler):
    """Writes all events down."""

    written: list[str] = []  # noqa: RUF012  a field, of which pydantic gives each its own

    @classmethod
    def class_name(cls) -> str:
        return "recorder"

    def handle(self, event: Any, **kwargs: Any) -> Any:
        self.written.append(f"{type(event).__name__} {event!r} {event.model_dump_json()}")


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    dispatcher, recorder = get_dispatcher(), Recorder()
    dispatcher.add_event_handler(recorder)
    yield recorder
    dispatcher.event_handlers.remove(recorder)


def test_events_tell_of_calls_and_of_no_key(make_llm: Make, recorder: Recorder) -> None:
    llm = make_llm(default_headers={"X-Id": HEADER})
    llm.chat([ChatMessage(content="Total?")])
    list(llm.stream_complete("Total?"))
    kinds = {line.split()[0] for line in recorder.written}
    assert {
        "LLMChatStartEvent",
        "LLMChatEndEvent",
        "LLMCompletionStartEvent",
        "LLMCompletionEndEvent",
    } <= kinds
    assert "some-vlm" in "".join(recorder.written)
    assert HEADER not in "".join(recorder.written)
    assert KEY not in "".join(recorder.written)


def test_its_schema_can_be_shown() -> None:
    assert "api_key" in VLM.model_json_schema()["properties"]


def test_it_can_be_the_llm_of_all(llm: VLM, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Settings, "_llm", None)
    Settings.llm = llm
    assert Settings.llm is llm


def test_a_rate_limiter_is_asked_once_for_each_call(make_llm: Make, server: ScriptedServer) -> None:
    class Counting(TokenBucketRateLimiter):
        asked: int = 0

        def acquire(self, num_tokens: int = 0) -> None:
            self.asked += 1

    limiter = Counting(requests_per_minute=1)
    server.fault("status_503")
    server.say("9.00")
    llm = make_llm(rate_limiter=limiter)
    llm.complete("Total?")
    llm.complete("Total?")
    assert (limiter.asked, server.requests) == (2, 3)

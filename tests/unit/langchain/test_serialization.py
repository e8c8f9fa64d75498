"""Written down, copied, pickled and shown: a model is the same after it, and no secret is in it."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.load import dumpd, dumps, load, loads

from langchain_vlm import ChatVLM
from vlm_core import ConfigError, MissingKeyError, Provider, Route
from vlm_core.testing import ScriptedServer

KEY = "canary-key-5f1c9a"
HEADER = "canary-header-77aa01"
OTHER = "canary-other-19bc22"
ROW = Provider(name="lab", base_url="http://127.0.0.1:9/v1", api_key_env=("LAB_KEY",))


def secretive(**settings: Any) -> ChatVLM:
    fallback = Route(ROW, "other-vlm", api_key=OTHER, headers={"X-Team": OTHER})
    return ChatVLM(
        **{
            "model": "some-vlm",
            "provider": ROW,
            "api_key": KEY,
            "default_headers": {"X-Title": HEADER},
            "fallbacks": [fallback, "novita:some-vlm"],
            **settings,
        }
    )


def shown(model: ChatVLM) -> Iterator[str]:
    yield repr(model)
    yield str(model)
    yield dumps(model)
    yield dumps(model, pretty=True)
    yield json.dumps(dumpd(model))
    yield str(model.model_dump())
    yield model.model_dump_json()
    yield str(model.asdict())
    yield str(model._get_ls_params())
    yield model._get_llm_string()
    yield str(dict(model))
    yield repr(vars(model))


def test_no_secret_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in shown(secretive()):
        for secret in (KEY, HEADER, OTHER):
            assert secret not in text


def test_no_secret_is_pickled() -> None:
    data = pickle.dumps(secretive(default_headers={}))
    assert KEY.encode() not in data
    assert OTHER.encode() not in data


def test_no_secret_is_traced(server: ScriptedServer) -> None:
    class Watch(BaseCallbackHandler):
        seen = ""

        def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
            self.seen += repr((args, kwargs))

    watch = Watch()
    server.reply(status=401)
    model = ChatVLM(
        model="m", base_url=server.base_url, api_key=KEY, default_headers={"X-Title": HEADER}, max_retries=0
    )
    with pytest.raises(Exception, match="401"):
        model.invoke("Hi", config={"callbacks": [watch]})
    assert "some" in watch.seen or "chat_models" in watch.seen
    assert KEY not in watch.seen
    assert HEADER not in watch.seen


def test_what_was_written_down_is_read_back() -> None:
    model = secretive(temperature=0.5, stop=["END"], max_retries=5, tool_images="inline", extra_body={"k": 1})
    secrets = {"LAB_KEY": KEY, "VLM_DEFAULT_HEADERS": json.dumps({"X-Title": HEADER})}
    allowed: Any = {"allowed_objects": [ChatVLM], "valid_namespaces": ["langchain_vlm"]}
    again = loads(dumps(model), secrets_map=secrets, **allowed)
    assert isinstance(again, ChatVLM)
    assert again.asdict() == model.asdict()
    assert again._get_llm_string() == model._get_llm_string()
    assert (again.api_key, again.default_headers) == (model.api_key, model.default_headers)
    assert (again.max_retries, again.provider) == (5, ROW)
    assert [str(route) for route in again.fallbacks] == ["lab:other-vlm", "novita:some-vlm"]
    assert load(dumpd(model), secrets_map=secrets, **allowed).asdict() == again.asdict()


def test_a_simple_model_is_written_simply() -> None:
    written = dumpd(ChatVLM(model="novita:qwen/qwen3-vl-8b-instruct", temperature=0))
    assert written["id"] == ["langchain_vlm", "chat_models", "ChatVLM"]
    assert written["kwargs"]["model"] == "novita:qwen/qwen3-vl-8b-instruct"
    assert written["kwargs"]["temperature"] == 0
    assert "api_key" not in written["kwargs"]


def test_the_key_is_named_by_the_providers_variable() -> None:
    written = dumpd(ChatVLM(model="novita:some-vlm", api_key=KEY))
    assert written["kwargs"]["api_key"] == {"lc": 1, "type": "secret", "id": ["NOVITA_API_KEY"]}


def test_a_pickled_copy_takes_its_key_from_the_variable(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = Provider(name="lab", base_url=server.base_url, api_key_env=("LAB_KEY",))
    model = ChatVLM(model="some-vlm", provider=row, api_key=server.api_key)
    model.invoke("Hi")
    copied = pickle.loads(pickle.dumps(model))
    monkeypatch.delenv("LAB_KEY", raising=False)
    with pytest.raises(MissingKeyError, match="not pickled"):
        copied.invoke("Hi")
    monkeypatch.setenv("LAB_KEY", server.api_key)
    assert copied.invoke("Hi").content == model.invoke("Hi").content


def test_a_model_is_pickled_to_another_process(server: ScriptedServer) -> None:
    row = Provider(name="lab", base_url=server.base_url, api_key_env=("LAB_KEY",))
    data = pickle.dumps(ChatVLM(model="some-vlm", provider=row))
    program = "import pickle, sys; print(pickle.loads(sys.stdin.buffer.read()).invoke('Hi').content)"
    server.say("TOTAL 9.00")
    environment = {"LAB_KEY": server.api_key, "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", program], input=data, capture_output=True, env=environment, check=True
    )
    assert done.stdout.decode().strip() == "TOTAL 9.00"


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda model: model.model_copy()])
def test_a_copy_in_this_process_keeps_its_key(server: ScriptedServer, copied: Any) -> None:
    model = ChatVLM(model="some-vlm", base_url=server.base_url, api_key=server.api_key)
    model.invoke("Hi")
    again = copied(model)
    assert again == model
    assert again.invoke("Hi").content


@pytest.mark.parametrize("settings", [{"default_headers": {"X": "y"}}, {"http_client": True}])
def test_what_a_pickle_would_lose_is_refused(settings: dict[str, Any]) -> None:
    with openai.DefaultHttpxClient() as own:
        settings = {name: own if value is True else value for name, value in settings.items()}
        with pytest.raises(ConfigError, match="cannot be pickled"):
            pickle.dumps(ChatVLM(model="m", base_url="http://127.0.0.1:9/v1", **settings))


def test_a_client_of_ones_own_is_used_and_not_written(server: ScriptedServer) -> None:
    with openai.DefaultHttpxClient() as own:
        model = ChatVLM(model="m", base_url=server.base_url, api_key=server.api_key, http_client=own)
        assert model.invoke("Hi").content
        assert "http_client" not in dumps(model) + repr(model) + model.model_dump_json()
        assert not own.is_closed

"""What the chat models of both adapters share: a client until a setting changes, and routes as plain JSON."""

from __future__ import annotations

import copy
import json
import pickle
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from langchain_vlm import ChatVLM
from llamaindex_vlm import VLM
from vlm_core import ConfigError, Provider, Route
from vlm_core.integration import provider_from_json, provider_to_json, routes_from_json, routes_to_json

Model = ChatVLM | VLM
URL = "http://127.0.0.1:9/v1"
MODELS = [
    pytest.param(lambda **more: ChatVLM(model="m", base_url=URL, **more), id="ChatVLM"),
    pytest.param(lambda **more: VLM(model="m", api_base=URL, **more), id="VLM"),
]
both = pytest.mark.parametrize("make", MODELS)


def copied_as_of_old(model: Any) -> Any:
    with warnings.catch_warnings(action="ignore"):
        return model.copy()


COPIES = [
    pytest.param(copy.copy, id="copy"),
    pytest.param(copy.deepcopy, id="deepcopy"),
    pytest.param(lambda model: model.model_copy(), id="model_copy"),
    pytest.param(lambda model: pickle.loads(pickle.dumps(model)), id="pickle"),
    pytest.param(copied_as_of_old, id="BaseModel.copy"),
]


@both
def test_the_client_is_made_once(make: Callable[..., Model]) -> None:
    model = make()
    assert model._client() is model._client()


@both
def test_an_option_of_the_calls_does_not_make_another_client(make: Callable[..., Model]) -> None:
    model = make()
    client = model._client()
    model.temperature = 0.5
    assert model._client() is client


@both
@pytest.mark.parametrize(
    ("name", "value"), [("timeout", 5.0), ("max_retries", 0), ("max_concurrency", 1), ("model", "other")]
)
def test_a_setting_that_changes_makes_another_client(
    make: Callable[..., Model], name: str, value: Any
) -> None:
    model = make()
    client = model._client()
    setattr(model, name, value)
    assert model._client() is not client
    assert model._client() is model._client()


@both
@pytest.mark.parametrize("copied", COPIES)
def test_a_copy_has_a_client_of_its_own(make: Callable[..., Model], copied: Callable[[Any], Any]) -> None:
    model = make(max_concurrency=3)
    client = model._client()
    twin = copied(model)
    twin.timeout = 5.0
    assert twin._client()._limits.timeout == 5.0
    assert model._client() is client


@both
def test_threads_that_come_first_to_a_copy_share_its_client(make: Callable[..., Model]) -> None:
    twin, together = copy.copy(make()), Barrier(4)

    def client_of(_: int) -> int:
        together.wait()
        return id(twin._client())

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(client_of, range(4)))) == 1


# --- as plain JSON


LAB = Provider(name="lab", base_url=URL, api_key_env=("LAB_KEY",))
ROUTES = [
    "novita:m",
    Route("novita", "m"),
    Route(LAB, "m"),
    Route("lab", "m", base_url=URL),
    Route(LAB, "m", base_url=URL),
]


@pytest.mark.parametrize("route", ROUTES, ids=repr)
def test_a_route_comes_back_from_json(route: str | Route) -> None:
    (again,) = routes_from_json(json.loads(json.dumps(routes_to_json([route]))))  # type: ignore[misc]
    assert str(again) == str(route)
    assert getattr(again, "base_url", None) == getattr(route, "base_url", None)


def test_a_key_and_headers_are_not_written() -> None:
    route = Route(LAB, "m", api_key="canary-key-1", headers={"X-Title": "canary-header"})
    assert "canary" not in json.dumps(routes_to_json([route]))


@pytest.mark.parametrize("provider", ["novita", None, LAB], ids=["name", "none", "row"])
def test_a_provider_comes_back_from_json(provider: object) -> None:
    assert provider_from_json(json.loads(json.dumps(provider_to_json(provider)))) == provider


@pytest.mark.parametrize(
    "routes", [[5], [{"model": "m"}], [{"provider": "lab", "model": "m", "key": "k"}]], ids=repr
)
def test_what_is_not_a_route_is_refused(routes: list[Any]) -> None:
    with pytest.raises(ConfigError, match="fallbacks: a route is"):
        routes_from_json(routes)


def test_what_is_wrong_with_a_row_is_said_by_field() -> None:
    with pytest.raises(ConfigError, match="nome: Extra inputs are not permitted") as caught:
        Provider.from_dict({"name": "lab", "nome": "canary"})
    assert "canary" not in f"{caught.value!r}{caught.value.hint}"

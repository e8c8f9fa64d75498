"""A server that plays a provider of the catalog, by its name."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from vlm_core.catalog.registry import find_provider
from vlm_core.errors import UnknownProviderError
from vlm_core.testing import ScriptedServer

MODEL = "Qwen/Qwen2.5-VL-7B-Instruct"
URL = "https://example.org/scan.png"


@pytest.mark.parametrize("provider", ["deepinfra", "devup", "hyperbolic", "myrouter", "novita", "openai"])
def test_a_picture_that_every_provider_takes_is_answered(
    ask: Any, picture: Any, image_part: Any, provider: str
) -> None:
    content = [{"type": "text", "text": "read this"}, image_part(picture("png", 640, 480))]
    with ScriptedServer(provider=provider) as server:
        assert ask(server, model=MODEL, messages=[{"role": "user", "content": content}]).status == 200


@pytest.mark.parametrize(
    ("provider", "status"),
    [
        pytest.param("hyperbolic", 400, id="hyperbolic"),
        pytest.param("deepinfra", 200, id="deepinfra"),
        pytest.param("novita", 200, id="novita"),
    ],
)
@pytest.mark.parametrize("fault", ["two pictures", "2049 pixels", "a URL", "webp"])
def test_hyperbolic_refuses_what_others_take(
    ask: Any, picture: Any, image_part: Any, provider: str, status: int, fault: str
) -> None:
    png = picture()
    content = {
        "two pictures": [image_part(png), image_part(png)],
        "2049 pixels": [image_part(picture("png", 1, 2049))],
        "a URL": [image_part(URL)],
        "webp": [image_part(picture("webp"), "webp")],
    }[fault]
    with ScriptedServer(provider=provider) as server:
        assert ask(server, model=MODEL, messages=[{"role": "user", "content": content}]).status == status


@pytest.mark.parametrize(("provider", "status"), [("deepinfra", 422), ("devup", 422), ("novita", 200)])
def test_detail_is_refused_by_those_that_say_so(
    ask: Any, picture: Any, image_part: Any, provider: str, status: int
) -> None:
    content = [image_part(picture(), detail="high")]
    with ScriptedServer(provider=provider) as server:
        assert ask(server, model=MODEL, messages=[{"role": "user", "content": content}]).status == status


def test_the_path_of_the_providers_own_address_works(ask: Any) -> None:
    path = urlsplit(find_provider("deepinfra").base_url).path
    with ScriptedServer(provider="deepinfra") as server:
        assert path == "/v1/openai"
        assert ask(server, path=f"{path}/chat/completions").status == 200


def test_a_provider_lists_the_models_that_the_catalog_knows() -> None:
    server = ScriptedServer(provider="hyperbolic", api_key="")
    with server, urlopen(f"{server.base_url}/models") as answer:
        models = json.load(answer)["data"]
    assert {"id": MODEL, "object": "model", "created": 0, "owned_by": "hyperbolic"} in models


def test_a_picture_counts_as_many_tokens_as_the_models_formula_says(
    server: ScriptedServer, ask: Any, picture: Any, image_part: Any
) -> None:
    content = [{"type": "text", "text": "read this"}, image_part(picture("png", 112, 84))]
    answer = ask(server, model=MODEL, messages=[{"role": "user", "content": content}])
    assert answer.json["usage"]["prompt_tokens"] == 2 + 4 * 3 + 2  # words, cells of 28 pixels, marks around


def test_azure_wants_its_key_in_a_header_of_its_own(ask: Any) -> None:
    with ScriptedServer(provider="azure") as server:
        assert ask(server).status == 401
        assert ask(server, headers={"api-key": server.api_key}).status == 200
        assert server.seen[1].headers["api-key"] == "**********"


def test_an_unknown_provider_is_named_with_those_that_are_near() -> None:
    with pytest.raises(UnknownProviderError, match="hyperbolic"):
        ScriptedServer(provider="hyperbolik")

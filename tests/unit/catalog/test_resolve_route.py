"""From what a user writes to an endpoint."""

from __future__ import annotations

import re
from typing import Any

import pytest

from vlm_core.catalog.registry import Registry, register
from vlm_core.catalog.resolve_route import UnknownProviderWarning, resolve
from vlm_core.catalog.routes import Route
from vlm_core.catalog.schema import ImageLimits, ModelProfile, Provider
from vlm_core.errors import ConfigError, UnknownProviderError
from vlm_core.secret import Secret

pytestmark = pytest.mark.usefixtures("fresh_registry")
LAB = Provider(name="lab", base_url="http://10.0.0.7:8000/v1")


@pytest.mark.parametrize(
    ("route", "provider", "model"),
    [
        pytest.param(
            "deepinfra:Qwen/Qwen2.5-VL-32B-Instruct", "deepinfra", "Qwen/Qwen2.5-VL-32B-Instruct", id="plain"
        ),
        pytest.param("DeepInfra: Qwen/x ", "deepinfra", "Qwen/x", id="capitals and blanks"),
        pytest.param("ollama:qwen2.5vl:7b", "ollama", "qwen2.5vl:7b", id="a colon in the model"),
        pytest.param("openrouter:qwen/x:free", "openrouter", "qwen/x:free", id="a variant"),
        pytest.param("hyperbolic:no/such-model", "hyperbolic", "no/such-model", id="any model goes anywhere"),
    ],
)
def test_a_route_names_provider_and_model(route: str, provider: str, model: str) -> None:
    endpoint = resolve(route)
    assert (endpoint.provider.name, endpoint.model) == (provider, model)
    assert endpoint.route == f"{provider}:{model}"


@pytest.mark.parametrize(
    "model", ["qwen2.5vl:7b", "qwen/qwen3-vl-8b:free", "deepinfra:Qwen/x"], ids=["tag", "variant", "route"]
)
def test_with_a_provider_given_a_colon_belongs_to_the_model(model: str) -> None:
    endpoint = resolve(model, provider="deepinfra")
    assert endpoint.route == f"deepinfra:{model.removeprefix('deepinfra:')}"


@pytest.mark.parametrize(
    ("base_url", "name"),
    [
        ("https://api.deepinfra.com/v1/openai", "deepinfra"),
        ("https://API.DeepInfra.com./v1", "deepinfra"),
        ("https://api.together.xyz/v1", "together"),
        ("https://api.studio.nebius.ai/v1/", "nebius"),
        ("https://my-res.openai.azure.com/openai/v1", "azure"),
        ("http://127.0.0.1:11434/v1", "ollama"),
        ("http://[::1]:1234/v1", "lmstudio"),
        ("http://localhost:8000/v1", "localhost-8000"),
        ("http://[::1]:8000/v1", "--1-8000"),
        ("https://gpu.example.com/v1", "gpu.example.com"),
        ("https://deepinfra.com.evil.example/v1", "deepinfra.com.evil.example"),
        ("https://openai.azure.com.evil.example/v1", "openai.azure.com.evil.example"),
    ],
)
def test_the_row_whose_host_the_url_has_applies(base_url: str, name: str) -> None:
    assert resolve("any:model", base_url=base_url).provider.name == name


def test_a_server_that_nobody_knows_gets_careful_defaults() -> None:
    endpoint = resolve("m", provider="any-name", base_url="https://gpu.example.com/v1/chat/completions")
    assert endpoint.route == "any-name:m"
    assert endpoint.base_url == "https://gpu.example.com/v1"
    assert endpoint.limits == ImageLimits()
    assert (endpoint.tools, endpoint.response_formats, endpoint.quirks) == (None, None, frozenset())


def test_a_known_provider_keeps_its_limits_at_another_address() -> None:
    endpoint = resolve("hyperbolic:m", base_url="https://proxy.example.com/v1")
    assert endpoint.base_url == "https://proxy.example.com/v1"
    assert endpoint.limits.max_images == 1


def test_a_row_of_ones_own_needs_no_registration() -> None:
    assert resolve("m", provider=LAB).base_url == LAB.base_url
    assert resolve(Route(LAB, "m")).route == "lab:m"


def test_what_is_passed_counts_before_what_the_route_holds() -> None:
    route = Route(
        "novita", "m", api_key="of-route", base_url="https://one.example/v1", headers={"A": "1", "B": "1"}
    )
    endpoint = resolve(route, api_key="passed", base_url="https://two.example/v1", headers={"B": "2"})
    assert endpoint.api_key == Secret("passed")
    assert endpoint.base_url == "https://two.example/v1"
    assert {name: value.reveal() for name, value in endpoint.headers.items()} == {"A": "1", "B": "2"}


def test_no_key_or_header_shows_in_an_endpoint() -> None:
    endpoint = resolve("novita:m", api_key="sk-abc", headers={"X-Token": "tok-abc"})
    assert "abc" not in repr(endpoint)


@pytest.mark.parametrize(
    ("route", "said"),
    [
        pytest.param("deepinfre:Qwen/x", "Did you mean deepinfra", id="misspelled"),
        pytest.param("aws:claude", "Known are azure, deepinfra", id="like none"),
    ],
)
def test_an_unknown_provider_is_told_with_those_like_it(route: str, said: str) -> None:
    with pytest.raises(UnknownProviderError, match=said):
        resolve(route)
    with pytest.raises(UnknownProviderError, match=said):
        resolve("m", provider=route.partition(":")[0])


@pytest.mark.parametrize(
    ("model", "said"),
    [
        pytest.param("qwen2.5vl:7b", "devup:Qwen/Qwen2.5-VL-7B-Instruct", id="a tag is not a provider"),
        pytest.param("Qwen/Qwen2.5-VL-32B-Instruct", "deepinfra:Qwen/Qwen2.5-VL-32B-Instruct", id="plain"),
        pytest.param("some/model:free", 'Write "provider:model"', id="unknown, with a variant"),
        pytest.param("model", 'Write "provider:model"', id="unknown"),
        pytest.param("deepinfra/Qwen/x", 'Did you mean "deepinfra:Qwen/x"', id="a slash for the colon"),
        pytest.param("Novita/a/b:free", 'Did you mean "novita:a/b:free"', id="and a variant"),
    ],
)
def test_a_model_alone_is_told_how_to_name_its_provider(model: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        resolve(model)


@pytest.mark.parametrize(
    ("base_url", "said"),
    [
        pytest.param("api.example.com/v1", "not an http or https URL", id="no scheme"),
        pytest.param("ftp://example.com", "not an http or https URL", id="another scheme"),
        pytest.param("https://", "not an http or https URL", id="no host"),
        pytest.param("http://host:port/v1", "not an http or https URL", id="a port that is not a number"),
        pytest.param("https://me:pass-word@example.com/v1", "name or password", id="a password"),
        pytest.param("https://example.com/v1?api-version=1", "has a query", id="a query"),
        pytest.param("https://example.com/v1 beta", "has a blank", id="a blank"),
    ],
)
def test_a_base_url_that_cannot_be_used_is_refused(base_url: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        resolve("m", base_url=base_url)
    assert "pass-word" not in str(caught.value)


@pytest.mark.parametrize(
    "route", ["deepinfra:", "deepinfra", " DeepInfra "], ids=["colon", "alone", "blanks"]
)
def test_a_route_without_a_model_is_refused_with_an_example(route: str) -> None:
    with pytest.raises(ConfigError, match="deepinfra: the route names no model") as caught:
        resolve(route)
    example = re.search('as in "(.*)"', caught.value.hint)
    assert example
    assert resolve(example[1]).profile.family


def test_a_provider_of_no_known_models_is_given_a_stand_in() -> None:
    with pytest.raises(ConfigError, match='as in "vllm:MODEL"'):
        resolve("vllm")


def test_azure_needs_an_address() -> None:
    with pytest.raises(ConfigError, match="RESOURCE"):
        resolve("azure:my-deployment")


def test_a_name_for_a_server_that_no_route_could_hold_is_refused() -> None:
    with pytest.raises(ConfigError, match="a:b"):
        resolve("m", provider="a:b", base_url="https://example.com/v1")


@pytest.mark.parametrize("name", ["deepinfa", "DeepInfr", "hyperbollic", "novta"])
def test_a_name_misspelt_beside_a_base_url_is_told(name: str) -> None:
    with pytest.warns(UnknownProviderWarning, match="Its limits are not applied"):
        endpoint = resolve("m", provider=name, base_url="https://gpu.example.com/v1")
    assert endpoint.provider.name == name.lower()


@pytest.mark.parametrize("name", ["vllm2", "openai-proxy", "lab", "deepinfra-mirror"])
def test_a_name_of_ones_own_is_taken_without_a_word(name: str) -> None:
    assert resolve("m", provider=name, base_url="https://gpu.example.com/v1").provider.name == name


# How rows are put together.


@pytest.mark.parametrize(
    ("row", "field", "expected"),
    [
        pytest.param(
            ModelProfile(prefix="qwen2.5-vl", context_tokens=1),
            "context_tokens",
            1,
            id="a user's row is last",
        ),
        pytest.param(
            ModelProfile(prefix="qwen2.5-vl", tools=True),
            "context_tokens",
            32_768,
            id="it adds, and takes nothing away",
        ),
        pytest.param(
            ModelProfile(prefix="qwen2.5-vl", price=None), "price", None, id="None that is set counts"
        ),
        pytest.param(
            ModelProfile(prefix="qwen2.5-vl", provider="deepinfra", grid=1),
            "grid",
            28,
            id="another provider's is left out",
        ),
        pytest.param(
            ModelProfile(prefix="", provider="novita", grid=1), "grid", 1, id="an empty prefix fits all"
        ),
        pytest.param(
            ModelProfile(prefix="qwen2.5-vl-7b", grid=1), "grid", 28, id="a longer prefix does not fit"
        ),
    ],
)
def test_a_users_row_adds_to_what_is_known(row: ModelProfile, field: str, expected: object) -> None:
    register(row)
    assert getattr(resolve("novita:qwen/qwen2.5-vl-72b-instruct").profile, field) == expected


@pytest.mark.parametrize(
    ("of_provider", "of_model", "expected"),
    [
        pytest.param({"max_images": 5}, {"max_images": 9}, {"max_images": 5}, id="the provider's is tighter"),
        pytest.param({"max_images": 5}, {"max_images": 2}, {"max_images": 2}, id="the model's is tighter"),
        pytest.param({"max_side": 5}, {"max_images": 2}, {"max_side": 5, "max_images": 2}, id="both"),
        pytest.param(
            {"accepts_url": True}, {"accepts_url": False}, {"accepts_url": False}, id="the model's yes or no"
        ),
        pytest.param(
            {"accepts_url": False}, {"accepts_url": True}, {"accepts_url": True}, id="and the other way round"
        ),
        pytest.param(
            {"formats": {"png"}}, {"formats": {"jpeg"}}, {"formats": {"jpeg"}}, id="the model's formats"
        ),
        pytest.param(
            {"max_images": 5}, {"max_images": None}, {"max_images": 5}, id="unknown does not loosen"
        ),
    ],
)
def test_limits_of_provider_and_model_hold_together(
    of_provider: dict[str, object], of_model: dict[str, object], expected: dict[str, object]
) -> None:
    register(ModelProfile(prefix="m", limits=ImageLimits.model_validate(of_model)))
    lab = LAB.model_copy(update={"limits": ImageLimits.model_validate(of_provider)})
    assert resolve("m", provider=lab).limits == ImageLimits.model_validate(expected)


def test_the_more_specific_row_counts(fresh_registry: Registry) -> None:
    rows = (
        ModelProfile(prefix="m-2", provider="lab", model="M-2", context_tokens=4),
        ModelProfile(prefix="m-2", context_tokens=2, grid=2, tools=False),
        ModelProfile(prefix="m", context_tokens=1, grid=1, thinking=True),
        ModelProfile(prefix="m", provider="lab", context_tokens=3, tools=True),
    )
    for row in rows:
        fresh_registry.register(row)
    found = resolve("m-2", provider=LAB).profile
    assert (found.context_tokens, found.tools, found.grid, found.thinking) == (4, True, 2, True)


def test_a_registered_provider_replaces_the_one_of_its_name() -> None:
    register(Provider(name="novita", base_url="https://mirror.example.com/v1"))
    assert resolve("novita:m").base_url == "https://mirror.example.com/v1"


def test_several_rows_are_registered_at_once() -> None:
    register([LAB, ModelProfile(prefix="m", grid=7)])
    assert resolve("lab:m").profile.grid == 7


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        pytest.param({"name": "lab"}, "dict", id="a dict"),
        pytest.param([LAB, "lab"], "str", id="a name among rows"),
        pytest.param("lab", "str", id="a name"),
        pytest.param(None, "NoneType", id="nothing"),
        pytest.param(Provider, "ModelMetaclass", id="the class"),
    ],
)
def test_what_is_no_row_is_not_registered(given: Any, kind: str) -> None:
    with pytest.raises(ConfigError, match=f"register was given a {kind}"):
        register(given)
    with pytest.raises(UnknownProviderError):
        resolve("lab:m")

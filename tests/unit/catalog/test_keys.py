"""Where a key comes from, what is not a key, and where none goes."""

from __future__ import annotations

import pickle

import pytest

from vlm_core.catalog.keys import find_key, key_state, problem_with
from vlm_core.catalog.resolve_route import resolve
from vlm_core.catalog.schema import Provider
from vlm_core.errors import ConfigError, MissingKeyError
from vlm_core.secret import Secret

pytestmark = pytest.mark.usefixtures("fresh_registry")
LAB = Provider(name="lab", base_url="http://127.0.0.1:8000/v1", api_key_env=())


@pytest.mark.parametrize(
    ("api_key", "environ", "found"),
    [
        pytest.param("passed", {"DEEPINFRA_TOKEN": "of-variable"}, "passed", id="the argument first"),
        pytest.param(
            None, {"DEEPINFRA_API_KEY": "two", "DEEPINFRA_TOKEN": "one"}, "one", id="variables in order"
        ),
        pytest.param(
            None, {"DEEPINFRA_TOKEN": "", "DEEPINFRA_API_TOKEN": "three"}, "three", id="an empty one is unset"
        ),
        pytest.param("", {"DEEPINFRA_TOKEN": "one"}, "one", id="an empty argument is none"),
        pytest.param(" passed\n", {}, "passed", id="blanks around it are cut off"),
        pytest.param(None, {"DEEPINFRA_TOKEN": "one\n"}, "one", id="and those of a variable"),
        pytest.param("jwt:eyJ.eyJ.sig_-", {}, "jwt:eyJ.eyJ.sig_-", id="a scoped JWT"),
    ],
)
def test_a_key_is_found(api_key: str | None, environ: dict[str, str], found: str) -> None:
    assert find_key(resolve("deepinfra:m", api_key=api_key), environ) == Secret(found)


def test_no_provider_gets_the_key_of_another() -> None:
    others = {"OPENAI_API_KEY": "sk-other", "NOVITA_API_KEY": "other", "MYROUTER_API_KEY": "other"}
    with pytest.raises(
        MissingKeyError,
        match="Set DEEPINFRA_TOKEN or DEEPINFRA_API_KEY or DEEPINFRA_API_TOKEN, or pass api_key",
    ):
        find_key(resolve("deepinfra:m"), others)  # fmt: skip


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("$DEEPINFRA_TOKEN", "variable's name"),
        ("${DEEPINFRA_TOKEN}", "variable's name"),
        ("$(cat key)", "variable's name"),
        ("%DEEPINFRA_TOKEN%", "variable's name"),
        ("DEEPINFRA_API_KEY", "variable's name"),
        ("YOUR_KEY", "placeholder"),
        ("YOUR_API_KEY", "placeholder"),
        ("your-api-key-here", "placeholder"),
        ("sk-your-key", "placeholder"),
        ("insert key here", "placeholder"),
        ("<key>", "placeholder in brackets"),
        ("{api_key}", "placeholder in brackets"),
        ("api-key", "placeholder"),
        ("sk-xxxxxxxx", "placeholder"),
        ("sk-...", "cut short"),
        ("sk-proj-a1b2…c3d4", "cut short"),
        ('"sk-123456"', "quotation marks"),
        ("'sk-123456'", "quotation marks"),
        ("Bearer sk-123456", "Bearer"),
        ("sk-123 456", "a blank or a line break"),
        ("sk-123\nsk-456\nsk-789", "a blank or a line break"),
        ("sk-123\x00456", "no header can hold"),
        ("sk-12345ñ", "no header can hold"),
    ],
)
def test_what_cannot_be_a_key_is_refused_and_not_repeated(key: str, said: str) -> None:
    for endpoint, environ in (
        (resolve("deepinfra:m", api_key=key), {}),
        (resolve("deepinfra:m"), {"DEEPINFRA_TOKEN": key}),
    ):
        if "\x00" in key and environ:
            continue  # no variable can hold it
        with pytest.raises(MissingKeyError, match=said) as caught:
            find_key(endpoint, environ)
        assert key not in caught.value.message


@pytest.mark.parametrize(
    "key", ["sk-proj-A1_b2-C3", "EMPTY", "test-key", "none", "$ecret", "a" * 300, "jwt:e30.e30.x=="]
)
def test_what_may_be_a_key_is_taken_as_it_is(key: str) -> None:
    assert problem_with(Secret(key)) is None


def test_an_empty_key_is_told_to_have_been_pickled() -> None:
    endpoint = pickle.loads(pickle.dumps(resolve("novita:m", api_key="sk-123456")))
    with pytest.raises(MissingKeyError, match="keys are not pickled"):
        find_key(endpoint, {})
    assert find_key(endpoint, {"NOVITA_API_KEY": "again"}) == Secret("again")


@pytest.mark.parametrize(
    "route", ["ollama:qwen2.5vl:7b", "vllm:m", "lmstudio:m"], ids=["ollama", "vllm", "lmstudio"]
)
def test_a_server_on_this_machine_needs_no_key(route: str) -> None:
    assert find_key(resolve(route), {"OPENAI_API_KEY": "sk-other"}) is None


def test_a_row_without_variables_needs_no_key() -> None:
    assert find_key(resolve("m", provider=LAB), {}) is None


def test_a_server_that_nobody_knows_gets_only_what_was_passed_for_it() -> None:
    everything = {"OPENAI_API_KEY": "sk-other", "DEEPINFRA_TOKEN": "other"}
    assert find_key(resolve("m", base_url="https://gpu.example.com/v1"), everything) is None
    assert find_key(resolve("m", base_url="https://gpu.example.com/v1", api_key="own"), {}) == Secret("own")


# To whom a key from a variable goes.


@pytest.mark.parametrize(
    "base_url",
    [
        "https://proxy.example.com/v1",
        "https://api.deepinfra.com.evil.example/v1",
        "https://evil.example/api.deepinfra.com/v1",
        "http://127.0.0.1:4000/v1",
    ],
)
def test_a_key_from_a_variable_does_not_go_to_another_host(base_url: str) -> None:
    environ = {"DEEPINFRA_TOKEN": "sk-own"}
    with pytest.raises(MissingKeyError, match="DEEPINFRA_TOKEN is not sent to"):
        find_key(resolve("deepinfra:m", base_url=base_url), environ)
    assert find_key(resolve("deepinfra:m", base_url=base_url, api_key="passed"), environ) == Secret("passed")


@pytest.mark.parametrize(
    ("route", "base_url", "variable"),
    [
        ("deepinfra:m", "https://api.deepinfra.com/v1", "DEEPINFRA_API_KEY"),
        ("together:m", "https://api.together.xyz/v1", "TOGETHER_API_KEY"),
        ("azure:m", "https://my-res.openai.azure.com/openai/v1", "AZURE_OPENAI_API_KEY"),
        ("ollama:m", "https://ollama.com/v1", "OLLAMA_API_KEY"),
    ],
)
def test_a_key_from_a_variable_goes_to_all_hosts_of_the_row(route: str, base_url: str, variable: str) -> None:
    assert find_key(resolve(route, base_url=base_url), {variable: "own"}) == Secret("own")


def test_a_key_that_is_not_needed_stays_at_home_without_a_word() -> None:
    assert (
        find_key(resolve("ollama:m", base_url="https://gpu.example.com/v1"), {"OLLAMA_API_KEY": "own"})
        is None
    )


# Over which networks a key goes.


@pytest.mark.parametrize(
    "base_url",
    ["http://api.example.com/v1", "http://8.8.8.8/v1", "http://api.deepinfra.com/v1/openai", "http://[2606:4700::1]/v1"],
)  # fmt: skip
@pytest.mark.parametrize(
    ("api_key", "headers"), [("sk-123456", {}), (None, {"Authorization": "Basic x"})], ids=["key", "header"]
)
def test_no_key_goes_unencrypted_to_a_public_host(
    base_url: str, api_key: str | None, headers: dict[str, str]
) -> None:
    with pytest.raises(ConfigError, match="unencrypted"):
        find_key(resolve("m", provider="any", base_url=base_url, api_key=api_key, headers=headers), {})


@pytest.mark.parametrize(
    "base_url",
    [
        "http://127.0.0.1:8000/v1",
        "http://[::1]:8000/v1",
        "http://localhost:8000/v1",
        "http://192.168.1.5:8000/v1",
        "http://100.64.0.9:8000/v1",
        "http://gpu-box:8000/v1",
        "http://gpu.local:8000/v1",
        "http://host.docker.internal:8000/v1",
        "https://api.example.com/v1",
    ],
)
def test_a_key_goes_within_ones_own_network(base_url: str) -> None:
    assert find_key(resolve("m", base_url=base_url, api_key="sk-123456"), {}) == Secret("sk-123456")


def test_without_a_key_plain_http_is_nobodys_business() -> None:
    endpoint = resolve("m", base_url="http://api.example.com/v1", headers={"X-Title": "scans"})
    assert find_key(endpoint, {}) is None


@pytest.mark.parametrize(
    ("environ", "variable", "problem"),
    [
        ({}, None, None),
        ({"DEEPINFRA_API_KEY": "sk-123456"}, "DEEPINFRA_API_KEY", None),
        ({"DEEPINFRA_TOKEN": "$DEEPINFRA_TOKEN"}, "DEEPINFRA_TOKEN", "is a variable's name"),
    ],
    ids=["unset", "set", "placeholder"],
)
def test_the_state_of_a_key_is_told_without_the_key(
    environ: dict[str, str], variable: str | None, problem: str | None
) -> None:
    state = key_state(resolve("deepinfra:m").provider, environ)
    assert (state.variable, state.problem, state.is_required) == (variable, problem, True)
    assert "123456" not in repr(state)

"""Options: which are known, and what of them a provider is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vlm_core.catalog.schema import Quirk
from vlm_core.errors import ConfigError
from vlm_core.wire.request import OPTIONS, build_request, check_options

HELLO = [{"role": "user", "content": "Hi"}]
LOOK = {"type": "function", "function": {"name": "look", "parameters": {}}}
SAY = {"type": "function", "function": {"name": "say", "parameters": {}}}
TOOL_OPTIONS = {"tools", "tool_choice", "parallel_tool_calls"}
NAMED = {"type": "function", "function": {"name": "look"}}


def body(options: dict[str, Any], endpoint: Any, **how: Any) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(build_request(HELLO, options, endpoint, **how).body)
    return fields


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param({"temprature": 0}, "Did you mean temperature?", id="misspelt"),
        pytest.param({"top_k": 1}, "extra_body={'top_k': ...}", id="a provider's own"),
        pytest.param({"max_completion_tokens": 9}, "Did you mean max_tokens?", id="renamed"),
        pytest.param({"stream": True}, "stream is not an option", id="set by the method"),
        pytest.param({"n": 2}, "one answer is read", id="several answers"),
        pytest.param({"extra_body": [1]}, "extra_body=[1]", id="extra_body is not a dict"),
        pytest.param({"extra_body": {"messages": []}}, "holds messages", id="extra_body sets messages"),
        pytest.param({"extra_body": {"model": "x", "stream": 1}}, "holds model, stream", id="sets two"),
    ],
)
def test_an_option_that_cannot_work_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_options(options)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        pytest.param("temperature", "hot", "a number from 0", id="temperature is a word"),
        pytest.param("temperature", -0.1, "a number from 0", id="temperature below 0"),
        pytest.param("temperature", True, "a number from 0", id="temperature is True"),
        pytest.param("temperature", float("nan"), "a number from 0", id="temperature is NaN"),
        pytest.param("top_p", 1.1, "a number from 0 to 1", id="top_p above 1"),
        pytest.param("presence_penalty", float("inf"), "a number", id="an endless penalty"),
        pytest.param("frequency_penalty", "a", "a number", id="a penalty is a word"),
        pytest.param("max_tokens", -3, "a whole number from 1", id="max_tokens below 1"),
        pytest.param("max_tokens", 0, "a whole number from 1", id="max_tokens is 0"),
        pytest.param("max_tokens", 1.5, "a whole number from 1", id="max_tokens is a fraction"),
        pytest.param("max_tokens", "9", "a whole number from 1", id="max_tokens is a text"),
        pytest.param("seed", 0.5, "a whole number", id="seed is a fraction"),
        pytest.param("top_logprobs", -1, "a whole number from 0", id="top_logprobs below 0"),
        pytest.param("stop", 3, "a text, or a list of texts", id="stop is a number"),
        pytest.param("stop", ["a", 3], "a text, or a list of texts", id="a stop is a number"),
        pytest.param("tools", "x", "a list of tools", id="tools is a text"),
        pytest.param("tools", LOOK, "a list of tools", id="tools is one tool"),
        pytest.param("tool_choice", "zzz", "auto, none, required, or a tool's name", id="no such choice"),
        pytest.param("tool_choice", 1, "a text or a dict", id="tool_choice is a number"),
        pytest.param("logprobs", 1, "True or False", id="logprobs is a number"),
        pytest.param("metadata", "a", "a dict", id="metadata is a text"),
        pytest.param("user", 7, "a text", id="user is a number"),
    ],
)
def test_an_option_of_a_wrong_type_or_range_is_named_with_what_is_wanted(
    name: str, value: Any, wanted: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        check_options({name: value})
    assert caught.value.message.startswith(f"{name}={repr(value)[:1]}")
    assert f"It must be {wanted}" in caught.value.hint


@pytest.mark.parametrize(
    "tool",
    [
        pytest.param({"type": "function", "name": "look", "parameters": {}}, id="flat"),
        pytest.param({"name": "look", "parameters": {}}, id="flat, without a type"),
        pytest.param({"type": "function", "function": {}}, id="without a name"),
        pytest.param({"type": "function", "function": "look"}, id="a name alone"),
        pytest.param(len, id="a function of Python"),
    ],
)
def test_what_is_no_tool_is_named_by_its_place(tool: Any) -> None:
    with pytest.raises(ConfigError, match=r"tools\[1\] is not a tool") as caught:
        check_options({"tools": [LOOK, tool]})
    assert '{"type": "function", "function": {"name": ...}}' in caught.value.hint


def test_a_tool_of_a_providers_own_type_is_left_to_the_provider(lab: Any) -> None:
    search = {"type": "web_search", "depth": 2}
    assert body({"tools": [search]}, lab)["tools"] == [search]


def test_a_choice_that_is_no_tool_is_told_the_names_of_those_that_are() -> None:
    with pytest.raises(ConfigError, match=r"\(look, say\)"):
        check_options({"tools": [LOOK, SAY], "tool_choice": "zzz"})


def test_a_tools_name_alone_is_sent_as_the_choice_of_it(lab: Any) -> None:
    assert body({"tools": [LOOK, SAY], "tool_choice": "look"}, lab)["tool_choice"] == NAMED


def test_every_option_is_accepted_unset() -> None:
    check_options(dict.fromkeys(OPTIONS))


def test_build_checks_the_options(lab: Any) -> None:
    with pytest.raises(ConfigError, match="Unknown option topp"):
        build_request(HELLO, {"topp": 1}, lab)


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_an_option_that_is_none_is_not_sent(name: str, lab: Any) -> None:
    assert body({name: None}, lab) == {"model": "m", "messages": HELLO}


SENT = {
    "temperature": 0,
    "top_p": 1,
    "max_tokens": 1,
    "seed": -7,
    "top_logprobs": 0,
    "presence_penalty": -2,
    "frequency_penalty": 0.5,
    "stop": ("a", "b"),
    "logprobs": False,
    "store": True,
    "logit_bias": {"1": 2},
    "metadata": {},
    "prediction": {"type": "content"},
    **dict.fromkeys(("user", "reasoning_effort", "verbosity", "service_tier"), "a"),
    **dict.fromkeys(("prompt_cache_key", "safety_identifier"), "a"),
}


@pytest.mark.parametrize("name", sorted(OPTIONS - {"response_format", "extra_body", "n"} - TOOL_OPTIONS))
def test_a_plain_option_is_sent_as_given(name: str, lab: Any) -> None:
    assert body({name: SENT[name]}, lab)[name] == json.loads(json.dumps(SENT[name]))


def test_one_answer_is_the_default_and_not_sent(lab: Any) -> None:
    assert "n" not in body({"n": 1}, lab)


def test_max_tokens_goes_by_the_providers_name(make_endpoint: Any) -> None:
    endpoint = make_endpoint(quirks={Quirk.MAX_COMPLETION_TOKENS})
    fields = body({"max_tokens": 9}, endpoint)
    assert (fields.get("max_completion_tokens"), "max_tokens" in fields) == (9, False)


def test_usage_is_asked_for_when_streaming(lab: Any) -> None:
    fields = body({}, lab, stream=True)
    assert (fields["stream"], fields["stream_options"]) == (True, {"include_usage": True})


def test_usage_is_not_asked_for_where_that_is_refused(make_endpoint: Any) -> None:
    fields = body({}, make_endpoint(quirks={Quirk.NO_STREAM_OPTIONS}), stream=True)
    assert fields["stream"] is True
    assert "stream_options" not in fields


def test_extra_body_is_merged_last_and_deep(lab: Any) -> None:
    options = {"seed": 1, "extra_body": {"seed": 2, "stream_options": {"more": 1}, "top_k": None}}
    fields = body(options, lab, stream=True)
    assert fields["seed"] == 2
    assert fields["stream_options"] == {"include_usage": True, "more": 1}
    assert fields["top_k"] is None


def test_an_empty_list_of_tools_goes_with_its_choice(lab: Any) -> None:
    fields = body({"tools": [], "tool_choice": "auto", "parallel_tool_calls": True}, lab)
    assert fields == {"model": "m", "messages": HELLO}


def test_a_forced_choice_is_sent_where_it_is_possible(lab: Any) -> None:
    request = build_request(HELLO, {"tools": [LOOK, SAY], "tool_choice": NAMED}, lab)
    fields = json.loads(request.body)
    assert (fields["tools"], fields["tool_choice"], request.warnings) == ([LOOK, SAY], NAMED, ())


@pytest.mark.parametrize(
    ("choice", "sent", "tools", "warned"),
    [
        pytest.param("required", "auto", [LOOK, SAY], True, id="any tool"),
        pytest.param(NAMED, "auto", [LOOK], True, id="one tool by name"),
        pytest.param(
            {"type": "function", "function": {"name": "x"}}, "auto", [LOOK, SAY], True, id="unknown"
        ),
        pytest.param("auto", "auto", [LOOK, SAY], False, id="auto"),
        pytest.param("none", "none", [LOOK, SAY], False, id="none"),
    ],
)
def test_a_choice_that_cannot_be_forced_becomes_auto(
    choice: Any, sent: str, tools: list[Any], warned: bool, make_endpoint: Any
) -> None:
    endpoint = make_endpoint(quirks={Quirk.TOOL_CHOICE_AUTO_OR_NONE})
    request = build_request(HELLO, {"tools": [LOOK, SAY], "tool_choice": choice}, endpoint)
    fields = json.loads(request.body)
    assert (fields["tool_choice"], fields["tools"], bool(request.warnings)) == (sent, tools, warned)


def test_tools_are_sent_with_a_warning_where_the_model_calls_none(make_endpoint: Any) -> None:
    request = build_request(HELLO, {"tools": [LOOK]}, make_endpoint(tools=False))
    assert json.loads(request.body)["tools"] == [LOOK]
    assert "not known to call tools" in request.warnings[0]


def test_the_reading_knows_whether_tools_were_asked(lab: Any) -> None:
    assert build_request(HELLO, {"tools": [LOOK]}, lab).reading.tools_asked
    assert not build_request(HELLO, {}, lab).reading.tools_asked


@pytest.mark.parametrize(
    ("model", "thinking", "may"),
    [
        pytest.param("qwen3-vl-235b-a22b-thinking", True, True, id="named so"),
        pytest.param("qwen3-vl-235b-a22b-thinking", None, True, id="unknown to the catalog"),
        pytest.param("Qwen3-VL-Thinking", False, False, id="the catalog denies it"),
        pytest.param("gpt-5", True, False, id="thinks, but marks it or keeps it"),
    ],
)
def test_text_is_held_back_only_for_models_that_may_not_mark_a_thought(
    model: str, thinking: bool | None, may: bool, make_endpoint: Any
) -> None:
    endpoint = make_endpoint(model=model, thinking=thinking)
    assert build_request(HELLO, {}, endpoint, stream=True).reading.may_think is may

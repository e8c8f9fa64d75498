"""Asking for JSON by the best way there is."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import Any

import pytest
from pydantic import BaseModel

from vlm_core.catalog.schema import Quirk
from vlm_core.errors import ConfigError
from vlm_core.wire.request import Request, build_request

HELLO = [{"role": "user", "content": "Hi"}]
SCHEMA = {"type": "object", "properties": {"total": {"type": "number"}}}
JSON_OBJECT = {"type": "json_object"}
JSON_SCHEMA = {"type": "json_schema", "json_schema": {"name": "receipt", "schema": SCHEMA, "strict": True}}
TOOLS = [{"type": "function", "function": {"name": "look"}}]


class Receipt(BaseModel):
    total: float


def sent(request: Request) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(request.body)
    return fields


@pytest.mark.parametrize("given", [JSON_OBJECT, JSON_SCHEMA], ids=["json_object", "json_schema"])
def test_it_is_asked_as_given_where_nothing_is_known(given: Any, lab: Any) -> None:
    request = build_request(HELLO, {"response_format": given}, lab)
    assert (sent(request)["response_format"], sent(request)["messages"]) == (given, HELLO)
    assert request.warnings == ()


@pytest.mark.parametrize(
    ("given", "name"),
    [
        pytest.param(SCHEMA, "answer", id="bare schema"),
        pytest.param({**SCHEMA, "title": "My receipt!"}, "My_receipt_", id="its title is the name"),
        pytest.param({"anyOf": [SCHEMA]}, "answer", id="without a type"),
        pytest.param(Receipt, "Receipt", id="pydantic model"),
        pytest.param(MappingProxyType(SCHEMA), "answer", id="any mapping"),
    ],
)
def test_a_schema_in_any_form_is_sent_as_json_schema(given: Any, name: str, lab: Any) -> None:
    schema = Receipt.model_json_schema() if given is Receipt else dict(given)
    asked = sent(build_request(HELLO, {"response_format": given}, lab))["response_format"]
    assert asked == {"type": "json_schema", "json_schema": {"name": name, "schema": schema}}


def test_plain_text_needs_no_field(lab: Any) -> None:
    request = build_request(HELLO, {"response_format": {"type": "text"}}, lab)
    assert "response_format" not in sent(request)
    assert not request.reading.strip_fence


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"type": "json_scheme"}, id="misspelt"),
        pytest.param({"type": "json_schema"}, id="no schema"),
        pytest.param({"type": "json_schema", "json_schema": {"schema": 1}}, id="schema is a number"),
        pytest.param({}, id="empty"),
        pytest.param("json", id="a word"),
        pytest.param({"type": ["object", "thing"]}, id="unknown types"),
    ],
)
def test_what_is_no_format_is_refused(given: Any, lab: Any) -> None:
    with pytest.raises(ConfigError, match="response_format"):
        build_request(HELLO, {"response_format": given}, lab)


@pytest.mark.parametrize(
    ("known", "given", "way"),
    [
        pytest.param({"json_schema", "json_object"}, SCHEMA, "json_schema", id="as asked"),
        pytest.param({"json_object", "tool"}, SCHEMA, "json_object", id="as an object"),
        pytest.param({"tool"}, SCHEMA, "tool", id="as a tool"),
        pytest.param(set(), SCHEMA, "prompt", id="in words"),
        pytest.param({"json_object"}, JSON_OBJECT, "json_object", id="object as asked"),
        pytest.param({"json_schema"}, JSON_OBJECT, "prompt", id="object in words"),
        pytest.param({"tool"}, JSON_OBJECT, "prompt", id="no tool without a schema"),
    ],
)
def test_the_way_is_the_best_that_is_known(known: Any, given: Any, way: str, make_endpoint: Any) -> None:
    request = build_request(HELLO, {"response_format": given}, make_endpoint(response_formats=known))
    fields = sent(request)
    asked = fields.get("response_format", {}).get("type") or ("tool" if "tools" in fields else "prompt")
    as_asked = way == given.get("type") or (way, given) == ("json_schema", SCHEMA)
    in_words = any("JSON" in str(message["content"]) for message in fields["messages"])
    assert (asked, bool(request.warnings)) == (way, not as_asked)
    assert in_words is (not as_asked and way != "tool")
    assert request.reading.strip_fence


def test_words_hold_the_schema(make_endpoint: Any) -> None:
    endpoint = make_endpoint(response_formats={"json_object"})
    fields = sent(build_request(HELLO, {"response_format": SCHEMA}, endpoint))
    assert fields["messages"][0]["role"] == "system"
    assert json.loads(fields["messages"][0]["content"].split("\n")[-1]) == SCHEMA


def test_a_forced_tool_is_named_in_the_reading(make_endpoint: Any) -> None:
    request = build_request(HELLO, {"response_format": Receipt}, make_endpoint(response_formats={"tool"}))
    function = sent(request)["tools"][0]["function"]
    assert function["parameters"] == Receipt.model_json_schema()
    assert sent(request)["tool_choice"]["function"]["name"] == request.reading.unwrap_tool == "Receipt"


@pytest.mark.parametrize(
    ("quirks", "tools"),
    [
        pytest.param({Quirk.TOOL_CHOICE_AUTO_OR_NONE}, None, id="none can be forced"),
        pytest.param(set(), TOOLS, id="the caller has his own"),
    ],
)
def test_words_take_the_place_of_a_tool_that_cannot_be_forced(
    quirks: Any, tools: Any, make_endpoint: Any
) -> None:
    endpoint = make_endpoint(response_formats={"tool"}, quirks=quirks)
    request = build_request(HELLO, {"response_format": SCHEMA, "tools": tools}, endpoint)
    assert sent(request).get("tools") == tools
    assert request.reading.unwrap_tool is None
    assert sent(request)["messages"][0]["role"] == "system"


@pytest.mark.parametrize(("stream", "has_field"), [(True, False), (False, True)], ids=["streamed", "whole"])
def test_words_stand_alone_where_streams_exclude_formats(
    stream: bool, has_field: bool, make_endpoint: Any
) -> None:
    endpoint = make_endpoint(quirks={Quirk.NO_STREAMED_RESPONSE_FORMAT})
    request = build_request(HELLO, {"response_format": SCHEMA}, endpoint, stream=stream)
    assert ("response_format" in sent(request), not request.warnings) == (has_field, has_field)


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        pytest.param("Be brief.", str, id="text"),
        pytest.param([{"type": "text", "text": "Be brief."}], list, id="parts"),
    ],
)
def test_words_join_a_system_message_that_is_there(first: Any, expected: type, make_endpoint: Any) -> None:
    messages = [{"role": "developer", "content": first}, *HELLO]
    request = build_request(messages, {"response_format": SCHEMA}, make_endpoint(response_formats=set()))
    system, *others = sent(request)["messages"]
    assert (system["role"], others) == ("developer", HELLO)
    assert isinstance(system["content"], expected)
    assert "Be brief." in str(system["content"])
    assert "JSON schema" in str(system["content"])


def test_a_schema_that_is_no_json_is_refused(make_endpoint: Any) -> None:
    endpoint = make_endpoint(response_formats=set())
    with pytest.raises(ConfigError, match="JSON has no place for set"):
        build_request(HELLO, {"response_format": {"type": "object", "enum": {1}}}, endpoint)

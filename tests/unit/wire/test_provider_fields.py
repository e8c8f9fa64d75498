"""What goes back to a route of what it sent, and what does not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vlm_core import Completion, ToolCall
from vlm_core.catalog.schema import Quirk
from vlm_core.wire.provider_fields import ProviderFields, reassembled
from vlm_core.wire.request import build_request

USER = {"role": "user", "content": "Look."}
CALLS = [
    {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}, "extra_content": 1}
]
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "page 1"}
THOUGHT = {"reasoning_content": "Hm."}


def said(**fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": "Seen.", **fields}


def sent(endpoint: Any, *messages: dict[str, Any]) -> list[dict[str, Any]]:
    return json.loads(build_request(list(messages), {}, endpoint).body)["messages"]


CASES = [
    pytest.param(None, {"route": "lab:m"}, True, True, id="own-with-calls"),
    pytest.param(None, {"route": "lab:other"}, True, False, id="another-model"),
    pytest.param(None, {"route": "else:m"}, True, False, id="another-provider"),
    pytest.param(None, {}, True, True, id="by-hand"),
    pytest.param(None, {}, False, True, id="by-hand-without-calls"),
    pytest.param(None, {"route": "lab:m"}, False, False, id="own-without-calls"),
    pytest.param("always", {"route": "lab:m"}, False, True, id="always"),
    pytest.param("always", {"route": "else:m"}, True, False, id="always-but-of-another"),
    pytest.param("with_tool_calls", {}, False, False, id="by-hand-where-none-is-wanted"),
    pytest.param("never", {"route": "lab:m"}, True, False, id="never"),
    pytest.param("never", {}, True, False, id="never-by-hand"),
]


@pytest.mark.parametrize(("rule", "route", "has_calls", "goes"), CASES)
def test_reasoning_goes_back_by_route_and_row(
    rule: Any, route: dict[str, str], has_calls: bool, goes: bool, make_endpoint: Any
) -> None:
    calls = {"tool_calls": CALLS} if has_calls else {}
    history = [USER, said(**THOUGHT, **route, **calls), *([RESULT] if has_calls else [])]
    message = sent(make_endpoint(reasoning_back=rule), *history)[1]
    assert ("reasoning_content" in message) is goes
    assert "route" not in message


def test_the_last_answer_of_a_turn_with_tools_gives_its_reasoning_back_too(lab: Any) -> None:
    own = {"route": "lab:m", **THOUGHT}
    history = [USER, said(tool_calls=CALLS, **own), RESULT, said(**own), USER, said(**own), USER]
    messages = sent(lab, *history)
    assert ["reasoning_content" in message for message in messages] == [
        False,
        True,
        False,
        True,
        *[False] * 3,
    ]


def test_fields_of_calls_go_to_their_route_alone(lab: Any) -> None:
    for route, goes in (("lab:m", True), ("else:m", False)):
        (_, message, _) = sent(lab, USER, said(route=route, tool_calls=CALLS, reasoning_details=[1]), RESULT)
        assert ("extra_content" in message["tool_calls"][0]) is goes
        assert ("reasoning_details" in message) is goes


def test_a_completion_is_a_message_that_knows_its_route(lab: Any) -> None:
    call = ToolCall("c1", "look", "", {"extra_content": {"google": 1}})
    answer = Completion("", tool_calls=(call,), route="lab:m", provider_fields=THOUGHT)
    assert json.loads(json.dumps(answer.message)) == answer.message
    for given in (answer, answer.message):
        message = sent(lab, USER, given, RESULT)[1]
        assert message["reasoning_content"] == "Hm."
        assert message["tool_calls"][0]["extra_content"] == {"google": 1}
        assert message["tool_calls"][0]["function"]["arguments"] == "{}"


def test_a_row_may_name_further_fields() -> None:
    fields = ProviderFields(["thinking_blocks"])
    fields.add({"thinking_blocks": [1], "colour": "red"})
    fields.add({"thinking_blocks": [2], "reasoning": "Hm."})
    assert fields.fields == {"reasoning": "Hm.", "thinking_blocks": [1, 2]}


def test_two_names_for_one_thought_are_one() -> None:
    fields = ProviderFields()
    fields.add({"reasoning": "Hm.", "reasoning_content": "Hm."})
    assert fields.fields == {"reasoning_content": "Hm."}


DETAILS = [
    pytest.param(
        [{"type": "t", "index": 0, "text": "a"}, {"type": "t", "index": 1, "text": "b"},
         {"type": "t", "index": 0, "text": "c", "signature": "s"}],
        [{"type": "t", "index": 0, "text": "ac", "signature": "s"}, {"type": "t", "index": 1, "text": "b"}],
        id="by-index",
    ),
    pytest.param(
        [{"type": "t", "index": 0, "text": "a"}, {"type": "reasoning.encrypted", "index": 0, "data": "b"}],
        [{"type": "t", "index": 0, "text": "a"}, {"type": "reasoning.encrypted", "index": 0, "data": "b"}],
        id="by-type",
    ),
    pytest.param(
        [{"type": "t", "text": "a"}, {"type": "t", "text": "b"}, {"type": "u", "summary": "c"}],
        [{"type": "t", "text": "ab"}, {"type": "u", "summary": "c"}],
        id="no-index",
    ),
    pytest.param(
        [{"type": "reasoning.encrypted", "data": "a"}, {"type": "reasoning.encrypted", "data": "b"}],
        [{"type": "reasoning.encrypted", "data": "a"}, {"type": "reasoning.encrypted", "data": "b"}],
        id="encrypted-ones-are-whole",
    ),
    pytest.param(
        [{"type": "t", "data": "a", "id": "1"}, {"type": "t", "data": "b", "id": "2"}],
        [{"type": "t", "data": "a", "id": "1"}, {"type": "t", "data": "b", "id": "2"}],
        id="two-ids",
    ),
    pytest.param(
        [{"type": "t", "index": 0, "text": "a", "signature": "s"}, {"type": "t", "index": 0, "text": None,
                                                                     "signature": None, "format": "f"}],
        [{"type": "t", "index": 0, "text": "a", "signature": "s", "format": "f"}],
        id="null-says-nothing",
    ),
    pytest.param(["odd", None], ["odd", None], id="no-objects"),
]  # fmt: skip


@pytest.mark.parametrize(("pieces", "whole"), DETAILS)
def test_fragments_of_reasoning_details_are_put_together(pieces: list[Any], whole: list[Any]) -> None:
    assert reassembled(pieces) == whole


# --- what a route requires and nobody has


def test_calls_of_another_model_go_to_gemini_with_the_documented_mark(make_endpoint: Any) -> None:
    gemini = make_endpoint(quirks={Quirk.NEEDS_THOUGHT_SIGNATURE})
    calls = [{**CALLS[0], "id": name} for name in ("c1", "c2")]
    results = [{**RESULT, "tool_call_id": name} for name in ("c1", "c2")]
    request = build_request([USER, said(route="else:m", tool_calls=calls), *results], {}, gemini)
    first, second = json.loads(request.body)["messages"][1]["tool_calls"]
    assert first["extra_content"]["google"]["thought_signature"] == "skip_thought_signature_validator"
    assert "extra_content" not in second
    assert "signature" in request.warnings[0]


def test_calls_of_another_model_go_to_kimi_with_a_blank(make_endpoint: Any) -> None:
    kimi = make_endpoint(quirks={Quirk.NEEDS_REASONING}, reasoning_back="always")
    history = [
        USER,
        said(route="else:m", tool_calls=CALLS, **THOUGHT),
        RESULT,
        said(route="else:m", **THOUGHT),
    ]
    _, calling, _, last = sent(kimi, *history)
    assert calling["reasoning_content"] == " "
    assert "reasoning_content" not in last


# --- system messages


def system(*texts: str) -> list[dict[str, Any]]:
    return [{"role": "system", "content": text} for text in texts]


def test_system_messages_are_merged_where_the_row_says_so(make_endpoint: Any, lab: Any) -> None:
    one = make_endpoint(quirks={Quirk.ONE_SYSTEM_MESSAGE})
    history = [*system("a", "b"), USER, *system("c"), USER]
    assert sent(one, *history) == [*system("a\n\nb\n\nc"), USER, USER]
    assert sent(lab, *history) == history


def test_a_warning_says_when_a_system_message_moves(make_endpoint: Any) -> None:
    one = make_endpoint(quirks={Quirk.ONE_SYSTEM_MESSAGE})
    assert build_request([*system("a", "b"), USER], {}, one).warnings == ()
    assert "system" in build_request([USER, *system("a"), USER], {}, one).warnings[0]
    assert sent(one, USER, *system("a"), USER) == [*system("a"), USER, USER]

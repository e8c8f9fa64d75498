"""Tool calls from their pieces: what belongs together, and what cannot be known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vlm_core import MalformedResponse, OutputTruncated, ToolCall
from vlm_core.wire.tool_calls import OfferedTools, ToolCallAccumulator

ROWS = json.loads((Path(__file__).parents[2] / "contract" / "tool_streams.json").read_text())
KNOWN = OfferedTools(frozenset({"look", "say", "look_up"}), frozenset({"look_up"}))


def piece(arguments: Any = None, name: str | None = None, **more: Any) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {**more, "function": {key: value for key, value in function.items() if value is not None}}


def gathered(*pieces: dict[str, Any], offered: OfferedTools = KNOWN, **settings: Any) -> tuple[ToolCall, ...]:
    gatherer = ToolCallAccumulator(offered=offered, **settings)
    for one in pieces:
        gatherer.add([one])
    gatherer.flush()
    return gatherer.calls()


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_what_servers_are_known_to_send_is_put_together(row: Any) -> None:
    gatherer = ToolCallAccumulator()
    for pieces in row["chunks"]:
        gatherer.add(
            [piece(**{"arguments": one.get("arguments"), **one}) for one in pieces],
        )
    calls = gatherer.calls()
    assert [call.args for call in calls] == [{"page": page} for page in row["calls"]]
    assert len({call.id for call in calls}) == len(calls)


AMBIGUOUS = [
    pytest.param([piece("", "look", index=0), piece("", "look", index=0)], id="no-arguments-twice"),
    pytest.param([piece("", "look"), piece('{"a": 1}', "look")], id="no-arguments-then-some"),
    pytest.param(
        [piece("", "look", index=0, id="c"), piece('{"a": 1}', "look", index=0, id="c")],
        id="no-arguments-then-some-under-one-id",
    ),
    pytest.param([piece('{"a": 1}', "look", index=0), piece("", "look", index=0)], id="some-then-none"),
    pytest.param(
        [piece('{"a"', "look", index=0), piece(": 1}", index=0), piece('{"a": 1}', "look", index=0)],
        id="in-pieces-then-whole",
    ),
    pytest.param(
        [piece('{"a": 1}', "look", id="c"), piece('{"a": 1}', "look", id="c")], id="equal-under-one-id"
    ),
]


@pytest.mark.parametrize("pieces", AMBIGUOUS)
def test_what_may_be_one_call_or_two_is_an_error(pieces: list[Any]) -> None:
    with pytest.raises(MalformedResponse, match="whether once or twice") as caught:
        gathered(*pieces)
    assert "parallel_tool_calls" in caught.value.hint


CLEAR = [
    pytest.param(
        [piece("", "look_up"), piece('{"a": 1}', "look_up")], [("look_up", {"a": 1})], id="needs-arguments"
    ),
    pytest.param([piece("", "look"), piece("{}", "say")], [("look", {}), ("say", {})], id="another-tool"),
    pytest.param([piece("", "lo"), piece("", "ok"), piece("{}")], [("look", {})], id="a-name-in-pieces"),
    pytest.param(
        [piece("", "look", index=0), piece('{"a": 1}', "look", index=0), piece("{}", "say", index=1)],
        [("look", {"a": 1}), ("say", {})],
        id="two-indexes",
    ),
    pytest.param(
        [piece("{}", "look", index=0), piece("{}", "look", index=0)], [("look", {}), ("look", {})], id="equal"
    ),
    pytest.param(
        [piece('{"a": {"b": 1}', "look"), piece("}")], [("look", {"a": {"b": 1}})], id="a-brace-within"
    ),
    pytest.param([piece('"}{"', "look"), piece("1")], [("look", None)], id="no-object"),
]


@pytest.mark.parametrize(("pieces", "calls"), CLEAR)
def test_what_can_be_known_is_known(pieces: list[Any], calls: list[Any]) -> None:
    assert [(call.name, call.args) for call in gathered(*pieces)] == calls


def test_the_first_delta_of_a_call_has_its_name_and_id() -> None:
    gatherer = ToolCallAccumulator(offered=KNOWN)
    gatherer.answer_id = "x"
    assert gatherer.add([piece("", "look", index=0)]) == ([], "")
    ((delta,), _) = gatherer.add([piece('{"a": 1}', index=0)])
    assert (delta.id, delta.name, delta.arguments) == ("call_x_0", "look", '{"a": 1}')
    assert gatherer.flush() == ([], "")


def test_a_made_id_differs_from_answer_to_answer() -> None:
    assert gathered(piece("{}", "look"))[0].id != gathered(piece("{}", "look"))[0].id


def test_a_repeated_id_is_made_unique_and_never_meets_another() -> None:
    calls = gathered(
        piece('{"a": 1}', "look", id="c"), piece("{}", "say", id="c_2"), piece('{"a": 2}', "look", id="c")
    )
    assert [call.id for call in calls] == ["c", "c_2", "c_3"]


def test_fields_that_the_provider_wants_back_stay_with_their_call() -> None:
    first = {"google": {"thought_signature": "s"}}
    (one, two) = gathered(
        piece('{"a"', "look", index=0, extra_content=first, colour="red", mark=1),
        piece(": 1}", index=0, mark=2),
        piece("{}", "say", index=1),
        kept=frozenset({"extra_content", "mark"}),
    )
    assert one.provider_fields == {"extra_content": first, "mark": 2}
    assert two.provider_fields == {}


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ('{"a": ', OutputTruncated),
        ('{"a": "b', MalformedResponse),
        ("[1]", MalformedResponse),
        ("look!", MalformedResponse),
    ],
)
def test_arguments_that_cannot_be_used_are_an_error_of_their_kind(arguments: str, kind: Any) -> None:
    call = ToolCall("c", "look", arguments)
    error = call.error("stop", route="lab:m")
    assert isinstance(error, kind)
    assert (call.args, error.partial, error.route) == (None, arguments, "lab:m")


@pytest.mark.parametrize("arguments", ["", "  ", "null", "{}"])
def test_no_arguments_are_no_error(arguments: str) -> None:
    assert ToolCall("c", "look", arguments).args == {}
    assert ToolCall("c", "look", arguments).error("stop") is None

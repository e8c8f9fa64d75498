"""What was given of a stream, and what of another answer may follow it."""

from __future__ import annotations

import pytest

from vlm_core.completion import Completion, Delta, ToolCall, ToolCallDelta
from vlm_core.flow.attempt import EmittedText

CALL = ToolCall("new", "read", '{"page": 1}')


def after(*deltas: Delta) -> EmittedText:
    given = EmittedText()
    for delta in deltas:
        given.add(delta)
    return given


def tool(index: int = 0, **fields: str) -> Delta:
    return Delta(tool_calls=(ToolCallDelta(index, **fields),))


@pytest.mark.parametrize(
    ("given", "answer", "rest"),
    [
        pytest.param("", "TOTAL", ["TOTAL"], id="nothing-was-given"),
        pytest.param("TO", "TOTAL", ["TAL"], id="a-beginning"),
        pytest.param("TOTAL", "TOTAL", [], id="all-of-it"),
        pytest.param("TOTAL 9", "TOTAL", None, id="more-than-it-has"),
        pytest.param("TO", "total", None, id="another-answer"),
        pytest.param("AL", "TOTAL", None, id="a-part-from-within"),
        pytest.param("TO", "", None, id="an-empty-answer"),
        pytest.param("", "", [], id="nothing-at-all"),
    ],
)
def test_the_rest_of_a_text(given: str, answer: str, rest: list[str] | None) -> None:
    found = after(Delta(given)).rest_of(Completion(answer))
    assert (None if found is None else [delta.text for delta in found]) == rest


@pytest.mark.parametrize(
    ("given", "rest"),
    [
        pytest.param([], ToolCallDelta(0, "new", "read", '{"page": 1}'), id="not-begun"),
        pytest.param([tool(id="old", name="read")], ToolCallDelta(0, None, None, '{"page": 1}'), id="named"),
        pytest.param(
            [tool(id="old", name="read"), tool(arguments='{"pa')],
            ToolCallDelta(0, None, None, 'ge": 1}'),
            id="half-its-arguments",
        ),
        pytest.param([tool(id="old")], ToolCallDelta(0, None, "read", '{"page": 1}'), id="without-a-name"),
        pytest.param(
            [tool(name="read")], ToolCallDelta(0, "new", None, '{"page": 1}'), id="without-an-id-yet"
        ),
    ],
)
def test_the_rest_of_a_tool_call(given: list[Delta], rest: ToolCallDelta) -> None:
    assert after(*given).rest_of(Completion("", tool_calls=(CALL,))) == [Delta(tool_calls=(rest,))]


def test_a_call_given_whole_has_no_rest() -> None:
    given = after(tool(id="old", name="read", arguments='{"page": 1}'))
    assert given.rest_of(Completion("", tool_calls=(CALL,))) == []


@pytest.mark.parametrize(
    "given",
    [
        pytest.param([tool(name="write")], id="another-tool"),
        pytest.param([tool(name="read", arguments='{"page": 2')], id="other-arguments"),
        pytest.param([tool(0, name="read"), tool(1, name="read")], id="more-calls"),
    ],
)
def test_another_tool_call_has_no_rest(given: list[Delta]) -> None:
    assert after(*given).rest_of(Completion("", tool_calls=(CALL,))) is None


def test_text_and_calls_must_both_go_on() -> None:
    given = after(Delta("Let me look."), tool(name="read"))
    assert given.rest_of(Completion("I look.", tool_calls=(CALL,))) is None


def test_a_call_keeps_the_id_that_the_caller_knows() -> None:
    given = after(tool(id="old", name="read"))
    other = ToolCall("second", "read", "{}")
    whole = given.whole(Completion("", tool_calls=(CALL, other)))
    assert [call.id for call in whole.tool_calls] == ["old", "second"]


@pytest.mark.parametrize(
    ("delta", "is_begun"),
    [
        pytest.param(Delta("T"), True, id="text"),
        pytest.param(tool(name="read"), True, id="tool-call"),
        pytest.param(Delta(reasoning="Hm."), False, id="thoughts"),
        pytest.param(Delta(), False, id="nothing"),
    ],
)
def test_what_begins_an_answer(delta: Delta, is_begun: bool) -> None:
    assert after(delta).is_begun is is_begun

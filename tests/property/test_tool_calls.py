"""Tool calls, cut into chunks in any way that a server may think of: the same calls come out, or an error."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from vlm_core.catalog.routes import Endpoint
from vlm_core.catalog.schema import ImageLimits, ModelProfile, Provider
from vlm_core.completion import Completion, Delta
from vlm_core.errors import MalformedResponse
from vlm_core.wire.request import Request, ResponseOptions
from vlm_core.wire.response import StreamedAnswer, read_completion
from vlm_core.wire.tool_calls import OfferedTools

LAB = Endpoint(Provider(name="lab"), "m", ModelProfile(prefix="m"), ImageLimits(), "http://lab.example/v1")
NAMES = ("look", "look_up", "say", "sa", "lookup")
Piece = dict[str, Any]
Called = tuple[str, Any]

KEYS = st.sampled_from(["a", "page", "}", '{"a":1}', "é", "null"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text('{}[]",:\\ 1an\n', max_size=6),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=5,
)
ARGUMENTS = st.dictionaries(KEYS, VALUES, max_size=3)


@dataclass(frozen=True)
class Call:
    name: str
    text: str
    """Its arguments as the server writes them."""

    @property
    def meant(self) -> Called:
        return self.name, json.loads(self.text) if self.text.strip() not in ("", "null") else {}


@dataclass(frozen=True)
class Style:
    """How a server writes its pieces."""

    ids: str = "once"
    index: str = "right"
    names: str = "once"
    head_alone: bool = False
    repeats_all: str = ""
    as_objects: bool = False
    interleaves: bool = False


def written(arguments: Any, layout: int) -> str:
    """JSON as servers write it: compact, spaced, or on several lines."""
    options: list[dict[str, Any]] = [{"separators": (",", ":")}, {}, {"indent": 1}, {"ensure_ascii": False}]
    return json.dumps(arguments, **options[layout])


WITH_ARGUMENTS = st.builds(Call, st.sampled_from(NAMES), st.builds(written, ARGUMENTS, st.integers(0, 3)))
WITHOUT = st.builds(Call, st.sampled_from(NAMES), st.sampled_from(["", " ", "null", "{}"]))
STYLES = st.builds(
    Style,
    ids=st.sampled_from(["once", "each", "none", "null", "empty", "same", "same_each", "fresh", "some"]),
    index=st.sampled_from(["right", "zero", "none", "odd"]),
    names=st.sampled_from(["once", "each", "split"]),
    head_alone=st.booleans(),
    repeats_all=st.sampled_from(["", "", "text", "twice_encoded", "object"]),
    as_objects=st.booleans(),
    interleaves=st.booleans(),
)
NO_ID = {"none": None, "null": "null", "empty": ""}


def id_of(style: Style, number: int, place: int) -> str | None:
    """The id in one piece of a call."""
    if style.ids in NO_ID:
        return NO_ID[style.ids]
    if style.ids == "fresh":
        return f"id_{number}_{place}"
    if style.ids == "some" and number % 2:
        return None
    own = "same" if style.ids.startswith("same") else f"id_{number}"
    return own if place == 0 or style.ids.endswith("each") else None


def index_of(style: Style, number: int) -> int | None:
    return {"right": number, "zero": 0, "none": None, "odd": 3 * number + 1}[style.index]


def names_of(style: Style, name: str, count: int) -> list[str | None]:
    """What each piece says of the name."""
    if style.names == "each":
        return [name] * count
    if style.names == "split" and count > 2:
        return [name[:2], name[2:] or None, *[None] * (count - 2)]
    return [name, *[None] * (count - 1)]


def arguments_of(style: Style, call: Call, cuts: list[int]) -> list[Any]:
    """What each piece says of the arguments."""
    bounds = sorted({min(cut, len(call.text)) for cut in cuts} | {0, len(call.text)})
    parts: list[Any] = [call.text[start:end] for start, end in pairwise(bounds)] or [""]
    if style.as_objects and call.text.strip()[:1] == "{":
        parts = [json.loads(call.text)]
    if style.names == "split":
        parts = ["", "", *parts]
    return ["", *parts] if style.head_alone else parts


def repetition(style: Style, call: Call) -> list[Any]:
    if not style.repeats_all or call.text.strip()[:1] != "{":
        return []
    kinds: dict[str, Callable[[], Any]] = {
        "text": lambda: call.text,
        "twice_encoded": lambda: json.dumps(call.text),
        "object": lambda: json.loads(call.text),
    }
    return [kinds[style.repeats_all]()]


def pieces_of(style: Style, call: Call, number: int, cuts: list[int]) -> list[Piece]:
    arguments = arguments_of(style, call, cuts)
    names = names_of(style, call.name, len(arguments))
    arguments += repetition(style, call)
    names += [None] * (len(arguments) - len(names))
    return [
        piece(id_of(style, number, place), index_of(style, number), name, one)
        for place, (name, one) in enumerate(zip(names, arguments, strict=True))
    ]


def piece(call_id: str | None, index: int | None, name: str | None, arguments: Any) -> Piece:
    function = {"name": name, "arguments": arguments}
    given = {"id": call_id, "index": index, "function": {k: v for k, v in function.items() if v is not None}}
    return {key: value for key, value in given.items() if value is not None}


def woven(streams: list[list[Piece]], order: list[int]) -> list[Piece]:
    """The pieces of several calls between each other; each call begins in its turn."""
    waiting = [list(stream) for stream in streams]
    result = [stream.pop(0) for stream in waiting]
    for choice in order:
        rest = [stream for stream in waiting if stream]
        if rest:
            result.append(rest[choice % len(rest)].pop(0))
    return result + [one for stream in waiting for one in stream]


def chunk(pieces: list[Piece], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"tool_calls": pieces}, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "x", "choices": [choice]}).encode() + b"\n\n"


def streamed(
    pieces: list[Piece], sizes: list[int], finish: str, offered: OfferedTools
) -> tuple[Any, Completion]:
    """What a client gets of a stream of pieces, some of them in one chunk."""
    stream = StreamedAnswer(Request(b"", stream=True, reading=ResponseOptions(offered=offered)), LAB)
    deltas: list[Delta] = []
    pieces = list(pieces)
    for size in [*sizes, *[1] * len(pieces)]:
        if pieces:
            deltas += stream.feed(chunk(pieces[:size]))
            del pieces[:size]
    deltas += stream.feed(chunk([], finish))
    deltas += stream.feed(b"data: [DONE]\n\n")
    return deltas, stream.finish()


def added_up(deltas: list[Delta]) -> list[tuple[str, str, str]]:
    """The calls that a program sees which adds the deltas up, as frameworks do."""
    calls: dict[int, list[str]] = {}
    for delta in deltas:
        for one in delta.tool_calls:
            call = calls.setdefault(one.index, ["", "", ""])
            call[0] += one.id or ""
            call[1] += one.name or ""
            call[2] += one.arguments
    assert sorted(calls) == list(range(len(calls)))
    return [tuple(calls[number]) for number in sorted(calls)]  # type: ignore[misc]


def has_equals(calls: list[tuple[Call, list[int]]]) -> bool:
    return len({json.dumps(call.meant, sort_keys=True) for call, _ in calls}) < len(calls)


def has_empty(calls: list[tuple[Call, list[int]]]) -> bool:
    return any(call.text.strip() in ("", "null") for call, _ in calls)


TOOLS = OfferedTools(frozenset(NAMES))
FINISH = st.sampled_from(["tool_calls", "stop", "length", "model_length", "max_output_tokens"])
CUTS = st.lists(st.integers(0, 40), max_size=6)
SIZES = st.lists(st.integers(1, 4), max_size=8)


@settings(max_examples=10 * settings().max_examples)
@given(
    st.lists(st.tuples(WITH_ARGUMENTS | WITHOUT, CUTS), min_size=1, max_size=4),
    STYLES,
    st.lists(st.integers(0, 3), max_size=12),
    SIZES,
    FINISH,
    st.sampled_from([TOOLS, OfferedTools()]),
)
def test_any_splitting_gives_the_same_calls_or_an_error(
    given_calls: list[tuple[Call, list[int]]],
    style: Style,
    order: list[int],
    sizes: list[int],
    finish: str,
    offered: OfferedTools,
) -> None:
    assume(style.names != "split" or offered.names)  # what is split is told by the known names alone
    assume(style.ids != "fresh" or style.names == "once")  # a name under a new id is a new call
    # Equal calls under one id and index, the first one in pieces, look as a repetition does.
    assume(not (style.ids == "same_each" and style.index == "zero" and has_equals(given_calls)))
    # A piece without an id goes on with a call that has one, where that has no arguments so far.
    assume(not (style.ids == "some" and style.index == "zero" and has_empty(given_calls)))
    streams = [pieces_of(style, call, number, cuts) for number, (call, cuts) in enumerate(given_calls)]
    can_weave = style.index in ("right", "odd") or (style.ids == "each" and style.index != "zero")
    weaves = style.interleaves and can_weave
    pieces = woven(streams, order) if weaves else [one for stream in streams for one in stream]
    try:
        deltas, completion = streamed(pieces, sizes, finish, offered)
    except MalformedResponse:
        return
    expected = [call.meant for call, _ in given_calls]
    assert [(call.name, call.args) for call in completion.tool_calls] == expected
    ids = [call.id for call in completion.tool_calls]
    assert len({*ids}) == len(ids)
    assert all(ids)
    assert "null" not in ids
    assert added_up(deltas) == [(call.id, call.name, call.arguments) for call in completion.tool_calls]


CLEAR = [
    Style(),
    Style(index="odd"),
    Style(index="zero"),
    Style(index="none"),
    Style(ids="each"),
    Style(ids="each", index="zero"),
    Style(ids="each", index="none"),
    Style(ids="each", names="each"),
    Style(ids="each", names="each", index="zero"),
    Style(ids="none", head_alone=True),
    Style(ids="none", index="zero"),
    Style(ids="null", index="none"),
    Style(ids="empty", index="zero"),
    Style(ids="same"),
    Style(ids="fresh"),
    Style(ids="each", repeats_all="text"),
    Style(ids="each", index="zero", repeats_all="twice_encoded"),
    Style(ids="none", index="zero", repeats_all="text"),
    Style(ids="each", interleaves=True),
    Style(ids="once", index="right", interleaves=True),
    Style(names="split"),
    Style(ids="some", index="zero"),
]


@settings(max_examples=5 * settings().max_examples)
@given(
    st.lists(st.tuples(WITH_ARGUMENTS, CUTS), min_size=1, max_size=4, unique_by=lambda one: one[0].text),
    st.sampled_from(CLEAR),
    st.lists(st.integers(0, 3), max_size=12),
    SIZES,
)
def test_what_servers_are_known_to_send_is_no_error(
    given_calls: list[tuple[Call, list[int]]], style: Style, order: list[int], sizes: list[int]
) -> None:
    streams = [pieces_of(style, call, number, cuts) for number, (call, cuts) in enumerate(given_calls)]
    pieces = woven(streams, order) if style.interleaves else [one for stream in streams for one in stream]
    _, completion = streamed(pieces, sizes, "tool_calls", TOOLS)
    assert [(call.name, call.args) for call in completion.tool_calls] == [
        call.meant for call, _ in given_calls
    ]


@given(st.lists(WITH_ARGUMENTS | WITHOUT, min_size=1, max_size=4), STYLES)
def test_a_whole_answer_is_never_ambiguous(calls: list[Call], style: Style) -> None:
    style = replace(style, names="once", head_alone=False, repeats_all="")
    pieces = [one for number, call in enumerate(calls) for one in pieces_of(style, call, number, [])]
    choice = {
        "message": {"role": "assistant", "content": None, "tool_calls": pieces},
        "finish_reason": "stop",
    }
    completion = read_completion(json.dumps({"choices": [choice]}).encode(), Request(b""), LAB)
    assert [(call.name, call.args) for call in completion.tool_calls] == [call.meant for call in calls]
    assert len({call.id for call in completion.tool_calls}) == len(calls)


@settings(max_examples=3 * settings().max_examples)
@given(WITH_ARGUMENTS, st.integers(1, 60), CUTS, STYLES, FINISH)
def test_arguments_that_end_too_early_are_never_completed(
    call: Call, length: int, cuts: list[int], style: Style, finish: str
) -> None:
    style = replace(style, as_objects=False, repeats_all="")
    assume(style.ids != "fresh" or style.names == "once")
    assume(length < len(call.text.rstrip()))
    short = replace(call, text=call.text[:length])
    try:
        _, completion = streamed(pieces_of(style, short, 0, cuts), [], finish, TOOLS)
    except MalformedResponse:
        return
    (cut,) = completion.tool_calls
    assert (cut.args, cut.problem) == (None, "the arguments are not JSON: they end too early")
    assert cut.error(completion.finish_reason) is not None

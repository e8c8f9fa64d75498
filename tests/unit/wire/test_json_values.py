"""JSON: the one value in an answer, and the bytes of a body."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from types import MappingProxyType
from typing import Any

import pytest
from work_counts import calls_made

from vlm_core import find_json
from vlm_core.completion import EncodedImage
from vlm_core.errors import ConfigError, InputError
from vlm_core.wire.request import build_request

TOTAL = {"total": 9.0}
ONE = [
    pytest.param('{"total": 9.0}', id="alone"),
    pytest.param('Here you are: {"total": 9.0}', id="words-before"),
    pytest.param('{"total": 9.0}, as the receipt says.', id="words-behind"),
    pytest.param('```json\n{"total": 9.0}\n```', id="fence"),
    pytest.param('The total:\n\n```json\n{"total": 9.0}\n```\nAnything else?', id="fence-among-words"),
    pytest.param('```\n{"total": 9.0}\n```\nOnce more:\n```\n{ "total": 9.0 }\n```', id="two-fences"),
    pytest.param('```python\nprint(total)\n```\n```json\n{"total": 9.0}\n```', id="fence-without-json"),
    pytest.param('<think>Is it {"total": 7}?</think>\n{"total": 9.0}', id="thought"),
    pytest.param('<think>{"total": 7, "x": [</think>It is {"total": 9.0}.', id="cut-json-in-a-thought"),
    pytest.param('Is it {"total": 7}? No.</think>{"total": 9.0}', id="thought-opened-in-the-prompt"),
    pytest.param('<think>a</think><think>{"b": 1}</think>{"total": 9.0}', id="two-thoughts"),
    pytest.param('The foot {see below} says {"total": 9.0}', id="braces-in-prose"),
    pytest.param('{see below} {"total": 9.0} {sic}', id="braces-on-both-sides"),
    pytest.param('As {"total": <number>}: {"total": 9.0}', id="form-of-the-answer"),
    pytest.param('See [1] and [2, 3]: {"total": 9.0}', id="footnotes"),
    pytest.param('For x in [0, 1) it is {"total": 9.0}', id="interval"),
    pytest.param('[2026-01-05 10:00] {"total": 9.0}', id="time-in-brackets"),
    pytest.param('- [ ] open\n- [x] done: {"total": 9.0}', id="check-boxes"),
    pytest.param('{{"total": 9.0}}', id="doubled-braces"),
    pytest.param('{"total": 9.0} {"total": 9}', id="same-number"),
]
NONE = [
    pytest.param("The total is 9.", id="words"),
    pytest.param('{"items": [{"total": 9.0}, {"to', id="cut-list"),
    pytest.param('Here: {"receipt": {"total": 9.0}, "shop": "Ki', id="cut-object"),
    pytest.param('```json\n{"receipt": {"total": 9.0}, "shop": \n```', id="cut-in-a-fence"),
    pytest.param('{"receipt": {"total": 9.0} "shop": {"a": 1}}', id="comma-missing"),
    pytest.param('[1, {"total": 9.0}, {"to', id="cut-list-of-many-kinds"),
    pytest.param('<think>It may be {"total": 9.0}', id="thought-without-end"),
    pytest.param('<think>It is {"total": 9.0}</think>', id="thought-alone"),
    pytest.param('{"total": NaN}', id="nan"),
]
SEVERAL = [
    pytest.param('{"total": 9.0}\n{"total": 7}', id="two-lines"),
    pytest.param('```\n{"total": 9.0}\n```\nor\n```\n{"total": 7}\n```', id="two-fences"),
    pytest.param('{"total": 9.0} and [{"total": 9.0}]', id="object-and-list"),
    pytest.param('{"total": 9.0} {"total": 7, "sh', id="second-is-cut"),
    pytest.param("[1] or [2]", id="flat-lists"),
]


@pytest.mark.parametrize("text", ONE)
def test_the_one_value_is_found(text: str) -> None:
    found = find_json(text)
    assert (found.data, found.problem) == (TOTAL, "")


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_whole_value_is_a_problem(text: str) -> None:
    found = find_json(text)
    assert (found.data, found.problem) == (None, "the answer holds no JSON")


@pytest.mark.parametrize("text", SEVERAL)
def test_values_that_differ_are_a_problem(text: str) -> None:
    found = find_json(text)
    assert (found.data, found.problem) == (None, "the answer holds more than one JSON value, and they differ")


@pytest.mark.parametrize(("text", "data"), [("9", 9), ('"x"', "x"), ("true", True), (" null ", None)])
def test_a_plain_value_counts_where_it_is_the_whole_answer(text: str, data: Any) -> None:
    assert find_json(text) == (data, "", False, text.strip())


def test_the_source_is_the_json_alone() -> None:
    found = find_json('It says {"total": 9.0}.')
    assert (found.source, found.has_words_around) == ('{"total": 9.0}', True)


HOSTILE: list[Any] = [
    pytest.param(lambda size: "{" * size, id="braces"),
    pytest.param(lambda size: "[" * size, id="brackets"),
    pytest.param(lambda size: '{"a":' * (size // 5), id="nested"),
    pytest.param(lambda size: '{"' * (size // 2), id="quotes"),
    pytest.param(lambda size: '{"' + '\\"' * (size // 2), id="string-without-end"),
    pytest.param(lambda size: '{"a" x}' * (size // 7), id="broken-objects"),
    pytest.param(lambda size: "[1, 1, " * (size // 7), id="open-lists"),
    pytest.param(lambda size: ("{" + " " * 999) * (size // 1000), id="blanks"),
    pytest.param(lambda size: "<think></think>" * (size // 15), id="thoughts"),
    pytest.param(lambda size: "<think>" * (size // 7), id="open-thoughts"),
    pytest.param(lambda size: "</think>{" * (size // 9), id="closing-tags"),
]


@pytest.mark.parametrize("answer", HOSTILE)
def test_the_work_grows_with_the_length_and_no_faster(answer: Callable[[int], str]) -> None:
    small, large = (calls_made(partial(find_json, answer(size))) for size in (20_000, 200_000))
    assert large <= 12 * small + 200


FIRST, SECOND = EncodedImage(b"one", "png", 1, 1), EncodedImage(b"two", "jpeg", 1, 1)
LOOP: list[Any] = []
LOOP.append(LOOP)


def user(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


def test_the_body_is_compact_utf8(lab: Any) -> None:
    body = build_request([{"role": "user", "content": "Größe\u2028"}], {"temperature": 0}, lab).body
    assert body == (
        '{"model":"m","messages":[{"role":"user","content":"Größe\u2028"}],"temperature":0}'.encode()
    )


def test_images_keep_their_places(lab: Any) -> None:
    parts = [{"type": "image", "image": picture} for picture in (FIRST, SECOND, FIRST)]
    content = json.loads(build_request([user(*parts), user(parts[1])], {}, lab).body)["messages"]
    found = [part["image_url"]["url"] for message in content for part in message["content"]]
    assert found == [picture.data_uri.decode() for picture in (FIRST, SECOND, FIRST, SECOND)]


def test_the_base64_text_is_made_once(lab: Any) -> None:
    picture = EncodedImage(b"one", "png", 1, 1)
    message = user({"type": "image", "image": picture})
    build_request([message], {}, lab)
    first = picture.data_uri
    build_request([message], {}, lab)
    assert picture.data_uri is first


@pytest.mark.parametrize(
    ("message", "place"),
    [
        pytest.param({"role": "user", "content": "a\ud83d"}, r"messages\[1\] cannot", id="text"),
        pytest.param(user("a", "b\udc00"), r"messages\[1\]\.content\[1\] cannot", id="part"),
        pytest.param({"role": "user", "content": "a", "x": LOOP}, r"messages\[1\] cannot", id="loop"),
        pytest.param({"role": "user", "content": "a", "x": {1, 2}}, "has no place for set", id="set"),
        pytest.param({"role": "user", "content": "a", "x": float("nan")}, "not finite", id="NaN"),
    ],
)
def test_what_cannot_be_sent_in_a_message_is_named(message: Any, place: str, lab: Any) -> None:
    with pytest.raises(InputError, match=place):
        build_request([user("fine"), message], {}, lab)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param({"logit_bias": {"1": float("nan")}}, "logit_bias cannot be sent", id="NaN"),
        pytest.param({"logit_bias": {"1": float("inf")}}, "logit_bias cannot be sent", id="infinity"),
        pytest.param(
            {"user": "\ud83d"}, "user cannot be sent: it holds half a character, U[+]D83D", id="half"
        ),
        pytest.param(
            {"metadata": {"a": b"b"}}, "metadata cannot be sent: JSON has no place for bytes", id="bytes"
        ),
        pytest.param({"metadata": {"a": LOOP}}, "metadata cannot be sent", id="loop"),
        pytest.param({"extra_body": {"a": object()}}, "a cannot be sent", id="extra_body"),
    ],
)
def test_what_cannot_be_sent_in_an_option_is_named(options: Any, words: str, lab: Any) -> None:
    with pytest.raises(ConfigError, match=words):
        build_request([user("fine")], options, lab)


def test_an_error_holds_no_body(lab: Any) -> None:
    with pytest.raises(InputError) as caught:
        build_request([{"role": "user", "content": "private words\ud83d"}], {}, lab)
    assert "private" not in str(caught.value)
    assert caught.value.__context__ is None


def test_any_mapping_may_stand_for_a_dict(lab: Any) -> None:
    options = {"metadata": MappingProxyType({"a": MappingProxyType({"b": 1})})}
    assert json.loads(build_request([user("a")], options, lab).body)["metadata"] == {"a": {"b": 1}}


def test_a_request_does_not_show_its_body(lab: Any) -> None:
    assert "private" not in repr(build_request([user("private")], {}, lab))

"""Whatever JSON a model writes, and whatever words it puts around it: all of it is found, or nothing."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from vlm_core import find_json

PLAIN = st.none() | st.booleans() | st.integers(-999, 999) | st.text(max_size=12)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(max_size=6), VALUES, min_size=1, max_size=4)
WORDS = st.text(alphabet=st.characters(blacklist_characters='{}[]<"'), max_size=40)


@given(OBJECTS, WORDS, WORDS, st.booleans(), st.sampled_from([None, 2]))
def test_an_object_is_found_among_words(
    value: dict[str, Any], before: str, behind: str, is_fenced: bool, indent: int | None
) -> None:
    written = json.dumps(value, indent=indent)
    text = f"{before}\n```json\n{written}\n```\n{behind}" if is_fenced else f"{before} {written} {behind}"
    assert find_json(text).data == value


@given(OBJECTS, WORDS, st.data())
def test_no_part_of_a_cut_object_is_ever_the_answer(value: dict[str, Any], before: str, data: Any) -> None:
    written = json.dumps(value)
    length = data.draw(st.integers(0, len(written) - 1))
    found = find_json(f"{before} {written[:length]}")
    assert found.data is None or not isinstance(found.data, (dict, list))


@given(OBJECTS, OBJECTS, WORDS)
def test_two_objects_are_one_or_none(one: dict[str, Any], other: dict[str, Any], between: str) -> None:
    found = find_json(f"{json.dumps(one)} {between} {json.dumps(other)}")
    assert found.data == (one if one == other else None)


@given(st.text(alphabet='{}[]",:1 \\n<>/think`', max_size=200))
def test_nothing_makes_it_fail(text: str) -> None:
    found = find_json(text)
    assert bool(found.problem) != bool(found.source)

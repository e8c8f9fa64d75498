"""Thoughts apart from text."""

from __future__ import annotations

from typing import Any

import pytest

from vlm_core.wire.content_decoder import ThinkingSplitter, reasoning_in, words

FENCED = "It looks so:\n```\nhm</think>\n```\n"


def split(pieces: list[str], *, hold: bool) -> tuple[str, str]:
    splitter = ThinkingSplitter(hold=hold)
    found = [splitter.feed(piece) for piece in pieces] + [splitter.end()]
    return "".join(text for text, _ in found), "".join(thought for _, thought in found)


@pytest.mark.parametrize(
    ("content", "text", "thought"),
    [
        pytest.param("Yes.", "Yes.", "", id="no thought"),
        pytest.param(" \n Yes.", " \n Yes.", "", id="blanks before text stay"),
        pytest.param("<think>hm</think>Yes.", "Yes.", "hm", id="both tags"),
        pytest.param("\n<think>\nhm\n</think>\n\nYes.\n", "Yes.\n", "\nhm\n", id="blanks around tags"),
        pytest.param("<think></think>Yes.", "Yes.", "", id="an empty thought"),
        pytest.param("<think>hm", "", "hm", id="a thought without an end"),
        pytest.param("<think>hm</thi", "", "hm</thi", id="a thought that ends in its tag"),
        pytest.param("<think", "<think", "", id="half a tag"),
        pytest.param("<thinking>hm</thinking>", "<thinking>hm</thinking>", "", id="another tag"),
        pytest.param("<think>a</think>b</think>c", "b</think>c", "a", id="a second closing tag"),
        pytest.param("a <think>b</think>", "a <think>b</think>", "", id="tags within a text"),
        pytest.param(FENCED, FENCED, "", id="a tag shown in a fence"),
        pytest.param(
            " " * 70 + "<think>a</think>", " " * 70 + "<think>a</think>", "", id="far from the start"
        ),
        pytest.param("", "", "", id="nothing"),
    ],
)
@pytest.mark.parametrize("hold", [True, False], ids=["held", "not held"])
class TestTags:
    def test_read_at_once(self, content: str, text: str, thought: str, hold: bool) -> None:
        assert split([content], hold=hold) == (text, thought)

    def test_read_letter_by_letter(self, content: str, text: str, thought: str, hold: bool) -> None:
        assert split(list(content), hold=hold) == (text, thought)


@pytest.mark.parametrize(
    ("content", "text", "thought"),
    [
        pytest.param("hm</think>\n\nYes.", "Yes.", "hm", id="one word"),
        pytest.param("a\n```\nb\n```\nc</think>Yes.", "Yes.", "a\n```\nb\n```\nc", id="behind a fence"),
    ],
)
def test_a_closing_tag_alone_ends_a_thought_where_text_is_held(content: str, text: str, thought: str) -> None:
    assert split([content], hold=True) == split(list(content), hold=True) == (text, thought)


def test_a_closing_tag_alone_stays_where_text_is_not_held() -> None:
    assert split(list("hm</think>Yes."), hold=False) == ("hm</think>Yes.", "")


def test_text_is_held_back_until_it_is_known_to_be_text() -> None:
    splitter = ThinkingSplitter(hold=True)
    assert splitter.feed("Perhaps") == ("", "")
    assert splitter.end() == ("Perhaps", "")


def test_text_is_released_once_thoughts_come_apart() -> None:
    splitter = ThinkingSplitter(hold=True)
    splitter.feed("Perhaps")
    splitter.release()
    assert splitter.feed(" so") == ("Perhaps so", "")
    assert splitter.over


def test_plain_text_need_not_be_fed() -> None:
    splitter = ThinkingSplitter(hold=False)
    assert not splitter.over
    splitter.feed("Yes")
    assert splitter.over


@pytest.mark.parametrize(
    ("message", "thought"),
    [
        pytest.param({"reasoning_content": "hm"}, "hm", id="reasoning_content"),
        pytest.param({"reasoning": "hm"}, "hm", id="reasoning"),
        pytest.param({"reasoning": "hm", "reasoning_content": "hm"}, "hm", id="both the same"),
        pytest.param({"reasoning": "b", "reasoning_content": "a"}, "ab", id="both"),
        pytest.param({"reasoning": {"summary": "hm"}}, "hm", id="an object"),
        pytest.param({"reasoning_details": [{"type": "reasoning.text", "text": "hm"}]}, "hm", id="details"),
        pytest.param(
            {"reasoning_details": [{"type": "x", "summary": "hm"}]}, "hm", id="a summary in details"
        ),
        pytest.param(
            {"reasoning": "hm", "reasoning_details": [{"text": "hm"}]}, "hm", id="details say it again"
        ),
        pytest.param({"reasoning_content": None, "content": "a"}, "", id="null"),
        pytest.param({"reasoning": 7}, "", id="a number"),
    ],
)
def test_thoughts_in_fields_of_their_own(message: dict[str, Any], thought: str) -> None:
    assert reasoning_in(message) == thought


def test_words_are_not_looked_for_endlessly() -> None:
    nested: Any = "deep"
    for _ in range(5000):
        nested = [nested]
    assert words(nested) == ""

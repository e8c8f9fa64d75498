"""A bad answer is told from a good one, and from a blank page."""

from __future__ import annotations

from typing import Any

import pytest

from vlm_core.ocr.answer_checks import check, page_is_blank
from vlm_core.ocr.dialects.dialect import Reading
from vlm_core.types import PageImage, PageState

LOOP = "and so on " * 300
PROMPT = "Extract all text from this image."


@pytest.mark.parametrize(
    ("reading", "given", "state"),
    [
        pytest.param(Reading("TOTAL 9.00"), {}, "ok", id="text"),
        pytest.param(Reading("TOTAL"), {"finish_reason": "stop"}, "ok", id="stop"),
        pytest.param(Reading("TOTAL"), {"finish_reason": None}, "ok", id="no-finish-reason"),
        pytest.param(Reading("TOTAL"), {"page_is_blank": True}, "ok", id="text-is-never-dropped"),
        pytest.param(Reading("", data=[]), {"task": "json"}, "ok", id="json-without-text"),
        pytest.param(Reading(LOOP, data={"a": 1}), {"task": "json"}, "ok", id="json-may-repeat-itself"),
        pytest.param(Reading("a", rotation=90), {}, "ok", id="to-be-turned"),
        pytest.param(Reading("There is no text in it."), {"task": "describe"}, "ok", id="description"),
        pytest.param(Reading("TOTAL"), {"finish_reason": "length"}, "truncated", id="length"),
        pytest.param(Reading(""), {"finish_reason": "length"}, "truncated", id="length-without-a-word"),
        pytest.param(
            Reading('{"a', problem="no JSON"), {"finish_reason": "length"}, "truncated", id="cut-json"
        ),
        pytest.param(Reading(LOOP), {}, "looped", id="loop"),
        pytest.param(Reading(LOOP), {"finish_reason": "length"}, "looped", id="loop-to-the-limit"),
        pytest.param(
            Reading("so " * 200), {"finish_reason": "length"}, "looped", id="short-loop-to-the-limit"
        ),
        pytest.param(Reading("TOTAL"), {"refusal": "No."}, "refused", id="refusal-field"),
        pytest.param(Reading("TOTAL"), {"finish_reason": "content_filter"}, "refused", id="filter"),
        pytest.param(Reading("I'm sorry, I can't assist with that."), {}, "refused", id="refusal"),
        pytest.param(
            Reading("I'm sorry, I can't assist with that.", problem="no JSON"),
            {},
            "refused",
            id="refusal-for-json",
        ),
        pytest.param(Reading(""), {"page_is_blank": True}, "blank", id="blank"),
        pytest.param(Reading(" \n"), {"page_is_blank": True}, "blank", id="blanks"),
        pytest.param(Reading("There is no text."), {"page_is_blank": True}, "blank", id="said-to-be-blank"),
        pytest.param(Reading("", problem="no JSON"), {"page_is_blank": True}, "blank", id="blank-is-no-json"),
        pytest.param(Reading(""), {"page_is_blank": lambda: True}, "blank", id="asked-whether-blank"),
        pytest.param(Reading(""), {"page_is_blank": False}, "failed", id="empty"),
        pytest.param(Reading(""), {}, "failed", id="empty-and-nobody-knows"),
        pytest.param(Reading("There is no text."), {"page_is_blank": False}, "failed", id="wrongly-blank"),
        pytest.param(Reading("TOTAL", problem="no JSON"), {}, "failed", id="problem"),
        pytest.param(Reading(PROMPT), {"prompt_texts": [PROMPT]}, "failed", id="echo"),
        pytest.param(
            Reading(f"{PROMPT}\n\nTOTAL"), {"prompt_texts": [PROMPT]}, "failed", id="begins-with-echo"
        ),
        pytest.param(
            Reading(PROMPT.upper()), {"prompt_texts": ["x", PROMPT]}, "failed", id="echo-in-capitals"
        ),
        pytest.param(Reading("OCR:"), {"prompt_texts": ["OCR:"]}, "failed", id="short-echo"),
        pytest.param(Reading("OCR: a history"), {"prompt_texts": ["OCR:"]}, "ok", id="a-page-that-begins-so"),
        pytest.param(Reading("TOTAL"), {"prompt_texts": [""]}, "ok", id="asked-without-words"),
    ],
)
def test_an_answer_is_in_one_state(reading: Reading, given: dict[str, Any], state: str) -> None:
    verdict = check(reading, **given)
    assert verdict.state == state
    assert bool(verdict.reason) == (state not in ("ok", "blank") or bool(reading.rotation))


@pytest.mark.parametrize(
    ("reading", "given", "reason"),
    [
        pytest.param(
            Reading("", problem="the model thought"), {"page_is_blank": False}, "the model thought", id="why"
        ),
        pytest.param(Reading(""), {"page_is_blank": False}, "not blank", id="not-blank"),
        pytest.param(Reading("a"), {"finish_reason": "length"}, "before its end", id="length"),
        pytest.param(Reading(""), {"finish_reason": "length"}, "before its first word", id="no-word"),
        pytest.param(Reading("a", rotation=270), {}, "270 degrees", id="turn"),
    ],
)
def test_the_reason_is_said(reading: Reading, given: dict[str, Any], reason: str) -> None:
    assert reason in check(reading, **given).reason


def test_a_reason_holds_nothing_of_the_page() -> None:
    readings = [Reading(LOOP), Reading(PROMPT), Reading("I'm sorry, I can't read your image, Mr Secret.")]
    for reading in readings:
        assert "Secret" not in check(reading, prompt_texts=[PROMPT]).reason


def test_pixels_are_looked_at_only_where_there_is_no_text() -> None:
    def never() -> bool:
        raise AssertionError("the pixels were looked at")

    assert check(Reading("TOTAL"), page_is_blank=never).state is PageState.OK


def test_a_page_knows_whether_it_is_blank() -> None:
    assert page_is_blank(PageImage(pixels=b"\xff" * 300, width=10, height=10))

"""Whether a model's answer is a reading of the page, or what else it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeAlias

from vlm_core.ocr.dialects.dialect import Reading
from vlm_core.ocr.loops import LOOPED, LoopDetector, is_looped
from vlm_core.ocr.page_warnings import NO_TEXT
from vlm_core.ocr.page_warnings import is_blank as page_is_blank
from vlm_core.ocr.refusals import is_refusal, says_no_text
from vlm_core.types import PageState

__all__ = ["AnswerCheck", "LoopDetector", "check", "page_is_blank"]

IsBlank: TypeAlias = bool | Callable[[], bool] | None
# Characters of a prompt from which an answer that begins with it repeats it; a shorter one may be a word of
# the page.
_SHORTEST_ECHO = 20


class AnswerCheck(NamedTuple):
    """What an answer is, and why."""

    state: PageState
    reason: str = ""
    """Why it is not ok; of one that is ok, what should be known of it."""


_Rule: TypeAlias = Callable[["_Case"], AnswerCheck | None]


class _Case(NamedTuple):
    reading: Reading
    answer: str
    reasoning: str
    finish_reason: str | None
    refusal: str | None
    prompt_texts: Sequence[str]
    is_blank: IsBlank
    task: str

    @property
    def was_cut(self) -> bool:
        return self.finish_reason == "length"

    @property
    def texts(self) -> Iterable[str]:
        """All that may be in a loop: what is read out of an answer may lack a part of it."""
        return dict.fromkeys((self.reading.text, self.answer, self.reasoning))

    def is_looped(self, text: str) -> bool:
        return is_looped(text, was_cut=self.was_cut)

    @property
    def has_data(self) -> bool:
        return self.reading.data is not None and not self.reading.problem

    @property
    def is_empty(self) -> bool:
        text = self.reading.text
        return not self.has_data and (not text.strip() or (self.task != "describe" and says_no_text(text)))


def check(
    reading: Reading,
    *,
    answer: str = "",
    reasoning: str = "",
    finish_reason: str | None = None,
    refusal: str | None = None,
    prompt_texts: Sequence[str] = (),
    page_is_blank: IsBlank = None,
    task: str = "markdown",
) -> AnswerCheck:
    """Whether an answer is a reading of the page.

    Args:
        reading: the answer as its dialect understood it.
        answer: as the model wrote it.
        reasoning: what it thought.
        finish_reason: why it ended; "looped" where it was broken off for a loop.
        refusal: the model's words where it declined, from a field of their own.
        prompt_texts: what the model was told; an answer that repeats it is none.
        page_is_blank: whether the page's pixels are, or a function that says so, which is called only where
            the answer holds no text; None where it is not known.
        task: what was asked for.

    Returns:
        ok, blank, looped, truncated, refused or failed, with the reason in words that hold nothing of the
        page.

    Example:
        >>> check(Reading("TOTAL 9.00"), finish_reason="stop").state
        <PageState.OK: 'ok'>
        >>> check(Reading(""), page_is_blank=False).reason
        'no text was found, but the page is not blank'
    """
    case = _Case(reading, answer, reasoning, finish_reason, refusal, prompt_texts, page_is_blank, task)
    return next((verdict for rule in _RULES if (verdict := rule(case))), _ok(case))


def _refused(case: _Case) -> AnswerCheck | None:
    if case.refusal or case.finish_reason == "content_filter":
        return AnswerCheck(PageState.REFUSED, "the model or its provider declined to read the page")
    if not case.has_data and is_refusal(case.reading.text):
        return AnswerCheck(PageState.REFUSED, "the answer is not the page's text but a refusal")
    return None


def _looped(case: _Case) -> AnswerCheck | None:
    if case.finish_reason == LOOPED or (not case.has_data and any(map(case.is_looped, case.texts))):
        return AnswerCheck(PageState.LOOPED, "the answer repeats itself without end")
    return None


def _truncated(case: _Case) -> AnswerCheck | None:
    if not case.was_cut:
        return None
    said = "before its first word" if not case.reading.text.strip() else "before its end"
    return AnswerCheck(PageState.TRUNCATED, f"the answer reached the limit of tokens {said}")


def _empty(case: _Case) -> AnswerCheck | None:
    if not case.is_empty:
        return None
    blank = case.is_blank() if callable(case.is_blank) else case.is_blank
    if blank:
        return AnswerCheck(PageState.BLANK)
    unknown = "the answer holds no text, and whether the page is blank is not known"
    return AnswerCheck(PageState.FAILED, case.reading.problem or (unknown if blank is None else NO_TEXT))


def _bad(case: _Case) -> AnswerCheck | None:
    return AnswerCheck(PageState.FAILED, case.reading.problem) if case.reading.problem else None


def _echo(case: _Case) -> AnswerCheck | None:
    answer = _plain(case.reading.text)
    for prompt in map(_plain, case.prompt_texts):
        if prompt and (answer == prompt or (len(prompt) >= _SHORTEST_ECHO and answer.startswith(prompt))):
            return AnswerCheck(PageState.FAILED, "the answer repeats the question")
    return None


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _ok(case: _Case) -> AnswerCheck:
    turn = case.reading.rotation
    reason = f"the model says that the page must be turned by {turn} degrees clockwise" if turn else ""
    return AnswerCheck(PageState.OK, reason)


# In this order, since a cut answer may be a loop, and one with a problem may have been cut.
_RULES: tuple[_Rule, ...] = (_refused, _looped, _truncated, _empty, _bad, _echo)

"""How a vision model comes to read a page: asked, its answer judged, and asked otherwise where that is bad.

A generator that yields questions and is sent answers, so that threads and event loops share it. What
fails on the way to the model is not its business: the client has retried that already.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from vlm_core.completion import Completion
from vlm_core.errors import (
    ContentFiltered,
    EmptyOutput,
    OutputLooped,
    OutputTruncated,
    ResponseError,
    VLMError,
)
from vlm_core.ocr.answer_checks import AnswerCheck
from vlm_core.ocr.dialects.dialect import Reading
from vlm_core.ocr.layout import moved
from vlm_core.ocr.prompts import PagePrompt, PagePrompter
from vlm_core.types import Box, PageImage, PageState, TextLine, Usage

READINGS = 4
"""How often a page is asked for, each time otherwise, before its state stands."""
# Pixels of height from which a page is worth cutting in two.
_SPLIT_FROM = 400
# Tasks whose answers for two halves cannot be put together.
_WHOLE_ANSWERS = frozenset({"json", "receipt", "describe"})


@dataclass(frozen=True)
class PageAnswer:
    """What became of a page, with all that it took."""

    page: PageImage
    """As it was read, which may be turned."""
    reading: Reading
    verdict: AnswerCheck
    completion: Completion
    before: tuple[Completion, ...] = ()
    """Answers that were paid for and are not this one."""
    warnings: tuple[str, ...] = ()
    requests: int = field(default=1)

    @property
    def completions(self) -> tuple[Completion, ...]:
        """All answers that came."""
        return *self.before, self.completion


Steps: TypeAlias = Generator[PagePrompt, Completion, PageAnswer]


def read_page(
    page: PageImage, asker: PagePrompter, *, may_split: bool = True, readings: int = READINGS
) -> Steps:
    """Read a page.

    Args:
        page: what to read.
        asker: how answers are understood.
        may_split: whether a page too long for one answer may be read in two halves.
        readings: how often it may be asked for.

    Yields:
        Questions; an error of the client may be thrown in.

    Raises:
        VLMError: as the client raised it, where there is no answer at all.
    """
    answers: list[PageAnswer] = []
    requests = 0
    shown = page
    for attempt in range(readings):
        try:
            completion = yield PagePrompt(shown, attempt)
        except EmptyOutput as error:
            requests += len(error.attempts)
            answers.append(_of_nothing(shown, asker, error))
        except VLMError:
            if not answers:
                raise
            break  # what came before is more than nothing
        else:
            requests += max(1, len(completion.attempts))
            answers.append(_judged(shown, asker, completion))
        last = answers[-1]
        if last.verdict.state in (PageState.OK, PageState.BLANK) and not _asks_to_turn(last, page):
            return _told(last, answers, requests)
        if last.verdict.state is PageState.TRUNCATED and attempt and may_split and _can_split(shown, asker):
            return (yield from _read_halves(shown, asker, answers, requests))
        shown = _turned_as_asked(last, page, shown)
    return _told(_best(answers), answers, requests)


def _judged(page: PageImage, asker: PagePrompter, completion: Completion) -> PageAnswer:
    completion = asker.counted(page, completion)
    reading = asker.parse(page, completion)
    return PageAnswer(page, reading, asker.check(page, reading, completion), completion)


def _of_nothing(page: PageImage, asker: PagePrompter, error: EmptyOutput) -> PageAnswer:
    """An answer without a word, which is right for a blank page."""
    usage = error.usage or Usage()
    completion = Completion("", route=error.route or "", usage=usage, reasoning=error.reasoning)
    return PageAnswer(page, Reading(""), asker.check(page, Reading(""), completion), completion)


def _asks_to_turn(answer: PageAnswer, page: PageImage) -> bool:
    """Whether the model says that the page stands wrong, and it was not turned yet."""
    return bool(answer.reading.rotation) and answer.page is page


def _turned_as_asked(answer: PageAnswer, page: PageImage, shown: PageImage) -> PageImage:
    if not _asks_to_turn(answer, page):
        return shown
    from vlm_core.images.rotate import turned

    return turned(page, answer.reading.rotation or 0)


def _can_split(page: PageImage, asker: PagePrompter) -> bool:
    return page.height >= _SPLIT_FROM and asker.task not in _WHOLE_ANSWERS


def _read_halves(page: PageImage, asker: PagePrompter, before: list[PageAnswer], requests: int) -> Steps:
    """A page that is too long for one answer, read in two."""
    from vlm_core.images.rotate import halves

    upper, lower = halves(page)
    parts: list[PageAnswer] = []
    try:
        parts += [(yield from read_page(upper, asker, may_split=False))]
        parts += [(yield from read_page(lower, asker, may_split=False))]
    except VLMError:
        return _told(_best(before), [*before, *parts], requests + sum(part.requests for part in parts))
    joined = _joined(page, parts)
    return _told(joined, [*before, *parts], requests + sum(part.requests for part in parts))


def _joined(page: PageImage, parts: Sequence[PageAnswer]) -> PageAnswer:
    upper, lower = parts
    share = upper.page.height / page.height
    lines = (*_placed(upper.reading.lines, 0.0, share), *_placed(lower.reading.lines, share, 1 - share))
    reading = replace(
        upper.reading,
        text="\n\n".join(part.reading.text for part in parts if part.reading.text),
        lines=lines,
        tables=(*upper.reading.tables, *lower.reading.tables),
        rotation=None,
    )
    raw = "\n\n".join(part.completion.text for part in parts)
    # What the halves took is counted with them.
    completion = replace(lower.completion, text=raw, usage=Usage(), attempts=())
    return PageAnswer(page, reading, _worst(parts), completion, warnings=("it was read in two halves",))


def _worst(parts: Sequence[PageAnswer]) -> AnswerCheck:
    """What is true of all parts together; one that is blank takes nothing from the other."""
    return max((part.verdict for part in parts), key=lambda verdict: verdict.state.severity)


def _placed(lines: Iterable[TextLine], top: float, height: float) -> Iterable[TextLine]:
    def on_page(box: Box) -> Box:
        return box[0], top + box[1] * height, box[2], top + box[3] * height

    return (moved(line, on_page) for line in lines)


def _best(answers: Sequence[PageAnswer]) -> PageAnswer:
    """The least bad answer: of those in one state, the longest text of one that was cut, else the last."""
    least = min((answer.verdict.state for answer in answers), key=lambda state: state.severity)
    alike = [answer for answer in answers if answer.verdict.state is least]
    if least is PageState.TRUNCATED:
        return max(alike, key=lambda answer: len(answer.reading.text))
    return alike[-1]


def _told(answer: PageAnswer, answers: Sequence[PageAnswer], requests: int) -> PageAnswer:
    """The answer with what it took to get it."""
    others = tuple(completion for other in answers if other is not answer for completion in other.completions)
    reasons = [other.verdict.reason for other in answers if other is not answer and other.verdict.reason]
    again = [f"asked again: {reason}" for reason in dict.fromkeys(reasons)]
    return replace(answer, before=others, warnings=(*answer.warnings, *again), requests=requests)


def error_of(answer: PageAnswer, place: str) -> ResponseError | None:
    """What is wrong with a page that was not read in full.

    Args:
        answer: what became of it.
        place: the page, in words.
    """
    kind = _ERRORS.get(answer.verdict.state)
    if kind is None:
        return None
    error: ResponseError = kind(f"{place}: {answer.verdict.reason}", route=answer.completion.route or None)
    if isinstance(error, OutputTruncated | OutputLooped):
        error.partial = answer.reading.text
    return error


_ERRORS: dict[PageState, type[ResponseError]] = {
    PageState.TRUNCATED: OutputTruncated,
    PageState.LOOPED: OutputLooped,
    PageState.REFUSED: ContentFiltered,
    PageState.FAILED: EmptyOutput,
}

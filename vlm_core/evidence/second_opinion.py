"""A second model's word on findings: which it is asked about, and what its answer says of them.

It is shown the pixels at the place of a finding, and neither what was written nor what the check read. So
it cannot be led, and a stranger's text is never a part of its question. What it answers is compared with
both readings, and with nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from itertools import accumulate, takewhile

from vlm_core.ocr.folding import folded
from vlm_core.ocr.refusals import says_no_text
from vlm_core.types import Finding, PageResult, PageState, SecondOpinion
from vlm_core.types.evidence import Side

MOST_ASKED = 40
"""Findings of a page that a second model is asked about; a page with more was not read well."""
# A line that is said once too often is printed: its pixels do not tell.
_BY_PIXELS = frozenset({"number_changed", "text_changed", "not_on_page", "missing"})
# States in which an answer is what the model read, or that it read nothing.
_READ = (PageState.OK, PageState.PARTIAL, PageState.BLANK)
# Characters of an answer that are compared, and kept: a part of a page has few.
_LONGEST_COMPARED, _LONGEST_KEPT = 1000, 300
# A word with the sign of a number, without other marks around it.
_WITHOUT_MARKS = re.compile(r"-?[^\W_](?:.*[^\W_])?%?")


def has_number(finding: Finding) -> bool:
    """Whether a finding is about a number.

    Example:
        >>> has_number(Finding(kind="number_changed", text="17", expected="11"))
        True
    """
    return any(letter.isdigit() for letter in finding.text + finding.expected)


def is_settled(finding: Finding) -> bool:
    """Whether a second model reads what the first one wrote: then it is a note, whatever it is about.

    Example:
        >>> is_settled(Finding(kind="number_changed"))
        False
    """
    return finding.second_opinion is not None and finding.second_opinion.agrees_with == "answer"


def disputed(result: PageResult, models: Collection[str], *, is_strict: bool) -> list[int]:
    """The findings of a page that a second model is yet to be asked about, by their place in `findings`.

    Args:
        result: of a page that was checked. Of one that is another's text, none.
        models: the names of those that may answer.
        is_strict: whether notes about numbers are to be looked at, too.

    Example:
        >>> finding = Finding(kind="number_changed", text="8.50", expected="3.50", bbox=(0, 0, 1, 1))
        >>> disputed(PageResult(findings=(finding,)), {"novita:some-vlm"}, is_strict=False)
        [0]
    """
    if result.state is PageState.MISMATCH:
        return []
    answered = [finding for finding in result.findings if _has_word_of(models, finding)]
    due = [
        number
        for number, finding in enumerate(result.findings)
        if finding.kind in _BY_PIXELS
        and finding.bbox is not None
        and (finding.severity == "review" or (is_strict and has_number(finding)))
        and not (is_settled(finding) or _has_word_of(models, finding))
    ]
    return due[: max(0, MOST_ASKED - len(answered))]


def _has_word_of(models: Collection[str], finding: Finding) -> bool:
    return finding.second_opinion is not None and finding.second_opinion.model in models


def with_opinion(finding: Finding, reading: PageResult, model: str) -> Finding:
    """A finding with what a second model read at its place.

    Where it reads what the first one wrote, the finding becomes a note. Nothing else of it changes.

    Args:
        finding: that it was asked about.
        reading: the part of the page as it read it.
        model: its name.

    Example:
        >>> finding = Finding(kind="number_changed", text="8.50", expected="3.50", bbox=(0, 0, 1, 1))
        >>> with_opinion(finding, PageResult(text="Plum cake 8.50"), "novita:some-vlm").severity
        'note'
    """
    text = "" if says_no_text(reading.text) else reading.text.strip()[:_LONGEST_COMPARED]
    is_usable = reading.state in _READ or says_no_text(reading.text)
    side = _side(finding, _words(text)) if is_usable else "neither"
    opinion = SecondOpinion(text=text[:_LONGEST_KEPT] if is_usable else "", model=model, agrees_with=side)
    update = {"second_opinion": opinion, **({"severity": "note"} if side == "answer" else {})}
    return finding.model_copy(update=update)


def _side(finding: Finding, read: Sequence[str]) -> Side:
    written, printed = ("".join(_words(text)) for text in (finding.text, finding.expected))
    has_written, has_printed = (_says(read, sought) if sought else not read for sought in (written, printed))
    if has_written and has_printed:
        # "cake" stands in "cake 3.50", too: the longer one is what was read.
        has_written, has_printed = printed in written, written in printed
    if has_written == has_printed:
        return "neither"
    return "answer" if has_written else "page"


def _says(read: Sequence[str], sought: str) -> bool:
    """Whether some words say a text, wherever blanks are in it."""
    for start in range(len(read)):
        if not sought.startswith(read[start]):
            continue
        joined = takewhile(lambda text: len(text) <= len(sought), accumulate(read[start:]))
        if sought in joined:
            return True
    return False


def _words(text: str) -> list[str]:
    """Words as they are compared: folded, a comma as a point, without the marks around them."""
    each = ("".join(map(folded, word)).replace(",", ".") for word in text.split())
    return [word for word in map(_without_marks, each) if word]


def _without_marks(word: str) -> str:
    inner = _WITHOUT_MARKS.search(word)
    return inner[0] if inner else ""

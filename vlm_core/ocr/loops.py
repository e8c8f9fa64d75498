"""Answers in which a model repeats itself without end, told from pages that repeat themselves.

What a page may hold sets the bounds: forms have dozens of equal empty rows, receipts equal lines, tables of
contents long rows of dots. A page has no hundred and fifty equal rows, though, and no thousand characters of
one word after the other in a single line. An answer that was cut for its length is judged by tighter bounds,
since a loop is what mostly makes an answer too long.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from vlm_core.completion import Delta

STEP = 512
"""Characters after each of which an answer is looked at."""
# Characters back to which it is looked at.
_REACH = 16_384
# Characters that must come again for a repetition to be looked into.
_PROBE = 64
_LONGEST_UNIT = 2048
_TAGS = re.compile(r"<[^<>]{0,200}>")
# Those of JSON are among them: of an object in a list, and of a line in a string.
_ROW_ENDS = ("</tr>", "<nl>", "},", "\\n", "\n")
# Characters at the end of a cut answer that are compressed.
_COMPRESSED = 4096
# Times to which a page's text can be compressed; a table of numbers in HTML comes to six.
_HIGHEST_RATIO = 12


class _Run(NamedTuple):
    """A stretch at the end of a text in which one unit repeats."""

    text: str
    unit: int
    """Characters of the unit."""

    @property
    def repeats(self) -> float:
        return len(self.text) / self.unit

    @property
    def rows(self) -> int:
        return next((count for end in _ROW_ENDS if (count := self.text.count(end))), 0)

    @property
    def letters(self) -> float:
        """Letters and digits in all of it, without those of tags."""
        sample = self.text[-4 * self.unit :]
        return sum(map(str.isalnum, _TAGS.sub("", sample))) * len(self.text) / len(sample)


class _Bounds(NamedTuple):
    """What a page may hold of one thing repeated."""

    repeats: int
    letters: int
    """With more letters than these, whatever the form."""
    rows: int
    inline: int
    """Characters within one row."""
    blank: int
    """Characters within one row if none is a letter, as in rows of dots, lines to write on, empty cells."""

    def are_broken_by(self, run: _Run) -> bool:
        if run.repeats < self.repeats:
            return False
        letters = run.letters
        if letters > self.letters:
            return True
        if run.rows > 1:
            return run.rows > self.rows
        return len(run.text) > (self.inline if letters else self.blank)


_OF_A_PAGE = _Bounds(repeats=6, letters=3000, rows=150, inline=1000, blank=2500)
_OF_A_CUT_ANSWER = _Bounds(repeats=6, letters=1000, rows=60, inline=320, blank=1500)


class LoopDetector:
    """Watches an answer as it comes, and says when it is in a loop.

    It looks at the whole answer after each STEP characters, so that it is the same in how many pieces they
    come, and what it costs grows with the answer's length.

    Example:
        >>> detector = LoopDetector()
        >>> detector.feed("The page is a form. ")
        False
        >>> any(detector.feed("and so on ") for _ in range(200))
        True
    """

    def __init__(self) -> None:
        self.looped = False
        self._seen = ""
        self._new: list[str] = []
        self._waiting = 0

    def feed(self, piece: str) -> bool:
        """Take the next piece; whether the answer is in a loop, now or before.

        Args:
            piece: of any length.
        """
        self._new.append(piece)
        self._waiting += len(piece)
        if self._waiting >= STEP and not self.looped:
            self._advance()
        return self.looped

    def _advance(self) -> None:
        fresh = "".join(self._new)
        whole = len(fresh) - len(fresh) % STEP
        for start in range(0, whole, STEP):
            self._seen = (self._seen + fresh[start : start + STEP])[-_REACH:]
            if _ends_in_loop(self._seen, _OF_A_PAGE):
                self.looped = True
                break
        self._new = [fresh[whole:]]
        self._waiting = len(fresh) - whole


def is_looped(text: str, *, was_cut: bool = False) -> bool:
    """Whether a whole answer has a loop in it.

    Args:
        text: the answer.
        was_cut: whether it ended at the limit of tokens.

    Example:
        >>> is_looped("| | | |\\n" * 60), is_looped("and so on " * 200)
        (False, True)
    """
    if LoopDetector().feed(text):
        return True
    end = text[-_REACH:].rstrip()
    return was_cut and (_ends_in_loop(end, _OF_A_CUT_ANSWER) or _is_monotonous(end[-_COMPRESSED:]))


def _is_monotonous(text: str) -> bool:
    """Whether a text says next to nothing new, as one that counts and counts."""
    if len(text) < _COMPRESSED:
        return False
    data = text.encode("utf-8", "replace")
    return len(data) > _HIGHEST_RATIO * len(zlib.compress(data))


def _ends_in_loop(text: str, bounds: _Bounds) -> bool:
    return any(bounds.are_broken_by(run) for run in _runs(text))


def _runs(text: str) -> Iterator[_Run]:
    """The stretches at the end of a text that repeat, those of short units first.

    After a run of n characters with a unit of u, no other unit shorter than n - u can have a longer run
    (Fine and Wilf), so these are left out.
    """
    probe = text[-_PROBE:]
    if len(probe) < _PROBE:
        return
    first = max(0, len(text) - _PROBE - _LONGEST_UNIT)
    unit = 1
    while (at := text.rfind(probe, first, len(text) - unit)) >= 0:
        unit = len(text) - _PROBE - at
        length = _shared_end(text, unit) + unit
        yield _Run(text[-length:], unit)
        unit = max(unit + 1, length - unit + 1)


def _shared_end(text: str, unit: int) -> int:
    """How many characters at the end of a text are the same as those one unit before them."""
    longest = len(text) - unit
    known = min(_PROBE, longest)
    step = known
    while known < longest and step:
        size = min(step, longest - known)
        end = len(text) - known
        if text[end - size : end] == text[end - size - unit : end - unit]:
            known += size
            step *= 2
        else:
            step = size // 2
    return known


LOOPED = "looped"
"""The finish_reason of an answer that was broken off for a loop."""


class LoopGuard:
    """Looks at the pieces of one streamed answer, and says when it is in a loop.

    Example:
        >>> watch = LoopGuard()
        >>> watch(Delta("TOTAL 9.00")), watch(Delta("and so on " * 200))
        (None, 'looped')
    """

    def __init__(self) -> None:
        self._text, self._reasoning = LoopDetector(), LoopDetector()

    def __call__(self, delta: Delta) -> str | None:
        """The reason to break the answer off; None while there is none."""
        looped = self._text.feed(delta.text), self._reasoning.feed(delta.reasoning)
        return LOOPED if any(looped) else None

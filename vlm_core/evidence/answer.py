"""What a model wrote, as letters that can be held against a page, each with its place in the text."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from html import unescape
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vlm_core.ocr.folding import folded, with_accent

_TAGS = (
    "table|caption|thead|tbody|tfoot|tr|td|th|col|colgroup|br|hr|p|div|span|ul|ol|li|h[1-6]|b|i|u|s|em|strong|sup|sub"
    "|small|mark|code|pre|a|img|figure|figcaption|header|footer|section|article|html|body|head|page_number"
    "|watermark|input|del|ins|blockquote|center|font|signature|page|nl|fcel|ecel|lcel|ucel|xcel|ched|rhed|srow|otsl"
)
_BREAKING = re.compile(
    r"</?(?:table|caption|thead|tbody|tr|td|th|br|hr|p|div|ul|ol|li|h[1-6]|pre|figure|figcaption|header|footer"
    r"|section|article|blockquote|nl|fcel|ecel|lcel|ucel|ched|rhed|srow|page_number|watermark|img|page)\b",
    re.IGNORECASE,
)
# What is not text, and what is written otherwise than it is printed. The first that fits counts.
_TOKEN = re.compile(
    r"(?P<comment><!--.*?-->|<\?.*?\?>|<(?:script|style)\b.*?</(?:script|style)\s*>)"
    r"|(?P<formula>\$\$.+?\$\$|\\\[.+?\\\]|\\\(.+?\\\)|\$(?=[^\s$])[^$\n]*[\\^_][^$\n]*\$|<math\b.*?</math\s*>)"
    r"|(?P<picture>!\[[^\]\n]*\]\([^)\n]*\))"
    r"|(?P<address>(?<=\])\((?:https?:|mailto:|data:|/|\#)[^)\s]*\))"
    rf"|(?P<tag></?(?:{_TAGS})(?:\s[^<>]{{0,400}})?/?>)"
    r"|(?P<entity>&(?:\#\d{1,7}|\#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,12});)"
    r"|(?P<escape>\\[!-/:-@\[-`{-~])"
    r"|(?P<emphasis>\*\*|__|~~|(?<![\w*])[*_`](?=\w)|(?<=[\w.,!?:;%)])[*_`](?!\w))"
    r"|(?P<line_end>\n)"
    r"|(?P<bar>\|)",
    re.DOTALL | re.IGNORECASE,
)
# Lines of signs alone, such as that below a table's header, and the fences of code.
_RULE = re.compile(r"[|\s:\-=+_*]{3,}|\s*(?:```|~~~).*")
# What stands before a line in Markdown and not on the page.
_MARKER = re.compile(r"\s*(?:#{1,6}\s+|(?:>\s*)+|[-*+]\s+(?:\[[ xX]\]\s+)?)")
_ROW = re.compile(r"\s*\|.*\|\s*")


class Unit(NamedTuple):
    """A line or a cell of an answer: what is written in one go."""

    start: int
    """Of its first letter in the text."""
    end: int
    """Behind its last one."""
    first: int
    """Which of the answer's letters is its first one, and"""
    last: int
    """which comes after its last one."""
    line: int
    """Which line of the text it stands in, from 0."""
    column: int | None
    """Of a cell: which of its row it is, from 0."""

    @property
    def length(self) -> int:
        """How many letters it has."""
        return self.last - self.first


@dataclass(frozen=True, eq=False)
class Answer:
    """A text as folded letters without blanks and markup.

    Args:
        text: as a model wrote it.
        letters: one character each.
        offsets: of each letter, where it is in the text.
        lengths: of each letter, how many characters of the text stand for it.
        unit_of: of each letter, which unit it is in.
        word_starts: of each letter, whether a blank or markup stands before it.
        units: in order.
        unchecked: parts of the text that cannot be held against print: formulas and pictures.
    """

    text: str
    letters: str
    offsets: NDArray[np.intp]
    lengths: NDArray[np.intp]
    unit_of: NDArray[np.intp]
    word_starts: NDArray[np.bool_]
    units: tuple[Unit, ...]
    unchecked: tuple[tuple[int, int], ...] = ()

    @cached_property
    def codes(self) -> NDArray[np.uint32]:
        """The letters as numbers."""
        return np.frombuffer(self.letters.encode("utf-32-le", "surrogatepass"), np.uint32)

    @cached_property
    def unit_starts(self) -> NDArray[np.bool_]:
        """Of each letter, whether a unit begins with it."""
        return np.asarray(np.diff(self.unit_of, prepend=-1) != 0)

    def letters_of(self, unit: int) -> str:
        """The letters of a unit."""
        return self.letters[self.units[unit].first : self.units[unit].last]

    def begins_word(self, letter: int) -> bool:
        """Whether a word begins with a letter, or would begin there."""
        return letter <= 0 or letter >= len(self.letters) or bool(self.word_starts[letter])

    def word(self, first: int, last: int) -> tuple[int, int]:
        """Letters with the rest of the words that they are in."""
        while first > 0 and not self.begins_word(first):
            first -= 1
        while not self.begins_word(last):
            last += 1
        return first, last

    def is_edge(self, letter: int) -> bool:
        """Whether a letter and the one before it are not of one word."""
        if self.begins_word(letter):
            return True
        return not (self.letters[letter - 1].isalnum() and self.letters[letter].isalnum())


def answer_of(text: str) -> Answer:
    """A text taken apart.

    Args:
        text: Markdown, HTML or plain.

    Example:
        >>> answer = answer_of("# Total\\n\\n| Tea | **2.00** |")
        >>> answer.letters, [answer.text[unit.start : unit.end] for unit in answer.units]
        ('totaltea2.00', ['Total', 'Tea', '2.00'])
    """
    reader = _Reader(text)
    reader.read()
    return reader.answer()


@dataclass
class _Reader:
    text: str
    letters: list[str] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    unit_of: list[int] = field(default_factory=list)
    word_starts: list[bool] = field(default_factory=list)
    units: list[Unit] = field(default_factory=list)
    unchecked: list[tuple[int, int]] = field(default_factory=list)
    line: int = 0
    column: int | None = None
    is_row: bool = False
    begins: bool = True
    first: int = 0
    """The letter with which the open unit begins."""
    resume: int = 0
    """Where the text goes on, behind what was passed over."""

    def read(self) -> None:
        self._begin_line(0)
        at = self.resume
        for token in _TOKEN.finditer(self.text):
            # A rule or a marker that was passed over, of which this may be a part, ends before its line does.
            if token.start() < self.resume and token.lastgroup != "line_end":
                continue
            self._take(max(at, self.resume), token.start())
            at = token.end()
            _HANDLERS[token.lastgroup or ""](self, token)
        self._take(max(at, self.resume), len(self.text))
        self._close_unit()

    def _take(self, start: int, end: int) -> None:
        for place in range(start, end):
            self._put(self.text[place], place, 1)

    def _put(self, character: str, place: int, length: int) -> None:
        if character.isspace():
            self.begins = True
            return
        if self.letters and not self.begins and (whole := with_accent(self.letters[-1], character)):
            self.letters[-1] = whole
            self.lengths[-1] = place + length - self.offsets[-1]
            return
        for letter in folded(character):
            self.letters.append(letter)
            self.offsets.append(place)
            self.lengths.append(length)
            self.unit_of.append(len(self.units))
            self.word_starts.append(self.begins)
            self.begins = False

    def _close_unit(self) -> None:
        last = len(self.letters)
        if last > self.first:
            end = self.offsets[-1] + self.lengths[-1]
            start = self.offsets[self.first]
            self.units.append(Unit(start, end, self.first, last, self.line, self.column))
        self.first, self.begins = last, True

    def _begin_line(self, start: int) -> None:
        end = self.text.find("\n", start)
        end = len(self.text) if end < 0 else end
        self.resume = start
        if _RULE.fullmatch(self.text, start, end):
            self.resume = end
        elif marker := _MARKER.match(self.text, start, end):
            self.resume = marker.end() if marker.end() < end else start
        self.is_row = _ROW.fullmatch(self.text, start, end) is not None
        self.column = -1 if self.is_row else None

    # --- what is not text ----------------------------------------------------------------------

    def _pass(self, token: re.Match[str]) -> None:
        self.begins = True

    def _leave_unchecked(self, token: re.Match[str]) -> None:
        self.unchecked.append(token.span())
        self.line += token[0].count("\n")
        self.begins = True

    def _emphasis(self, token: re.Match[str]) -> None:
        """It is not printed, and words go on through it."""

    def _escape(self, token: re.Match[str]) -> None:
        self._put(token[0][1], token.start(), 2)

    def _tag(self, token: re.Match[str]) -> None:
        if _BREAKING.match(token[0]):
            self._close_unit()
            name = token[0].strip("</> ").split()[0].lower()
            if name == "tr":
                self.line, self.column = self.line + (not token[0].startswith("</")), -1
            elif name in ("td", "th") and not token[0].startswith("</"):
                self.column = 0 if self.column is None else self.column + 1
            elif name == "table":
                self.column = None
        elif token[0][1:4].lower() not in ("sup", "sub") and not token[0].startswith(("<b", "</")):
            self.begins = True

    def _entity(self, token: re.Match[str]) -> None:
        character = unescape(token[0])
        if character == token[0]:
            self._take(*token.span())
            return
        for part in character:
            self._put(part, token.start(), len(token[0]))

    def _line_end(self, token: re.Match[str]) -> None:
        self._close_unit()
        self.line += 1
        self._begin_line(token.end())

    def _bar(self, token: re.Match[str]) -> None:
        if not self.is_row:
            self._put("|", token.start(), 1)
            return
        self._close_unit()
        self.column = (self.column or 0) + 1 if self.column is not None and self.column >= 0 else 0

    def answer(self) -> Answer:
        return Answer(
            self.text,
            "".join(self.letters),
            np.array(self.offsets, np.intp),
            np.array(self.lengths, np.intp),
            np.array(self.unit_of, np.intp),
            np.array(self.word_starts, np.bool_),
            tuple(self.units),
            tuple(self.unchecked),
        )


_HANDLERS: dict[str, Callable[[_Reader, re.Match[str]], None]] = {
    "comment": _Reader._pass,
    "formula": _Reader._leave_unchecked,
    "picture": _Reader._leave_unchecked,
    "address": _Reader._pass,
    "tag": _Reader._tag,
    "entity": _Reader._entity,
    "escape": _Reader._escape,
    "emphasis": _Reader._emphasis,
    "line_end": _Reader._line_end,
    "bar": _Reader._bar,
}

"""Words that a line's end has parted are put together again: "exam-" and "ple" are "example".

A hyphen at a line's end parts a word, or belongs to it. What the page itself says comes first: how the word
is written elsewhere on it. Then the letters: each half has a vowel, as syllables have, and the second goes on
in lower case. Compounds, numbers, capitals and abbreviations keep their hyphen.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

SOFT_HYPHEN = "\u00ad"
_HYPHENS = "\u2010" + SOFT_HYPHEN + "-"  # in this order a regular expression takes it for no range
_FIRST_HALF = re.compile(rf"(?<![\w{_HYPHENS}])([^\W\d_]{{2,}})([{_HYPHENS}])$")
_SECOND_HALF = re.compile(r"([^\W\d_]{2,}+)(\S*+)(?: (.*))?$", re.DOTALL)
_WORD = re.compile(rf"[^\W\d_]+(?:[{_HYPHENS}][^\W\d_]+)*")
_INNER_SOFT = re.compile(rf"(?<=\w){SOFT_HYPHEN}(?=\w)")  # it would show at a line's end alone
_CELLS = "  "
_VOWELS = frozenset("aeiouyæøœıаеёиоуыэюяіїєαεηιουω")
# Words before which a hyphen stands for one that is left out: "pre- and post-war", "Ein- und Ausgabe".
_NOT_SECOND = re.compile("and|or|und|oder|et|ou|y|o|e|i|och|og|en|of|to")
# First parts that are mostly written with a hyphen.
_COMPOUNDING = re.compile(
    "all|cross|ever|ex|full|half|high|ill|long|low|mid|mixed|multi|non|part|self|short|so|well|"
    "two|three|four|five|six|seven|eight|nine|ten|first|second|third"
)


def dehyphenate(text: str, page: str = "") -> str:
    """A text made of a page's lines, with the words whole that its line ends have parted.

    Args:
        text: rows of a page, a blank line between two blocks. A joined word stands in the upper row.
        page: all that the page says, by which the words are judged; the text itself by default.

    Example:
        >>> dehyphenate("It is an exam-\\nple of 3-\\n5 well-\\nknown words.")
        'It is an example\\nof 3-\\n5 well-\\nknown words.'
    """
    if not any(hyphen in text for hyphen in _HYPHENS):
        return text
    text = _INNER_SOFT.sub("", text)
    written = frozenset(_written(page or text))
    return "\n\n".join("\n".join(_rows(block, written)) for block in text.split("\n\n"))


def _written(page: str) -> Iterator[str]:
    """The words of a page that no line's end parts, in lower case."""
    was_parted = False
    for row in page.splitlines():
        words = [word.casefold() for word in _WORD.findall(row)]
        is_parted = _FIRST_HALF.search(row) is not None
        yield from words[was_parted : len(words) - is_parted]
        was_parted = is_parted


def _rows(block: str, written: frozenset[str]) -> Iterator[str]:
    above, *others = block.split("\n")
    for below in others:
        pair = _pair(above, below, written)
        if pair is None:
            yield above
            above = below
        elif pair[1]:
            yield pair[0]
            above = pair[1]
        else:
            above = pair[0]
    yield above


def _pair(above: str, below: str, written: frozenset[str]) -> tuple[str, str] | None:
    """The two rows with the word that they share in the upper one; None where they share none."""
    said = below.lstrip(" ")  # the lines of a list item are indented
    indent = below[: len(below) - len(said)]
    first, second = _FIRST_HALF.search(above), _SECOND_HALF.match(said)
    if not (first and second) or _CELLS in above.lstrip(" ") or _CELLS in said:
        return None
    if first[2] != SOFT_HYPHEN and not _is_one_word(first[1], second[1], second[2], written):
        return None
    rest = second[3] or ""
    return above[: first.end(1)] + second[1] + second[2], rest and indent + rest


def _is_one_word(first: str, second: str, behind: str, written: frozenset[str]) -> bool:
    start, end = first.casefold(), second.casefold()
    goes_on = len(behind) > 1 and behind[0] in _HYPHENS  # "mother-" and "in-law"
    if goes_on or not second.islower() or _NOT_SECOND.fullmatch(end):
        return False
    if start + end in written:
        return True
    if any(f"{start}{hyphen}{end}" in written for hyphen in _HYPHENS) or _COMPOUNDING.fullmatch(start):
        return False
    are_words = start in written and end in written
    return not are_words and not first.isupper() and _has_vowel(start) and _has_vowel(end)


def _has_vowel(half: str) -> bool:
    """Whether letters may be a syllable; of a script whose vowels are not known here, they may not."""
    return not _VOWELS.isdisjoint(unicodedata.normalize("NFD", half))

"""Texts in parts that fit: at the ends of sentences, else between words, else between characters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate, islice

_CLOSING = "\"'”’»)]」』）"
_ENDS = (".", "!", "?", "…")
_ENDS_CJK = ("。", "！", "？", "；")
# Characters, after which a sentence ends with the next word, and a word where it is: cutting a long text
# without a blank looks no further ahead.
LONGEST_SENTENCE = 4000
_WORD = re.compile(rf"\S{{1,{LONGEST_SENTENCE}}}\s*")
_CLAUSE = re.compile(
    rf"[^\s{''.join(_ENDS_CJK)}]{{0,{LONGEST_SENTENCE}}}(?:[{''.join(_ENDS_CJK)}][」』”’）]*)?\s*"
)


def sentences(text: str) -> Iterator[str]:
    """The sentences of a text, each with the blanks behind it; together they are the text.

    Example:
        >>> list(sentences("It costs 2.50. You pay.\\nThen go"))
        ['It costs 2.50. ', 'You pay.\\n', 'Then go']
    """
    start = 0
    may_end = is_long = False
    for found in _CLAUSE.finditer(text):
        at, bare = found.start(), found[0].rstrip().rstrip(_CLOSING)
        if at > start and (is_long or (may_end and not text[at : at + 1].islower())):
            yield text[start:at]
            start = at
        may_end = bare.endswith(_ENDS + _ENDS_CJK)
        is_long = found.end() - start > LONGEST_SENTENCE
    if start < len(text):
        yield text[start:]


def words(text: str) -> Iterator[str]:
    """The words of a text, each with the blanks behind it.

    Example:
        >>> list(words("one  two"))
        ['one  ', 'two']
    """
    return (found[0] for found in _WORD.finditer(text))


def parts_that_fit(text: str, fits: Callable[[str, bool], bool]) -> Iterator[str]:
    """A text in as few parts as can be, each of which fits; a character alone is a part even if it does not.

    Args:
        text: of one block.
        fits: tells of a part, and whether it is the first, if it may stand in a chunk.

    Example:
        >>> list(parts_that_fit("One two. Three.", lambda part, first: len(part) <= 9))
        ['One two.', 'Three.']
    """
    rest, is_first = text.strip(), True
    while rest:
        lengths = (_longest(rest, each(rest), fits, is_first) for each in (sentences, words, list))
        length = next(filter(None, lengths), 1)
        yield rest[:length].strip()
        rest, is_first = rest[length:].strip(), False


def _longest(text: str, units: Iterable[str], fits: Callable[[str, bool], bool], is_first: bool) -> int:
    """How many characters of a text fit, up to the end of one of its units; 0 where not even one does."""
    ends = accumulate(map(len, units))
    seen: list[int] = []
    low = 0
    while more := list(islice(ends, low or 1)):
        seen += more
        if not fits(text[: seen[-1]].strip(), is_first):
            break
        low = len(seen)
    high = len(seen)
    while high - low > 1:
        middle = (low + high) // 2
        if fits(text[: seen[middle - 1]].strip(), is_first):
            low = middle
        else:
            high = middle
    return seen[low - 1] if low else 0

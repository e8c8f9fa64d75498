"""Which pages of some documents are looked at: all, those that are named, or the best for a question.

The best are told by their words (BM25: Robertson and Zaragoza, 2009).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from vlm_core.assistant.findings import numbered
from vlm_core.assistant.library import Document
from vlm_core.assistant.untrusted import one_line
from vlm_core.errors import InputError, TooManyImagesError

Place: TypeAlias = tuple[int, int]
"""A document's place in the list, and a page's number."""


def all_of(documents: Sequence[Document], max_pages: int) -> list[Place]:
    """The pages of documents, of each the first ones where it has too many.

    Args:
        documents: open ones.
        max_pages: of each.
    """
    return [
        (at, number)
        for at, document in enumerate(documents)
        for number in range(1, min(document.total_pages, max_pages) + 1)
    ]


def named(documents: Sequence[Document], pages: Iterable[object], most: int) -> list[Place]:
    """The pages that a caller names, of each document those that it has.

    Args:
        documents: open ones.
        pages: numbers from 1.
        most: pages altogether.

    Raises:
        InputError: one is not a page number, or a document has none of these pages.
        TooManyImagesError: there are more than may be looked at together.
    """
    numbers = [_checked(number) for number in dict.fromkeys(pages)]
    chosen: list[Place] = []
    for at, document in enumerate(documents):
        own = [number for number in numbers if number <= document.total_pages]
        if not own:
            raise InputError(
                f"{one_line(document.name)} has no {numbered(numbers) if numbers else 'page of none'}",
                hint=f"Its pages are 1 to {document.total_pages}.",
            )
        chosen += [(at, number) for number in own]
    if len(chosen) > most:
        raise TooManyImagesError(
            f"{len(chosen)} pages are more than can be looked at together",
            hint=f"Name {most} at most, or leave pages out to have the best ones chosen.",
        )
    return chosen


def _checked(number: object) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise InputError(f"{number!r} is not a page number", hint="Pages are whole numbers from 1.")
    return number


def best(question: str, places: Sequence[Place], texts: Sequence[str], most: int) -> list[Place]:
    """The pages to look at for a question: the best of each document, then the best of the others.

    Args:
        question: what is asked.
        places: of all pages.
        texts: of these pages.
        most: pages altogether, at least as many as there are documents.

    Example:
        >>> best("the total?", [(0, 1), (0, 2), (1, 1)], ["shop", "total 9", "total 8"], 2)
        [(0, 2), (1, 1)]
    """
    scored = dict(zip(places, scores(question, texts), strict=True))
    ranked = sorted(places, key=lambda place: (-scored[place], place))
    # Whoever names several documents compares them: of each one page is looked at, however little it says.
    first_of_each = {at: (at, number) for at, number in reversed(ranked)}
    others = [place for place in ranked if place not in first_of_each.values()]
    return sorted([*first_of_each.values(), *others][:most])


# --- how much a page is about a question ----------------------------------------------------------

SATURATION = 1.2
"""How soon one word more of the same counts for little; the usual value."""
LENGTH_WEIGHT = 0.75
"""How much a long page has to make up for its length; the usual value."""
STEM = 5
"""Letters of a word that count, so that "totals" is found by "total"; numbers count whole."""
SMALL = 3
"""Letters of a word that counts by half: most of these are articles and the like, in many languages."""
_WORD = re.compile(r"[^\W_]+")
# Scripts written without blanks, or with long words: each character counts as a word.
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


def words(text: str) -> list[str]:
    """The words of a text as they are compared.

    Example:
        >>> words("The TOTALS of 2024-11: 合計")
        ['the', 'total', 'of', '2024', '11', '合', '計']
    """
    parts = _WORD.findall(_UNSPACED.sub(r" \g<0> ", text.casefold()))
    return [word if any(char.isdigit() for char in word) else word[:STEM] for word in parts]


def scores(question: str, pages: Sequence[str], split: Callable[[str], Sequence[str]] = words) -> list[float]:
    """How much each page is about a question; 0 where it has none of its words.

    Args:
        question: what is asked.
        pages: their texts.
        split: gives the words of a text.

    Example:
        >>> scores("What is the total?", ["the shop", "the total is 9.00"])[1] > 0.5
        True
    """
    counts = [Counter(split(page)) for page in pages]
    usual = sum(count.total() for count in counts) / max(len(counts), 1) or 1.0
    weights = {word: _weight(word, counts) for word in set(split(question))}
    return [_score(count, weights, usual) for count in counts]


def _weight(word: str, counts: Sequence[Counter[str]]) -> float:
    """What a word tells: the fewer pages have it, the more."""
    having = sum(word in count for count in counts)
    is_small = len(word) <= SMALL and word.isascii() and word.isalpha()
    return math.log(1 + (len(counts) - having + 0.5) / (having + 0.5)) * (0.5 if is_small else 1.0)


def _score(count: Counter[str], weights: dict[str, float], usual: float) -> float:
    length = SATURATION * (1 - LENGTH_WEIGHT + LENGTH_WEIGHT * count.total() / usual)
    hits = ((weight, count[word]) for word, weight in sorted(weights.items()) if word in count)
    return sum(weight * often * (SATURATION + 1) / (often + length) for weight, often in hits)

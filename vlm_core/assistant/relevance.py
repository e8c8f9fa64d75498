"""Which pages a question is about, by their words (BM25: Robertson and Zaragoza, 2009)."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

SATURATION = 1.2
"""How soon one word more of the same counts for little; the usual value."""
LENGTH_WEIGHT = 0.75
"""How much a long page has to make up for its length; the usual value."""
STEM = 5
"""Letters of a word that count, so that "totals" is found by "total"; numbers count whole."""
SMALL = 3
"""Letters of a word that counts by half: most of these are articles and the like, in many languages."""
_WORD = re.compile(r"[^\W_]+")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
"""Scripts written without blanks, or with long words: each character counts as a word."""


def words(text: str) -> list[str]:
    """The words of a text as they are compared.

    Example:
        >>> words("The TOTALS of 2024-11: 合計")
        ['the', 'total', 'of', '2024', '11', '合', '計']
    """
    found = _WORD.findall(_UNSPACED.sub(r" \g<0> ", text.casefold()))
    return [word if any(char.isdigit() for char in word) else word[:STEM] for word in found]


def scores(question: str, pages: Sequence[str]) -> list[float]:
    """How much each page is about a question; 0 where it has none of its words.

    Args:
        question: what is asked.
        pages: their texts.

    Example:
        >>> scores("What is the total?", ["the shop", "the total is 9.00"])[1] > 0.5
        True
    """
    counts = [Counter(words(page)) for page in pages]
    usual = sum(count.total() for count in counts) / max(len(counts), 1) or 1.0
    weights = {word: _weight(word, counts) for word in set(words(question))}
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


def best(question: str, pages: Sequence[str], most: int) -> list[int]:
    """The pages to look at for a question, by their place in the list, in its order.

    Args:
        question: what is asked.
        pages: their texts.
        most: how many; where fewer have any of its words, the first others are with them.

    Example:
        >>> best("What is the total?", ["shop", "items", "TOTAL 9.00"], 2)
        [0, 2]
    """
    scored = scores(question, pages)
    ranked = sorted(range(len(pages)), key=lambda place: (-scored[place], place))
    return sorted(ranked[:most])

"""Characters that are alike in print made one, so that what a model wrote can be held against what was
read."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

# Quotes, dashes, points and brackets that models and engines write in many ways.
_ALIKE = str.maketrans(
    {
        **dict.fromkeys("’‘`´′ʼ", "'"),
        **dict.fromkeys("“”„″«»", '"'),
        **dict.fromkeys("–—−‐‑‒―─", "-"),
        **dict.fromkeys("•●▪◦∙*", "*"),
        **dict.fromkeys("·。．", "."),
        **dict.fromkeys("、，", ","),
        **dict.fromkeys("【〔", "["),
        **dict.fromkeys("】〕", "]"),
        "×": "x",
        "⁄": "/",
        "：": ":",
    }
)


@lru_cache(maxsize=65_536)
def folded(character: str) -> str:
    """A character without its case, width and style; blanks and what cannot be seen are empty.

    Example:
        >>> folded("Ａ"), folded("”"), folded("ﬁ"), folded(" ")
        ('a', '"', 'fi', '')
    """
    # Before and after: NFKC takes a lone accent for a blank and the accent.
    plain = unicodedata.normalize("NFKC", character.translate(_ALIKE)).translate(_ALIKE)
    # One character stays one: "ß" is not "ss".
    plain = "".join(small if len(small := letter.casefold()) == 1 else letter.lower() for letter in plain)
    plain = unicodedata.normalize("NFC", plain)
    return "".join(
        letter for letter in plain if not letter.isspace() and unicodedata.category(letter)[0] != "C"
    )


def folded_one(character: str) -> str:
    """As `folded`, but one character at most, as a class of a recogniser is one.

    Example:
        >>> folded_one("℃")
        '°'
    """
    return folded(character)[:1]


@lru_cache(maxsize=65_536)
def without_accent(letter: str) -> str:
    """A folded letter without what stands above, below or beside it.

    Example:
        >>> without_accent("ť"), without_accent("a")
        ('t', 'a')
    """
    return "".join(part for part in unicodedata.normalize("NFD", letter) if not unicodedata.combining(part))


def with_accent(letter: str, character: str) -> str:
    """A folded letter with an accent that comes as a character of its own; else empty.

    Example:
        >>> with_accent("e", "\u0301"), with_accent("e", "a")
        ('é', '')
    """
    if not unicodedata.combining(character):
        return ""
    whole = unicodedata.normalize("NFC", letter + character)
    return whole if len(whole) == 1 else ""

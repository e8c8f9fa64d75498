"""What stands before an item of a list or a heading: a bullet, a number, a letter."""

from __future__ import annotations

from typing import NamedTuple

BULLETS = frozenset("•·▪▫◦‣●○■□◆◇►▶➢➤✓✔–—-*∙⁃")
_CHAPTERS = frozenset(
    (
        *("chapter", "section", "part", "appendix", "annex", "article"),
        *("kapitel", "abschnitt", "anhang", "teil", "chapitre"),
    )
)
_NUMERALS_CJK = "一二三四五六七八九十"
_SIGNS_CJK = "、，.．)）"
_ROMAN = frozenset("ivxlcIVXLC")
_MOST_DIGITS = 3
_CLOSING = (".", ")")


class Marked(NamedTuple):
    """A text parted into its marker and what follows."""

    marker: str
    rest: str
    depth: int
    """Of a number: 1 for "2." and 2 for "2.1"; 0 for other markers."""


def list_marker(text: str) -> Marked | None:
    """The marker of a list's item, if the text begins with one.

    Example:
        >>> list_marker("• Tea"), list_marker("(a) Tea"), list_marker("Tea")
        (Marked(marker='•', rest='Tea', depth=0), Marked(marker='(a)', rest='Tea', depth=0), None)
    """
    first, _, rest = text.partition(" ")
    rest = rest.strip()
    if not rest:
        return None
    if first in BULLETS:
        return Marked(first, rest, 0)
    bare = first.removeprefix("(")
    if not bare.endswith(_CLOSING) or (first != bare and not bare.endswith(")")):
        return None
    inner = bare[:-1]
    is_number = inner.isascii() and inner.isdecimal() and len(inner) <= _MOST_DIGITS
    is_letter = len(inner) == 1 and inner.isalpha() and (inner.islower() or bare.endswith(")"))
    is_roman = 0 < len(inner) <= 4 and inner.islower() and set(inner) <= _ROMAN
    return Marked(first, rest, int(is_number)) if is_number or is_letter or is_roman else None


def heading_number(text: str) -> Marked | None:
    """The number of a heading, if the text begins with one.

    Example:
        >>> heading_number("2.1 Prices").depth, heading_number("2 cups")
        (2, None)
    """
    words = text.split(None, 2)
    if len(words) >= 2 and words[0].casefold() in _CHAPTERS and _is_count(words[1].rstrip(".:—–-")):
        return Marked(" ".join(words[:2]), words[2] if len(words) > 2 else "", 1)
    if text.startswith("第") and any(sign in text[1:6] for sign in "章节節部"):
        return Marked(text[:3], text[3:], 1 if "章" in text[1:6] or "部" in text[1:6] else 2)
    bare = text.lstrip("（(")
    numerals = len(bare) - len(bare.lstrip(_NUMERALS_CJK))
    sign = bare[numerals : numerals + 1]
    if 0 < numerals <= _MOST_DIGITS and sign and sign in _SIGNS_CJK and bare[numerals + 1 :].strip():
        return Marked(
            text[: len(text) - len(bare) + numerals + 1], bare[numerals + 1 :].strip(), 1 + (sign in ")）")
        )
    first, _, rest = text.partition(" ")
    rest = rest.strip()
    parts = first.rstrip(".").split(".")
    if not rest or not all(_is_part(part) for part in parts) or not _begins_heading(rest):
        return None
    if len(parts) == 1 and not (parts[0].isdecimal() or first.endswith(".")):
        return None
    return Marked(first, rest, len(parts))


def _is_count(word: str) -> bool:
    return bool(word) and (word.isdecimal() or set(word) <= _ROMAN or (len(word) == 1 and word.isalpha()))


def _is_part(part: str) -> bool:
    if part.isascii() and part.isdecimal():
        return len(part) <= _MOST_DIGITS - 1
    return bool(part) and ((len(part) == 1 and part.isupper()) or (part.isupper() and set(part) <= _ROMAN))


def _begins_heading(rest: str) -> bool:
    """Whether what follows a number is words and not a sum or a unit."""
    first = rest[0]
    return first.isalpha() and (first.isupper() or not first.islower())

"""Which texts are values, such as numbers, and which are words."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NUMBER = re.compile(r"\d")
_LETTERS = re.compile(r"[^\W\d_]")
_YEAR = re.compile(r"(19|20)\d\d([-–/](\d\d){1,2})?\W*")
_LOWER = re.compile(r"^[(\[\"'“]*[^\W\d_]", re.UNICODE)
# The share of a row's texts, its first column left out, that are values where it is not a heading.
_VALUES = 0.5


def is_value(text: str) -> bool:
    """Whether a text is a number, with a unit or a mark perhaps, or stands for one that is missing.

    Example:
        >>> [is_value(text) for text in ("1 000", "-", "12.5 %", "EUR 3", "to air")]
        [True, True, True, True, False]
    """
    letters = len(_LETTERS.findall(text))
    digits = len(_NUMBER.findall(text))
    return bool(text) and ((letters <= 3 and digits >= 1) or not letters)


def is_number(text: str) -> bool:
    """Whether a text is a number, with a unit or a mark perhaps.

    Example:
        >>> is_number("-"), is_number("3.5 kg")
        (False, True)
    """
    return is_value(text) and bool(_NUMBER.search(text))


def is_year(text: str) -> bool:
    """Whether a text is a year, or from one year to another, as the heading of a column may be.

    Example:
        >>> is_year("1996"), is_year("1990-96"), is_year("1500")
        (True, True, False)
    """
    return bool(_YEAR.fullmatch(text))


def goes_on(text: str) -> bool:
    """Whether a text begins as the rest of a sentence does: with a small letter, or a parenthesis.

    Example:
        >>> goes_on("compounds"), goes_on("(as HCl)"), goes_on("Nickel")
        (True, True, False)
    """
    first = _LOWER.match(text)
    return text.startswith("(") or bool(first and first.group()[-1].islower())


def are_values(texts: Sequence[str]) -> bool:
    """Whether the texts of a row, its first column left out, are values for the most part.

    Example:
        >>> are_values(["1 200", "12.5", "none"]), are_values(["Stores", "1998"])
        (True, False)
    """
    values = [text for text in texts if is_value(text) and not is_year(text)]
    return any(map(is_number, values)) and len(values) >= _VALUES * len(texts)

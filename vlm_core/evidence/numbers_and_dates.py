"""Numbers and dates, however they are written: read from a text, and written as another one is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

# Digits in groups of three, or in one row, with what may be a decimal part.
_DIGITS = r"\d{1,3}(?:(?P<group>[ '’.,])\d{3})(?:(?P=group)\d{3})*(?:[.,]\d+)?|\d+(?:[.,]\d+)?"
_NUMBER = re.compile(rf"(?<!\d)(?<!\d[.,])(?:{_DIGITS})(?!\d)")
# A text that is one amount: a currency's sign or letters may stand on either side.
_AMOUNT = re.compile(
    r" ?(?P<open>\(?) ?(?P<minus>[-−–]?) ?(?:[^\W\d]{1,4}\.?|\W{1,3}?)? ?(?P<minus2>[-−–]?) ?"
    rf"(?P<digits>{_DIGITS}) ?(?P<minus3>[-−–]?) ?(?P<close>\)?) ?"
    r"(?P<percent>%?) ?(?:[^\W\d]{1,4}|[^\w\s])? ?"
)
_SIGNS = "-−–"
# Digits in a row without a point, from which they are the number of a thing and not an amount.
_LONGEST_PLAIN = 10
# Characters beside a number that tell of its sign and its unit.
_NEAR = 16
# Characters; longer digits are not read as an amount.
_LONGEST_NUMBER = 40


class NumberIn(NamedTuple):
    """A number in a text."""

    start: int
    end: int
    readings: frozenset[Decimal]
    """What it may say: "1.150" is 1150 or 1.15."""
    is_negative: bool = False
    is_percent: bool = False

    def says(self, wanted: frozenset[Decimal]) -> bool:
        """Whether it may be one of some numbers."""
        own = {-number for number in self.readings} if self.is_negative else self.readings
        if not own.isdisjoint(wanted):
            return True
        return self.is_percent and not {number / 100 for number in own}.isdisjoint(wanted)


def numbers_in(text: str) -> Iterator[NumberIn]:
    """The numbers in a text, in order. Digits that a blank parts may be one number, or two: all are given.

    Example:
        >>> [sorted(map(str, number.readings)) for number in numbers_in("2 x RM 1,150.00")]
        [['2'], ['1150.00']]
    """
    for match in _NUMBER.finditer(text):
        yield _number(text, match.start(), match.end())
        if " " in match[0]:
            for part in re.finditer(r"\S+", match[0]):
                yield _number(text, match.start() + part.start(), match.start() + part.end())


def _number(text: str, start: int, end: int) -> NumberIn:
    # A part of the text: a page may be one line with thousands of numbers.
    before, after = text[max(0, start - _NEAR) : start].rstrip("$€£¥ "), text[end : end + _NEAR]
    negative = before[-1:] in tuple(_SIGNS) and not before[-2:-1].isalnum()
    in_brackets = before.endswith("(") and after.lstrip().startswith(")")
    trailing = after[:1] in tuple(_SIGNS) and not after[1:2].isalnum()
    return NumberIn(
        start,
        end,
        frozenset(_readings(text[start:end]) if end - start <= _LONGEST_NUMBER else ()),
        negative or in_brackets or trailing,
        after.lstrip().startswith("%"),
    )


def _readings(digits: str) -> Iterator[Decimal]:
    plain = re.sub("[ '’]", "", digits)
    signs = [letter for letter in plain if letter in ".,"]
    if not signs:
        yield Decimal(plain)
    elif len(set(signs)) == 2:
        last = max(plain.rfind("."), plain.rfind(","))
        yield Decimal(f"{re.sub('[.,]', '', plain[:last])}.{plain[last + 1 :]}")
    elif len(signs) > 1:
        yield Decimal(re.sub("[.,]", "", plain))
    else:
        whole, part = re.split("[.,]", plain)
        yield Decimal(f"{whole}.{part}")
        if len(part) == 3 and len(whole) <= 3 and whole.strip("0"):
            yield Decimal(whole + part)


def amounts(value: object) -> frozenset[Decimal]:
    """What a value of an answer may be as a number; empty where it is none.

    The number of a thing, as an account or an article has one, is a text.

    Example:
        >>> amounts("RM 1,150.00") == amounts(1150) and not amounts("000181747712")
        True
    """
    if isinstance(value, bool) or value is None:
        return frozenset()
    if isinstance(value, (int, float, Decimal)):
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            return frozenset()
        return frozenset({number}) if number.is_finite() else frozenset()
    match = _AMOUNT.fullmatch(re.sub(r"\s+", " ", str(value)))
    if match is None or _is_name(match["digits"]):
        return frozenset()
    found = _readings(match["digits"])
    is_negative = any(match[name] for name in ("minus", "minus2", "minus3")) or (
        match["open"] and match["close"]
    )
    return frozenset(-number for number in found) if is_negative else frozenset(found)


def _is_name(digits: str) -> bool:
    return digits.isdigit() and (
        len(digits) >= _LONGEST_PLAIN or (digits.startswith("0") and len(digits) > 1)
    )


def written_like(number: Decimal, pattern: str) -> str:
    """A number as another one is written: with as many decimals and the same signs.

    Args:
        number: 0 or more.
        pattern: the digits of the other one.

    Example:
        >>> written_like(Decimal("1150"), "2,850.00"), written_like(Decimal("9.5"), "12")
        ('1,150.00', '9.5')
    """
    signs = [letter for letter in pattern if not letter.isdigit()]
    tail = re.split(r"\D", pattern)[-1]
    has_decimals = bool(signs) and signs.count(signs[-1]) == 1 and (len(set(signs)) == 2 or len(tail) != 3)
    point = signs[-1] if has_decimals else "."
    exponent = number.normalize().as_tuple().exponent
    decimals = max(len(tail) if has_decimals else 0, -exponent if isinstance(exponent, int) else 0)
    whole, _, part = f"{number:,.{max(decimals, 0)}f}".partition(".")
    grouped = whole.replace(",", next((sign for sign in signs if not (has_decimals and sign == point)), ""))
    return f"{grouped}{point}{part}" if part else grouped


# --- dates ------------------------------------------------------------------------------------------------

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            *("jan ene gen", "feb fev fév", "mar mär mrt", "apr avr abr", "may mai mei mag", "jun juin giu"),
            *("jul juil lug", "aug aoû ago", "sep set", "oct okt out ott", "nov", "dec dez des déc dic"),
        ),
        start=1,
    )
    for name in names.split()
}
_MONTH = rf"(?P<month>{'|'.join(sorted(_MONTHS, key=len, reverse=True))})[^\W\d]*\.?"
_BY_FORM = {
    "ymd": re.compile(
        r"(?<!\d)(?P<a>\d{4})(?P<sign>[-/.]|\s?年\s?)(?P<b>\d{1,2})(?:[-/.]|\s?月\s?)(?P<c>\d{1,2})(?!\d)日?"
    ),
    "numbers": re.compile(
        r"(?<!\d)(?<!\d[-/.])(?P<a>\d{1,2})(?P<sign>\s?[-/.]\s?)(?P<b>\d{1,2})(?P=sign)"
        r"(?P<c>\d{4}|\d{2})(?:(?!\d)|(?=\d\d:))(?![-/.]\d)"
    ),
    "day first": re.compile(
        rf"(?<!\d)(?P<a>\d{{1,2}})(?:st|nd|rd|th|\.)?[\s\-/,]*{_MONTH}[\s\-/,]*(?P<c>\d{{4}}|\d{{2}})(?!\d)",
        re.IGNORECASE,
    ),
    "month first": re.compile(
        rf"(?<![^\W\d]){_MONTH}[\s\-/,]*(?P<a>\d{{1,2}})(?:st|nd|rd|th)?[\s\-/,]+(?P<c>\d{{4}}|\d{{2}})(?!\d)",
        re.IGNORECASE,
    ),
}
# Two digits of a year up to here are of this century.
_NEW_CENTURY = 69


class DateIn(NamedTuple):
    """A date in a text."""

    start: int
    end: int
    day_first: date | None
    """What it says where the day comes before the month; also where their order is plain."""
    month_first: date | None
    """What it says where the month comes first; None where that cannot be."""
    form: str
    """How it is written."""

    def in_order(self, order: str) -> tuple[date | None, date | None]:
        """What it says with the day before the month, and the other way round; None where that is ruled out.

        Args:
            order: "day first" or "month first" where the page tells, or "".
        """
        is_plain = self.form != "numbers" or self.day_first is None or self.month_first is None
        if is_plain:
            either = self.day_first or self.month_first
            return either, either
        return (
            None if order == "month first" else self.day_first,
            None if order == "day first" else self.month_first,
        )


def dates_in(text: str) -> Iterator[DateIn]:
    """The dates in a text.

    Example:
        >>> [str(found.day_first) for found in dates_in("Date: 12/03/2018, due 27 MAR 2018")]
        ['2018-03-12', '2018-03-27']
    """
    for form, pattern in _BY_FORM.items():
        for match in pattern.finditer(text):
            day_first, month_first = _both_orders(form, match)
            if day_first or month_first:
                yield DateIn(match.start(), match.end(), day_first, month_first, form)


def _both_orders(form: str, match: re.Match[str]) -> tuple[date | None, date | None]:
    if form == "numbers":
        day_first = _date(match["c"], match["b"], match["a"])
        # Where points stand between them, the day comes first.
        is_plain = match["sign"].strip() == "." and day_first is not None
        return day_first, None if is_plain else _date(match["c"], match["a"], match["b"])
    if form == "ymd":
        found = _date(match["a"], match["b"], match["c"])
    else:
        found = _date(match["c"], str(_MONTHS[match["month"].lower()]), match["a"])
    return found, found


def _date(year: str, month: str, day: str) -> date | None:
    number = int(year)
    if len(year) == 2:
        number += 2000 if number <= _NEW_CENTURY else 1900
    try:
        return date(number, int(month), int(day))
    except ValueError:
        return None


def date_of(value: object) -> DateIn | None:
    """A value of an answer as a date; None where it is none. The time of day does not count.

    Example:
        >>> date_of("2018-03-12").day_first == date_of("12 March 2018, 10:30").day_first == date(2018, 3, 12)
        True
    """
    if isinstance(value, date):
        plain = date(value.year, value.month, value.day)
        return DateIn(0, 0, plain, plain, "ymd")
    if not isinstance(value, str):
        return None
    text = _TIME.sub("", value.strip())
    return next((found for found in dates_in(text) if (found.start, found.end) == (0, len(text))), None)


# The time behind a date.
_TIME = re.compile(
    r"(?:T|,\s++|(?<!\s)\s++)\d{1,2}:\d\d(?::\d\d)?(?:\.\d{1,9})?\s*+(?:(?:[AaPp]\.?[Mm]\.?|Z|[+-]\d\d:?\d\d)\s*+)?$"
)


def order_of(texts: Iterator[str]) -> str:
    """Whether the day or the month comes first in the dates of some texts, if one of them tells.

    Example:
        >>> order_of(iter(["12/03/2018", "25/03/2018"])), order_of(iter(["12/03/2018"]))
        ('day first', '')
    """
    told = {
        "day first" if found.month_first is None else "month first"
        for text in texts
        for found in dates_in(text)
        if found.form == "numbers" and (found.day_first is None) != (found.month_first is None)
    }
    return told.pop() if len(told) == 1 else ""


def date_written_like(value: date, pattern: str) -> str:
    """A date in numbers as another one is written; as it is where the other one has the month's name.

    Args:
        value: the date.
        pattern: the other one.

    Example:
        >>> date_written_like(date(2018, 3, 9), "25/12/17"), date_written_like(date(2018, 3, 9), "2017-1-2")
        ('09/03/18', '2018-3-9')
    """
    found = next(dates_in(pattern), None)
    if found is None or found.form not in ("numbers", "ymd"):
        return value.strftime("%d %b %Y")
    is_month_first = found.form == "numbers" and found.day_first is None
    numbers = (
        (value.year, value.month, value.day)
        if found.form == "ymd"
        else (
            (value.month, value.day, value.year) if is_month_first else (value.day, value.month, value.year)
        )
    )
    remaining = iter(numbers)

    def as_written(match: re.Match[str]) -> str:
        number = next(remaining)
        width = len(match[0])
        return f"{number % 100 if width == 2 and number > 99 else number:0{width}d}"

    return re.sub(r"\d+", as_written, pattern)

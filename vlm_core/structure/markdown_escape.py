"""Plain text as Markdown that says the same, with as few backslashes as that takes."""

from __future__ import annotations

import re
from collections.abc import Callable

LONGEST_FORMULA = 1000
"""Characters between the signs of a formula in a line."""
_SPACED = ("$$", "$", "\\(", "\\[")
_ENDS = {"$$": "$$", "$": "$", "\\(": "\\)", "\\[": "\\]"}


def formula_end(text: str, start: int, limit: int | None = None) -> int:
    r"""Where the formula ends that begins at a place in a text: `$x$`, `$$x$$`, `\(x\)` or `\[x\]`.

    Formulas are left as they are, both where Markdown is read and where it is written. They end on their
    line. Dollars are signs of a formula only where no space follows the first and none stands before the
    last, which no digit follows, so that "from $5 to $6" is none.

    Returns:
        The place behind it; 0 where none begins.

    Example:
        >>> formula_end("$x_1$ is", 0), formula_end("$5 to $6", 0)
        (5, 0)
    """
    sign = next((sign for sign in _SPACED if text.startswith(sign, start)), "")
    if not sign:
        return 0
    first = start + len(sign)
    last = min(len(text) if limit is None else limit, first + LONGEST_FORMULA)
    end = _closing(text, _ENDS[sign], first, last)
    if end < 0 or end == first or "\n" in text[first:end] or "<br" in text[first:end]:
        return 0
    after = end + len(sign)
    if sign == "$" and (
        text[first].isspace() or text[end - 1].isspace() or text[after : after + 1].isdigit()
    ):
        return 0
    return after


def _closing(text: str, sign: str, first: int, last: int) -> int:
    end = text.find(sign, first, last)
    while sign[0] == "$" and end > 0 and text[end - 1] == "\\":
        end = text.find(sign, end + 1, last)
    return end


def escaped_line(line: str) -> str:
    r"""A line as Markdown reads it back, wherever in a paragraph it stands.

    Example:
        >>> print(escaped_line("# 5 * 3 in snake_case costs *more* than $x_1$"))
        \# 5 * 3 in snake_case costs \*more\* than $x_1$
    """
    start = _start_escaped(line)
    if start is not None:
        return start + "".join(_escaped(line, len(start) - 1))
    return "".join(_escaped(line, 0))


def escaped_text(text: str) -> str:
    r"""A text as Markdown reads it back in a heading or a cell, where no list or heading can begin.

    Example:
        >>> print(escaped_text("1. Costs *more*"))
        1. Costs \*more\*
    """
    return "".join(_escaped(text, 0))


def _start_escaped(line: str) -> str | None:
    """The beginning of a line with a backslash before the character that would make it something else."""
    first = line[:1]
    digits = len(line) - len(line.lstrip("0123456789"))
    if 0 < digits <= 9 and line[digits : digits + 1] in (".", ")") and _ends_word(line, digits + 1):
        return f"{line[:digits]}\\{line[digits]}"
    marks = line.lstrip("#")
    is_heading = first == "#" and len(line) - len(marks) <= 6 and marks[:1] in ("", " ", "\t")
    is_item = bool(first) and first in "+-*" and _ends_word(line, 1)
    is_rule = bool(first) and first in "-=|:+" and set(line) <= set("-=|:+ \t")
    return f"\\{first}" if is_heading or is_item or is_rule or first == ">" else None


def _ends_word(line: str, at: int) -> bool:
    return line[at : at + 1] in ("", " ", "\t")


def _escaped(line: str, at: int) -> list[str]:
    parts = []
    while found := _SPECIAL.search(line, at):
        place = found.start()
        end = formula_end(line, place) or place + 1
        needs = end == place + 1 and _needs_backslash(line, place)
        parts += [line[at:place], "\\" if needs else "", line[place:end]]
        at = end
    return [*parts, line[at:]]


def _needs_backslash(line: str, at: int) -> bool:
    rule = _NEEDS.get(line[at])
    return rule is not None and rule(line[at - 1] if at else " ", line[at + 1 : at + 2] or " ")


# Characters that mean something in Markdown, and whether they do so between two others.
_NEEDS: dict[str, Callable[[str, str], bool]] = {
    "\\": lambda before, after: True,
    "`": lambda before, after: True,
    "*": lambda before, after: not (before.isspace() and after.isspace()),
    "_": lambda before, after: not (before.isalnum() and after.isalnum()),
    "~": lambda before, after: "~" in (before, after),
    "<": lambda before, after: after.isalpha() or after in "/!?",
    "&": lambda before, after: after.isalnum() or after == "#",
    "]": lambda before, after: after == "(",
}
_SPECIAL = re.compile("[" + re.escape("".join(_NEEDS)) + "$]")

"""Page numbers as people write them."""

from __future__ import annotations

import re
import sys
from collections.abc import Container, Iterator
from itertools import chain

from vlm_core.errors import ConfigError

_PART = re.compile(r"(\d{1,9})(?:(-)(\d{1,9})?)?")
_NO_END = sys.maxsize


class PageNumbers(Container[int]):
    """Pages, perhaps from one on to whichever is the last.

    Args:
        ranges: of numbers from 1.

    Example:
        >>> pages = page_numbers("1-3,7-")
        >>> 2 in pages, 5 in pages, 10**6 in pages, pages.count
        (True, False, True, None)
    """

    def __init__(self, ranges: tuple[range, ...]) -> None:
        self._ranges = ranges

    def __contains__(self, number: object) -> bool:
        return any(number in one for one in self._ranges)

    @property
    def count(self) -> int | None:
        """How many they are; None where that depends on the document."""
        has_end = all(one.stop <= _NO_END for one in self._ranges)
        return sum(map(len, self._ranges)) if has_end else None

    def numbers(self) -> Iterator[int]:
        """All of them in order, none twice, where there is an end."""
        return iter(sorted(set(chain(*self._ranges))))


def page_numbers(written: str) -> PageNumbers:
    """The pages that are meant.

    Args:
        written: numbers and ranges, as in "1-3,7" or "5-".

    Raises:
        ConfigError: they are not page numbers.

    Example:
        >>> list(page_numbers("1-3, 7").numbers())
        [1, 2, 3, 7]
    """
    return PageNumbers(tuple(_range(part.strip(), written) for part in written.split(",")))


def _range(part: str, written: str) -> range:
    match = _PART.fullmatch(part)
    first, last = _ends(match) if match else (0, 0)
    if first > last > 0:
        raise ConfigError(
            f"--pages {written}: {part} is reversed", hint=f"Write {last}-{first}. Pages come in their order."
        )
    if not 1 <= first <= last:
        hint = "Give numbers from 1 and ranges of them, as in 1-3,7 or 5- (to the last page)."
        raise ConfigError(f"--pages {written} names no pages", hint=hint)
    return range(first, last + 1)


def _ends(match: re.Match[str]) -> tuple[int, int]:
    first, dash, last = match.groups()
    return int(first), int(last or (_NO_END if dash else first))

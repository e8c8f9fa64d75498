"""Page numbers as people write them."""

from __future__ import annotations

import re

from vlm_core.errors import ConfigError

LAST = 100_000
"""Where an open range ends; no document that is read has more pages."""
_PART = re.compile(r"(\d{1,9})(?:(-)(\d{1,9})?)?")


def page_numbers(written: str) -> frozenset[int]:
    """The pages that are meant.

    Args:
        written: numbers and ranges, as in "1-3,7" or "5-".

    Raises:
        ConfigError: they are no such thing.

    Example:
        >>> sorted(page_numbers("1-3, 7"))
        [1, 2, 3, 7]
    """
    return frozenset(number for part in written.split(",") for number in _range(part.strip(), written))


def _range(part: str, written: str) -> range:
    match = _PART.fullmatch(part)
    first, last = _ends(match) if match else (0, 0)
    if not 1 <= first <= last <= LAST:
        hint = f"Give numbers from 1 to {LAST} and ranges of them, as in 1-3,7 or 5- (to the end)."
        raise ConfigError(f"--pages {written} names no pages", hint=hint)
    return range(first, last + 1)


def _ends(match: re.Match[str]) -> tuple[int, int]:
    first, dash, last = match.groups()
    return int(first), int(last or (LAST if dash else first))

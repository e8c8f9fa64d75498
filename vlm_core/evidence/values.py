"""One value on a page: where it stands, and whether it does, letter by letter."""

from __future__ import annotations

from typing import NamedTuple

from vlm_core.evidence.answer import answer_of
from vlm_core.evidence.check import Mark, UnitEvidence, check
from vlm_core.evidence.printed import Print, print_of
from vlm_core.ocr.printed_page import PrintedPage
from vlm_core.types import Box

# What Markdown would take for its own in a value.
_PLAIN = str.maketrans(dict.fromkeys("\n|*#>`", " "))


class FoundValue(NamedTuple):
    """A value that was looked for on a page."""

    places: tuple[Box, ...]
    """Where it stands as a whole, letter by letter, in pixels; each is one line of print."""
    evidence: tuple[UnitEvidence, ...]
    """Of what is like it, where it stands nowhere as a whole."""
    marks: tuple[Mark, ...] = ()
    """How that differs."""

    @property
    def stands(self) -> bool:
        """Whether nothing that the pixels show speaks against it."""
        found = all(piece.status in ("exact", "close") for piece in self.evidence)
        return bool(self.places) or (bool(self.evidence) and found)


def find_value(value: str, page: PrintedPage) -> FoundValue:
    """Look for a value on a page, and judge what is there.

    Args:
        value: as a model gave it.
        page: as it was read closely, or a PDF has it.
    """
    plain = value.translate(_PLAIN)
    letters = answer_of(plain).letters
    places = _places(letters, print_of(page.lines)) if letters else ()
    if places:
        return FoundValue(places, ())
    checked = check(plain, page, misses=False)
    return FoundValue((), checked.evidence, checked.marks)


def _places(letters: str, printed: Print) -> tuple[Box, ...]:
    """Where letters stand as whole words, which are not a part of a longer number."""
    return tuple(
        printed.box(first, last)
        for first, last in printed.found(letters)
        if _is_apart(printed, first) and _is_apart(printed, last)
    )


def _is_apart(printed: Print, letter: int) -> bool:
    """Whether a value may begin or end before a letter of the page."""
    if not printed.is_edge(letter):
        return False
    if printed.begins_word(letter):
        return True
    around = printed.letters[max(0, letter - 2) : letter + 2]
    return not (sum(map(str.isdigit, around)) >= 2 and any(mark in around for mark in ".,"))

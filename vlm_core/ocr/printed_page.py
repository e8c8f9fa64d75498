"""A page as it was read, with all that it takes to check what another engine wrote of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vlm_core.ocr.printed_line import PrintedLine
from vlm_core.types import Box, PageResult

if TYPE_CHECKING:
    from vlm_core.ocr.page_pixels import PagePixels


class PrintedPage(NamedTuple):
    """A page's lines in reading order; where they were read from a picture, this too."""

    result: PageResult
    """As any engine gives it."""
    lines: tuple[PrintedLine, ...]
    illegible: tuple[Box, ...] = ()
    """What was found and could not be read, in pixels."""
    pixels: PagePixels | None = None
    alphabet: frozenset[str] = frozenset()
    """All folded characters that the engine can read; empty where it can be any."""
    alphabet_of_pictures: frozenset[str] = frozenset()
    """The same of what was read in the pictures of a page that brings its text."""

"""What a PDF itself says of its headings: by the tags of its text, and by its outline."""

from __future__ import annotations

import ctypes
import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as c

from .pdf_text import Line

_MOST_TITLES, _LONGEST_TITLE = 5000, 400
_MOST_ELEMENTS = 20_000  # of a page's tags
_DEEPEST = 6
_MOST_LINES = 3  # of a heading
_MOSTLY = 0.5  # of a page's letters, over which its tags name no headings


def outline_levels(pdf: pdfium.PdfDocument) -> Mapping[int, Mapping[str, int]]:
    """The levels of the titles in a document's outline, by the index of the page that they lead to.

    A title is given as its letters and digits in lower case.
    """
    levels: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for entry in islice(_entries(pdf), _MOST_TITLES):
        target = entry.get_dest()
        letters = _letters(entry.get_title()[:_LONGEST_TITLE])
        if target and letters and (index := target.get_index()) is not None:
            levels[index].setdefault(letters, entry.level + 1)
    return levels


def _entries(pdf: pdfium.PdfDocument) -> Iterator[pdfium.PdfBookmark]:
    """Entries down to a depth; where they go in a circle, once."""
    logging.getLogger("pypdfium2").setLevel(logging.CRITICAL)
    with suppress(pdfium.PdfiumError):
        yield from pdf.get_toc(max_depth=_DEEPEST)


def tagged_levels(page: pdfium.PdfPage) -> dict[int, int]:
    """The levels of the headings among a page's tags, by the number of the content that they mark.

    A heading without a number is as deep as the sections around it.
    """
    if not c.FPDFCatalog_IsTagged(page.pdf) or not (tree := c.FPDF_StructTree_GetForPage(page)):
        return {}
    try:
        return dict(_headings_in(tree))
    finally:
        c.FPDF_StructTree_Close(tree)


def _headings_in(tree: Any) -> Iterator[tuple[int, int]]:
    """Marked contents with their levels, from the outermost elements in."""
    places = range(min(c.FPDF_StructTree_CountChildren(tree), _MOST_ELEMENTS))
    waiting = [(c.FPDF_StructTree_GetChildAtIndex(tree, place), 0, 0) for place in places]
    left = _MOST_ELEMENTS
    while waiting and left > 0:
        element, level, depth = waiting.pop()
        if not element:
            continue
        kind = _kind(element)
        depth += kind == "Sect"
        level = _level(kind, depth) or level
        children = min(c.FPDF_StructElement_CountChildren(element), left)
        left -= 1 + children
        for place in range(children):
            content = c.FPDF_StructElement_GetChildMarkedContentID(element, place)
            if content < 0:
                waiting.append((c.FPDF_StructElement_GetChildAtIndex(element, place), level, depth))
            elif level:
                yield content, level


def _kind(element: Any) -> str:
    """The type of an element; a name of the file's own is one that the file says it stands for."""
    size = c.FPDF_StructElement_GetType(element, None, 0)
    found = ctypes.create_string_buffer(size)
    c.FPDF_StructElement_GetType(element, found, size)
    return found.raw[:-2].decode("utf-16-le", "replace")


def _level(kind: str, depth: int) -> int:
    if kind == "H":
        return min(max(1, depth), _DEEPEST)
    return int(kind[1]) if len(kind) == 2 and kind[0] == "H" and kind[1] in "123456" else 0


def with_levels(lines: Sequence[Line], titles: Mapping[str, int]) -> list[Line]:
    """Lines with the levels of their headings, by their tags, or else by the outline.

    Tags that take most of a page for headings are not believed.

    Args:
        lines: of a page, in order.
        titles: that lead to this page, as of `outline_levels`.
    """
    tagged = sum(len(line.text) for line in lines if line.level)
    believed = tagged <= _MOSTLY * sum(len(line.text) for line in lines)
    found = [line if believed else line._replace(level=0) for line in lines]
    letters = [_letters(line.text) for line in lines] if titles else []
    for first in range(len(letters)):
        for last in range(first, min(first + _MOST_LINES, len(letters))):
            said = "".join(letters[first : last + 1])
            level = titles.get(said) or titles.get(said.lstrip("0123456789")) or 0
            for place in range(first, last + 1) if level else ():
                found[place] = found[place]._replace(level=found[place].level or level)
    return found


def _letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())

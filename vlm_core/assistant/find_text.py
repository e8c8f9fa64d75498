"""Every place of a text on pages that were read, and how it is told."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, islice

from vlm_core.assistant.formatting import with_notes
from vlm_core.assistant.results import Citation, PageReference, TextMatch, TextMatches
from vlm_core.assistant.text_matching import MARGIN, find
from vlm_core.assistant.untrusted import mark_untrusted, one_line, truncate
from vlm_core.types import Box, PageResult, PageState, TextLine

MOST = 50
"""Places that are given."""
MOST_COMPARED = 10_000
"""Places on all pages, of which the best are given."""


def found(text: str, pages: Sequence[PageResult], notes: Sequence[str], max_chars: int) -> TextMatches:
    """Look for a text on pages.

    Args:
        text: what is sought.
        pages: as they were read.
        notes: what is to be said beside it.
        max_chars: of the documents' words.
    """
    places = list(islice(chain.from_iterable(_on_page(text, page) for page in pages), MOST_COMPARED))
    best = max((place.likeness for place in places), default=0.0)
    ranked = sorted((p for p in places if p.likeness >= best - MARGIN), key=lambda p: -p.likeness)
    more = [*_too_many(len(ranked)), *notes, *_unsearched(pages)]
    return TextMatches(
        text=_told(text, ranked[:MOST], more, max_chars),
        matches=tuple(ranked[:MOST]),
        citations=_citations(ranked[:MOST], pages),
        images=tuple(PageReference(p.source, p.page_number, p.sha256) for p in pages),
        notes=tuple(more),
    )


def _on_page(text: str, page: PageResult) -> list[TextMatch]:
    """The places on a page; without boxes where those of its lines are not known, as a model may leave it."""
    rows = [TextLine(text=row, bbox=(0.0, 0.0, 1.0, 1.0)) for row in page.text.splitlines()]
    return [
        TextMatch(
            page.source, page.page_number, place.text, place.boxes if page.lines else (), place.likeness
        )
        for place in find(text, page.lines or rows)
    ]


def _too_many(count: int) -> list[str]:
    return [f"Only the best {MOST} of {count} places are shown."] if count > MOST else []


def _unsearched(pages: Sequence[PageResult]) -> list[str]:
    """What of the pages could not be looked through."""
    failed = [page for page in pages if page.state not in (PageState.OK, PageState.BLANK)]
    unplaced = [page for page in pages if page.text.strip() and not page.lines]
    return [
        *(f"Page {page.page_number} could not be read whole ({page.state})." for page in failed),
        *(f"Page {page.page_number} was read without the places of its lines." for page in unplaced),
    ]


def _citations(matches: Sequence[TextMatch], pages: Sequence[PageResult]) -> tuple[Citation, ...]:
    cited: list[Citation] = []
    for page in pages:
        here = [match for match in matches if match.page == page.page_number]
        boxes = tuple(box for match in here for box in match.boxes)
        if here:
            cited.append(Citation(page.source, page.page_number, page.total_pages, boxes))
    return tuple(cited)


def _told(text: str, matches: Sequence[TextMatch], notes: Sequence[str], max_chars: int) -> str:
    wanted = one_line(text)
    if not matches:
        return with_notes(f'"{wanted}" was not found.', notes)
    rows = [f"page {m.page}, {_where(m.boxes)}: {one_line(m.text)}" for m in matches]
    kept, _ = truncate("\n".join(rows), max_chars)
    count = "1 place" if len(matches) == 1 else f"{len(matches)} places"
    head = f'"{wanted}" was found at {count}, best first; boxes are left, top, right, bottom as fractions.'
    return with_notes(f"{head}\n\n{mark_untrusted(kept, f'lines of {matches[0].source}')}", notes)


def _where(boxes: Sequence[Box]) -> str:
    told = ["(" + ", ".join(f"{edge:.3f}" for edge in box) + ")" for box in boxes]
    return " and ".join(told) or "place unknown"

"""Which pages of some documents are looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from vlm_core.assistant.formatting import numbered
from vlm_core.assistant.library import Document
from vlm_core.assistant.relevance import scores
from vlm_core.assistant.untrusted import one_line
from vlm_core.errors import InputError, TooManyImagesError

Place: TypeAlias = tuple[int, int]
"""A document's place in the list, and a page's number."""


def all_of(documents: Sequence[Document], max_pages: int) -> list[Place]:
    """The pages of documents, of each the first ones where it has too many.

    Args:
        documents: open ones.
        max_pages: of each.
    """
    return [
        (at, number)
        for at, document in enumerate(documents)
        for number in range(1, min(document.total_pages, max_pages) + 1)
    ]


def named(documents: Sequence[Document], pages: Iterable[object], most: int) -> list[Place]:
    """The pages that a caller names, of each document those that it has.

    Args:
        documents: open ones.
        pages: numbers from 1.
        most: pages altogether.

    Raises:
        InputError: one is not a page number, or a document has none of these pages.
        TooManyImagesError: there are more than may be looked at together.
    """
    numbers = [_checked(number) for number in dict.fromkeys(pages)]
    chosen: list[Place] = []
    for at, document in enumerate(documents):
        own = [number for number in numbers if number <= document.total_pages]
        if not own:
            raise InputError(
                f"{one_line(document.name)} has no {numbered(numbers) if numbers else 'page of none'}",
                hint=f"Its pages are 1 to {document.total_pages}.",
            )
        chosen += [(at, number) for number in own]
    if len(chosen) > most:
        raise TooManyImagesError(
            f"{len(chosen)} pages are more than can be looked at together",
            hint=f"Name {most} at most, or leave pages out to have the best ones chosen.",
        )
    return chosen


def _checked(number: object) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise InputError(f"{number!r} is not a page number", hint="Pages are whole numbers from 1.")
    return number


def best(question: str, places: Sequence[Place], texts: Sequence[str], most: int) -> list[Place]:
    """The pages to look at for a question: the best of each document, then the best of the others.

    Args:
        question: what is asked.
        places: of all pages.
        texts: of these pages.
        most: pages altogether, at least as many as there are documents.

    Example:
        >>> best("the total?", [(0, 1), (0, 2), (1, 1)], ["shop", "total 9", "total 8"], 2)
        [(0, 2), (1, 1)]
    """
    scored = dict(zip(places, scores(question, texts), strict=True))
    ranked = sorted(places, key=lambda place: (-scored[place], place))
    first_of_each = {at: (at, number) for at, number in reversed(ranked)}
    others = [place for place in ranked if place not in first_of_each.values()]
    return sorted([*first_of_each.values(), *others][:most])

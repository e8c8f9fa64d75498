"""Which documents have come whole, what became of the pages, and the last line of `vlm read` that says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from vlm_core.images.reading import is_missing
from vlm_core.jobs.ordered import NumberedPage
from vlm_core.types import PageResult


class Tally:
    """Counts pages as they come.

    Args:
        chosen: how many pages are read of a document that has so many.

    Example:
        >>> tally = Tally(lambda total: min(total, 2))
        >>> pages = [(0, PageResult(source="a", total_pages=9)), (1, PageResult(source="b", total_pages=1))]
        >>> len(list(tally.counted(pages))), tally.whole, tally.unfinished
        (2, 1, {0: ('a', 1, 2)})
    """

    def __init__(self, chosen: Callable[[int], int] = lambda total: total) -> None:
        self.states: Counter[str] = Counter()
        self.whole = 0
        """Documents of which every page has come."""
        self.missing = 0
        """Documents that do not exist."""
        self.unfinished: dict[int, tuple[str, int, int]] = {}
        """The others: their names, pages that have come, and pages there are to come in all."""
        self.from_journal = 0
        self.cost_usd = 0.0
        self.without_cost = 0
        """Pages that were paid for, without a known cost."""
        self._chosen = chosen
        self._read: set[int] = set()
        """Documents of which some page was read."""

    @property
    def pages(self) -> int:
        """That have come."""
        return self.states.total()

    def counted(self, pages: Iterable[NumberedPage]) -> Iterator[NumberedPage]:
        """The same pages, each counted before it is handed on."""
        for number, page in pages:
            self._count(number, page)
            yield number, page

    @property
    def ended(self) -> int:
        """Documents of which nothing more is to come."""
        return self.whole + self.missing

    def is_whole(self, number: int) -> bool:
        """Whether a document, of which some page has come, lacks none."""
        return number not in self.unfinished

    def has_read(self, number: int | None = None) -> bool:
        """Whether some page of a document, or of any, has come with what was read of it."""
        return bool(self._read) if number is None else number in self._read

    def _count(self, number: int, page: PageResult) -> None:
        if is_missing(page.error):
            self.missing += 1
            return
        self.states[page.state.value] += 1
        if page.text or page.error is None:
            self._read.add(number)
        self.from_journal += page.attempts == 0 and page.error is None
        self.cost_usd += page.cost_usd or 0.0
        self.without_cost += page.cost_usd is None and page.usage is not None
        _, come, _ = self.unfinished.pop(number, ("", 0, 0))
        expected = 1 if page.total_pages is None else self._chosen(page.total_pages)
        if come + 1 < expected:
            self.unfinished[number] = (page.source, come + 1, expected)
        else:
            self.whole += 1


@dataclass(frozen=True)
class Destination:
    """Where pages go, and where they are if their writing is broken off."""

    write: Callable[[Iterable[NumberedPage]], None]
    """Writes pages as they come, each with the number of its document."""
    place: str
    """What has all of it in the end."""
    place_of_unread: str
    """What has it where no page could be read."""
    place_of_whole: str
    """What has the whole documents, if others are missing."""
    place_of_unfinished: Callable[[int], str]
    """What has the pages of a document of which some are missing."""


# --- the last line --------------------------------------------------------------------------------

_NAMED = 3  # unfinished documents, up to which each is named


def in_words(tally: Tally, target: Destination) -> str:
    """What a job that came to its end has read.

    Args:
        tally: of its pages.
        target: where they went.

    Example:
        >>> tally = Tally()
        >>> tally.states.update(ok=19, failed=1)
        >>> tally.whole, tally.from_journal, tally.cost_usd = 4, 6, 0.0123
        >>> in_words(tally, Destination(print, "out/", "out/", "out/", str))
        'out/ has 20 pages of 4 documents: 19 ok, 1 failed; 6 from the journal; $0.0123'
    """
    missing = f"{_count(tally.missing, 'document')} not found" if tally.missing else ""
    if not tally.pages:
        return f"nothing was read; {missing}"
    of = f" of {_count(tally.whole, 'document')}" if tally.whole > 1 else ""
    states = ", ".join(f"{count} {state}" for state, count in tally.states.most_common())
    place = target.place if tally.has_read() else target.place_of_unread
    known = f"{place} has {_count(tally.pages, 'page')}{of}: {states}"
    return "; ".join(filter(None, (known, missing, *_taken(tally))))


def interrupted_in_words(tally: Tally, documents: int, target: Destination, journal: Path | None) -> str:
    """What a job that was interrupted has left, and how to go on.

    Args:
        tally: of the pages that have come.
        documents: there are in all.
        target: where the pages are.
        journal: that the job has kept.

    Example:
        >>> tally = Tally()
        >>> tally.whole = 3
        >>> target = Destination(print, "out/", "out/", "out/", str)
        >>> interrupted_in_words(tally, 20, target, Path("a.journal"))
        'interrupted: out/ has 3 of 20 documents. To go on, run the same command again.'
    """
    if tally.ended == documents:
        return f"interrupted, when all was read: {in_words(tally, target)}"
    there = "; ".join(
        f"{place} has {' and '.join(what)}" for place, what in _places(tally, documents, target)
    )
    return f"interrupted: {there or 'nothing was read'}. {_how_to_go_on(journal)}"


def _places(tally: Tally, documents: int, target: Destination) -> Iterable[tuple[str, list[str]]]:
    """Files, and what each of them has."""
    places: dict[str, list[str]] = {}
    if tally.whole:
        places[target.place_of_whole] = [f"{tally.whole} of {_count(documents, 'document')}"]
    unfinished = sorted(tally.unfinished.items())
    for number, (name, come, expected) in unfinished[:_NAMED]:
        has = places.setdefault(target.place_of_unfinished(number), [])
        has.append(f"{come} of {_count(expected, 'page')} of {name}")
    if others := unfinished[_NAMED:]:
        last = target.place_of_unfinished(others[-1][0])
        place = last if last in places else f"{_count(len(others), 'more .partial file')}"
        pages = sum(come for _, (_, come, _) in others)
        places.setdefault(place, []).append(f"{_count(pages, 'page')} of {_count(len(others), 'other')}")
    return places.items()


def _how_to_go_on(journal: Path | None) -> str:
    if journal is None:
        return "The next run starts over; one with --journal FILE can be resumed."
    return "To go on, run the same command again."


def _taken(tally: Tally) -> Iterator[str]:
    if tally.from_journal:
        yield f"{tally.from_journal} from the journal"
    if tally.cost_usd:
        least = "at least " if tally.without_cost else ""
        yield f"{least}${tally.cost_usd:.4f}"
    if tally.without_cost:
        yield f"the cost of {_count(tally.without_cost, 'page')} is not known"


def _count(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"

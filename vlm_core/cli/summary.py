"""The last line of `vlm read`: what there is, where it is, and after an interruption how to go on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from vlm_core.cli.outputs import Destination
from vlm_core.cli.tally import Tally

_NAMED = 3  # unfinished documents, up to which each is named


def of_all(tally: Tally, target: Destination) -> str:
    """What a job that came to its end has read.

    Args:
        tally: of its pages.
        target: where they went.

    Example:
        >>> tally = Tally()
        >>> tally.states.update(ok=19, failed=1)
        >>> tally.whole, tally.from_journal, tally.cost_usd = 4, 6, 0.0123
        >>> of_all(tally, Destination(print, "out/", "out/", "out/", str))
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


def of_interrupted(tally: Tally, documents: int, target: Destination, journal: Path | None) -> str:
    """What a job that was interrupted has left, and how to go on.

    Args:
        tally: of the pages that have come.
        documents: there are in all.
        target: where the pages are.
        journal: that the job has kept.

    Example:
        >>> tally = Tally()
        >>> tally.whole = 3
        >>> of_interrupted(tally, 20, Destination(print, "out/", "out/", "out/", str), Path("a.journal"))
        'interrupted: out/ has 3 of 20 documents. To go on, run the same command again.'
    """
    if tally.ended == documents:
        return f"interrupted, when all was read: {of_all(tally, target)}"
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

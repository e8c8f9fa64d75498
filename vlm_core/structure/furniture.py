"""Page headers, footers and page numbers: what stands at the edge of a page and again on others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

from vlm_core.structure.line_units import Unit
from vlm_core.types import BlockKind

EDGE = 0.13
"""Of a page's height: what stands in it above or below may be furniture."""
FAR_EDGE = 0.075
"""Of a page that is alone: only this much."""
SIDE = 0.05
"""Of a page's width: what is printed up along an edge."""
# Of a page's height: how far furniture moves from page to page.
_SAME_HEIGHT = 0.02
_OFTEN, _FEW_PAGES = 3, 5
"""On how many pages it stands; on two, where the document has few."""
_MOST_CHARACTERS = 200
_FEW_UNITS = 5
_MOST_WORDS = 12
_MOST_ROWS = 2
# Sizes of print between furniture and the page's text, on a page that is alone.
_LEAST_GAP = 1.0


class _Place(NamedTuple):
    page: int
    unit: int
    kind: BlockKind
    text: str
    """With a sign for each number."""
    y: float


def furniture(pages: Sequence[Sequence[Unit]], bodies: Sequence[float]) -> list[dict[int, BlockKind]]:
    """For each page which of its units are page headers or footers.

    Args:
        pages: the units of each page, in order.
        bodies: for each page the size of most of its print.
    """
    places = [place for number, units in enumerate(pages) for place in _edge(number, units)]
    repeated = _repeated(places, len(pages)) | _counting(places, pages)
    found: list[dict[int, BlockKind]] = [{} for _ in pages]
    for place in places:
        if place in repeated or _is_page_number_alone(place, pages[place.page]):
            found[place.page][place.unit] = place.kind
    for number, units in enumerate(pages):
        if (bottom := _number_below_all(units)) is not None:
            found[number].setdefault(bottom, "page_footer")
        found[number] |= dict(_along_the_side(units))
        found[number] |= dict(_alone(units, bodies[number], found[number]))
    return found


def _edge(page: int, units: Sequence[Unit]) -> Iterator[_Place]:
    for number, unit in enumerate(units):
        _, y0, _, y1 = unit.bbox
        if len(unit.rows) > _MOST_ROWS or len(unit.text) > _MOST_CHARACTERS:
            continue
        if y1 <= EDGE or y0 >= 1 - EDGE:
            kind: BlockKind = "page_header" if y1 <= EDGE else "page_footer"
            yield _Place(page, number, kind, _without_numbers(unit.text), y0)


def _without_numbers(text: str) -> str:
    """A text in which all numbers are alike, for page numbers and dates change."""
    signs = "".join("#" if letter.isdigit() else letter for letter in text.casefold())
    while "##" in signs:
        signs = signs.replace("##", "#")
    return " ".join(signs.split())


def _repeated(places: Sequence[_Place], count: int) -> set[_Place]:
    """Texts that stand at the same height of several pages, of the even ones or the odd ones at least."""
    if count < 2:
        return set()
    pages: dict[tuple[BlockKind, str, int], set[int]] = {}
    for place in places:
        for shelf in _shelves(place.y):
            pages.setdefault((place.kind, place.text, shelf), set()).add(place.page)
    least = _OFTEN if count > _FEW_PAGES else 2
    return {
        place
        for place in places
        if any(character.isalnum() or character == "#" for character in place.text)
        and any(len(pages[place.kind, place.text, shelf]) >= least for shelf in _shelves(place.y))
    }


def _shelves(y: float) -> tuple[int, int]:
    """Two heights, so that what is a little higher on another page shares one with it."""
    shelf = int(y / _SAME_HEIGHT)
    return (2 * shelf, 2 * int(y / _SAME_HEIGHT + 0.5) + 1)


def _counting(places: Sequence[_Place], pages: Sequence[Sequence[Unit]]) -> set[_Place]:
    """Numbers alone that count with the pages."""
    counted = [
        (place, number) for place in places if (number := _page_number(pages[place.page][place.unit].text))
    ]
    offsets = Counter(number - place.page for place, number in counted)
    return {place for place, number in counted if offsets[number - place.page] > 1}


def _page_number(text: str) -> int | None:
    """The number that a text is, with what may stand around it."""
    words = text.casefold().strip(" -–—|[](){}.").split()
    named = words[1:] if words[:1] in (["page"], ["seite"], ["p."], ["pagina"], ["página"]) else words
    if len(named) in (3, 1) and named[0].isascii() and named[0].isdecimal() and len(named[0]) <= 6:
        is_of = len(named) == 1 or (named[1] in ("of", "/", "von", "de", "sur") and named[2].isdecimal())
        return int(named[0]) if is_of else None
    return None


def _is_page_number_alone(place: _Place, units: Sequence[Unit]) -> bool:
    """A number at the very edge of a page, with nothing beyond it, or one in a row with a short title."""
    unit = units[place.unit]
    is_running_title = _is_title_with_number(unit.text) and len(unit.rows) == 1
    if _page_number(unit.text) is None and not is_running_title:
        return False
    # Prose has no parts that stand apart.
    is_apart = (
        is_running_title and len(unit.rows[0].lines) > 1 and any(len(other.rows) > 2 for other in units)
    )
    edge = EDGE if is_apart else FAR_EDGE
    if place.kind == "page_footer":
        return unit.bbox[1] >= 1 - edge and all(other.bbox[3] <= unit.bbox[3] + 0.01 for other in units)
    return unit.bbox[3] <= edge and all(other.bbox[1] >= unit.bbox[1] - 0.01 for other in units)


def _number_below_all(units: Sequence[Unit]) -> int | None:
    """A number that stands alone below all other text of a PDF's page, whose paper may go on far below."""
    lowest = max(range(len(units)), key=lambda number: units[number].bbox[3], default=None)
    if lowest is None or len(units) < _FEW_UNITS or units[lowest].rows[0].origin != "pdf":
        return None
    unit = units[lowest]
    rest = max(other.bbox[3] for number, other in enumerate(units) if number != lowest)
    is_apart = unit.bbox[1] - rest >= _LEAST_GAP * unit.size
    return lowest if is_apart and _page_number(unit.text) is not None else None


def _is_title_with_number(text: str) -> bool:
    words = text.split()
    numbers = [
        word for word in (words[0], words[-1]) if word.isascii() and word.isdecimal() and len(word) <= 4
    ]
    return 2 <= len(words) <= _MOST_WORDS and len(numbers) == 1


def _along_the_side(units: Sequence[Unit]) -> Iterator[tuple[int, BlockKind]]:
    """What is printed upwards along an edge of the page."""
    for number, unit in enumerate(units):
        x0, y0, x1, y1 = unit.bbox
        is_tall = y1 - y0 > 3 * (x1 - x0) and len(unit.text) > 3
        if is_tall and (x1 <= SIDE or x0 >= 1 - SIDE):
            yield number, "page_footer"


def _alone(
    units: Sequence[Unit], body: float, known: dict[int, BlockKind]
) -> Iterator[tuple[int, BlockKind]]:
    """Small print at the very edge, far from the rest of a page that has text enough."""
    inner = [unit for number, unit in enumerate(units) if number not in known]
    if sum(len(unit.rows) for unit in inner) < 8 or not any(len(unit.rows) >= 3 for unit in inner):
        return
    by_height = sorted(range(len(units)), key=lambda number: units[number].bbox[1])
    edges: Iterable[tuple[Iterable[int], BlockKind]] = (
        (by_height, "page_header"),
        (sorted(range(len(units)), key=lambda number: -units[number].bbox[3]), "page_footer"),
    )
    for numbers, kind in edges:
        yield from ((number, kind) for number in _outermost(units, numbers, kind, body))


def _outermost(units: Sequence[Unit], numbers: Iterable[int], kind: BlockKind, body: float) -> list[int]:
    def is_at_edge(number: int) -> bool:
        bbox = units[number].bbox
        return bbox[3] <= FAR_EDGE if kind == "page_header" else bbox[1] >= 1 - FAR_EDGE

    ordered = list(numbers)
    outer = list(takewhile(is_at_edge, ordered))
    rest = ordered[len(outer) :]
    if not outer or not rest or any(_is_large(units[number], body) for number in outer):
        return []
    if kind == "page_header":
        gap = min(units[number].bbox[1] for number in rest) - max(units[number].bbox[3] for number in outer)
    else:
        gap = min(units[number].bbox[1] for number in outer) - max(units[number].bbox[3] for number in rest)
    return outer if gap >= _LEAST_GAP * body else []


def _is_large(unit: Unit, body: float) -> bool:
    return len(unit.rows) > _MOST_ROWS or unit.size > 1.15 * body

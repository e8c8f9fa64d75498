"""Where a text stands on a page that an engine read: every place, also with the engine's slips.

The page's letters and digits are one long string, from line to line, in which the text is looked for
with a number of errors. So blanks, punctuation and the ends of lines do not matter. What is found is
then compared as it is written.

A column of the edit matrix is two numbers, which makes the search fast: Myers (1999), A fast bit-vector
algorithm for approximate string matching based on dynamic programming.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property, lru_cache
from itertools import accumulate, islice, pairwise, takewhile
from typing import NamedTuple, TypeAlias

from vlm_core.types import Box, TextLine, rounded, union

ERRORS = 0.25
"""The share of letters that may be wrong, missing or too many."""
LEAST_LIKE = 0.7
"""Of what is found, as it is written."""
MARGIN = 0.15
"""What is this much less like the text than the best place is none."""
# Characters beyond a place in which its punctuation is looked for.
_REACH = 64
WITHIN_A_WORD = 0.8
"""How much less a place counts for each end of it that lies in the middle of a word or number."""
LONGEST_SOUGHT = 500
"""Characters of a text that are looked for; of a longer one its beginning."""
MOST_LETTERS = 50_000
"""Of a page, that are looked through; a page in print has less than 20,000."""
MOST_PLACES = 2_000
"""On a page, that are compared; in the order of the page."""
MOST_COMPARISONS = 5_000_000
"""Of letters with letters, which bounds the places of long texts: 20 of one of 500 letters."""
LOOKALIKES = str.maketrans("oiljsbzgq,;", "011158269.:")
"""Letters that engines take for digits, and the other way round."""


Keep: TypeAlias = Callable[[str], bool]


class TextSpan(NamedTuple):
    """A place on a page."""

    text: str
    boxes: tuple[Box, ...]
    likeness: float


@dataclass(frozen=True)
class _Letters:
    """The letters of lines, and where each stands: the line's number and the letter's in it."""

    text: str
    places: tuple[tuple[int, int], ...]

    @cached_property
    def starts(self) -> int:
        """A bit for each place between two letters, the first being 1: whether a word or the end is there."""
        bits = 1 | 1 << len(self.places)
        for place, ((line, before), (next_line, after)) in enumerate(pairwise(self.places), start=1):
            bits |= (line != next_line or after - before > 1) << place
        return bits


def find(sought: str, lines: Sequence[TextLine]) -> list[TextSpan]:
    """The places where a text stands, the best first.

    Args:
        sought: a text of any length; case, blanks and punctuation do not count in the search.
        lines: of a page, in reading order.

    The time it takes grows with the letters of the page, and is bounded.

    Example:
        >>> lines = [TextLine(text="TOTAL RM 9.00", bbox=(0.0, 0.5, 1.0, 0.6))]
        >>> [place] = find("rm 9,00", lines)
        >>> place.text, [round(edge, 1) for edge in place.boxes[0]]
        ('RM 9.00', [0.5, 0.5, 1.0, 0.6])
    """
    sought = sought[:LONGEST_SOUGHT]
    keep = _is_letter if any(map(_is_letter, _plain(sought))) else _is_ink
    folded = _fold(sought, keep)[:LONGEST_SOUGHT]
    if not folded:
        return []
    page = _letters(lines, keep)
    # The search is linear in the page; to compare what it finds is quadratic in the text that is sought.
    most = min(MOST_PLACES, MOST_COMPARISONS // len(folded) ** 2)
    starts = _letters([TextLine(text=sought, bbox=(0, 0, 0, 0))], keep).starts
    spans = islice(_spans(folded, starts, page), most)
    places = [_found(page.places[start:end], sought, lines) for start, end in spans]
    return _worth_telling(places)


def _worth_telling(places: list[TextSpan]) -> list[TextSpan]:
    least = max([LEAST_LIKE, *(place.likeness - MARGIN for place in places)])
    return sorted((place for place in places if place.likeness >= least), key=lambda place: -place.likeness)


def _found(places: Sequence[tuple[int, int]], sought: str, lines: Sequence[TextLine]) -> TextSpan:
    parts: dict[int, tuple[int, int]] = {}
    for line, letter in places:
        parts[line] = parts.get(line, (letter, letter))[0], letter + 1
    (first, start), (last, end) = places[0], places[-1]
    before, after = lines[first].text[max(0, start - _REACH) : start], lines[last].text[end + 1 :][:_REACH]
    parts[first] = start - _marks(sought, before[::-1]), parts[first][1]
    parts[last] = parts[last][0], end + 1 + _marks(sought[::-1], after)
    texts = [lines[line].text[slice(*part)] for line, part in parts.items()]
    cuts = _cuts_word(lines[first].text, start) + _cuts_word(lines[last].text, end + 1)
    likeness = _likeness(sought, " ".join(texts)) * WITHIN_A_WORD**cuts
    return TextSpan(" ".join(texts), boxes_of(lines, parts), round(likeness, 4))


def _marks(sought: str, beside: str) -> int:
    """How far a place reaches beyond its letters, for the punctuation that the text begins with."""
    marks = len(list(takewhile(lambda char: not _is_letter(char), _plain(sought))))
    near = list(takewhile(lambda char: not _is_letter(char), beside))
    inked = [place for place, char in enumerate(near, start=1) if _is_ink(char)]
    return inked[:marks][-1] if marks and inked else 0


def _cuts_word(text: str, place: int) -> bool:
    """Whether a word goes on over a place in a text."""
    return 0 < place < len(text) and _is_letter(text[place - 1]) and _is_letter(text[place])


def _likeness(a: str, b: str) -> float:
    """From 0 to 1; a letter taken for another of its shape counts by half."""
    a, b = _plain(a), _plain(b)
    pairs = (a, b), (a.translate(LOOKALIKES), b.translate(LOOKALIKES))
    return sum(SequenceMatcher(None, *pair, autojunk=False).ratio() for pair in pairs) / 2


# --- letters -------------------------------------------------------------------------------------


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def _is_letter(char: str) -> bool:
    return char.isalnum()


def _is_ink(char: str) -> bool:
    return not char.isspace()


def _fold(text: str, keep: Keep) -> str:
    return "".join(filter(keep, _plain(text))).translate(LOOKALIKES)


@lru_cache(maxsize=4096)
def _folded(char: str, keep: Keep) -> str:
    return _fold(char, keep)


def _letters(lines: Sequence[TextLine], keep: Keep) -> _Letters:
    letters = (
        (letter, (number, place))
        for number, line in enumerate(lines)
        for place, char in enumerate(line.text)
        for letter in _folded(char, keep)
    )
    folded = list(islice(letters, MOST_LETTERS))
    return _Letters("".join(letter for letter, _ in folded), tuple(place for _, place in folded))


# --- search --------------------------------------------------------------------------------------


class _End(NamedTuple):
    """Where a place may end; the less of the rest, the better."""

    errors: int
    breaks: int
    """Words that begin or end elsewhere: where letters repeat, many places have as few errors."""
    place: int


def _spans(sought: str, starts: int, page: _Letters) -> Iterator[tuple[int, int]]:
    """Where a string stands on a page, with few errors; of places that overlap the best."""
    errors = int(ERRORS * len(sought))
    taken = 0
    best: tuple[int, _End] | None = None
    for end in _ends(sought, starts, page, errors):
        start = _start(sought, page.text, end.place, errors)
        if start < taken:
            continue
        if best is not None and start >= best[1].place:
            taken = best[1].place
            yield best[0], taken
            best = None
        best = min(best or (start, end), (start, end), key=_end_of)
    if best is not None:
        yield best[0], best[1].place


def _end_of(span: tuple[int, _End]) -> _End:
    return span[1]


def _ends(sought: str, starts: int, page: _Letters, errors: int) -> list[_End]:
    """Where places end: of each run of possible ends the best."""
    length, ends = len(sought), list[_End]()
    within = (2 << length) - 1
    starts &= within
    for place, distance in enumerate(distances(sought, page.text), start=1):
        if distance > errors:
            continue
        # A place without errors is as long as what is sought; of others this is a guess.
        own = page.starts >> max(0, place - length) & within
        end = _End(distance, (own ^ starts).bit_count(), place)
        if ends and place - ends[-1].place < max(1, length - errors):
            ends[-1] = min(ends[-1], end)
        else:
            ends.append(end)
    return ends


def _start(sought: str, text: str, end: int, errors: int) -> int:
    """Where the place begins that ends here: looked for backwards."""
    before = text[max(0, end - len(sought) - errors) : end][::-1]
    unlike = list(distances(sought[::-1], before, anchored=True))
    length = min(range(len(unlike)), key=lambda at: (unlike[at], abs(at + 1 - len(sought))))
    return end - length - 1


# --- the boxes of a place -------------------------------------------------------------------------

SAME_HEIGHT = 0.5
"""The share of the lower one's height by which two boxes on a row overlap, where rows are not known."""


def boxes_of(lines: Sequence[TextLine], parts: Mapping[int, tuple[int, int]]) -> tuple[Box, ...]:
    """The boxes of parts of lines, those on one row as one.

    Args:
        lines: of a page.
        parts: by the number of a line, its first letter and the one behind its last.

    Example:
        >>> lines = [TextLine(text="ab", bbox=(0, 0, 0.2, 0.1)), TextLine(text="cd", bbox=(0.4, 0, 0.6, 0.1))]
        >>> boxes_of(lines, {0: (0, 2), 1: (0, 1)})
        ((0.0, 0.0, 0.5, 0.1),)
    """
    boxes: list[Box] = []
    above: TextLine | None = None
    for number, (first, last) in parts.items():
        line = lines[number]
        box = part_box(line, first, last)
        if above is not None and _on_one_row(above, line):
            boxes[-1] = union([boxes[-1], box])
        else:
            boxes.append(box)
        above = line
    return tuple(map(rounded, boxes))


def part_box(line: TextLine, first: int, last: int) -> Box:
    """The box of some letters of a line, by their share of it: tills and typewriters give each the same.

    Example:
        >>> part_box(TextLine(text="aaaa", bbox=(0, 0, 1, 1)), 0, 2)
        (0.0, 0.0, 0.5, 1.0)
    """
    x0, y0, x1, y1 = line.bbox
    edges = _edges(line.text)
    width = edges[-1] or 1.0
    start, end = (edges[min(place, len(line.text))] / width for place in (first, last))
    return x0 + (x1 - x0) * start, y0, x0 + (x1 - x0) * end, y1


@lru_cache(maxsize=64)
def _edges(text: str) -> tuple[float, ...]:
    """How wide a line is up to each of its letters; kept, for many places may be looked up in a long line."""
    # Letters of Chinese, Japanese and Korean are twice as wide as others.
    widths = (2.0 if unicodedata.east_asian_width(char) in "WF" else 1.0 for char in text)
    return tuple(accumulate(widths, initial=0.0))


def _on_one_row(a: TextLine, b: TextLine) -> bool:
    if a.row is not None and b.row is not None:
        return a.row == b.row
    overlap = min(a.bbox[3], b.bbox[3]) - max(a.bbox[1], b.bbox[1])
    return overlap > SAME_HEIGHT * min(a.bbox[3] - a.bbox[1], b.bbox[3] - b.bbox[1])


# --- edit distance --------------------------------------------------------------------------------


def distances(sought: str, text: str, *, anchored: bool = False) -> Iterator[int]:
    """The edit distance between a string and the best piece of another that ends at each place of it.

    Args:
        sought: looked for.
        text: looked in.
        anchored: whether a piece begins where the text does.

    Example:
        >>> list(distances("abc", "xabcx"))
        [3, 2, 1, 0, 1]
    """
    mask, last = (1 << len(sought)) - 1, 1 << (len(sought) - 1)
    masks: dict[str, int] = {}
    for place, letter in enumerate(sought):
        masks[letter] = masks.get(letter, 0) | 1 << place
    plus, minus, distance = mask, 0, len(sought)
    for letter in text:
        equal = masks.get(letter, 0)
        diagonal = (((equal & plus) + plus) ^ plus) | equal | minus
        up, down = minus | (mask & ~(diagonal | plus)), plus & diagonal
        distance += bool(up & last) - bool(down & last)
        up = (up << 1 | anchored) & mask
        down = (down << 1) & mask
        plus, minus = down | (mask & ~(diagonal | up)), up & diagonal
        yield distance

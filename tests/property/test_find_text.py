"""find_text for any page and any text, and the marks around any page's words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vlm_core import TextLine
from vlm_core.assistant.text_matching import distances, find
from vlm_core.assistant.untrusted import CLOSE, OPEN, mark_untrusted, truncate

LETTERS = st.text("abc1", max_size=12)
ROWS = st.lists(st.text(min_size=1, max_size=20), max_size=5)


def page(rows: list[str]) -> list[TextLine]:
    return [TextLine(text=row, bbox=(0.1, at / 9, 0.9, (at + 1) / 9), row=at) for at, row in enumerate(rows)]


def slow_distances(wanted: str, text: str, *, anchored: bool) -> list[int]:
    """The last row of the edit matrix, cell by cell."""
    column = list(range(len(wanted) + 1))
    last = []
    for place, letter in enumerate(text, start=1):
        fresh = [place if anchored else 0]
        for at, own in enumerate(wanted):
            fresh.append(min(column[at] + (own != letter), column[at + 1] + 1, fresh[at] + 1))
        column = fresh
        last.append(column[-1])
    return last


@given(LETTERS.filter(bool), LETTERS, st.booleans())
def test_distances_are_those_of_the_whole_matrix(wanted: str, text: str, anchored: bool) -> None:
    assert list(distances(wanted, text, anchored=anchored)) == slow_distances(wanted, text, anchored=anchored)


@given(st.text(max_size=30), ROWS)
def test_boxes_lie_within_the_lines(sought: str, rows: list[str]) -> None:
    for place in find(sought, page(rows)):
        for x0, y0, x1, y1 in place.boxes:
            assert 0.1 <= x0 <= x1 <= 0.9 + 1e-9
            assert 0 <= y0 < y1 <= round(len(rows) / 9, 5)
        assert 0 < place.likeness <= 1


@given(st.lists(st.text("abcdefgh", min_size=4, max_size=9), min_size=1, max_size=8), st.data())
def test_whole_words_of_a_line_are_found_there(words: list[str], data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(words) - 1))
    last = data.draw(st.integers(first, len(words) - 1))
    sought = " ".join(words[first : last + 1])
    assert any(place.text == sought for place in find(sought, page([" ".join(words)])))


@given(st.lists(st.text("ab", min_size=1, max_size=6), min_size=1, max_size=8), st.data())
def test_a_word_of_letters_that_repeat_is_found_as_a_word(words: list[str], data: st.DataObject) -> None:
    sought = data.draw(st.sampled_from(words))
    assert any(place.text == sought for place in find(sought, page([" ".join(words)])))


@given(st.text(), st.text())
def test_nothing_between_the_marks_can_close_them(text: str, name: str) -> None:
    told = mark_untrusted(text, name)
    assert told.count(OPEN) == told.count(CLOSE) == 2
    assert told.endswith(f"{OPEN}end of untrusted content{CLOSE}")
    assert "\n" not in told.partition(CLOSE)[0]


@given(st.text(), st.integers(0, 50))
def test_a_cut_loses_no_count(text: str, most: int) -> None:
    kept, behind = truncate(text, most)
    assert text.startswith(kept)
    assert len(kept) <= most
    assert len(kept) + behind == len(text)

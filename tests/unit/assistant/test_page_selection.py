"""Which pages a question is about."""

from __future__ import annotations

import pytest

from vlm_core.assistant import page_selection
from vlm_core.assistant.page_selection import words

PAGES = [
    "Contents: 1 Parties 2 Goods 3 Payment 4 Signatures",
    "The parties agree on the delivery of tea",
    "The goods are 400 kilos of tea, delivered in three parts",
    "Payment is due within 30 days of each invoice; the penalty for delay is 2 % a month",
    "Signed by Ann Smith and Bo Yang on 3 March 2024",
]


def best(question: str, pages: list[str], most: int) -> list[int]:
    """The pages of one document that are looked at, by their place in the list."""
    places = [(0, number) for number in range(len(pages))]
    return [number for _, number in page_selection.best(question, places, pages, most)]


@pytest.mark.parametrize(
    ("question", "page"),
    [
        pytest.param("What is the penalty for late payment?", 3, id="a rare word"),
        pytest.param("How many kilos of tea?", 2, id="two words"),
        pytest.param("Who signed it, and when? 2024", 4, id="a number"),
        pytest.param("PENALTIES?", 3, id="another form and case"),
    ],
)
def test_the_page_with_the_words_is_the_best(question: str, page: int) -> None:
    assert best(question, PAGES, 1) == [page]


@pytest.mark.parametrize("question", ["", "???", "xyzzy"])
def test_where_no_page_has_the_words_the_first_ones_are_taken(question: str) -> None:
    assert best(question, PAGES, 2) == [0, 1]


def test_pages_stay_in_their_order() -> None:
    chosen = best("Who signed for the payment of the tea?", PAGES, 3)
    assert chosen == sorted(chosen)
    assert set(chosen) >= {3, 4}


def test_scripts_without_blanks_are_words_by_character() -> None:
    assert words("合計¥900") == ["合", "計", "900"]

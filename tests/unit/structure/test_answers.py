"""Answers become blocks, blocks become Markdown, and that the same blocks; no word is lost or doubled."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.unit.structure.answers import answers
from vlm_core.structure.markdown_reader import blocks_of
from vlm_core.structure.markdown_writer import to_markdown

ANSWERS = answers()


def words(text: str) -> Counter[str]:
    """The numbered words of an answer, whatever stands around them."""
    return Counter(
        part for part in "".join(c if c.isalnum() else " " for c in text).split() if _is_word(part)
    )


def _is_word(part: str) -> bool:
    return part[0] == "w" and part[-1] == "q" and part[1:-1].isdecimal()


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_markdown_of_the_blocks_gives_the_same_blocks(answer: str) -> None:
    blocks = blocks_of(answer).blocks
    assert blocks_of(to_markdown(blocks)).blocks == blocks


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_each_word_is_in_the_blocks_once(answer: str) -> None:
    assert words("\n".join(block.text for block in blocks_of(answer).blocks)) == words(answer)

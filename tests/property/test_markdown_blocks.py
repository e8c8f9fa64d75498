"""Whatever a model answers, its blocks go through Markdown and HTML and come back."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from vlm_core.structure.block_texts import without_controls
from vlm_core.structure.markdown_reader import blocks_of
from vlm_core.structure.markdown_writer import to_markdown

SIGNS = [
    "\n",
    "\n\n",
    " ",
    "  ",
    "    ",
    "# ",
    "- ",
    "* ",
    "+ ",
    "1. ",
    "2) ",
    "> ",
    "|",
    "---",
    "|---|\n",
    "```",
    "~~~",
]
SIGNS += [
    "*",
    "**",
    "_",
    "`",
    "~~",
    "$",
    "$$",
    "\\",
    "\\(",
    "\\)",
    "\\[",
    "\\]",
    "[",
    "](",
    ")",
    "]",
    "!",
    "<",
    ">",
    "&",
]
SIGNS += [
    "<br>",
    "<b>",
    "</b>",
    "<p>",
    "</p>",
    "<table>",
    "<tr>",
    "<td>",
    "<th rowspan=2>",
    "</td>",
    "</tr>",
    "</table>",
]
SIGNS += [
    "<ul>",
    "<li>",
    "</ul>",
    "<fcel>",
    "<lcel>",
    "<ucel>",
    "<nl>",
    "&amp;",
    "&#35;",
    "<!-- ",
    " -->",
    "===",
    ":",
    "=",
    "^",
]
SIGNS += [
    "<h2>",
    "</h2>",
    "<pre>",
    "</pre>",
    "<header>",
    "</header>",
    "Table 1: ",
    "Figure 2",
    "http://a.b",
    "•",
    "\t",
    "\r\n",
]
WORDS = st.integers(0, 999).map(lambda number: f"w{number}q")
ANSWERS = st.lists(st.one_of(WORDS, st.sampled_from(SIGNS)), max_size=40).map("".join)


def words(text: str) -> Counter[str]:
    return Counter(
        part
        for part in "".join(c if c.isalnum() else " " for c in text).split()
        if part[0] == "w" and part[-1] == "q" and part[1:-1].isdecimal()
    )


@given(ANSWERS)
def test_markdown_of_blocks_gives_the_same_blocks(answer: str) -> None:
    blocks = blocks_of(answer).blocks
    assert blocks_of(to_markdown(blocks)).blocks == blocks


@given(st.text(max_size=200))
def test_any_text_goes_through_markdown(answer: str) -> None:
    blocks = blocks_of(answer).blocks
    assert blocks_of(to_markdown(blocks)).blocks == blocks


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs", "Z"]), min_size=1), min_size=1, max_size=8)
)
def test_plain_words_of_any_signs_are_not_lost(parts: list[str]) -> None:
    """Written as plain text and read as Markdown."""
    from vlm_core.structure.markdown_escape import escaped_line
    from vlm_core.types import Block

    text = without_controls(" ".join(parts))
    block = Block(kind="paragraph", text=text)
    assert to_markdown([block]) == escaped_line(text)
    assert [(one.kind, one.text) for one in blocks_of(to_markdown([block])).blocks] == [("paragraph", text)]

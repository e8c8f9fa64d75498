"""Turns of phrase that are not ours: sentences are plain, and their subject comes first."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = sorted(
    path
    for folder in ("vlm_core", "langchain_vlm", "llamaindex_vlm", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
)
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

TURNS = {
    "is no X (say: is not an X)": (
        r"(?<!there )\b(?:is|are|was|were) no (?:$|(?!longer\b|more\b|better\b|use\b|credit\b)\w)"
    ),
    "nobody": r"\bnobody\b",
    "whom": r"\bwhom\b",
    "in vain": r"\bin vain\b",
    "makes no sense": r"\bmakes no sense\b",
    "a person for a thing": r"\b(?:himself|herself)\b",
    "an inversion (say: does not …)": r"\b(?:sleeps|looks|asks|knows|gives|takes) not\b",
    "be done with an answer": r"\bbe done with an\b",
    "X is none (say: is not a valid X)": r"\b(?:schema|tool|choice) is none\b",
}
# The change log tells what was; CONTRIBUTING names the turns.
OLD = {"CHANGELOG.md"}


def sentences_of(path: Path) -> Iterator[tuple[int, str]]:
    """The texts and comments of a file, or all of a page, each with its first line."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        yield 1, text
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def found_in(text: str) -> list[str]:
    flat = re.sub(r"\s+(?:# )?", " ", text)
    return [name for name, turn in TURNS.items() if re.search(turn, flat, re.IGNORECASE)]


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("pages=3 is no list of page numbers", 1),
        ("pages=3 is not a list of page numbers", 0),
        ("There is no journal here", 0),
        ("it is no ", 1),  # as of f"it is no {kind}"
        ("a figure that nobody\n    # knows", 1),
        ("it is no longer than that", 0),
        ("the schema is none: it has no type", 1),
    ],
)
def test_a_turn_is_known(sentence: str, found: int) -> None:
    assert len(found_in(sentence)) == found


def test_no_sentence_has_a_turn_that_is_not_ours() -> None:
    offenders = [
        f"{path.relative_to(ROOT)}:{line}: {turn}"
        for path in (*CODE, *PAGES)
        if path.name not in OLD
        for line, text in sentences_of(path)
        for turn in found_in(text)
    ]
    assert offenders == []

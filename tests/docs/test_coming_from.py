"""The pages about other classes say of each contract test what these do, and no test is left out."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
SAME = "as here"


class Comparison(NamedTuple):
    """A page that compares, with the tests behind it."""

    page: str
    contract: str
    peers: tuple[str, ...]
    mark: str
    failing: Callable[[ast.Call], set[str]]
    """Which classes fail a test, by its mark."""


def by_name(mark: ast.Call) -> set[str]:
    return {str(word.arg) for word in mark.keywords}


def by_reason(mark: ast.Call) -> set[str]:
    return {"ChatOpenAI"} if mark.args else set()


PAGES = [
    Comparison(
        "coming-from-openailike.md",
        "llamaindex/test_llm.py",
        ("OpenAILike", "DeepInfraLLM"),
        "pytest.mark.peer_fails",
        by_name,
    ),
    Comparison(
        "coming-from-chatopenai.md",
        "langchain/test_chat_openai_faults.py",
        ("ChatOpenAI",),
        "both",
        by_reason,
    ),
]
EVERY_PAGE = pytest.mark.parametrize("comparison", PAGES, ids=lambda comparison: comparison.page)


def rows(comparison: Comparison) -> list[list[str]]:
    """The rows of a page that name a test: what is here, what each class does, the test."""
    page = ROOT / "docs" / "explanation" / comparison.page
    lines = [line for line in page.read_text(encoding="utf-8").splitlines() if "| `test_" in line]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def told(comparison: Comparison) -> dict[str, set[str]]:
    """For each test that the page names, which classes it says to do otherwise."""
    return {
        name.strip("`"): {peer for peer, does in zip(comparison.peers, said, strict=True) if does != SAME}
        for _, *said, name in rows(comparison)
    }


def marks(comparison: Comparison) -> Iterator[tuple[str, ast.Call]]:
    contract = ROOT / "tests" / "contract" / comparison.contract
    body = ast.parse(contract.read_text(encoding="utf-8")).body
    for function in (node for node in body if isinstance(node, ast.FunctionDef)):
        for mark in function.decorator_list:
            if isinstance(mark, ast.Call) and ast.unparse(mark.func) == comparison.mark:
                yield function.name, mark


def failed(comparison: Comparison) -> dict[str, set[str]]:
    """For each test of the contract that a class fails, which ones do."""
    found = {name: comparison.failing(mark) for name, mark in marks(comparison)}
    return {name: failing for name, failing in found.items() if failing}


@EVERY_PAGE
def test_every_difference_has_its_row_and_no_class_is_wronged(comparison: Comparison) -> None:
    assert failed(comparison)
    assert told(comparison) == failed(comparison)


@EVERY_PAGE
def test_a_test_is_named_once(comparison: Comparison) -> None:
    assert len(rows(comparison)) == len(told(comparison))

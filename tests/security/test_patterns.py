"""Every regular expression of the tree, with inputs made to hold it up: none takes more than linear time."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import re._constants as codes  # type: ignore[import-not-found]
import re._parser as parser  # type: ignore[import-not-found]
import time
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise, product
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import langchain_vlm
import llamaindex_vlm
import vlm_core

PACKAGES = (vlm_core, langchain_vlm, llamaindex_vlm)
SIZES = (1_000, 10_000, 100_000)
LETTERS = [*map(chr, range(32, 127)), "\n", "\t", "\xa0", "\0", "é", "文"]
MOST_TOKENS = 4
ENOUGH_SECONDS = 0.05
"""Below it a measurement says nothing."""
BOUNDED = {
    "wire.content_decoder": 64,
    "ocr.dialects.wrapping._REMARK": 240,
    "ocr.dialects.receipt": 60,
    "ocr.dialects.olmocr": 1_000,
    "wire.error_rules": 4_096,
    "wire.error_body._TITLE": 65_536,
    "cli.mcp": 1_000,
}
"""Patterns that see no more characters than these, since what they look at is cut before."""
MATCHED = ("wire.response._TEXTLESS",)
"""Patterns in a container that are tried at the beginning of a text alone."""
SEARCHING = {"search", "sub", "split", "findall", "finditer"}


class Known(NamedTuple):
    """A pattern, where it is, and whether it is looked for anywhere in a text."""

    name: str
    pattern: re.Pattern[Any]
    searches: bool

    @property
    def longest(self) -> int:
        return next((size for start, size in BOUNDED.items() if self.name.startswith(start)), SIZES[-1])


def modules() -> Iterator[Any]:
    for package in PACKAGES:
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__"):
                yield importlib.import_module(found.name)


def patterns_in(value: object) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, (tuple, list)):
        for one in value:
            yield from patterns_in(one)
    elif isinstance(value, dict):
        yield from patterns_in(list(value.values()))


@cache
def known() -> list[Known]:
    found: dict[tuple[Any, int], Known] = {}
    for module in modules():
        source = Path(module.__file__).read_text(encoding="utf-8")
        short = module.__name__.removeprefix("vlm_core.")
        searched = set(re.findall(rf"(?<!\w)(\w+)\.(?:{'|'.join(SEARCHING)})\b", source))
        for name, value in vars(module).items():
            anchored = name not in searched
            only_matched = anchored and not any(f".{method}(" in source for method in SEARCHING)
            is_alone = isinstance(value, re.Pattern)
            for pattern in patterns_in(value):
                searches = not (anchored if is_alone else only_matched) and f"{short}.{name}" not in MATCHED
                key = pattern.pattern, pattern.flags
                found.setdefault(key, Known(f"{short}.{name}", pattern, searches))
        for call in ast.walk(ast.parse(source)) if re.search(r"\bre\.\w+\(", source) else ():
            if is_call_of_re(call) and isinstance(call.args[0], ast.Constant):  # type: ignore[attr-defined]
                pattern = re.compile(call.args[0].value)  # type: ignore[attr-defined]
                searches = call.func.attr in SEARCHING  # type: ignore[attr-defined]
                key = pattern.pattern, pattern.flags
                found.setdefault(key, Known(f"{short}:{call.lineno}", pattern, searches))  # type: ignore[attr-defined]
    return list(found.values())


def is_call_of_re(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "re"
        and bool(node.args)
    )


# --- what a pattern matches ----------------------------------------------------------------------


def letters_of(items: Sequence[Any]) -> list[str]:
    """Letters that a set of a pattern takes."""
    negated = any(code is codes.NEGATE for code, _ in items)
    found = [letter for letter in LETTERS if any(takes(item, letter) for item in items) != negated]
    return found or [chr(value if code is codes.LITERAL else value[0]) for code, value in items[:1]]


def takes(item: Any, letter: str) -> bool:
    code, value = item
    if code is codes.LITERAL:
        return ord(letter) == value
    if code is codes.RANGE:
        return value[0] <= ord(letter) <= value[1]
    if code is codes.CATEGORY:
        kind = {
            "DIGIT": letter.isdigit(),
            "SPACE": letter.isspace(),
            "WORD": letter.isalnum() or letter == "_",
        }
        return kind[str(value).rpartition("_")[2]] != ("NOT" in str(value))
    return False


def sample(items: Any, found: list[str]) -> str:
    """A short text that a pattern matches; all its parts, and those of its repeats, are noted."""
    text = ""
    for code, value in items:
        if code is codes.LITERAL:
            text += chr(value)
        elif code in (codes.ANY, codes.NOT_LITERAL):
            found += ["a", " ", "<"]
            text += "a"
        elif code is codes.IN:
            letters = letters_of(value)
            found += [letters[0], letters[-1]]
            text += letters[0]
        elif code is codes.BRANCH:
            text += min((sample(branch, found) for branch in value[1]), key=len)
        elif code is codes.SUBPATTERN:
            text += sample(value[3], found)
        elif code is codes.ATOMIC_GROUP:
            text += sample(value, found)
        elif code in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
            text += sample(value[2], found) * min(value[0], 100)
        found.append(text)
    return text


def attacks(pattern: re.Pattern[Any]) -> Iterator[tuple[str, str]]:
    """What is repeated, and an end that does not match, so that all of it is tried."""
    found: list[str] = []
    flags = pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, bytes) else pattern.flags
    sample(parser.parse(pattern.pattern, flags), found)
    tokens = [token for token in dict.fromkeys(found) if token][-16:]
    few = sorted(tokens, key=len)[:MOST_TOKENS]
    pairs = [one + other for one, other in product(few, few)]
    for pump in dict.fromkeys([*tokens, *pairs, " ", "\n", "a", "1", "<"]):
        for end in ("", "\0!\n"):
            yield pump, end


def seconds(one: Known, pump: str, end: str, size: int) -> float:
    """CPU that a pattern takes for a text."""
    text: Any = pump * (size // len(pump)) + end
    if isinstance(one.pattern.pattern, bytes):
        text = text.encode("latin-1", "ignore")
    before = time.process_time()
    if one.searches:
        for _ in one.pattern.finditer(text):
            pass
    else:
        one.pattern.match(text)
        one.pattern.fullmatch(text)
    return time.process_time() - before


def test_the_table_has_the_patterns_of_the_tree() -> None:
    names = {one.name for one in known()}
    assert {"images.sniff._KNOWN_REFUSED", "wire.json_values._TOKEN", "wire.error_body._TITLE"} <= names
    assert len(names) > 60


@pytest.mark.parametrize("name", sorted({one.name for one in known()}))
def test_a_pattern_takes_no_more_than_linear_time(name: str) -> None:
    for one in known():
        if one.name == name:
            small = min(one.longest, SIZES[0])
            worst = max(attacks(one.pattern), key=lambda attack: seconds(one, *attack, small))
            assert_linear(one, *worst)


def assert_linear(one: Known, pump: str, end: str) -> None:
    sizes = [min(one.longest, size) for size in SIZES]
    before = min(seconds(one, pump, end, sizes[0]) for _ in range(3))
    for smaller, larger in pairwise(sizes):
        after = min(seconds(one, pump, end, larger) for _ in range(2))
        # Ten times as much of a text takes a hundred times as long where the time is quadratic.
        assert after < max(ENOUGH_SECONDS, 3 * before * larger / smaller), (one.pattern.pattern, pump, end)
        before = after

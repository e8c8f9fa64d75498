"""What is promised leans on tests, and those are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("SECURITY.md", "docs/explanation/injection.md")
FILE, TEST = r"`((?:tests/)?[\w/]*test_\w+\.py)`", r"`(test_\w+)`"


def named(page: str, pattern: str) -> list[str]:
    return sorted(set(re.findall(pattern, (ROOT / page).read_text(encoding="utf-8"))))


@pytest.mark.parametrize(
    ("page", "name"),
    [(page, name) for page in PAGES for name in named(page, FILE)],
)
def test_a_file_of_tests_that_is_named_is_there(page: str, name: str) -> None:
    assert (ROOT / name).is_file() or (ROOT / "tests/security" / name).is_file()


@pytest.mark.parametrize(("page", "name"), [(page, name) for page in PAGES for name in named(page, TEST)])
def test_a_test_that_is_named_is_there(page: str, name: str) -> None:
    files = (ROOT / "tests").rglob("test_*.py")
    assert any(re.search(rf"def {name}\(", file.read_text(encoding="utf-8")) for file in files)

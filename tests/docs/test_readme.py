"""The README leads to every page."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_page_is_linked() -> None:
    links = set(re.findall(r"\]\((docs/[^)#]+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert links == {page.relative_to(ROOT).as_posix() for page in (ROOT / "docs").rglob("*.md")}

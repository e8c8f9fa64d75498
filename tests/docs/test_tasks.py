"""The page about tasks names every task and every dialect, and what it can."""

from __future__ import annotations

import re
from pathlib import Path

from vlm_core.ocr.dialects.dialect import TASKS
from vlm_core.ocr.dialects.registry import DIALECTS

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "tasks.md").read_text(encoding="utf-8")


def rows(section: str) -> list[list[str]]:
    """For each row of the table under a heading the names in its cells."""
    text = re.split(rf"^#+ {section}$", PAGE, flags=re.MULTILINE)[1].split("\n#")[0]
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [[" ".join(re.findall(r"`([\w-]+)`", cell)) for cell in line.split("|")[1:-1]] for line in lines]


def test_every_task_is_told_once() -> None:
    assert sorted(row[0] for row in rows("Tasks")) == sorted(TASKS)


def test_every_dialect_stands_there_with_its_tasks() -> None:
    told = {row[0]: set(row[2].split()) for row in rows("Which model knows which task")}
    assert told == {name: set(dialect.tasks) for name, dialect in DIALECTS.items()}

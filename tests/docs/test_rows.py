"""The page about rows names every field."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from vlm_core import ImageLimits, ModelProfile, Price, Provider, Quirk

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "rows.md"


def named_in(section: str) -> set[str]:
    """What the first column of the first table of a section names."""
    text = re.split(rf"^## {section}$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1]
    table = re.split(r"\n\n", text.lstrip("\n"))[0]
    return {name for line in table.splitlines() for name in re.findall(r"`(\w+)`", line.split("|")[1])}


@pytest.mark.parametrize("row", [Provider, ImageLimits, ModelProfile, Price], ids=lambda row: row.__name__)
def test_the_page_names_every_field_of_a_row_and_no_other(row: type[BaseModel]) -> None:
    assert named_in(row.__name__) == set(row.model_fields)


def test_the_page_names_every_quirk_and_no_other() -> None:
    assert named_in("Quirk") == {quirk.name for quirk in Quirk}

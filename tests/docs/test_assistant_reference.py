"""The reference of the image assistant names every argument, method and field, with its default."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from pathlib import Path

import pytest

from vlm_core import (
    AssistantResult,
    DocumentList,
    ImageAnswer,
    ImageAssistant,
    ImageData,
    ImageReading,
    PageList,
    PagePicture,
    TextMatches,
)

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "assistant.md").read_text(encoding="utf-8")
RESULTS = [ImageReading, ImageAnswer, ImageData, TextMatches, PageList, DocumentList, PagePicture]


def row(name: str) -> str:
    """The row of a table that begins with a name, without it."""
    found = re.search(rf"^\| `{name}(?:\([^|]*\))?` \|(.*)\|$", PAGE, re.MULTILINE)
    assert found, name
    return found[1]


def test_every_argument_has_its_default() -> None:
    arguments = inspect.signature(ImageAssistant).parameters
    told = {name: ast.literal_eval(row(name).split("|")[0].strip(" `")) for name in arguments}
    assert told == {name: argument.default for name, argument in arguments.items()}


def test_every_method_is_told() -> None:
    methods = {name for name, _ in inspect.getmembers(ImageAssistant, inspect.isfunction) if name[0] != "_"}
    assert [name for name in methods if f"`{name}" not in PAGE] == []


@pytest.mark.parametrize("kind", RESULTS, ids=lambda kind: kind.__name__)
def test_every_field_of_a_result_is_told(kind: type[AssistantResult]) -> None:
    own = {field.name for field in dataclasses.fields(kind)} - {
        field.name for field in dataclasses.fields(AssistantResult)
    }
    assert [name for name in own if f"`{name}" not in row(kind.__name__)] == []

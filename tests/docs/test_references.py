"""The reference of a framework's classes names every argument, with its default, and every error."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import langchain_core.exceptions
import pytest

import vlm_core.errors
from langchain_vlm import ChatVLM, ImageToolkit, VLMBlobParser, VLMLoader, image_tools, page_images
from langchain_vlm.errors import of_both_families
from langchain_vlm.tools import AssistantOptions
from llamaindex_vlm import VLM, OCRTransform, PagePictures, VLMReader, VLMToolSpec
from vlm_core import ImageAssistant, ReaderOptions, VLMError

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
CLASSES = [
    (ChatVLM, "langchain.md"),
    (VLMLoader, "langchain.md"),
    (VLM, "llamaindex.md"),
    (VLMReader, "llamaindex.md"),
    (PagePictures, "llamaindex.md"),
]
EVERY_CLASS = pytest.mark.parametrize(("kind", "page"), CLASSES, ids=[kind.__name__ for kind, _ in CLASSES])
NOT_OF_A_CHAT = {
    "EngineError",
    "MissingExtraError",
    "BudgetExceeded",
    "ContentFiltered",
    "PagesFailed",
    "ResultVersionError",
}
ONLY_PARENTS = {"VLMError", "ProviderError", "ResponseError"}


def table(page: str, heading: str) -> list[list[str]]:
    """The rows of the first table under a heading."""
    text = re.split(rf"^#+ {heading}$", (REFERENCE / page).read_text(encoding="utf-8"), flags=re.MULTILINE)[1]
    found = next(part for part in text.split("\n\n") if part.startswith("| "))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found.splitlines()[2:]]


def names_in(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def arguments(kind: Any, page: str) -> dict[str, str]:
    """The names in the table of a class, each with what is in the second column."""
    return {
        name: default.strip("`")
        for names, default, *_ in table(page, kind.__name__)
        for name in names_in(names)
    }


def defaults(kind: Any) -> dict[str, Any]:
    """The arguments of a class with their defaults; None where there is none."""
    if fields := getattr(kind, "model_fields", None):
        return {name: field.get_default(call_default_factory=True) for name, field in fields.items()}
    own = inspect.signature(kind).parameters.values()
    named = {one.name: one.default for one in own if one.default is not one.empty}
    return named | dict.fromkeys(ReaderOptions.__annotations__)


@EVERY_CLASS
def test_every_argument_is_named_and_no_other(kind: type, page: str) -> None:
    assert arguments(kind, page).keys() == defaults(kind).keys()


@EVERY_CLASS
def test_the_defaults_are_true(kind: type, page: str) -> None:
    told = {name: ast.literal_eval(default) for name, default in arguments(kind, page).items() if default}
    assert told
    assert told == {name: defaults(kind)[name] for name in told}


def test_the_transform_has_the_readers_options_and_marks_failed_pages() -> None:
    assert OCRTransform.model_fields.keys() == VLMReader.model_fields.keys() - {"is_remote"}
    assert defaults(OCRTransform)["empty_pages"] == "failed"


def test_the_parser_has_the_loaders_options() -> None:
    assert defaults(VLMBlobParser) == defaults(VLMLoader)


def test_the_arguments_of_page_images_are_named() -> None:
    own = inspect.signature(page_images).parameters.values()
    told = {
        name: ast.literal_eval(default) for name, default in arguments(page_images, "langchain.md").items()
    }
    assert told == {one.name: one.default for one in own if one.default is not one.empty}


@pytest.mark.parametrize("kind", [image_tools, ImageToolkit.__init__], ids=["image_tools", "ImageToolkit"])
def test_the_arguments_of_image_tools_are_named(kind: Any) -> None:
    own = inspect.signature(kind).parameters.keys() - {"self", "options"}
    assert arguments(image_tools, "langchain.md").keys() == own | AssistantOptions.__annotations__.keys()


def test_the_options_of_the_tool_spec_are_named_with_its_defaults() -> None:
    told = arguments(VLMToolSpec, "llamaindex.md")
    own = {one.name: one.default for one in inspect.signature(VLMToolSpec).parameters.values()}
    assert told.keys() == {*own, *inspect.signature(ImageAssistant).parameters} - {"options"}
    assert {name: own[name] for name in told if told[name]} == {
        name: ast.literal_eval(default) for name, default in told.items() if default
    }


# --- the errors of ChatVLM


ERRORS = [
    pytest.param(name, *names_in(meaning)[:1], later, id=name)
    for names, meaning, later, _ in table("langchain.md", "Errors")
    for name in names_in(names)
]


@pytest.mark.parametrize(("name", "meaning", "later"), ERRORS)
def test_an_error_is_what_it_is_said_to_be_in_langchain(name: str, meaning: str, later: str) -> None:
    error: Any = of_both_families(getattr(vlm_core, name)("it failed"))
    assert isinstance(error, getattr(langchain_core.exceptions, meaning))
    assert later.startswith("if") or error.is_retryable is later.startswith("yes")


def test_every_error_of_a_chat_is_told() -> None:
    kinds = [kind for kind in vars(vlm_core.errors).values() if isinstance(kind, type)]
    errors = {kind.__name__ for kind in kinds if issubclass(kind, VLMError)}
    assert {str(row.id) for row in ERRORS} == errors - NOT_OF_A_CHAT - ONLY_PARENTS

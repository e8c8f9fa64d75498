"""Misspelt options: whatever takes options names the one that was meant."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from langchain_vlm import ChatVLM, ImageToolkit, VLMBlobParser, VLMLoader, image_tools, page_images
from llamaindex_vlm import VLM, OCRTransform, PagePictures, VLMReader, VLMToolSpec
from vlm_core import ConfigError, DocumentReader, ImageAssistant, UnknownOptionError, VLMClient, read
from vlm_core.option_names import did_you_mean

ROUTE = "novita:qwen/qwen3-vl-8b-instruct"
MISSPELT = [
    pytest.param(lambda **options: VLMLoader("scans", **options), "modes", "mode", id="VLMLoader-mode"),
    pytest.param(lambda **options: VLMLoader("scans", **options), "engin", "engine", id="VLMLoader-engine"),
    pytest.param(lambda **options: VLMLoader("scans", **options), "pasword", "password", id="VLMLoader-more"),
    pytest.param(VLMBlobParser, "empty_page", "empty_pages", id="VLMBlobParser"),
    pytest.param(image_tools, "root", "root_dir", id="image_tools"),
    pytest.param(image_tools, "lm", "llm", id="image_tools-own"),
    pytest.param(ImageToolkit, "max_page", "max_pages", id="ImageToolkit"),
    pytest.param(lambda **options: page_images([], **options), "max_image", "max_images", id="page_images"),
    pytest.param(
        lambda **options: ChatVLM(model=ROUTE, **options), "temprature", "temperature", id="ChatVLM"
    ),
    pytest.param(VLMReader, "modes", "mode", id="VLMReader"),
    pytest.param(OCRTransform, "engin", "engine", id="OCRTransform"),
    pytest.param(PagePictures, "max_image", "max_images", id="PagePictures"),
    pytest.param(VLMToolSpec, "root", "root_dir", id="VLMToolSpec"),
    pytest.param(VLMToolSpec, "asistant", "assistant", id="VLMToolSpec-own"),
    pytest.param(lambda **options: VLM(model=ROUTE, **options), "temprature", "temperature", id="VLM"),
    pytest.param(DocumentReader, "pasword", "password", id="DocumentReader"),
    pytest.param(lambda **options: read("a.png", **options), "pasword", "password", id="read"),
    pytest.param(lambda **options: read("a.png", **options), "page", "pages", id="read-own"),
    pytest.param(ImageAssistant, "root", "root_dir", id="ImageAssistant"),
    pytest.param(
        lambda **options: VLMClient(ROUTE, **options),
        "timout",
        "timeout",
        id="VLMClient",
    ),
]
LISTED = [
    pytest.param(
        lambda **options: VLMLoader("scans", **options),
        {"engine", "mode", "empty_pages", "password"},
        id="VLMLoader",
    ),
    pytest.param(VLMBlobParser, {"engine", "mode", "empty_pages", "password"}, id="VLMBlobParser"),
    pytest.param(image_tools, {"engine", "llm", "assistant", "root_dir", "max_pages"}, id="image_tools"),
    pytest.param(VLMToolSpec, {"engine", "llm", "assistant", "root_dir", "max_pages"}, id="VLMToolSpec"),
    pytest.param(VLMReader, {"engine", "mode", "empty_pages", "image_dir", "password"}, id="VLMReader"),
    pytest.param(OCRTransform, {"engine", "mode", "empty_pages", "image_dir", "password"}, id="OCRTransform"),
    pytest.param(DocumentReader, {"engine", "task", "password"}, id="DocumentReader"),
    pytest.param(lambda **options: read("a.png", **options), {"engine", "task", "pages"}, id="read"),
]


@pytest.mark.parametrize(("takes", "misspelt", "meant"), MISSPELT)
def test_a_misspelt_option_is_told_with_the_one_that_was_meant(
    takes: Callable[..., Any], misspelt: str, meant: str
) -> None:
    told = f"Unknown option {misspelt}. Did you mean {meant}\\?"
    with pytest.raises(UnknownOptionError, match=told) as caught:
        takes(**{misspelt: 1})
    assert isinstance(caught.value, ConfigError)
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize(("takes", "names"), LISTED)
def test_an_option_that_is_like_none_is_told_with_all_that_there_are(
    takes: Callable[..., Any], names: set[str]
) -> None:
    with pytest.raises(TypeError) as caught:
        takes(qqqq=1)
    assert names <= set(re.findall(r"\w+", str(caught.value)))


def test_pages_are_named_when_a_document_is_read() -> None:
    with pytest.raises(UnknownOptionError) as caught:
        DocumentReader(pages=[1, 3])  # type: ignore[call-arg]
    assert caught.value.hint == "Give it to read() or iter(), as in read(document, pages=[1, 3])."


@pytest.mark.parametrize(
    ("name", "options", "question"),
    [
        pytest.param("Some-VLM", {}, "Did you mean some-vlm?", id="case-does-not-count"),
        pytest.param("vlm", {"most": 3, "alike": 0.3}, "Did you mean some-vlm or other-VLM?", id="several"),
        pytest.param("qwen", {}, "", id="none-is-like-it"),
        pytest.param("vlm", {"alike": 0.9}, "", id="none-is-like-it-enough"),
    ],
)
def test_the_nearest_names_are_asked_about(name: str, options: dict[str, Any], question: str) -> None:
    assert did_you_mean(name, ["some-vlm", "other-VLM"], **options) == question

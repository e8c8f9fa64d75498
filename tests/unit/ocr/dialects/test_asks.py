"""What each family is asked, down to the order of the parts."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from vlm_core.catalog.model_rows import FAMILIES
from vlm_core.errors import ConfigError
from vlm_core.ocr.dialects.dialect import IMAGE, TASKS
from vlm_core.ocr.dialects.receipt import Receipt
from vlm_core.ocr.dialects.registry import DIALECTS, find_dialect
from vlm_core.wire.options import check_options

OLMOCR_2 = (
    "Attached is one page of a document that you must process. Just return the plain text representation of "
    "this document as if you were reading it naturally. Convert equations to LateX and tables to HTML.\n"
    "If there are any figures or charts, label them with the following markdown syntax "
    "![Alt text describing the contents of the figure](page_startx_starty_width_height.png)\n"
    "Return your output as markdown, with a front matter section on top specifying values for the "
    "primary_language, is_rotation_valid, rotation_correction, is_table, and is_diagram parameters."
)
OLMOCR = (
    "Attached is one page of a document that you must process. Just return the plain text representation of "
    "this document as if you were reading it naturally. Convert equations to LateX and tables to markdown.\n"
    "Return your output as markdown, with a front matter section on top specifying values for the "
    "primary_language, is_rotation_valid, rotation_correction, is_table, and is_diagram parameters."
)
OLMOCR_0225 = (
    "Below is the image of one page of a document, as well as some raw textual content that was previously "
    "extracted for it. Just return the plain text representation of this document as if you were reading it "
    "naturally.\nDo not hallucinate.\nRAW_TEXT_START\n\nRAW_TEXT_END"
)
ROLMOCR = "Return the plain text representation of this document as if you were reading it naturally.\n"


@pytest.mark.parametrize(
    ("dialect", "task", "content", "temperature", "max_tokens"),
    [
        pytest.param("olmocr-2", "markdown", (OLMOCR_2, IMAGE), 0.1, 8000, id="olmocr-2"),
        pytest.param("olmocr", "markdown", (IMAGE, OLMOCR), 0.1, 4500, id="olmocr-0725"),
        pytest.param("olmocr-0825", "text", (OLMOCR, IMAGE), 0.1, 4500, id="olmocr-0825"),
        pytest.param("olmocr-0225", "markdown", (IMAGE, OLMOCR_0225), 0.1, 4500, id="olmocr-0225"),
        pytest.param("deepseek-ocr", "text", (IMAGE, "Free OCR."), 0.0, 8192, id="deepseek-text"),
        pytest.param(
            "deepseek-ocr",
            "markdown",
            (IMAGE, "<|grounding|>Convert the document to markdown."),
            0.0,
            8192,
            id="deepseek-markdown",
        ),
        pytest.param(
            "deepseek-ocr", "layout", (IMAGE, "<|grounding|>OCR this image."), 0.0, 8192, id="deepseek-layout"
        ),
        pytest.param(
            "deepseek-ocr",
            "describe",
            (IMAGE, "Describe this image in detail."),
            0.0,
            8192,
            id="deepseek-describe",
        ),
        pytest.param("paddleocr-vl", "text", (IMAGE, "OCR:"), 0.0, 8192, id="paddle-text"),
        pytest.param("paddleocr-vl", "table", (IMAGE, "Table Recognition:"), 0.0, 8192, id="paddle-table"),
        pytest.param(
            "dots-ocr",
            "text",
            (IMAGE, "Extract the text content from this image."),
            0.1,
            16384,
            id="dots-text",
        ),
        pytest.param("numarkdown", "markdown", (IMAGE,), 0.7, 12000, id="numarkdown-has-no-words"),
        pytest.param("rolmocr", "text", (IMAGE, ROLMOCR), 0.2, 4096, id="rolmocr"),
        pytest.param("glm-ocr", "text", (IMAGE, "Text Recognition:"), 0.01, 16384, id="glm-text"),
        pytest.param("glm-ocr", "table", (IMAGE, "Table Recognition:"), 0.01, 16384, id="glm-table"),
        pytest.param("got-ocr2", "text", (IMAGE, "OCR: "), 0.0, 4096, id="got-text"),
        pytest.param("got-ocr2", "markdown", (IMAGE, "OCR with format: "), 0.0, 4096, id="got-markdown"),
        pytest.param("lightonocr", "markdown", (IMAGE,), 0.2, 4096, id="lightonocr-has-no-words"),
    ],
)
def test_a_family_is_asked_as_it_was_trained(
    dialect: str, task: str, content: tuple[Any, ...], temperature: float, max_tokens: int
) -> None:
    ask = find_dialect(dialect).ask(task)
    assert ask.content == content
    assert (ask.options["temperature"], ask.options["max_tokens"]) == (temperature, max_tokens)


@pytest.mark.parametrize(
    ("dialect", "task", "first", "last"),
    [
        pytest.param(
            "dots-ocr", "markdown", "Please output the layout", "a single JSON object.\n", id="dots"
        ),
        pytest.param("dots-ocr", "layout", "Please output the layout", "a single JSON object.\n", id="boxes"),
        pytest.param(
            "nanonets-ocr", "markdown", "Extract the text from the above", "check boxes.", id="nanonets"
        ),
        pytest.param("glm-ocr", "markdown", "Recognize the text in the image", "in the image.", id="glm"),
    ],
)
def test_a_long_prompt_is_whole(dialect: str, task: str, first: str, last: str) -> None:
    image, words = find_dialect(dialect).ask(task).content
    assert image is IMAGE
    assert isinstance(words, str)
    assert words.startswith(first)
    assert words.endswith(last)


@pytest.mark.parametrize(
    ("dialect", "side"),
    [
        ("general", None),
        ("olmocr-2", 1288),
        ("olmocr-0225", 1024),
        ("lightonocr", 1540),
        ("numarkdown", 2048),
        ("rolmocr", 1288),
    ],
)
def test_the_picture_is_as_large_as_the_family_was_trained(dialect: str, side: int | None) -> None:
    assert find_dialect(dialect).ask("markdown").max_side == side


@pytest.mark.parametrize(
    ("task", "words"),
    [
        pytest.param("text", "Extract all text from this image.", id="text"),
        pytest.param(
            "layout",
            "Extract all text from this document. Preserve the structure and layout as much as possible.",
            id="layout",
        ),
        pytest.param("table", "Convert this image to a markdown table.", id="table"),
        pytest.param(
            "json",
            "Extract all text and return it as structured JSON with field names and values.",
            id="json",
        ),
        pytest.param("handwriting", "Transcribe the handwritten text in this image.", id="handwriting"),
        pytest.param(
            "receipt", "List all line items, quantities, and prices from this receipt.", id="receipt"
        ),
    ],
)
def test_a_general_model_is_asked_in_the_words_of_its_providers(task: str, words: str) -> None:
    image, prompt = find_dialect(None).ask(task).content
    assert image is IMAGE
    assert isinstance(prompt, str)
    assert prompt.startswith(words)


@pytest.mark.parametrize(
    ("dialect", "temperatures"),
    [
        pytest.param("olmocr-2", [0.1, 0.1, 0.2, 0.3, 0.5, 0.8, 0.9, 1.0, 1.0], id="olmocr-2"),
        pytest.param("olmocr-0225", [0.1, 0.1, 0.2, 0.3, 0.5, 0.8, 0.1, 0.8, 0.8], id="olmocr-0225"),
        pytest.param("general", [0.0, 0.1, 0.3, 0.6, 0.6], id="general"),
        pytest.param("numarkdown", [0.7, 0.7, 0.8, 1.0, 1.0], id="numarkdown"),
    ],
)
def test_each_attempt_is_warmer_and_the_last_one_stays(dialect: str, temperatures: list[float]) -> None:
    asks = [find_dialect(dialect).ask("markdown", attempt=attempt) for attempt in range(len(temperatures))]
    assert [ask.options["temperature"] for ask in asks] == temperatures


def test_a_repetition_is_punished_from_the_second_attempt_on() -> None:
    first, second = (find_dialect("deepseek-ocr").ask("text", attempt=attempt).options for attempt in (0, 1))
    assert "extra_body" not in first
    assert second["extra_body"] == {"repetition_penalty": 1.05}


@pytest.mark.parametrize(
    ("dialect", "context", "room"),
    [
        pytest.param("deepseek-ocr", 8192, 6892, id="less-than-asked-for"),
        pytest.param("olmocr-2", 16_384, 8000, id="all-of-it"),
        pytest.param("general", 1000, 256, id="next-to-nothing"),
        pytest.param("general", None, 8192, id="unknown"),
    ],
)
def test_an_answer_has_room_in_the_context(dialect: str, context: int | None, room: int) -> None:
    ask = find_dialect(dialect).ask("markdown", context_tokens=context)
    assert ask.options["max_tokens"] == room


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_option_is_one_that_a_client_sends(dialect: str) -> None:
    for task in DIALECTS[dialect].tasks:
        schema = {"type": "object"} if task == "json" else None
        for attempt in (0, 3):
            check_options(DIALECTS[dialect].ask(task, attempt=attempt, schema=schema).options)


def test_the_dialects_are_those_of_the_rows_and_the_general_one() -> None:
    rows = {row.ocr_dialect for row in FAMILIES if row.ocr_dialect}
    assert set(DIALECTS) == rows | {"general"}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_dialect_knows_tasks_that_there_are(dialect: str) -> None:
    assert DIALECTS[dialect].tasks
    assert DIALECTS[dialect].tasks <= set(TASKS)


def test_a_general_model_knows_all_tasks() -> None:
    assert find_dialect(None).tasks == set(TASKS)


@pytest.mark.parametrize(
    ("dialect", "task", "words"),
    [
        pytest.param("paddleocr-vl", "receipt", "They know text, markdown, table", id="paddle"),
        pytest.param("numarkdown", "receipt", "They know markdown", id="numarkdown"),
        pytest.param("general", "tabel", "Did you mean table", id="misspelt"),
        pytest.param("general", "poem", "Known are text, layout", id="unknown"),
    ],
)
def test_a_task_that_was_not_trained_is_refused_with_those_that_were(
    dialect: str, task: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        find_dialect(dialect).ask(task)


def test_a_dialect_that_nobody_has_is_named_with_the_next_one() -> None:
    with pytest.raises(ConfigError, match="Did you mean paddleocr-vl"):
        find_dialect("paddleocr-v1")


@pytest.mark.parametrize(
    ("dialect", "content"),
    [
        pytest.param("olmocr-2", ("Read the stamp.", IMAGE), id="words-first"),
        pytest.param("lightonocr", (IMAGE, "Read the stamp."), id="usually-without-words"),
        pytest.param("paddleocr-vl", (IMAGE, "Read the stamp."), id="task-not-trained"),
    ],
)
def test_words_of_the_users_own_take_the_place_of_the_trained_ones(
    dialect: str, content: tuple[Any, ...]
) -> None:
    assert find_dialect(dialect).ask("markdown", prompt="Read the stamp.").content == content


def test_words_of_the_users_own_do_not_teach_a_model_json() -> None:
    with pytest.raises(ConfigError, match="json"):
        find_dialect("rolmocr").ask("json", prompt="Give JSON.")


class Bill(BaseModel):
    number: str
    total: float | None = None


SCHEMA = {"type": "object", "properties": {"total": {"type": "number"}}}


@pytest.mark.parametrize(
    ("task", "schema", "response_format"),
    [
        pytest.param("json", Bill, Bill, id="model"),
        pytest.param("json", SCHEMA, SCHEMA, id="schema"),
        pytest.param("json", None, {"type": "json_object"}, id="any-json"),
        pytest.param("receipt", None, Receipt, id="receipt"),
        pytest.param("markdown", None, None, id="no-json"),
    ],
)
def test_json_is_asked_for_in_the_request(task: str, schema: Any, response_format: Any) -> None:
    options = find_dialect(None).ask(task, schema=schema).options
    assert options.get("response_format") == response_format


def test_a_family_with_templates_gets_the_schema_as_one() -> None:
    ask = find_dialect("glm-ocr").ask("json", schema=Bill)
    assert ask.content[1] == '请按下列JSON格式输出图中信息:\n{\n    "number": "",\n    "total": ""\n}'
    assert "response_format" not in ask.options


@pytest.mark.parametrize(
    ("schema", "template"),
    [
        pytest.param({"properties": {"a": {"type": "string"}}}, {"a": ""}, id="plain"),
        pytest.param(
            {"properties": {"a": {"items": {"properties": {"b": {}}}}}}, {"a": [{"b": ""}]}, id="list"
        ),
        pytest.param(
            {"properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"properties": {"b": {}}}}},
            {"a": {"b": ""}},
            id="reference",
        ),
        pytest.param(
            {"properties": {"a": {"anyOf": [{"type": "null"}, {"items": {}}]}}}, {"a": [""]}, id="any"
        ),
        pytest.param({"type": "object"}, "", id="nothing-known"),
    ],
)
def test_a_template_has_the_form_of_the_schema(schema: Any, template: Any) -> None:
    import json

    words = find_dialect("glm-ocr").ask("json", schema=schema).content[1]
    assert isinstance(words, str)
    assert json.loads(words.partition("\n")[2]) == template


def test_a_schema_that_holds_itself_comes_to_an_end() -> None:
    schema = {"$ref": "#/$defs/A", "$defs": {"A": {"properties": {"next": {"$ref": "#/$defs/A"}}}}}
    assert "next" in str(find_dialect("glm-ocr").ask("json", schema=schema).content[1])


@pytest.mark.parametrize(
    ("dialect", "task", "schema", "words"),
    [
        pytest.param("general", "json", "total", "schema is a str", id="no-schema"),
        pytest.param("general", "markdown", SCHEMA, 'task="json"', id="other-task"),
        pytest.param("glm-ocr", "json", None, "schema=", id="template-of-nothing"),
    ],
)
def test_a_schema_that_means_nothing_is_refused(dialect: str, task: str, schema: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        find_dialect(dialect).ask(task, schema=schema)

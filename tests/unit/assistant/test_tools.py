"""The tools as every framework gets them: arguments checked, the assistant's methods behind them."""

from __future__ import annotations

import asyncio
import json
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vlm_core import IMAGE_TOOLS, ConfigError, ImageAssistant, ImageTool, InputError, VLMClient
from vlm_core.testing import ScriptedServer

Make = Callable[..., ImageAssistant]
BY_NAME = {tool.name: tool for tool in IMAGE_TOOLS}
EVERY_TOOL = pytest.mark.parametrize("tool", IMAGE_TOOLS, ids=lambda tool: tool.name)
SCHEMA = {"type": "object", "properties": {"total": {"type": "number"}}}
CALLS: list[Any] = [
    pytest.param("read_image", {"image": "deep/contract.tiff", "page": 2}, id="read_image"),
    pytest.param("ask_image", {"images": ["receipt.png"], "question": "The total?"}, id="ask_image"),
    pytest.param("ask_image", {"images": "receipt.png", "question": "The total?"}, id="one image"),
    pytest.param("extract", {"image": "receipt.png", "json_schema": SCHEMA}, id="extract"),
    pytest.param("find_text", {"image": "receipt.png", "text": "total"}, id="find_text"),
    pytest.param("list_pages", {"document": "deep/contract.tiff"}, id="list_pages"),
    pytest.param("list_documents", {"pattern": "contract", "start": 1}, id="list_documents"),
    pytest.param("search_documents", {"query": "terms of delivery"}, id="search_documents"),
]


@pytest.mark.parametrize(("name", "arguments"), CALLS)
def test_a_tool_gives_what_the_method_gives(
    make: Make, server: ScriptedServer, client: VLMClient, name: str, arguments: dict[str, Any]
) -> None:
    server.say('{"total": 9.0}')
    assistant, tool = make(client), BY_NAME[name]
    direct = getattr(assistant, name)(*arguments.values()).to_dict()
    assert tool.run(assistant, arguments).to_dict() == direct
    assert asyncio.run(tool.arun(assistant, arguments)).to_dict() == direct


@pytest.mark.parametrize(("name", "arguments"), CALLS)
def test_a_tool_tells_its_progress(
    make: Make, server: ScriptedServer, client: VLMClient, name: str, arguments: dict[str, Any]
) -> None:
    server.say('{"total": 9.0}')
    told: list[tuple[int, int, str]] = []
    BY_NAME[name].run(make(client), arguments, lambda *step: told.append(step))
    assert told
    assert told[-1][0] == told[-1][1]


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        pytest.param("read_image", {}, "image: Field required", id="nothing"),
        pytest.param("read_image", {"image": "a.png", "page": 0}, "page: .*greater", id="page 0"),
        pytest.param("read_image", {"image": "a.png", "colour": 1}, "colour: Extra", id="another name"),
        pytest.param("read_image", {"image": ["a", "b"]}, "call it once for each", id="two for one"),
        pytest.param("read_image", {"image": "a.png", "page": "1-3"}, "one page number is", id="many pages"),
        pytest.param("read_image", {"image": 7}, "image: .*string", id="a number for a name"),
        pytest.param("ask_image", {"images": [], "question": "?"}, "images: ", id="no image"),
        pytest.param("ask_image", {"images": ["a.png"], "question": ""}, "question: ", id="no question"),
        pytest.param("extract", {"image": "a.png", "json_schema": "total"}, "json_schema: ", id="no schema"),
        pytest.param("find_text", {"image": "a.png", "text": ""}, "text: ", id="no text"),
    ],
)
def test_wrong_arguments_are_told_with_the_right_names(
    make: Make, name: str, arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        BY_NAME[name].run(make(), arguments)
    assert caught.value.hint.startswith("Its arguments are ")
    call = re.search(rf"A right call: {name}\((.*)\)", caught.value.hint)
    assert call is not None
    BY_NAME[name].arguments.model_validate(json.loads(call[1]))


UNDERSTOOD: list[Any] = [
    pytest.param("read_image", {"image": ["a.png"]}, {"image": "a.png"}, id="a list for one name"),
    pytest.param("read_image", {"image": '["a.png"]'}, {"image": "a.png"}, id="a list as a text"),
    pytest.param("read_image", {"image": '"a.png"'}, {"image": "a.png"}, id="a name in quotes"),
    pytest.param("read_image", {"image": "\u201ca.png\u201d"}, {"image": "a.png"}, id="in curly quotes"),
    pytest.param("read_image", {"image": "`a.png`"}, {"image": "a.png"}, id="in backquotes"),
    pytest.param("read_image", {"file_path": "a.png"}, {"image": "a.png"}, id="another name"),
    pytest.param("read_image", {"Image": "a.png"}, {"image": "a.png"}, id="a capital"),
    pytest.param(
        "read_image", {"images": ["a.png"], "pages": [2]}, {"image": "a.png", "page": 2}, id="plural"
    ),
    pytest.param("read_image", {"image": {"source": "a.png"}}, {"image": "a.png"}, id="a citation"),
    pytest.param(
        "read_image", {"image": "a.pdf, page 2 of 3"}, {"image": "a.pdf", "page": 2}, id="as results cite"
    ),
    pytest.param("read_image", {"image": "a.png", "page": "2"}, {"image": "a.png", "page": 2}, id="digits"),
    pytest.param(
        "read_image", {"image": "a.png", "page": "page 2"}, {"image": "a.png", "page": 2}, id="page 2"
    ),
    pytest.param("read_image", {"image": "a.png", "page": "all"}, {"image": "a.png"}, id="all pages"),
    pytest.param("read_image", {"image": "a.png", "page": None}, {"image": "a.png"}, id="null"),
    pytest.param("read_image", {"arguments": {"image": "a.png"}}, {"image": "a.png"}, id="wrapped"),
    pytest.param("read_image", {"input": '{"image": "a.png"}'}, {"image": "a.png"}, id="wrapped as a text"),
    pytest.param(
        "ask_image",
        {"image": "a.png", "query": "How?"},
        {"images": ["a.png"], "question": "How?"},
        id="one name for a list",
    ),
    pytest.param(
        "ask_image",
        {"images": "a.png, b.pdf", "question": "How?", "pages": "1-3, 7"},
        {"images": ["a.png", "b.pdf"], "question": "How?", "pages": [1, 2, 3, 7]},
        id="lists as texts",
    ),
    pytest.param(
        "find_text", {"document": "a.png", "query": 9.5}, {"image": "a.png", "text": "9.5"}, id="a number"
    ),
    pytest.param("list_pages", {"image": "a.png"}, {"document": "a.png"}, id="image for document"),
    pytest.param("list_documents", {"pattern": "", "start": "51"}, {"start": 51}, id="an empty pattern"),
    pytest.param("search_documents", {"question": "Who?"}, {"query": "Who?"}, id="question for query"),
    pytest.param("search_documents", {"query": ["tea", "9.00"]}, {"query": "tea 9.00"}, id="a list of words"),
]


@pytest.mark.parametrize(("name", "given", "meant"), UNDERSTOOD)
def test_arguments_of_another_form_are_understood(
    name: str, given: dict[str, Any], meant: dict[str, Any]
) -> None:
    arguments = BY_NAME[name].arguments
    assert arguments.model_validate(given) == arguments.model_validate(meant)


@pytest.mark.parametrize("name", ["it's.png", ' "a" and "b".png', "a, b.png", "'", " a.png"])
def test_an_odd_name_stays_as_it_is(name: str) -> None:
    assert BY_NAME["read_image"].arguments.model_validate({"image": name}).image == name  # type: ignore[attr-defined]


def test_a_schema_may_be_written_as_a_text(make: Make, server: ScriptedServer, client: VLMClient) -> None:
    server.say('{"total": 9.0}')
    arguments = {"image": "receipt.png", "json_schema": json.dumps(SCHEMA)}
    assert BY_NAME["extract"].run(make(client), arguments).to_dict()["data"] == {"total": 9.0}


@EVERY_TOOL
def test_a_tool_is_told_in_few_words(tool: ImageTool) -> None:
    assert 40 < len(tool.description) < 1024
    assert "instruction" in tool.description or "obeyed" in tool.description


@EVERY_TOOL
def test_every_argument_is_told(tool: ImageTool) -> None:
    schema = json.loads(json.dumps(tool.arguments.model_json_schema()))
    assert all(field["description"] for field in schema["properties"].values())


def test_without_a_model_there_is_no_extract(make: Make, client: VLMClient) -> None:
    assert {tool.name for tool in make(client).tools} - {tool.name for tool in make().tools} == {"extract"}
    with pytest.raises(ConfigError, match="vision model"):
        BY_NAME["extract"].run(make(), {"image": "receipt.png", "json_schema": SCHEMA})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param({"root_dir": "missing"}, "root_dir: missing is not a folder", id="no folder"),
        pytest.param({"root_dir": []}, "root_dir", id="no root"),
        pytest.param({"max_pages": 0}, "max_pages", id="no pages"),
        pytest.param({"max_chars": -1}, "max_chars", id="no characters"),
        pytest.param({"request_options": {"temprature": 0}}, "temperature", id="a misspelt option"),
        pytest.param({"llm": "nobody-knows-this"}, "provider|base_url", id="no route"),
    ],
)
def test_a_wrong_setting_is_told_where_it_is_made(folder: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        ImageAssistant(**{"root_dir": folder, **options})


def test_several_roots_are_looked_through_in_their_order(make: Make, folder: Path) -> None:
    assistant = make(root_dir=[folder / "deep", folder])
    assert assistant.list_pages("contract.tiff").total_pages == 3
    assert assistant.list_pages("receipt.png").total_pages == 1


def test_within_another_root_the_old_one_is_out_of_reach(make: Make, folder: Path) -> None:
    narrow = make().within(folder / "deep")
    assert narrow.list_pages("contract.tiff").total_pages == 3
    with pytest.raises(InputError, match="leads out"):
        narrow.list_pages("../receipt.png")


def test_the_current_folder_is_the_root_by_default(
    engine: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    with ImageAssistant(engine) as assistant:
        assert assistant.list_pages("receipt.png").total_pages == 1
        with pytest.raises(InputError, match="leads out"):
            assistant.list_pages("../secret.png")


def test_a_copy_reads_for_itself(folder: Path) -> None:
    with ImageAssistant(root_dir=folder, max_pages=2) as assistant:
        copy = pickle.loads(pickle.dumps(assistant.within(folder / "deep")))
    with copy:
        assert copy.list_pages("contract.tiff").total_pages == 3
        assert len(copy.list_pages("contract.tiff").pages) == 2


def test_closing_a_narrower_one_leaves_the_first_alone(make: Make, folder: Path, engine: Any) -> None:
    assistant = make()
    assistant.read_image("receipt.png")
    assistant.within(folder / "deep").close()
    assistant.read_image("receipt.png")
    assert engine.read == [40]


def test_a_model_given_by_its_route_is_closed_with_the_assistant(
    folder: Path, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def use() -> bool:
        async with ImageAssistant(engine, "novita:qwen/qwen3-vl-8b-instruct", root_dir=folder) as assistant:
            return assistant.has_llm

    assert asyncio.run(use())

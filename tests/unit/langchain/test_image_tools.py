"""The tools of an assistant as agents of LangChain call them."""

from __future__ import annotations

import asyncio
import inspect
import json
import pickle
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

import pytest
from langchain.agents import create_agent
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.tools import BaseTool, ToolException
from langgraph.checkpoint.memory import InMemorySaver
from PIL import Image

from langchain_vlm import ChatVLM, ImageToolkit, image_tools
from langchain_vlm.tools import AssistantOptions
from vlm_core import (
    ConfigError,
    ImageAssistant,
    InputError,
    PageImage,
    PageResult,
    Provider,
    Route,
    TextLine,
    VLMClient,
)
from vlm_core.testing import ScriptedServer

Make: TypeAlias = Callable[..., ChatVLM]
Call: TypeAlias = Callable[..., Any]
Arguments: TypeAlias = dict[str, Any]

KEY = "sk-canary-77ab"
SCHEMA = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
CALLS = [
    pytest.param("read_image", {"image": "receipt.png"}, "TOTAL 9.00", id="read_image"),
    pytest.param("ask_image", {"images": ["receipt.png"], "question": "Total?"}, "9.0", id="ask_image"),
    pytest.param("extract", {"image": "receipt.png", "json_schema": SCHEMA}, "9.0", id="extract"),
    pytest.param("find_text", {"image": "receipt.png", "text": "total 9.00"}, "TOTAL 9.00", id="find_text"),
    pytest.param("list_pages", {"document": "receipt.png"}, "1 page", id="list_pages"),
    pytest.param("list_documents", {}, "receipt.png: PNG, 1 page", id="list_documents"),
    pytest.param("search_documents", {"query": "total"}, "receipt.png, page 1 of 1", id="search_documents"),
]
EVERY_CALL = pytest.mark.parametrize(("name", "arguments", "found"), CALLS)


class Engine:
    """Reads the same on every page."""

    name = "engraved"
    model: str | None = None

    def __init__(self) -> None:
        self.pages = 0

    def read_page(self, page: PageImage) -> PageResult:
        self.pages += 1
        line = TextLine(text="TOTAL 9.00", bbox=(0.1, 0.1, 0.9, 0.2))
        return PageResult(text=line.text, lines=(line,))


def blocking(tool: BaseTool, arguments: Any, **config: Any) -> Any:
    return tool.invoke(arguments, config or None)  # type: ignore[arg-type]


def on_loop(tool: BaseTool, arguments: Any, **config: Any) -> Any:
    return asyncio.run(tool.ainvoke(arguments, config or None))  # type: ignore[arg-type]


@pytest.fixture(params=[blocking, on_loop], ids=["sync", "async"])
def call(request: pytest.FixtureRequest) -> Call:
    """Calls a tool, in both ways that there are."""
    way: Call = request.param
    return way


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """receipt.png and no.txt; beside it a secret."""
    root = tmp_path / "root"
    root.mkdir()
    Image.linear_gradient("L").resize((40, 30)).save(root / "receipt.png")
    (root / "no.txt").write_text("no picture")
    Image.new("L", (40, 30)).save(tmp_path / "secret.png")
    return root


def by_name(tools: Sequence[BaseTool]) -> dict[str, BaseTool]:
    return {tool.name: tool for tool in tools}


@pytest.fixture
def tools(server: ScriptedServer, model: ChatVLM, folder: Path) -> dict[str, BaseTool]:
    """All of them, over a model that says what the total is."""
    server.say('{"total": 9.0}')
    return by_name(image_tools(Engine(), model, root_dir=folder))


def as_call(tool: BaseTool, arguments: Arguments) -> Arguments:
    return {"type": "tool_call", "id": "call_1", "name": tool.name, "args": arguments}


# --- what they give


@EVERY_CALL
def test_the_model_is_given_a_text(
    tools: dict[str, BaseTool], call: Call, name: str, arguments: Arguments, found: str
) -> None:
    message = call(tools[name], as_call(tools[name], arguments))
    assert isinstance(message, ToolMessage)
    assert (message.status, message.name) == ("success", name)
    assert isinstance(message.content, str)
    assert found in message.content
    assert call(tools[name], arguments) == message.content


@EVERY_CALL
def test_the_artifact_is_plain_json_that_says_where_it_looked(
    tools: dict[str, BaseTool], name: str, arguments: Arguments, found: str
) -> None:
    artifact = tools[name].invoke(as_call(tools[name], arguments)).artifact
    assert json.loads(json.dumps(artifact)) == artifact
    assert {(place["source"], place["page"]) for place in artifact["citations"]} == {("receipt.png", 1)}
    assert max(map(len, json.dumps(artifact).split('"'))) < 1000  # no picture is in it


@EVERY_CALL
def test_it_gives_the_same_on_an_event_loop(
    tools: dict[str, BaseTool], name: str, arguments: Arguments, found: str
) -> None:
    first, second = (way(tools[name], as_call(tools[name], arguments)) for way in (blocking, on_loop))
    assert first.content == second.content
    assert first.artifact == second.artifact


async def test_a_page_that_many_ask_about_at_once_is_read_once(folder: Path) -> None:
    engine = Engine()
    tools = by_name(image_tools(engine, root_dir=folder))
    asked = [{"images": ["receipt.png"], "question": f"What is the total, {number}?"} for number in range(10)]
    answers = await asyncio.gather(*(tools["ask_image"].ainvoke(arguments) for arguments in asked))
    assert all("TOTAL 9.00" in answer for answer in answers)
    assert engine.pages == 1


def test_a_tool_may_be_called_with_one_string(tools: dict[str, BaseTool], call: Call) -> None:
    assert call(tools["list_pages"], "receipt.png") == call(tools["list_pages"], {"document": "receipt.png"})


def test_a_tool_may_have_another_name(tools: dict[str, BaseTool]) -> None:
    tools["read_image"].name = "look"
    message = tools["read_image"].invoke(as_call(tools["read_image"], {"image": "receipt.png"}))
    assert (message.name, message.status) == ("look", "success")


def test_without_a_vision_model_there_is_no_extract(folder: Path) -> None:
    assert "extract" not in by_name(image_tools(Engine(), root_dir=folder))


# --- what cannot be done


REFUSED = [
    pytest.param("read_image", {"image": "missing.png"}, "receipt.png", id="missing"),
    pytest.param("read_image", {"image": "../secret.png"}, "leads out of the folder", id="outside"),
    pytest.param("read_image", {"image": "no.txt"}, "no.txt is .* not a picture", id="no-picture"),
    pytest.param("read_image", {"image": "https://example.com/a.png"}, "not read here", id="url"),
    pytest.param("read_image", {"image": "data:image/png;base64,AAAA"}, "name of a file", id="base64"),
    pytest.param("read_image", {"image": "receipt.png", "page": 2}, "Its pages are 1 to 1", id="page"),
    pytest.param("find_text", {"image": "receipt.png", "text": " "}, "Say in words", id="no-words"),
    pytest.param("ask_image", {"images": ["receipt.png"] * 9, "question": "?"}, "Name 8 at most", id="many"),
]
WRONG = [
    pytest.param("read_image", {}, "image: Field required", id="left-out"),
    pytest.param("read_image", {"image": "receipt.png", "side": 1}, "side: Extra inputs", id="unknown"),
    pytest.param("read_image", {"image": "receipt.png", "page": "two"}, "page: .* integer", id="no-number"),
    pytest.param("ask_image", {"images": [], "question": "?"}, "images: ", id="no-images"),
]


@pytest.mark.parametrize(("name", "arguments", "said"), REFUSED + WRONG)
def test_what_cannot_be_done_is_told_to_the_model(
    tools: dict[str, BaseTool], call: Call, name: str, arguments: Arguments, said: str
) -> None:
    message = call(tools[name], as_call(tools[name], arguments))
    assert (message.status, message.artifact) == ("error", None)
    assert re.search(said, message.content), message.content


def test_a_missing_key_is_told(folder: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOVITA_API_KEY", raising=False)
    tool = by_name(image_tools(Engine(), "novita:qwen/qwen3-vl-8b-instruct", root_dir=folder))["ask_image"]
    message = call(tool, as_call(tool, {"images": ["receipt.png"], "question": "Total?"}))
    assert message.status == "error"
    assert "NOVITA_API_KEY" in message.content


def test_a_providers_refusal_is_told(
    server: ScriptedServer, model: ChatVLM, folder: Path, call: Call
) -> None:
    server.fault("quota_402")
    tool = by_name(image_tools(Engine(), model, root_dir=folder))["ask_image"]
    message = call(tool, as_call(tool, {"images": ["receipt.png"], "question": "Total?"}))
    assert message.status == "error"
    assert "credit" in message.content


def test_who_would_rather_have_an_error_gets_one(tools: dict[str, BaseTool], call: Call) -> None:
    tools["read_image"].handle_tool_error = False
    with pytest.raises(ToolException, match="does not exist") as caught:
        call(tools["read_image"], {"image": "missing.png"})
    assert isinstance(caught.value.__cause__, InputError)


# --- which model answers


def of_route(server: ScriptedServer) -> Any:
    return VLMClient("some-vlm", base_url=server.base_url, api_key=server.api_key)


def of_chat_vlm(server: ScriptedServer) -> Any:
    return ChatVLM(model="some-vlm", base_url=server.base_url, api_key=server.api_key)


def of_another(server: ScriptedServer) -> Any:
    return GenericFakeChatModel(messages=iter([AIMessage("It is 9.00.")]))


@pytest.mark.parametrize("made", [of_route, of_chat_vlm, of_another])
def test_any_model_may_answer(server: ScriptedServer, folder: Path, made: Call) -> None:
    server.say("It is 9.00.")
    tool = by_name(image_tools(Engine(), made(server), root_dir=folder))["ask_image"]
    assert "It is 9.00." in tool.invoke({"images": ["receipt.png"], "question": "Total?"})


@pytest.mark.parametrize("fails", [False, True], ids=["the model", "its fallback"])
def test_a_finding_names_the_route_that_answered(folder: Path, call: Call, fails: bool) -> None:
    with ScriptedServer() as first, ScriptedServer() as second:
        first.refuse(500, "out of order")
        second.say("It is 9.00.")
        asked, standing_by = (second, first) if not fails else (first, second)
        fallback = Route(
            Provider(name="other"), "b", api_key=standing_by.api_key, base_url=standing_by.base_url
        )
        model = ChatVLM(
            model="deepinfra:a",
            base_url=asked.base_url,
            api_key=asked.api_key,
            fallbacks=[fallback],
            max_retries=0,
        )
        tool = by_name(image_tools(Engine(), model, root_dir=folder))["ask_image"]
        message = call(tool, as_call(tool, {"images": ["receipt.png"], "question": "Total?"}))
    assert message.artifact["route"] == ("other:b" if fails else "deepinfra:a")


def test_the_engines_own_model_may_answer(server: ScriptedServer, model: ChatVLM, folder: Path) -> None:
    server.say("It is 9.00.")
    tool = by_name(image_tools(model, root_dir=folder))["ask_image"]
    assert "It is 9.00." in tool.invoke({"images": ["receipt.png"], "question": "Total?"})


def test_no_more_pictures_are_shown_than_the_chat_models_provider_takes(make: Make, folder: Path) -> None:
    row = Provider(name="lab", limits={"max_images": 2})  # type: ignore[arg-type]
    tool = by_name(image_tools(Engine(), make(provider=row), root_dir=folder))["ask_image"]
    message = tool.invoke(as_call(tool, {"images": ["receipt.png"] * 3, "question": "Which is dearer?"}))
    assert "Name 2 at most" in message.content


class Started(BaseCallbackHandler):
    """Notes what started, and under what."""

    def __init__(self) -> None:
        self.runs: dict[str, tuple[UUID, UUID | None, Any]] = {}

    def on_tool_start(
        self, serialized: Any, input_str: str, *, run_id: UUID, parent_run_id: Any = None, **more: Any
    ) -> None:
        self.runs["tool"] = (run_id, parent_run_id, (more["inputs"], more["tags"]))

    def on_chat_model_start(
        self, serialized: Any, messages: Any, *, run_id: UUID, parent_run_id: Any = None, **more: Any
    ) -> None:
        self.runs["model"] = (run_id, parent_run_id, None)


def test_a_trace_has_the_model_under_the_tool(tools: dict[str, BaseTool], call: Call) -> None:
    started = Started()
    arguments = {"images": ["receipt.png"], "question": "Total?"}
    call(tools["ask_image"], arguments, callbacks=[started], tags=["audit"])
    assert started.runs["tool"][2] == (arguments, ["audit"])
    assert started.runs["model"][1] == started.runs["tool"][0]


# --- how they are made and kept


def test_an_assistant_of_ones_own_is_used(folder: Path) -> None:
    with ImageAssistant(Engine(), root_dir=folder) as assistant:
        toolkit = ImageToolkit(assistant=assistant)
        assert toolkit.assistant is assistant
        assert [tool.name for tool in toolkit.get_tools()] == [tool.name for tool in assistant.tools]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param({"assistant": "own", "max_pages": 5}, "Give it alone", id="assistant-and-option"),
        pytest.param({"assistant": "own", "llm": "lab:m"}, "Give it alone", id="assistant-and-llm"),
        pytest.param({"rootdir": "."}, "Did you mean root_dir", id="misspelt"),
        pytest.param({"root_dir": "missing"}, "missing is not a folder", id="no-folder"),
        pytest.param({"llm": "nobody-knows-this"}, "provider|base_url", id="no-route"),
    ],
)
def test_what_cannot_be_used_is_refused_at_once(options: dict[str, Any], said: str) -> None:
    if options.get("assistant") == "own":
        options = {**options, "assistant": ImageAssistant(Engine())}
    with pytest.raises(ConfigError, match=said):
        image_tools(**options)


def test_the_options_are_the_assistants() -> None:
    theirs = inspect.signature(ImageAssistant).parameters.keys()
    assert AssistantOptions.__annotations__.keys() == theirs - {"engine", "llm"}


def test_a_model_that_sees_may_be_shown_a_page(folder: Path) -> None:
    names = [tool.name for tool in image_tools(root_dir=folder)]
    assert "show_page" not in names
    (show_page,) = [
        tool for tool in image_tools(root_dir=folder, show_pages=True) if tool.name == "show_page"
    ]
    call = {
        "type": "tool_call",
        "id": "1",
        "name": "show_page",
        "args": {"document": ["receipt.png"], "page": "1"},
    }
    message = show_page.invoke(call)
    text, picture = message.content
    assert text["text"].startswith("This is receipt.png, page 1 of 1")
    assert picture["image_url"]["url"].startswith("data:image/")
    assert "base64" not in json.dumps(message.artifact)


def test_wrong_arguments_are_answered_with_a_right_call(folder: Path) -> None:
    read_image = image_tools(root_dir=folder)[0]
    call = {"type": "tool_call", "id": "1", "name": "read_image", "args": {"image": ["a", "b"]}}
    message = read_image.invoke(call)
    assert message.status == "error"
    assert 'A right call: read_image({"image": "receipt.jpg", "page": 1})' in message.content


def test_arguments_under_other_names_are_understood(folder: Path) -> None:
    read_image = image_tools(root_dir=folder)[0]
    call = {
        "type": "tool_call",
        "id": "1",
        "name": "read_image",
        "args": {"file_path": '"receipt.png"', "pages": "1"},
    }
    assert read_image.invoke(call).status == "success"


def test_a_copy_from_a_pickle_works_and_shares_one_assistant(folder: Path) -> None:
    copies = by_name(pickle.loads(pickle.dumps(image_tools(Engine(), root_dir=folder))))
    assert "TOTAL 9.00" in copies["read_image"].invoke({"image": "receipt.png"})
    assert len({id(tool.assistant) for tool in copies.values()}) == 1  # type: ignore[attr-defined]


def test_no_key_shows(folder: Path) -> None:
    models: list[Any] = [
        VLMClient("some-vlm", base_url="http://127.0.0.1:9/v1", api_key=KEY),
        ChatVLM(model="some-vlm", base_url="http://127.0.0.1:9/v1", api_key=KEY),
    ]
    for model in models:
        tools = image_tools(Engine(), model, root_dir=folder)
        assert KEY not in repr(tools) + str(tools[0].model_dump())
        assert KEY.encode() not in pickle.dumps(tools)


def test_a_checkpoint_keeps_the_findings(
    server: ScriptedServer, model: ChatVLM, folder: Path, recwarn: pytest.WarningsRecorder
) -> None:
    server.call_tool("read_image", {"image": "receipt.png"})
    server.say("9.00")
    agent = create_agent(model, image_tools(Engine(), root_dir=folder), checkpointer=InMemorySaver())
    thread: Any = {"configurable": {"thread_id": "1"}}
    given = agent.invoke({"messages": [("human", "The total?")]}, thread)["messages"]
    kept: list[BaseMessage] = agent.get_state(thread).values["messages"]
    assert kept == given
    assert isinstance(kept[2], ToolMessage)
    assert kept[2].artifact["pages"][0]["text"] == "TOTAL 9.00"
    assert list(recwarn) == []

"""The MCP server: what a client is told, what it gets, and what it is not given. Clients of both eras."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from threading import Barrier, Event, Lock
from typing import Any, TypeAlias

import anyio
import pytest
from mcp import Client, types
from mcp.shared.exceptions import MCPError
from PIL import Image

from vlm_core import IMAGE_TOOLS, ForeignClient, ImageAssistant, PageImage, PageResult, TextLine
from vlm_core.completion import Completion
from vlm_core.mcp_server.server import image_server

Connect: TypeAlias = Callable[..., AbstractAsyncContextManager[Client]]
PAGES = 5
LONG_SECONDS = 30.0
"""That no test waits for."""


class Engine:
    """Reads the width of a page; a test can hold it up."""

    name = "ruler"
    model: str | None = None

    def __init__(self) -> None:
        self.read: list[int] = []
        self.begun = Event()
        self.before: Callable[[], object] = lambda: None
        self._lock = Lock()

    def read_page(self, page: PageImage) -> PageResult:
        with self._lock:
            self.read.append(page.width)
        self.begun.set()
        self.before()
        line = TextLine(text=f"width {page.width}", bbox=(0.1, 0.1, 0.9, 0.2))
        return PageResult(text=line.text, lines=(line,), width=page.width, height=page.height)


def sheet(width: int) -> Image.Image:
    return Image.linear_gradient("L").resize((width, 30))


def asked(messages: Any, options: Any) -> Completion:
    return Completion('{"width": 40}' if "response_format" in options else "It is 40 wide.")


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures, a fax of five pages in a folder, and a secret outside."""
    folder = tmp_path.resolve() / "given"
    (folder / "deep").mkdir(parents=True)
    for path, width in {"given/a.png": 40, "given/b.png": 41, "secret.png": 42}.items():
        sheet(width).save(folder.parent / path)
    first, *others = map(sheet, range(40, 40 + PAGES))
    first.save(folder / "deep" / "fax.tif", save_all=True, append_images=others)
    return folder


@pytest.fixture(params=["auto", "legacy"])
def connect(request: pytest.FixtureRequest, engine: Engine, folder: Path) -> Connect:
    """Connects a client to a server, by the newest protocol or by the handshake of the older ones."""

    @asynccontextmanager
    async def client(
        llm: Any = None, roots: Any = None, bounds: Any = None, **options: Any
    ) -> AsyncIterator[Client]:
        with ImageAssistant(engine, llm, root_dir=folder, **options) as assistant:
            server = image_server(assistant, (folder,) if bounds is None else bounds)
            async with Client(server, mode=request.param, list_roots_callback=roots) as client:
                yield client

    return client


@pytest.fixture
def llm() -> ForeignClient:
    return ForeignClient("lab", "m", asked, None)


def text_of(result: types.CallToolResult) -> str:
    (block,) = result.content
    assert isinstance(block, types.TextContent)
    return block.text


def roots_of(*given: Path) -> Callable[..., Any]:
    """A client's answer to who asks for its roots."""

    async def tell(_: Any) -> types.ListRootsResult:
        return types.ListRootsResult(roots=[types.Root(uri=path.as_uri()) for path in given])

    return tell


# --- tools ---------------------------------------------------------------------------------------


async def test_the_tools_are_those_of_the_assistant(connect: Connect, llm: ForeignClient) -> None:
    async with connect(llm, show_pages=True) as client:
        listed = (await client.list_tools()).tools
    for tool, expected in zip(listed, IMAGE_TOOLS, strict=True):
        assert (tool.name, tool.description) == (expected.name, expected.description)
        assert tool.input_schema == expected.arguments.model_json_schema()


async def test_all_of_them_only_read(connect: Connect) -> None:
    async with connect() as client:
        hints = [tool.annotations for tool in (await client.list_tools()).tools]
    assert all(hint is not None and hint.read_only_hint and not hint.destructive_hint for hint in hints)


async def test_without_a_model_there_is_no_extract(connect: Connect) -> None:
    async with connect() as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
        with pytest.raises(MCPError, match="The tools are read_image, ask_image, find_text, list_pages, "):
            await client.call_tool("extract", {"image": "a.png", "json_schema": {}})
    assert names == [tool.name for tool in IMAGE_TOOLS if tool.name not in ("extract", "show_page")]


async def test_the_client_is_told_what_the_server_is_for(connect: Connect) -> None:
    async with connect() as client:
        assert "never an instruction" in (client.instructions or "")


SCHEMA = {"type": "object", "properties": {"width": {"type": "number"}}}
CALLS: list[Any] = [
    pytest.param("read_image", {"image": "deep/fax.tif", "page": 2}, id="read_image"),
    pytest.param("ask_image", {"images": ["a.png", "b.png"], "question": "How wide?"}, id="ask_image"),
    pytest.param("extract", {"image": "a.png", "json_schema": SCHEMA}, id="extract"),
    pytest.param("find_text", {"image": "deep/fax.tif", "text": "width 42"}, id="find_text"),
    pytest.param("list_pages", {"document": "deep/fax.tif"}, id="list_pages"),
    pytest.param("search_documents", {"query": "width 42"}, id="search_documents"),
]
EVERY_CALL = pytest.mark.parametrize(("name", "arguments"), CALLS)


@EVERY_CALL
async def test_a_call_gives_the_text_and_where_it_stands(
    connect: Connect, llm: ForeignClient, engine: Engine, folder: Path, name: str, arguments: dict[str, Any]
) -> None:
    with ImageAssistant(engine, llm, root_dir=folder) as assistant:
        finding = getattr(assistant, name)(*arguments.values())
    async with connect(llm) as client:
        result = await client.call_tool(name, arguments)
    assert not result.is_error
    assert text_of(result) == finding.text
    plain = json.loads(json.dumps(finding.to_dict()))
    told = {key: plain[key] for key in ("text", "citations", "images", "notes")}
    extra = {"data": {"width": 40}} if name == "extract" else {}
    assert result.structured_content == {"trust": "untrusted", **told, **extra}


async def test_what_is_cut_from_the_text_stands_nowhere_else(connect: Connect) -> None:
    async with connect(max_chars=20) as client:
        result = await client.call_tool("read_image", {"image": "deep/fax.tif"})
    assert "width 44" not in json.dumps(result.model_dump(mode="json"))


# --- what goes wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        pytest.param("read_image", {"image": "../secret.png"}, "leads out of the folder", id="a way out"),
        pytest.param("read_image", {"image": "/etc/passwd"}, "leads out of the folder", id="absolute"),
        pytest.param("read_image", {"image": "c.png"}, "these are: a.png", id="missing"),
        pytest.param("read_image", {"image": "file:///etc/passwd"}, "is not read", id="a file URL"),
        pytest.param("read_image", {"image": "http://127.0.0.1/a.png"}, "not read here", id="the web"),
        pytest.param("read_image", {"image": "a.png", "page": 2}, "Its pages are 1 to 1", id="no such page"),
        pytest.param("read_image", {"colour": "a.png"}, "Its arguments are image, page", id="a wrong name"),
        pytest.param("read_image", None, "Its arguments are image, page", id="no arguments"),
        pytest.param("find_text", {"image": "a.png", "text": " "}, "Say in words", id="no text"),
    ],
)
async def test_an_error_is_a_result_to_act_on(
    connect: Connect, engine: Engine, name: str, arguments: dict[str, Any] | None, said: str
) -> None:
    async with connect() as client:
        result = await client.call_tool(name, arguments)
    assert result.is_error
    assert said in text_of(result)
    assert result.structured_content is None
    assert engine.read == []


async def test_after_an_error_the_next_call_is_answered(connect: Connect) -> None:
    async with connect() as client:
        assert (await client.call_tool("read_image", {"image": "../secret.png"})).is_error
        assert "width 40" in text_of(await client.call_tool("read_image", {"image": "a.png"}))


# --- the client's roots --------------------------------------------------------------------------


async def test_the_clients_roots_narrow_what_may_be_read(connect: Connect, folder: Path) -> None:
    async with connect(roots=roots_of(folder / "deep")) as client:
        assert not (await client.call_tool("list_pages", {"document": "fax.tif"})).is_error
        outside = await client.call_tool("list_pages", {"document": "../a.png"})
    assert outside.is_error
    assert "leads out of the folder" in text_of(outside)


async def test_the_clients_roots_do_not_widen_it(connect: Connect, folder: Path) -> None:
    async with connect(roots=roots_of(folder.parent)) as client:
        assert (await client.call_tool("list_pages", {"document": "secret.png"})).is_error
        assert not (await client.call_tool("list_pages", {"document": "a.png"})).is_error


async def test_roots_are_asked_for_anew_at_each_call(connect: Connect, folder: Path) -> None:
    opened = [folder / "deep"]

    async def tell(_: Any) -> types.ListRootsResult:
        return types.ListRootsResult(roots=[types.Root(uri=path.as_uri()) for path in opened])

    async with connect(roots=tell) as client:
        assert (await client.call_tool("list_pages", {"document": "a.png"})).is_error
        opened[:] = [folder]
        assert not (await client.call_tool("list_pages", {"document": "a.png"})).is_error


async def test_where_the_server_was_given_no_folder_the_roots_are_it(
    connect: Connect, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    async with connect(bounds=(), roots=roots_of(folder / "deep")) as client:
        assert not (await client.call_tool("list_pages", {"document": "fax.tif"})).is_error
        assert (await client.call_tool("list_pages", {"document": "../a.png"})).is_error


async def test_where_there_are_no_roots_either_the_current_folder_is_it(
    connect: Connect, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder / "deep")
    async with connect(bounds=()) as client:
        assert not (await client.call_tool("list_pages", {"document": "fax.tif"})).is_error
        assert (await client.call_tool("list_pages", {"document": "../a.png"})).is_error


async def test_roots_without_a_folder_to_read_are_an_error_to_act_on(connect: Connect, folder: Path) -> None:
    async with connect(roots=roots_of(folder.parent / "elsewhere")) as client:
        result = await client.call_tool("list_pages", {"document": "a.png"})
    assert result.is_error
    assert "Tell the user to open a folder" in text_of(result)


async def test_a_client_that_does_not_tell_its_roots_reads_nothing(connect: Connect) -> None:
    async def refuse(_: Any) -> types.ErrorData:
        return types.ErrorData(code=types.INVALID_REQUEST, message="not now")

    async with connect(roots=refuse) as client:
        try:
            result = await client.call_tool("read_image", {"image": "a.png"})
        except MCPError as error:  # the newest protocol lets the client itself give up
            assert error.message == "not now"  # noqa: PT017
        else:
            assert result.is_error
            assert "did not tell which folders" in text_of(result)


# --- progress and time ---------------------------------------------------------------------------


@EVERY_CALL
async def test_progress_goes_forward_and_comes_before_the_result(
    connect: Connect, llm: ForeignClient, name: str, arguments: dict[str, Any]
) -> None:
    steps: list[tuple[float, float | None, str | None]] = []

    async def note(*step: Any) -> None:
        steps.append(step)

    async with connect(llm) as client:
        await client.call_tool(name, arguments, progress_callback=note)
        told = list(steps)
    assert told == steps
    assert [step[0] for step in told] == sorted({step[0] for step in told}) != []
    assert told[-1][0] == told[-1][1]
    assert told[-1][2]


async def test_pages_of_several_documents_are_counted_on(connect: Connect) -> None:
    steps: list[float] = []

    async def note(done: float, *_: Any) -> None:
        steps.append(done)

    arguments = {"images": ["a.png", "deep/fax.tif"], "question": "How wide?"}
    async with connect() as client:
        await client.call_tool("ask_image", arguments, progress_callback=note)
    assert steps == [1, 2, 3, 4, 5, 6]


async def test_calls_are_answered_side_by_side(connect: Connect, engine: Engine) -> None:
    engine.before = Barrier(2, timeout=LONG_SECONDS).wait
    texts = []
    async with connect() as client, anyio.create_task_group() as tasks:

        async def read(name: str) -> None:
            texts.append(text_of(await client.call_tool("read_image", {"image": name})))

        tasks.start_soon(read, "a.png")
        tasks.start_soon(read, "b.png")
    assert sorted(engine.read) == [40, 41]
    assert all("width 4" in text for text in texts)


async def test_a_call_that_is_cancelled_begins_no_further_page(
    connect: Connect, engine: Engine, folder: Path
) -> None:
    may_go_on = Event()
    engine.before = lambda: may_go_on.wait(LONG_SECONDS)
    async with connect(max_concurrency=1) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.call_tool, "read_image", {"image": "deep/fax.tif"})
            await anyio.to_thread.run_sync(engine.begun.wait, LONG_SECONDS)
            tasks.cancel_scope.cancel()
        # A call behind it: the client's word that it is cancelled has come by then.
        await client.call_tool("list_pages", {"document": "a.png"})
        may_go_on.set()
        await asyncio.get_running_loop().shutdown_default_executor()  # all that still works is done
    assert len(engine.read) < PAGES

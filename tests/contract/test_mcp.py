"""A client of the official package, the server as a program behind a pipe, and five real receipts."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import pytest
from PIL import Image

from vlm_core import ImageAssistant
from vlm_core.testing import ScriptedServer

pytest.importorskip("rapidocr", reason="the local engine is not installed")
pytest.importorskip("typer", reason="the extra mcp is not installed")
pytest.importorskip("mcp", reason="the extra mcp is not installed")

from mcp import Client, StdioServerParameters, stdio_client, types

Connect: TypeAlias = Callable[..., AbstractAsyncContextManager[Client]]
RECEIPTS = ("150", "180", "195", "225", "450")
"""Small ones, which are read fast."""
AMOUNT = re.compile(r"\d+\.\d\d")
ERAS = pytest.mark.parametrize("era", ["auto", "legacy"])


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In which each receipt stands once it was read, for all servers."""
    return tmp_path_factory.mktemp("journal") / "pages.journal"


@pytest.fixture
def connect(data: Path, journal: Path, tmp_path: Path) -> Connect:
    """Starts `vlm mcp` in an empty folder, and connects a client to it."""

    @asynccontextmanager
    async def client(
        *arguments: str, root: Path = data / "receipts", era: Any = "auto", roots: Any = None
    ) -> AsyncIterator[Client]:
        given = ["--root", str(root), "--journal", str(journal), *arguments]
        command = StdioServerParameters(
            command=sys.executable,
            args=["-m", "vlm_core.cli", "mcp", *given],
            cwd=tmp_path,
            env=dict(os.environ),
        )
        async with Client(stdio_client(command), mode=era, list_roots_callback=roots) as connected:
            yield connected

    return client


def text_of(result: types.CallToolResult) -> str:
    (block,) = result.content
    assert isinstance(block, types.TextContent)
    return block.text


def truth(data: Path, receipt: str) -> str:
    fields: dict[str, str] = json.loads((data / "receipts" / f"{receipt}.json").read_bytes())
    return fields["total"]


def total_in(text: str) -> str:
    """The largest amount in a line that speaks of a total."""
    lines = [line for line in text.splitlines() if "total" in line.lower()]
    return max(AMOUNT.findall("\n".join(lines)), key=float)


@ERAS
async def test_a_client_lists_reads_asks_and_finds_the_true_total(
    connect: Connect, data: Path, era: str
) -> None:
    async with connect(era=era) as client:
        assert len((await client.list_tools()).tools) == 7
        for receipt in RECEIPTS:
            name, total = f"{receipt}.jpg", truth(data, receipt)
            listed = await client.call_tool("list_pages", {"document": name})
            assert text_of(listed).startswith(f"{name} has 1 page.")
            read = await client.call_tool("read_image", {"image": name, "page": 1})
            asked = await client.call_tool("ask_image", {"images": [name], "question": "What is the total?"})
            assert (total_in(text_of(read)), total_in(text_of(asked))) == (total, total)
            found = await client.call_tool("find_text", {"image": name, "text": total})
            assert found.structured_content["citations"][0]["boxes"]


@ERAS
async def test_tools_resources_templates_and_completions_are_listed(connect: Connect, era: str) -> None:
    async with connect(era=era) as client:
        tools = (await client.list_tools()).tools
        resources = (await client.list_resources()).resources
        templates = (await client.list_resource_templates()).resource_templates
        ref = types.ResourceTemplateReference(uri=templates[1].uri_template)
        completed = await client.complete(ref, {"name": "name", "value": "150"})
        picture = await client.read_resource("vlm://pictures/1/150.jpg?max_side=300")
    assert {tool.name for tool in tools} > {"list_documents", "search_documents", "show_page"}
    assert len(resources) == 42
    assert completed.completion.values == ["150.jpg"]
    assert picture.contents[0].mime_type == "image/jpeg"


async def test_calls_side_by_side_give_what_a_program_gets(
    connect: Connect, data: Path, journal: Path
) -> None:
    texts: dict[str, str] = {}
    async with connect() as client, anyio.create_task_group() as tasks:

        async def read(name: str) -> None:
            texts[name] = text_of(await client.call_tool("read_image", {"image": name}))

        for receipt in RECEIPTS:
            tasks.start_soon(read, f"{receipt}.jpg")
    with ImageAssistant(root_dir=data / "receipts", journal=journal) as assistant:
        assert texts == {name: assistant.read_image(name).text for name in texts}
    assert len(texts) == len(RECEIPTS)


async def test_the_progress_of_a_document_is_seen(connect: Connect, data: Path) -> None:
    steps: list[Any] = []

    async def note(*step: Any) -> None:
        steps.append(step)

    async with connect(root=data / "formats") as client:
        result = await client.call_tool("list_pages", {"document": "multipage.tiff"}, progress_callback=note)
    assert text_of(result).startswith("multipage.tiff has 3 pages.")
    assert steps == [(n, 3, f"multipage.tiff, page {n}") for n in (1, 2, 3)]


@ERAS
async def test_the_clients_roots_are_honoured(connect: Connect, data: Path, era: str) -> None:
    opened = data / "receipts"

    async def tell(_: Any) -> types.ListRootsResult:
        return types.ListRootsResult(roots=[types.Root(uri=opened.as_uri())])

    async with connect(root=data, era=era, roots=tell) as client:
        inside = await client.call_tool("list_pages", {"document": "150.jpg"})
        outside = await client.call_tool("list_pages", {"document": "../formats/multipage.tiff"})
    assert not inside.is_error
    assert outside.is_error
    assert "leads out of the folder that may be read" in text_of(outside)


ATTACKS = {
    "../secret.png": "leads out",
    "deep/../../secret.png": "leads out",
    "{tmp}/secret.png": "leads out",
    "/etc/passwd": "leads out",
    "link.png": "leads out",
    "way/secret.png": "leads out",
    "file:///etc/passwd": "is not read",
    "data:image/png;base64,iVBORw0KGgo=": "is not read",
    "http://127.0.0.1:{port}/a.png": "are not read here",
    "http://169.254.169.254/latest/meta-data/": "are not read here",
    "https://example.com/a.png": "are not read here",
}
WITH_THE_WEB = {
    "http://127.0.0.1:{port}/a.png": "Only public",
    "http://localhost:{port}/a.png": "Only public",
    "http://169.254.169.254/latest/meta-data/": "Only public",
    "http://2130706433/a.png": "Only public",
    "../secret.png": "leads out",
    "file:///etc/passwd": "is not read",
}


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A folder with a picture and two links out of it, to a secret beside it."""
    trap = tmp_path / "trap"
    (trap / "deep").mkdir(parents=True)
    for path in (trap / "a.png", tmp_path / "secret.png"):
        Image.linear_gradient("L").resize((40, 30)).save(path)
    (trap / "link.png").symlink_to(tmp_path / "secret.png")
    (trap / "way").symlink_to(tmp_path)
    return trap


@pytest.mark.parametrize(
    ("arguments", "attacks"),
    [
        pytest.param([], ATTACKS, id="files only"),
        pytest.param(["--allow-urls"], WITH_THE_WEB, id="with the web"),
    ],
)
async def test_what_may_not_be_read_is_an_error_to_act_on_and_the_server_lives(
    connect: Connect, trap: Path, arguments: list[str], attacks: dict[str, str]
) -> None:
    with ScriptedServer() as bystander:
        port = bystander.base_url.split(":")[2].partition("/")[0]
        async with connect(*arguments, root=trap) as client:
            for name, said in attacks.items():
                image = name.replace("{tmp}", str(trap.parent)).replace("{port}", port)
                result = await client.call_tool("read_image", {"image": image})
                assert result.is_error, name
                assert said in text_of(result)
                assert str(trap.parent) not in text_of(result)
            assert not (await client.call_tool("list_pages", {"document": "a.png"})).is_error
        assert bystander.connections == 0


async def test_a_vision_model_is_shown_the_page(connect: Connect) -> None:
    with ScriptedServer(api_key="") as server:
        server.say("The total is 30.00.")
        reach = ("--llm", "some-vlm", "--base-url", server.base_url)
        async with connect(*reach) as client:
            arguments = {"images": ["150.jpg"], "question": "What is the total?"}
            result = await client.call_tool("ask_image", arguments)
    assert "The total is 30.00." in text_of(result)
    assert result.structured_content["citations"][0]["boxes"]
    assert len(server.seen[0].images) == 1

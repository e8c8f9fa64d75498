"""A URL of this network is fetched by no way in which a picture is named, and each says so."""

from __future__ import annotations

import asyncio
import io
import socket
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

import pytest
from ways import Ruler

from vlm_core import DocumentReader, ImageAssistant
from vlm_core.cli import main
from vlm_core.testing import ScriptedServer

HOSTS = {
    "127.0.0.1:{port}": "refused (loopback)",
    "localhost:{port}": "refused (loopback)",
    "LOCALHOST:{port}": "refused (loopback)",
    "127.0.0.1.:{port}": "refused (loopback)",
    "[::ffff:127.0.0.1]:{port}": "refused (loopback",
    "2130706433:{port}": "malformed host",
    "0x7f.1:{port}": "malformed host",
    "0177.0.0.1:{port}": "malformed host",
    "user:secret-4711@127.0.0.1:{port}": "credentials in it",
    "169.254.169.254": "refused (cloud metadata service)",
    "metadata.google.internal": "refused (cloud metadata service)",
}


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """What nothing may connect to."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)  # a connection that was made waits there
        yield listening


def by_library(url: str, folder: Path) -> str:
    return str(DocumentReader(Ruler()).read(url).errors)


def by_command(*arguments: str) -> str:
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said), suppress(SystemExit):
        main(list(arguments))
    return said.getvalue()


def by_read(url: str, folder: Path) -> str:
    return by_command("read", url)


def by_ask(url: str, folder: Path) -> str:
    with ScriptedServer() as server:
        said = by_command("ask", url, "What is it?", "-m", "some-vlm", "--base-url", server.base_url)
        assert not server.seen
    return said


def by_langchain(url: str, folder: Path) -> str:
    from langchain_vlm import image_tools

    tools = image_tools(Ruler(), root_dir=folder, allow_urls=True)
    call = {"type": "tool_call", "id": "1", "name": "read_image", "args": {"image": url}}
    return str(next(tool for tool in tools if tool.name == "read_image").invoke(call).content)


def by_llamaindex(url: str, folder: Path) -> str:
    from llamaindex_vlm import VLMToolSpec
    from vlm_core import VLMError

    tools = VLMToolSpec(Ruler(), root_dir=folder, allow_urls=True).to_tool_list()
    try:
        return str(next(t for t in tools if t.metadata.name == "read_image").call(image=url).content)
    except VLMError as error:
        return str(error)


def by_mcp(url: str, folder: Path) -> str:
    mcp = pytest.importorskip("mcp")
    from vlm_core.mcp_server.server import image_server

    async def call() -> Any:
        with ImageAssistant(Ruler(), root_dir=folder, allow_urls=True) as assistant:
            async with mcp.Client(image_server(assistant, (folder,))) as client:
                return await client.call_tool("read_image", {"image": url})

    return "".join(getattr(block, "text", "") for block in asyncio.run(call()).content)


BY: list[Callable[[str, Path], str]] = [by_library, by_read, by_ask, by_langchain, by_llamaindex, by_mcp]


@pytest.mark.parametrize(("host", "reason"), HOSTS.items(), ids=HOSTS)
@pytest.mark.parametrize("by", BY, ids=lambda by: by.__name__)
def test_no_way_fetches_a_url_of_this_network(
    by: Callable[[str, Path], str], host: str, reason: str, listener: socket.socket, tmp_path: Path
) -> None:
    said = by(f"http://{host.format(port=listener.getsockname()[1])}/a.png", tmp_path)
    assert reason in said
    assert "secret-4711" not in said
    assert "Traceback" not in said
    with pytest.raises(BlockingIOError):
        listener.accept()

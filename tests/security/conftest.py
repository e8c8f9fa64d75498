"""Every way in which a stranger's file reaches us, and a bound on what it may cost."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from langchain_vlm import image_tools
from llamaindex_vlm import VLMToolSpec
from vlm_core import DocumentReader, ImageAssistant, PageImage, PageResult, VLMError

Answer: TypeAlias = str
Look: TypeAlias = Callable[[Path], Answer]
"""Reads a file, and gives the text that the caller gets, of an error too."""
Bounded: TypeAlias = Callable[[], AbstractContextManager[None]]
MOST_CPU_SECONDS = 5.0


class Engine:
    """Reads the size of a page."""

    name = "ruler"
    model: str | None = None

    def read_page(self, page: PageImage) -> PageResult:
        return PageResult(text=f"{page.width} x {page.height}")


@pytest.fixture
def bounded() -> Bounded:
    """Fails where what is done takes more than 5 s of this process's CPU, and breaks it off soon after."""

    def broken_off(*_: object) -> None:
        raise AssertionError("it goes on and on")

    @contextmanager
    def bound() -> Iterator[None]:
        before, handler = time.process_time(), signal.signal(signal.SIGPROF, broken_off)
        signal.setitimer(signal.ITIMER_PROF, 2 * MOST_CPU_SECONDS)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, handler)
        assert time.process_time() - before < MOST_CPU_SECONDS

    return bound


def by_library(path: Path) -> Answer:
    with_text = DocumentReader(Engine()).read(str(path))
    return with_text.text + "".join(map(str, with_text.errors))


def by_langchain(path: Path) -> Answer:
    read_image = image_tools(Engine(), root_dir=path.parent)[0]
    call: dict[str, Any] = {
        "type": "tool_call",
        "id": "1",
        "name": "read_image",
        "args": {"image": path.name},
    }
    return str(read_image.invoke(call).content)


def by_llamaindex(path: Path) -> Answer:
    read_image = VLMToolSpec(Engine(), root_dir=path.parent).to_tool_list()[0]
    try:
        return str(read_image.call(image=path.name).content)
    except VLMError as error:  # LlamaIndex's agents tell the model what it says
        return str(error)


def by_mcp(path: Path) -> Answer:
    from mcp import Client  # not all that run these tests have it

    from vlm_core.mcp_server.server import image_server

    async def call() -> Answer:
        with ImageAssistant(Engine(), root_dir=path.parent) as assistant:
            async with Client(image_server(assistant, (path.parent,))) as client:
                result = await client.call_tool("read_image", {"image": path.name})
        return "".join(getattr(block, "text", "") for block in result.content)

    return asyncio.run(call())


WAYS = {"library": by_library, "langchain": by_langchain, "llamaindex": by_llamaindex, "mcp": by_mcp}


@pytest.fixture(params=[*WAYS, "vlm"])
def look(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Look:
    """Each way in which a file is read."""

    def by_command(path: Path) -> Answer:
        from vlm_core.cli import main

        with pytest.raises(SystemExit):
            main(["read", str(path)])
        return "".join(capsys.readouterr())

    return WAYS.get(request.param, by_command)

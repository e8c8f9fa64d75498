"""Every way in which a stranger's file reaches us; each loads what it needs itself."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any, TypeAlias

from vlm_core import DocumentReader, ImageAssistant, OCREngine, PageImage, PageResult, TextLine, VLMError

Answer: TypeAlias = str
Way: TypeAlias = "Callable[[Path, OCREngine | str], Answer]"


class Ruler:
    """Reads the size of a page, and where it stands."""

    name = "ruler"
    model: str | None = None

    def read_page(self, page: PageImage) -> PageResult:
        line = TextLine(text=f"{page.width} x {page.height}", bbox=(0.1, 0.1, 0.9, 0.2))
        return PageResult(text=line.text, lines=(line,), width=page.width, height=page.height)


def by_library(path: Path, engine: OCREngine | str) -> Answer:
    with_text = DocumentReader(engine).read(str(path))
    return with_text.text + "".join(map(str, with_text.errors))


def by_command(path: Path, engine: OCREngine | str) -> Answer:
    """The command line, which has engines of its own."""
    from vlm_core.cli import main

    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said), suppress(SystemExit):
        main(["read", str(path)])
    return said.getvalue()


def by_langchain(path: Path, engine: OCREngine | str) -> Answer:
    from langchain_vlm import image_tools

    read_image = image_tools(engine, root_dir=path.parent)[0]
    call: dict[str, Any] = {
        "type": "tool_call",
        "id": "1",
        "name": "read_image",
        "args": {"image": path.name},
    }
    return str(read_image.invoke(call).content)


def by_llamaindex(path: Path, engine: OCREngine | str) -> Answer:
    from llamaindex_vlm import VLMToolSpec

    read_image = VLMToolSpec(engine, root_dir=path.parent).to_tool_list()[0]
    try:
        return str(read_image.call(image=path.name).content)
    except VLMError as error:  # LlamaIndex's agents tell the model what it says
        return str(error)


def by_mcp(path: Path, engine: OCREngine | str) -> Answer:
    from mcp import Client  # not all that run these tests have it

    from vlm_core.mcp_server.server import image_server

    async def call() -> Answer:
        with ImageAssistant(engine, root_dir=path.parent) as assistant:
            async with Client(image_server(assistant, (path.parent,))) as client:
                result = await client.call_tool("read_image", {"image": path.name})
        return "".join(getattr(block, "text", "") for block in result.content)

    return asyncio.run(call())


WAYS: dict[str, Way] = {
    "library": by_library,
    "vlm": by_command,
    "langchain": by_langchain,
    "llamaindex": by_llamaindex,
    "mcp": by_mcp,
}

"""LangChain's own suites for tools, over each of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("langchain_tests")

from langchain_core.tools import BaseTool
from langchain_tests.integration_tests import ToolsIntegrationTests
from langchain_tests.unit_tests import ToolsUnitTests
from PIL import Image, ImageDraw

from langchain_vlm import ChatVLM, image_tools
from vlm_core import IMAGE_TOOLS
from vlm_core.testing import ScriptedServer

TOTAL = {"type": "object", "properties": {"total": {"type": "number"}}}
EXAMPLES: dict[str, dict[str, Any]] = {
    "read_image": {"image": "receipt.png", "page": 1},
    "ask_image": {"images": ["receipt.png"], "question": "What is the total?"},
    "extract": {"image": "receipt.png", "json_schema": TOTAL},
    "find_text": {"image": "receipt.png", "text": "total"},
    "list_pages": {"document": "receipt.png"},
    "list_documents": {"pattern": "receipt"},
    "search_documents": {"query": "total"},
    "show_page": {"document": "receipt.png"},
}


class EachTool:
    """A suite is run once with each tool, which has the embedded engine and a model that answers."""

    @pytest.fixture(autouse=True, params=EXAMPLES)
    def _offered(self, request: pytest.FixtureRequest, tmp_path: Path, server: ScriptedServer) -> None:
        page = Image.new("L", (400, 120), "white")
        ImageDraw.Draw(page).text((40, 40), "TOTAL 9.00", "black", font_size=36)
        page.save(tmp_path / "receipt.png")
        server.say('{"total": 9.0}')
        llm = ChatVLM(model="some-vlm", base_url=server.base_url, api_key=server.api_key)
        tools = {tool.name: tool for tool in image_tools(llm=llm, root_dir=tmp_path, show_pages=True)}
        self._tool, self._arguments = tools[request.param], EXAMPLES[request.param]

    @property
    def tool_constructor(self) -> BaseTool:
        return self._tool

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return self._arguments


class TestUnit(EachTool, ToolsUnitTests):
    """Nothing is read here."""


class TestIntegration(EachTool, ToolsIntegrationTests):
    """Each tool is called."""

    def test_the_call_succeeds(self, tool: BaseTool) -> None:
        """What is told of a failure is an answer too, which the suite is content with."""
        message = tool.invoke({"type": "tool_call", "id": "1", "name": tool.name, "args": self._arguments})
        assert message.status == "success", message.content


def test_no_tool_is_left_out() -> None:
    assert {tool.name for tool in IMAGE_TOOLS} == set(EXAMPLES)
